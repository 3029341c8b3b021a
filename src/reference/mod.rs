//! The built-in reference server: it obeys every revision, on stdio and Streamable HTTP, and can be told to misbehave.
//!
//! | module | what it is |
//! |---|---|
//! | `conversation` | one connection or session: bytes come in, outputs come out; no I/O |
//! | `handshake`, `stateless` | what the two eras add |
//! | `feature` | the methods that both share: `tools`, `resources`, `prompts`, `completion`, `tasks` |
//! | `personal`, `files` | what belongs to one user, and files within the client's roots, on demand |
//! | `fixture` | what the official conformance suite expects of a server, on demand |
//! | `task`, `jobs` | one task and how it goes on; the tools made for it |
//! | `interactive` | what needs something from the client first, in either era |
//! | `fault`, `spec`, `rule`, `rewrite` | faults and quirks: data that rewrites what comes in and goes out |
//! | `stream`, `http` | the transports |
//! | `icons` | fetching the icons of clients, on demand |
//! | `standard` | standard input and output |

mod answer;
mod completion;
mod content;
mod conversation;
mod fault;
mod feature;
mod files;
mod fixture;
mod handshake;
mod http;
mod icons;
mod identity;
mod interactive;
mod jobs;
mod options;
mod output;
mod page;
mod personal;
mod prompts;
mod resources;
mod rewrite;
mod rule;
mod server;
mod settings;
mod spec;
mod standard;
mod stateless;
mod stream;
mod task;
mod tasks;
mod token;
mod tools;

pub use fault::{Fault, FaultError, Transport, faults, parse, quirks};
pub use files::Files;
pub use http::serve_http;
pub use icons::Icons;
pub use interactive::State;
pub use options::{EraName, Options, Requestor, Sse};
pub use personal::Personal;
pub use settings::{Settings, SettingsError};
pub use stream::{serve_stdio, serve_stream};
pub use token::{CLIENT, CONSENT, OTHER_CLIENT, REDIRECT, REFRESH, TOKENS, Token};
