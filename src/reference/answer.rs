//! What handling a request yields, in either era.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::server::{Change, Server};
use crate::protocol::{Id, Revision, code};

/// A request that is refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Box<Value>>,
    /// The HTTP status, where it is not the usual one of the code.
    pub(super) status: Option<u16>,
    /// When it is known.
    pub(super) delay: Duration,
}

impl Failure {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, status: None, delay: Duration::ZERO }
    }

    pub(super) fn params(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    pub(super) fn method(method: &str) -> Self {
        Self::new(code::METHOD_NOT_FOUND, format!("Method not found: {method}"))
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_REQUEST, message)
    }

    pub(super) fn with_data(mut self, data: Value) -> Self {
        self.data = Some(Box::new(data));
        self
    }

    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The `error` member of the reply.
    pub(super) fn to_value(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let Some(data) = &self.data {
            error["data"] = (**data).clone();
        }
        error
    }
}

/// A request to one of the features that both eras share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub server: &'a Server,
    pub revision: Revision,
    pub params: &'a Value,
    /// The least severe log level that is sent, as an index into [`LEVELS`]; `None` sends nothing.
    pub level: Option<usize>,
    /// Who asks.
    pub owner: Owner,
    /// When it asks.
    pub now: Instant,
    /// The capabilities that the client declared.
    pub client: &'a Value,
}

/// Whose something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    /// The conversation.
    pub conversation: u64,
    /// The user, on a protected server.
    pub user: Option<&'static str>,
}

impl Owner {
    /// Whether both are the same user, or at least the same conversation where users are not told apart.
    pub(super) fn is(self, other: Self) -> bool {
        self.user == other.user && (self.user.is_some() || self.conversation == other.conversation)
    }
}

/// Log levels, least severe first.
pub(super) const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// The rank of a log level.
pub(super) fn level(name: &str) -> Option<usize> {
    LEVELS.iter().position(|level| *level == name)
}

/// Result, notifications before it, and what changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outcome {
    /// Notifications that belong to the request, with their time from its arrival.
    pub notifications: Vec<(Duration, Value)>,
    pub result: Value,
    /// When the result is ready.
    pub delay: Duration,
    /// What is told after the reply.
    pub later: Vec<Later>,
    pub changes: Vec<Change>,
    /// What the client has to answer first, by key: there is no result yet.
    pub asks: Vec<(String, Value)>,
}

impl Outcome {
    /// Nothing yet: the client is asked first.
    pub(super) fn asking(asks: Vec<(String, Value)>) -> Self {
        Self { asks, ..json!({}).into() }
    }
}

/// A notification that comes after the reply.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Later {
    pub at: Instant,
    pub message: Value,
    /// What it goes by, so that it can be taken back.
    pub key: Id,
}

impl From<Value> for Outcome {
    fn from(result: Value) -> Self {
        Self {
            notifications: Vec::new(),
            result,
            delay: Duration::ZERO,
            later: Vec::new(),
            changes: Vec::new(),
            asks: Vec::new(),
        }
    }
}

impl<'a> Ask<'a> {
    pub(super) fn has(&self, since: Revision) -> bool {
        self.revision >= since
    }

    /// A parameter that must be a text.
    pub(super) fn text(&self, name: &str) -> Result<&'a str, Failure> {
        text(self.params, name)
    }

    /// The token under which the client wants progress.
    pub(super) fn progress_token(&self) -> Option<&'a Value> {
        let token = self.params.pointer("/_meta/progressToken");
        // What is no token asks for no progress.
        token.filter(|token| token.is_string() || token.is_i64() || token.is_u64())
    }
}

/// A member that must be a text.
pub(super) fn text<'v>(params: &'v Value, name: &str) -> Result<&'v str, Failure> {
    match params.get(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(Failure::params(format!("`{name}` must be a string"))),
        None => Err(Failure::params(format!("`{name}` is missing"))),
    }
}

/// An optional member that must be an object if it is there.
pub(super) fn object<'v>(params: &'v Value, name: &str) -> Result<Option<&'v Value>, Failure> {
    match params.get(name) {
        None => Ok(None),
        Some(value) if value.is_object() => Ok(Some(value)),
        Some(_) => Err(Failure::params(format!("`{name}` must be an object"))),
    }
}

/// A notification.
pub(super) fn notification(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": params})
}
