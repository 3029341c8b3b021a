//! Fuzzing: malformed messages at several layers, generated, judged by the always-on rules, shrunk, saved and replayed.
//!
//! | module | what it is |
//! |---|---|
//! | `campaign`, `hunt`, `line` | what is fuzzed and how long; the loop: generate, play, judge, learn |
//! | `probe` | one script against a server in memory: the entry for coverage-guided fuzzing of Rust servers |
//! | `replay` | running one saved finding again |
//! | `inquest`, `shrink` | which script it was, and the smallest one with the same bug |
//! | `supply`, `source`, `generate` | the next cases; the cases by number; strategies, mutations and their operators |
//! | `corpus`, `novelty` | scripts that showed something new |
//! | `oracle`, `state`, `memory`, `pace` | what counts as a bug, and when two bugs are the same |
//! | `bench`, `player`, `laid`, `evidence` | the server under fire, playing scripts on it, what crossed the wire |
//! | `finding`, `script` | what is saved; a list of actions |

mod bench;
mod campaign;
mod corpus;
mod evidence;
mod finding;
mod generate;
mod hunt;
mod inquest;
mod laid;
mod line;
mod memory;
mod novelty;
mod oracle;
mod pace;
mod player;
mod probe;
mod replay;
mod script;
mod shrink;
mod source;
mod state;
mod supply;

pub use crate::runner::Shard;
pub use campaign::{Budget, Campaign, Summary, run};
pub use corpus::merge as merge_corpora;
pub use finding::{Finding, ReadError, Stability};
pub use oracle::{Bug, Kind, Severity};
pub use probe::{Probe, ProbeError};
pub use replay::{Replayed, replay};
pub use script::{Action, Call, Http, Script, Which};
