//! The transcript: every byte of a connection in both directions, in order, with times.

mod jsonl;

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::quota::{Held, Quota};
use crate::protocol::{Frame, FrameError, Json, Message, Revision};
use crate::transport::{Exit, SseHead};

pub use jsonl::{ReadError, read, write};

/// Everything that crossed one connection.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The revision that was spoken.
    pub revision: Revision,
    /// Whether the connection was over HTTP.
    pub http: bool,
    /// Whether it was over HTTP+SSE, which looks like lines.
    pub legacy: bool,
    /// What was seen, in order.
    pub entries: Vec<Entry>,
    began: Instant,
    last: u64,
    held: Held,
}

/// One thing that happened on a connection.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Number in the connection, from 1.
    pub seq: u64,
    /// Time since the connection began.
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What can happen on a connection.
#[derive(Debug, Clone)]
pub enum What {
    /// We sent a message.
    Sent {
        /// Its bytes.
        frame: Frame,
        /// Its JSON, if it is JSON.
        json: Option<Json>,
        /// Whether it breaks a rule on purpose.
        deliberate: bool,
        /// The HTTP exchange that carried it.
        exchange: Option<u32>,
    },
    /// The server sent a message, or what stands in its place.
    Received {
        /// Its bytes.
        frame: Frame,
        /// Its JSON, or why it is none.
        json: Result<Json, FrameError>,
        /// On stdio: whether a newline ended it.
        terminated: bool,
        /// The HTTP exchange that carried it.
        exchange: Option<u32>,
        /// Whether an SSE stream carried it.
        streamed: bool,
    },
    /// We began an HTTP exchange.
    Request {
        /// Its number.
        exchange: u32,
        /// The HTTP method.
        method: String,
        /// The headers that we sent.
        headers: Vec<(String, String)>,
        /// Whether it breaks a rule on purpose.
        deliberate: bool,
    },
    /// An HTTP response began.
    Response {
        /// The exchange that it belongs to.
        exchange: u32,
        /// The status code.
        status: u16,
        /// Its headers, names in lower case.
        headers: Vec<(String, String)>,
    },
    /// An SSE event that says more than its data; the data, if any, follows.
    Event {
        /// The exchange whose stream it is on.
        exchange: u32,
        /// What it says.
        head: SseHead,
    },
    /// An HTTP body that is not meant as a JSON-RPC message.
    Body {
        /// The exchange that it belongs to.
        exchange: u32,
        /// The body.
        bytes: Bytes,
    },
    /// An HTTP exchange was over.
    Done {
        /// The exchange.
        exchange: u32,
    },
    /// We broke an HTTP exchange off.
    Dropped {
        /// The exchange.
        exchange: u32,
    },
    /// An HTTP exchange failed below HTTP.
    Failed {
        /// The exchange.
        exchange: u32,
        /// Why.
        problem: String,
    },
    /// A message too long to keep.
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// More came than one connection may hold: nothing was read after this.
    Flooded,
    /// We closed the server's input.
    InputClosed,
    /// The server closed its output.
    Closed,
    /// The process ended.
    Exited(Exit),
}

/// Messages of a flood that are kept.
const KEPT_OF_FLOOD: usize = 1_000;

impl Transcript {
    /// An empty transcript that begins now.
    pub fn new(revision: Revision, http: bool) -> Self {
        Self {
            revision,
            http,
            legacy: false,
            entries: Vec::new(),
            began: Instant::now(),
            last: 0,
            held: Held::default(),
        }
    }

    /// The same, holding a part of what a run may hold.
    pub(super) fn within(self, quota: &Quota) -> Self {
        Self { held: Held::of(quota), ..self }
    }

    /// Takes room for what comes; false if there is none left.
    pub(super) fn hold(&mut self, weight: usize) -> bool {
        self.held.take(weight)
    }

    /// Adds what just happened; returns its number.
    pub fn add(&mut self, what: What) -> u64 {
        self.add_at(Instant::now(), what)
    }

    /// Adds what happened at a moment; returns its number.
    pub fn add_at(&mut self, at: Instant, what: What) -> u64 {
        let at = at.saturating_duration_since(self.began);
        self.last += 1;
        self.entries.push(Entry { seq: self.last, at, what });
        self.last
    }

    /// Numbers the entries so that they follow that number.
    pub(crate) fn go_on_after(&mut self, number: u64) {
        self.entries.iter_mut().for_each(|entry| entry.seq += number);
        self.last += number;
    }

    /// Adds what happened later on the same connection; what both hold is taken once.
    pub(crate) fn append(&mut self, later: Self) {
        let last = self.entries.last().map_or(0, |entry| entry.seq);
        self.entries.extend(later.entries.into_iter().filter(|entry| entry.seq > last));
        self.last = later.last;
    }

