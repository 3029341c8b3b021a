//! Scripts: what is generated, mutated, run, shrunk, saved and replayed.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing to do. Actions follow each other without waiting, except where one waits by itself.
///
/// In messages and texts `"${id}"` stands for a new id, and `"${last}"` for the newest one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// A legal request, to which a reply is owed.
    Request {
        /// Its method.
        method: String,
        /// Its parameters; the metadata of the era is added.
        params: Value,
        /// Whether the server must refuse it: its own schema forbids the arguments.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forbidden: bool,
    },
    /// Legal requests in one write, to each of which a reply is owed.
    Together(Vec<Call>),
    /// Exactly this message.
    Message(Value),
    /// Exactly this text and a newline.
    Text(String),
    /// Exactly these bytes, in base64, and a newline.
    Base64(String),
    /// This text, written in pieces, and a newline.
    Pieces(Vec<String>),
    /// A request is cancelled.
    Cancel(Which),
    /// Every reply that is owed is awaited.
    Await,
    /// One HTTP request; nothing happens on stdio.
    Http(Http),
    /// This text without a newline; then the input is closed, and a new connection is opened.
    Unfinished(String),
    /// The input is closed (over HTTP: the session is ended); then a new connection is opened.
    CloseInput,
    /// A new connection is opened.
    Reconnect {
        /// Whether the handshake is done at once.
        handshake: bool,
    },
    /// The handshake of a connection that was opened without one.
    Handshake,
}

/// A legal request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its parameters; the metadata of the era is added.
    pub params: Value,
}

/// Which request is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// The newest one.
    Last,
    /// One that never was.
    Unknown,
}

/// An HTTP request that differs from what the era demands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The HTTP method.
    pub method: String,
    /// Headers in place of, or besides, those of the era; `null` leaves one out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Option<String>>,
    /// The body; absent = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether the connection is closed before the whole body was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether the connection is closed before the response is read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abort: bool,
}

impl Http {
    /// Whether it ends the session.
    pub(super) fn ends_session(&self) -> bool {
        self.method == "DELETE"
    }
}

impl Action {
    /// The action for these bytes: text where they are text.
    pub(super) fn of_bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Base64(STANDARD.encode(error.into_bytes())),
        }
    }

    /// The method that it is about, if it is about one.
    pub(super) fn method(&self) -> Option<&str> {
        match self {
            Self::Request { method, .. } => Some(method),
            Self::Together(calls) => calls.first().map(|call| call.method.as_str()),
            Self::Message(message) => message["method"].as_str(),
            Self::Cancel(_) => Some("notifications/cancelled"),
            Self::Handshake => Some("initialize"),
            Self::Http(http) => Some(&http.method),
            Self::Text(_)
            | Self::Base64(_)
            | Self::Pieces(_)
            | Self::Await
            | Self::Unfinished(_)
            | Self::CloseInput
            | Self::Reconnect { .. } => None,
        }
    }

    /// Its name in a finding's file.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Request { forbidden: false, .. } => "request",
            Self::Request { forbidden: true, .. } => "forbidden",
            Self::Together(_) => "together",
            Self::Message(_) => "message",
            Self::Text(_) => "text",
            Self::Base64(_) => "base64",
            Self::Pieces(_) => "pieces",
            Self::Cancel(_) => "cancel",
            Self::Await => "await",
            Self::Http(_) => "http",
            Self::Unfinished(_) => "unfinished",
            Self::CloseInput => "close_input",
            Self::Reconnect { .. } => "reconnect",
            Self::Handshake => "handshake",
        }
    }

    /// Whether a new connection is needed for what comes after it.
    pub(super) fn ends(&self) -> bool {
        match self {
            Self::CloseInput | Self::Unfinished(_) => true,
            Self::Http(http) => http.method == "DELETE",
            _ => false,
        }
    }
}

/// A list of actions, and what was done to legal messages to get them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// The names of the operators that made each action; empty for a script that was read from a file.
    pub operators: Vec<Vec<String>>,
}

impl Script {
    /// A script without operators.
    pub fn of(actions: Vec<Action>) -> Self {
        let operators = vec![Vec::new(); actions.len()];
        Self { actions, operators }
    }

    /// Adds an action.
    pub(super) fn push(&mut self, action: Action, operators: Vec<String>) {
        self.actions.push(action);
        self.operators.push(operators);
    }

    /// Whether it takes long by itself: connections of its own, pauses between pieces.
    pub(super) fn is_costly(&self) -> bool {
        let is_costly =
            |action: &Action| action.ends() || matches!(action, Action::Reconnect { .. } | Action::Pieces(_));
        let ends = |action: &Action| matches!(action, Action::Http(http) if http.ends_session());
        self.actions.iter().any(|action| is_costly(action) || ends(action))
    }

    /// The script with other actions in a range, which are no operator's work any more.
    pub(super) fn with(&self, range: std::ops::Range<usize>, actions: Vec<Action>) -> Self {
        let mut other = self.clone();
        let operators = vec![other.operators[range.clone()].concat(); actions.len()];
        other.operators.splice(range.clone(), operators);
        other.actions.splice(range, actions);
        other
    }

    /// Scripts one after the other, as one.
    pub(super) fn joined<'s>(scripts: impl IntoIterator<Item = &'s Self>) -> Self {
        let mut whole = Self::default();
        for script in scripts {
            whole.actions.extend(script.actions.iter().cloned());
            whole.operators.extend(script.operators.iter().cloned());
        }
        whole
    }

    /// One action per line.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.actions.iter().filter_map(|action| serde_json::to_string(action).ok())
    }

    /// Roughly how many bytes it holds, whatever is in its messages.
    pub(super) fn size(&self) -> usize {
        let of = |action: &Action| match action {
            Action::Text(text) | Action::Base64(text) | Action::Unfinished(text) => text.len(),
            Action::Message(_) | Action::Request { .. } => 200,
            _ => 50,
        };
        self.actions.iter().map(of).sum()
    }

    /// Roughly how many bytes it holds in memory.
    pub(super) fn weight(&self) -> usize {
        let of = |action: &Action| match action {
            Action::Text(text) | Action::Base64(text) | Action::Unfinished(text) => text.len(),
            Action::Pieces(pieces) => pieces.iter().map(String::len).sum(),
            Action::Message(message) => weight(message),
            Action::Request { params, .. } => weight(params),
            Action::Together(calls) => calls.iter().map(|call| weight(&call.params)).sum(),
            Action::Http(http) => http.body.as_ref().map_or(0, String::len),
            _ => 0,
        };
        self.actions.iter().map(|action| 50 + of(action)).sum()
    }
}
/// Roughly how many bytes a value holds in memory.
fn weight(value: &Value) -> usize {
    const EACH: usize = 64;
    EACH + match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.iter().map(weight).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| EACH + name.len() + weight(member)).sum()
        }
        _ => 0,
    }
}
