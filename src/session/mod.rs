//! One conversation with a target: both eras and all transports behind one interface. Everything that crosses the wire
//! lands in the transcript.

mod another;
mod begun;
mod client;
mod compose;
mod detect;
mod flight;
mod headers;
mod open;
mod outcome;
mod post;
mod pump;
mod quota;
mod resume;
mod send;
pub mod transcript;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use crate::protocol::{Id, Message, Revision};
use crate::transport::{Exit, Host, StderrTail, Target, Wire};

pub use begun::Begun;
pub use client::{CURSOR, Client, Manner, POLL_INTERVAL_MS, SAID, can_misfill};
pub use compose::{Meta, client_info, client_meta};
pub use detect::{Detection, detect, is_modern_error};
pub(crate) use flight::Sent;
pub use headers::{Mirror, encode};
pub use open::{OpenError, OpenFailure, Server};
pub use outcome::{Outcome, turns_away};
pub(crate) use quota::FLOOD;
pub use quota::Quota;
pub use send::HttpCall;
pub use transcript::Transcript;

/// How patient a session is, and what it says of itself.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a reply may take.
    pub timeout: Duration,
    /// How long the first reply of a new process may take.
    pub startup_timeout: Duration,
    /// The client that we pretend to be.
    pub client: Client,
    /// What all connections together may bring.
    pub quota: Quota,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            startup_timeout: Duration::from_secs(60),
            client: Client::default(),
            quota: Quota::default(),
        }
    }
}

/// A conversation in one revision over one connection.
pub struct Session {
    /// The revision that is spoken.
    pub revision: Revision,
    /// What the server said of itself.
    pub server: Server,
    /// Everything that crossed the wire.
    pub transcript: Transcript,
    options: Options,
    /// What was connected to.
    target: Option<Target>,
    wire: Wire,
    last_id: u64,
    /// Replies that nobody asked for yet.
    replies: Vec<Reply>,
    /// HTTP exchanges by number.
    exchanges: HashMap<u32, Exchange>,
    /// The `Mcp-Session-Id` that the server assigned.
    http_session: Option<String>,
    /// Whether the handshake is done, so that HTTP requests carry the agreed version.
    agreed: bool,
    learned: Learned,
    /// What the emulated client runs as tasks.
    jobs: client::Jobs,
    exit: Option<Exit>,
    closed: bool,
    deaf: bool,
    /// Why nobody can be reached at the address any more.
    lost: Option<String>,
    flooded: bool,
    /// Messages so far; requests of the server count for several.
    taken: usize,
}

/// A reply from the server and where it stands in the transcript.
pub(crate) struct Reply {
    pub id: Option<Id>,
    pub message: Message,
    exchange: Option<u32>,
    /// Its entry.
    pub seq: u64,
}

/// What is known of an HTTP exchange.
#[derive(Default)]
struct Exchange {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    failed: Option<String>,
    done: bool,
    is_get: bool,
    /// Whether it carries `initialize`: the response to that is what gives a session its id.
    opens: bool,
    stream: resume::Stream,
}

impl Session {
    pub(crate) fn over(wire: Wire, revision: Revision, options: Options) -> Self {
        let mut transcript = Transcript::new(revision, matches!(wire, Wire::Http(_))).within(&options.quota);
        transcript.legacy = matches!(&wire, Wire::Lines(lines) if lines.legacy.is_some());
        Self {
            revision,
            server: Server::default(),
            transcript,
            options,
            target: None,
            wire,
            last_id: 0,
            replies: Vec::new(),
            exchanges: HashMap::new(),
            http_session: None,
            agreed: false,
            learned: Learned::default(),
            jobs: client::Jobs::default(),
            exit: None,
            closed: false,
            deaf: false,
            lost: None,
            flooded: false,
            taken: 0,
        }
    }

    /// Whether the connection is over HTTP.
    pub fn is_http(&self) -> bool {
        matches!(self.wire, Wire::Http(_))
    }

    /// The address, over HTTP.
    pub fn url(&self) -> Option<&url::Url> {
        match &self.wire {
            Wire::Http(http) => Some(&http.endpoint.url),
            Wire::Lines(_) => None,
        }
    }

    /// What the user sends as `Authorization`, over HTTP.
    pub fn authorization(&self) -> Option<&str> {
        let Wire::Http(http) = &self.wire else { return None };
        let mut headers = http.endpoint.headers.iter();
        headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization")).map(|(_, value)| value.as_str())
    }

