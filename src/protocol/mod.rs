//! MCP as data: revisions, frames, messages, ids, error codes, methods, what a server may ask. No I/O.

pub mod ask;
mod challenge;
pub mod code;
mod depth;
mod excerpt;
mod frame;
mod id;
pub mod inert;
mod message;
mod meta;
pub mod method;
mod revision;
mod uri;

pub use challenge::{Challenge, challenges};
pub use depth::{MAX_DEPTH, depth};
pub use excerpt::{excerpt, shortened};
pub use frame::{Frame, FrameError};
pub use id::Id;
pub use message::{Class, Json, Message};
pub use meta::RELATED_TASK;
pub use revision::{Era, Revision, RevisionRange, UnknownRevision};
pub use uri::spelled;
