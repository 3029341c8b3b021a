//! Fuzzing: malformed messages at several layers, generated, judged by the always-on rules, shrunk, saved and replayed.
//!
//! | module | what it is |
//! |---|---|
//! | `script` | a list of actions: what is generated, run, shrunk, saved and replayed |
//! | `context` | what is known of the server: legal messages to start from |
//! | `structure`, `text` | edits of a message as JSON and as bytes, each with a name |
//! | `strategy` | proptest strategies that make scripts |
//! | `execute` | running a script on a session |
//! | `oracle` | what counts as a bug, and when two bugs are the same |
//! | `shrink` | the smallest script with the same bug |
//! | `campaign` | the loop: generate, run, attribute, shrink, save |
//! | `replay` | running one saved finding again |

mod campaign;
mod context;
mod execute;
mod oracle;
mod replay;
mod script;
mod shrink;
mod strategy;
mod structure;
mod text;

pub use campaign::{Budget, Campaign, Summary, run};
pub use oracle::{Bug, Kind};
pub use replay::{Replayed, replay};
pub use script::{Action, Call, Finding, ReadError, Script, Stability};