    /// The session id that the server assigned, over HTTP.
    pub fn http_session(&self) -> Option<&str> {
        self.http_session.as_deref()
    }

    /// Whether HTTP+SSE carries the messages, the transport of 2024-11-05.
    pub fn is_legacy(&self) -> bool {
        self.transcript.legacy
    }

    /// The address, over HTTP+SSE too.
    pub(crate) fn address(&self) -> Option<&url::Url> {
        match &self.wire {
            Wire::Http(http) => Some(&http.endpoint.url),
            Wire::Lines(lines) => lines.legacy.as_ref().map(|endpoint| &endpoint.url),
        }
    }

    /// Bare HTTP exchanges with a server that is spoken to over HTTP+SSE.
    pub(crate) fn beside(&self) -> Option<Self> {
        let Wire::Lines(lines) = &self.wire else { return None };
        let target = Target::Http(lines.legacy.clone()?);
        Self::connect(&target, self.revision, &self.options).ok()
    }

    /// Why nothing more can be expected of this connection, if so.
    pub fn dead(&self) -> Option<String> {
        if self.is_flooded() {
            return Some(FLOOD.to_owned());
        }
        if let Some(problem) = &self.lost {
            return Some(match self.host().and_then(|host| host.exit()) {
                Some(exit) => format!("the server process ended ({exit})"),
                None => format!("nobody listens at the server's address any more ({problem})"),
            });
        }
        match (self.exit, self.closed, self.deaf) {
            (Some(exit), ..) => Some(format!("the server process ended ({exit})")),
            (None, true, _) if self.is_legacy() => Some("the server closed the event stream".to_owned()),
            (None, true, _) => Some("the server closed its standard output".to_owned()),
            (None, false, true) => Some("the server does not answer any more".to_owned()),
            (None, false, false) => None,
        }
    }

    /// The server at the address, where this process started it.
    fn host(&self) -> Option<&Host> {
        match &self.wire {
            Wire::Http(http) => http.endpoint.host.as_deref(),
            Wire::Lines(_) => None,
        }
    }

    /// How the process ended, if it did.
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// The end of what the server wrote to standard error.
    pub fn stderr(&self) -> String {
        match &self.wire {
            Wire::Lines(lines) => lines.stderr.text(),
            Wire::Http(_) => self.host().map(|host| host.output().text()).unwrap_or_default(),
        }
    }

    /// A handle to the server's standard error that outlives the session.
    pub fn stderr_tail(&self) -> StderrTail {
        match &self.wire {
            Wire::Lines(lines) => lines.stderr.clone(),
            Wire::Http(_) => self.host().map(|host| host.output()).unwrap_or_default(),
        }
    }

    /// Whether the user adds headers of his own, such as a token.
    pub fn has_credentials(&self) -> bool {
        matches!(&self.wire, Wire::Http(http) if !http.endpoint.headers.is_empty())
    }

    /// How long a reply may take.
    pub fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// The client that we pretend to be.
    pub fn client(&self) -> &Client {
        &self.options.client
    }

    /// Changes how the client answers from now on.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.options.client
    }

    /// A new request id.
    pub fn new_id(&mut self) -> Id {
        self.last_id += 1;
        Id::from(self.last_id)
    }

    /// Whether the id is one of ours.
    pub fn is_issued(&self, id: &Id) -> bool {
        matches!(id, Id::Number(number) if number.as_u64().is_some_and(|n| (1..=self.last_id).contains(&n)))
    }

    /// Tells the session which tools exist, so that it can mirror their arguments into HTTP headers.
    pub fn learn_tools(&mut self, tools: &[Value]) {
        self.learned = Learned(headers::mirrored(tools));
    }

    /// What was learned about the server, for another session with it.
    pub fn learned(&self) -> Learned {
        self.learned.clone()
    }

    /// Takes over what another session learned about the server.
    pub fn learn(&mut self, learned: &Learned) {
        self.learned = learned.clone();
    }
}

impl Learned {
    /// The arguments of a tool that are mirrored into headers.
    pub fn mirrors(&self, tool: &str) -> &[Mirror] {
        self.0.get(tool).map(Vec::as_slice).unwrap_or_default()
    }
}

/// What a session learned about the server that later requests depend on.
#[derive(Debug, Clone, Default)]
pub struct Learned(HashMap<String, Vec<headers::Mirror>>);
