//! Transports: bytes in and out of a target, without any meaning of MCP. Launching and ending child processes.

mod child;
mod fetch;
mod host;
mod http;
mod inbox;
mod legacy;
mod lines;
mod memory;
mod outgoing;
mod pages;
mod sse;
mod target;

use bytes::Bytes;
use tokio::time::Instant;

pub use child::{Exit, MARK, Process, Signal, StderrTail, mark};
pub use fetch::{Fetched, Plain, exchange, fetch, may_fetch, visit};
pub use host::{Host, HostError, Hosted, is_listening};
pub use http::{HttpRequest, HttpWire, is_loopback, media_type};
pub use lines::LineWire;
pub use memory::MemoryServer;
pub use pages::Pages;
pub use sse::{SseDecoder, SseEvent, SseFlaw, SseHead};
pub use target::{Command, Endpoint, StartError, Target, Wire};

/// Longest line, HTTP body or SSE event that is kept, in bytes. Nothing more is read from whoever sends longer ones.
pub const MAX_MESSAGE: usize = 32 << 20;

/// Something that came from the target, and when.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// When it was read.
    pub at: Instant,
    /// What it was.
    pub incoming: Incoming,
}

impl Arrival {
    pub(crate) fn now(incoming: Incoming) -> Self {
        Self { at: Instant::now(), incoming }
    }
}

/// What can come from a target. An exchange is one HTTP request with its response.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// A line on standard output, without its newline.
    Line {
        /// The bytes of the line.
        bytes: Bytes,
        /// Whether a newline ended it; false only for the last bytes before the end.
        terminated: bool,
    },
    /// A line, body or event longer than [`MAX_MESSAGE`]. Its bytes are gone, and its rest is not read.
    TooLong {
        /// How long it is so far, in bytes.
        length: usize,
    },
    /// Standard output was closed.
    Closed,
    /// The process ended.
    Exited(Exit),
    /// Status line and headers of an HTTP response.
    Head {
        /// The exchange that it belongs to.
        exchange: u32,
        /// The status code.
        status: u16,
        /// Header names in lower case, in order.
        headers: Vec<(String, String)>,
    },
    /// One event of an SSE stream.
    Event {
        /// The exchange that it belongs to.
        exchange: u32,
        /// The event.
        event: SseEvent,
    },
    /// A whole response body that was not a stream.
    Body {
        /// The exchange that it belongs to.
        exchange: u32,
        /// The body.
        bytes: Bytes,
    },
    /// The response is complete.
    Done {
        /// The exchange that is over.
        exchange: u32,
    },
    /// The exchange failed below HTTP.
    Failed {
        /// The exchange that failed.
        exchange: u32,
        /// Why, in words.
        problem: String,
    },
}

impl Incoming {
    /// How many bytes it holds.
    fn length(&self) -> usize {
        match self {
            Self::Line { bytes, .. } | Self::Body { bytes, .. } => bytes.len(),
            Self::Event { event, .. } => event.length(),
            Self::TooLong { .. }
            | Self::Closed
            | Self::Exited(_)
            | Self::Head { .. }
            | Self::Done { .. }
            | Self::Failed { .. } => 0,
        }
    }
}
