//! What a conversation wants done: messages to send, and the end of the process.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::server::Change;
use crate::protocol::Id;

/// One thing to do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send something.
    Send(Emission),
    /// Forget everything not yet sent that belongs to this request.
    Cancel(Id),
    /// Something changed that every conversation with this server may have to tell.
    Changed(Change),
    /// The response to the request being handled stays open as the stream of this subscription.
    Listen(u64),
    /// The response to the request being handled stays open until this call is answered.
    Open(Id),
    /// End the process with this code, after the delay.
    Exit {
        /// The exit code.
        code: i32,
        /// How long to wait before.
        delay: Duration,
    },
}

/// One message on its way out.
#[derive(Debug, Clone, PartialEq)]
pub struct Emission {
    /// What is sent.
    pub payload: Payload,
    /// How long after its moment it is sent. Later messages do not wait for it.
    pub delay: Duration,
    /// Its moment; `None` is now.
    pub at: Option<Instant>,
    /// The request that it belongs to; a cancellation of that request takes it back.
    pub request: Option<Id>,
    /// Which stream carries it, where there are several (HTTP).
    pub route: Route,
    /// Whether it answers its request.
    pub is_reply: bool,
    /// What ends the line on stdio; `None` is a newline.
    pub newline: Option<String>,
    /// Written over several lines.
    pub pretty: bool,
    /// Changes of the HTTP response that carries it.
    pub http: Box<HttpEdit>,
    /// Changes of the SSE event that carries it.
    pub event: Box<EventEdit>,
    /// Whether the event stream stays open after it.
    pub hold: bool,
}

/// The content of an emission.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// A message, or an array of messages.
    Json(Value),
    /// Bytes that a fault puts in place of a message.
    Raw(Vec<u8>),
}

/// The stream that carries a message over HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// The response to the request being handled.
    Reply,
    /// The GET stream of the handshake session.
    Session,
    /// The response stream of this subscription.
    Subscription(u64),
    /// The response stream of this call, which waits for the client.
    Call(Id),
    /// Every GET stream of the handshake session; only faults do this.
    Streams,
    /// A GET stream of every session; only faults do this.
    Sessions,
    /// The response stream of every subscription; only faults do this.
    Subscriptions,
}

/// Fields of the SSE event that carries a message, where a fault sets them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventEdit {
    /// The `event` field.
    pub name: Option<String>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `retry` field.
    pub retry: Option<String>,
    /// The text of the whole event, in place of all fields.
    pub raw: Option<String>,
}

/// Status and headers that replace those of a conforming HTTP response.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpEdit {
    /// Another status.
    pub status: Option<u16>,
    /// Headers by name: a value to set, or `None` to leave the header out.
    pub headers: Vec<(String, Option<String>)>,
}

impl EventEdit {
    /// The fields with their templates filled.
    pub(super) fn filled(&self, fill: impl Fn(&str) -> String) -> Self {
        let [name, id, retry, raw] =
            [&self.name, &self.id, &self.retry, &self.raw].map(|field| field.as_deref().map(&fill));
        Self { name, id, retry, raw }
    }
}

impl HttpEdit {
    /// Takes over everything that `other` sets.
    pub fn merge(&mut self, other: &Self) {
        self.status = other.status.or(self.status);
        self.headers.extend(other.headers.iter().cloned());
    }
}

impl Emission {
    pub(super) fn new(payload: Payload, route: Route) -> Self {
        Self {
            payload,
            delay: Duration::ZERO,
            at: None,
            request: None,
            route,
            is_reply: false,
            newline: None,
            pretty: false,
            http: Box::default(),
            event: Box::default(),
            hold: false,
        }
    }

    /// Whether it is not sent at once.
    pub fn is_later(&self) -> bool {
        self.at.is_some() || !self.delay.is_zero()
    }

    /// Takes out when it is sent.
    pub fn schedule(&mut self) -> Instant {
        self.at.take().unwrap_or_else(Instant::now) + std::mem::take(&mut self.delay)
    }

    /// The bytes of the message, without a line end.
    pub fn bytes(&self) -> Vec<u8> {
        match &self.payload {
            Payload::Json(value) if self.pretty => format!("{value:#}").into_bytes(),
            Payload::Json(value) => value.to_string().into_bytes(),
            Payload::Raw(bytes) => bytes.clone(),
        }
    }

    /// The bytes as they go over stdio.
    pub fn line(&self) -> Vec<u8> {
        let mut line = self.bytes();
        line.extend_from_slice(self.newline.as_deref().unwrap_or("\n").as_bytes());
        line
    }
}

/// Puts the replies of a batch into one array, which is ready when the last of them is.
pub(super) fn gather(outputs: Vec<Output>) -> Vec<Output> {
    let mut rest = Vec::new();
    let mut replies = Vec::new();
    let mut delay = Duration::ZERO;
    for output in outputs {
        match output {
            Output::Send(Emission { payload: Payload::Json(value), is_reply: true, delay: own, .. }) => {
                delay = delay.max(own);
                replies.push(value);
            }
            other => rest.push(other),
        }
    }
    if !replies.is_empty() {
        let mut emission = Emission::new(Payload::Json(Value::Array(replies)), Route::Reply);
        emission.is_reply = true;
        emission.delay = delay;
        rest.push(Output::Send(emission));
    }
    rest
}
