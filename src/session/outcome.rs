//! What came of one step of a conversation.

use serde_json::{Map, Value, json};

use crate::protocol::Message;
use crate::transport::Exit;

/// What came of one step: a reply, nothing, an HTTP response, the end of the process.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The reply, if one came.
    pub reply: Option<Message>,
    /// The HTTP status, over HTTP.
    pub status: Option<u16>,
    /// Whether it is that of a message in an HTTP session, so that status 404 says that the session has ended. Who describes
    /// a whole HTTP exchange knows better what to make of its status.
    pub in_session: bool,
    /// HTTP response headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// An HTTP body that is no JSON-RPC message, as text.
    pub body: Option<String>,
    /// Why the exchange failed below HTTP.
    pub failed: Option<String>,
    /// Whether the exchange was still open when we stopped waiting.
    pub pending: bool,
    /// How the process ended, for steps that wait for it.
    pub exit: Option<Exit>,
    /// Whether the step waited for the end of the process.
    pub awaited_exit: bool,
    /// The replies to several requests that were in flight together.
    pub replies: Option<Vec<Outcome>>,
    /// First and last entry of the transcript that belong to the step.
    pub span: (u64, u64),
    /// Whether the connection died during the step.
    pub died: Option<String>,
}

/// Whether HTTP itself turned a request away, which says nothing of what was asked: for want of a token or of a scope,
/// because there were too many requests, because the server is busy, or because it has ended the session.
pub fn turns_away(status: u16, in_session: bool) -> bool {
    matches!(status, 401 | 403 | 429 | 503) || status == 404 && in_session
}

impl Outcome {
    /// Whether HTTP itself turned the request away, without a reply.
    pub fn is_turned_away(&self) -> bool {
        self.reply.is_none() && self.status.is_some_and(|status| turns_away(status, self.in_session))
    }

    /// The result, if the reply is one.
    pub fn result(&self) -> Option<&Value> {
        self.reply.as_ref()?.get("result")
    }

    /// The error, if the reply is one.
    pub fn error(&self) -> Option<&Value> {
        self.reply.as_ref()?.get("error")
    }

    /// The error code, if the reply is an error with one.
    pub fn code(&self) -> Option<i64> {
        self.error()?.get("code")?.as_i64()
    }

    /// The value of an HTTP response header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether no reply came.
    pub fn is_none(&self) -> bool {
        self.reply.is_none() && self.replies.is_none()
    }

    /// The outcome as the object that patterns are held against.
    pub fn to_value(&self) -> Value {
        let mut members = Map::new();
        for name in ["result", "error"] {
            if let Some(value) = self.reply.as_ref().and_then(|reply| reply.get(name)) {
                members.insert(name.to_owned(), value.clone());
            }
        }
        if let Some(replies) = &self.replies {
            members.insert("replies".to_owned(), replies.iter().map(Self::to_value).collect());
        } else if self.awaited_exit {
            members.insert("exit".to_owned(), self.exit_value());
        } else if self.reply.is_none() {
            members.insert("none".to_owned(), Value::Bool(true));
        }
        if let Some(id) = self.reply.as_ref().and_then(|reply| reply.get("id")) {
            members.insert("id".to_owned(), id.clone());
        }
        if let Some(status) = self.status {
            members.insert("status".to_owned(), status.into());
            members.insert("headers".to_owned(), self.header_map());
        }
        if let Some(body) = &self.body {
            members.insert("body".to_owned(), Value::String(body.clone()));
        }
        Value::Object(members)
    }

    fn header_map(&self) -> Value {
        let pairs = self.headers.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
        Value::Object(pairs.collect())
    }

    fn exit_value(&self) -> Value {
        match self.exit {
            Some(exit) => json!({"code": exit.code, "signal": exit.signal}),
            None => json!("running"),
        }
    }
}