    /// The number of the newest entry; 0 when there is none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// The entry of that number.
    pub fn get(&self, seq: u64) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        self.entries.get(index)
    }

    /// Takes out what happened so far, as a transcript of its own. What `is_kept` stays in both, so that a long
    /// connection can be judged part by part in bounded memory.
    pub fn take_part(&mut self, is_kept: impl Fn(&Entry) -> bool) -> Self {
        let kept = self.entries.iter().filter(|entry| is_kept(entry)).cloned().collect();
        let entries = std::mem::replace(&mut self.entries, kept);
        Self { entries, held: self.held.split(), ..*self }
    }

    /// Time from the beginning to the first message of the server, in milliseconds; 0 when none came.
    pub fn startup_ms(&self) -> u64 {
        let first = self.entries.iter().find(|entry| matches!(entry.what, What::Received { .. }));
        first.map_or(0, |entry| u64::try_from(entry.at.as_millis()).unwrap_or(0))
    }

    /// Every message of the server, with its entry; the members of a batch one by one.
    pub fn received(&self) -> impl Iterator<Item = (&Entry, Message)> {
        self.received_since(0)
    }

    /// The same, from an entry on.
    pub fn received_since(&self, seq: u64) -> impl Iterator<Item = (&Entry, Message)> {
        let start = self.entries.partition_point(|entry| entry.seq < seq);
        messages(&self.entries[start..], |what| match what {
            What::Received { json: Ok(json), .. } => Some(json),
            _ => None,
        })
    }

    /// Forgets most of what the server sent: the beginning of a flood says everything.
    pub(super) fn thin_out(&mut self) {
        let mut received = 0;
        self.entries.retain(|entry| {
            let is_received = matches!(entry.what, What::Received { .. } | What::Body { .. });
            received += usize::from(is_received);
            !is_received || received <= KEPT_OF_FLOOD
        });
    }

    /// Whether the server sent more than one connection may hold.
    pub fn is_flooded(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.what, What::Flooded))
    }

    /// Every message of ours, with its entry; the members of a batch one by one.
    pub fn sent(&self) -> impl Iterator<Item = (&Entry, Message)> {
        messages(&self.entries, |what| match what {
            What::Sent { json: Some(json), .. } => Some(json),
            _ => None,
        })
    }
}

/// The messages in the JSON that is picked from entries.
fn messages(
    entries: &[Entry],
    pick: impl Fn(&What) -> Option<&Json>,
) -> impl Iterator<Item = (&Entry, Message)> {
    let picked = entries.iter().filter_map(move |entry| Some((entry, pick(&entry.what)?)));
    picked.flat_map(|(entry, json)| json.messages().map(move |message| (entry, message)))
}

impl Entry {
    /// The HTTP exchange that the entry belongs to.
    pub fn exchange(&self) -> Option<u32> {
        match &self.what {
            What::Sent { exchange, .. } | What::Received { exchange, .. } => *exchange,
            What::Request { exchange, .. }
            | What::Response { exchange, .. }
            | What::Event { exchange, .. }
            | What::Body { exchange, .. }
            | What::Done { exchange }
            | What::Dropped { exchange }
            | What::Failed { exchange, .. } => Some(*exchange),
            What::TooLong { .. } | What::Flooded | What::InputClosed | What::Closed | What::Exited(_) => None,
        }
    }

    /// The length of a message, in bytes; 0 for anything else.
    pub fn length(&self) -> usize {
        match &self.what {
            What::Sent { frame, .. } | What::Received { frame, .. } => frame.bytes().len(),
            _ => 0,
        }
    }

    /// Direction of the entry: `->` to the server, `<-` from it, `!!` an event.
    pub fn direction(&self) -> &'static str {
        match &self.what {
            What::Sent { .. } | What::Request { .. } => "->",
            What::Received { .. }
            | What::Response { .. }
            | What::Event { .. }
            | What::Body { .. }
            | What::TooLong { .. } => "<-",
            What::Done { .. }
            | What::Dropped { .. }
            | What::Failed { .. }
            | What::Flooded
            | What::InputClosed
            | What::Closed
            | What::Exited(_) => "!!",
        }
    }

    /// The entry in words: the text of the frame, or what happened.
    pub fn text(&self) -> String {
        match &self.what {
            What::Sent { frame, .. } | What::Received { frame, .. } => frame.text().into_owned(),
            What::Request { method, headers, .. } => format!("{method} {}", header_text(headers)),
            What::Response { status, headers, .. } => format!("HTTP {status} {}", header_text(headers)),
            What::Event { head, .. } => event_text(head),
            What::Body { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
            What::Done { .. } => "end of the response".to_owned(),
            What::Dropped { .. } => "the connection was closed by the client".to_owned(),
            What::Failed { problem, .. } => problem.clone(),
            What::TooLong { length } => format!("a message of {length} bytes, too long to keep"),
            What::Flooded => super::FLOOD.to_owned(),
            What::InputClosed => "standard input closed".to_owned(),
            What::Closed => "standard output closed".to_owned(),
            What::Exited(exit) => format!("the process ended: {exit}"),
        }
    }
}

fn event_text(head: &SseHead) -> String {
    let field = |name: &str, value: Option<String>| value.map(|value| format!("{name}: {value}"));
    let fields = [
        field("event", head.name.clone()),
        field("id", head.id.clone()),
        field("retry", head.retry.map(|time| time.to_string())),
    ];
    let flaws = head.flaws.iter().map(|flaw| format!("{flaw:?}"));
    fields.into_iter().flatten().chain(flaws).collect::<Vec<_>>().join(" | ")
}

fn header_text(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(" | ")
}
