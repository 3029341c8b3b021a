//! A JSON-RPC message: a typed view of a JSON object.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use super::id::Id;

/// One JSON object read as a JSON-RPC message. Members keep the difference between absent and null. All copies share what
/// was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Message(Arc<Value>);

/// A JSON text, and the messages in it: itself, or the members of a batch. Elements that are no objects are no messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Json {
    value: Arc<Value>,
    batch: Option<Arc<[Message]>>,
}

/// What kind of message an object is, by the members that it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `method` and `id`.
    Request,
    /// `method` without `id`.
    Notification,
    /// `result`.
    Result,
    /// `error`.
    Error,
    /// None of these members, or members that exclude each other.
    Invalid,
}

impl Message {
    /// Reads an object; other JSON types are not messages.
    pub fn from_value(value: Value) -> Option<Self> {
        value.is_object().then(|| Self(Arc::new(value)))
    }

    /// A member: absent is `None`, null is `Some(Null)`.
    pub fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member)
    }

    /// The kind of message.
    pub fn class(&self) -> Class {
        let has = |member| self.get(member).is_some();
        match (has("method"), has("result"), has("error")) {
            (true, false, false) if has("id") => Class::Request,
            (true, false, false) => Class::Notification,
            (false, true, false) => Class::Result,
            (false, false, true) => Class::Error,
            _ => Class::Invalid,
        }
    }

    /// Whether the message answers a request.
    pub fn is_reply(&self) -> bool {
        matches!(self.class(), Class::Result | Class::Error)
            || (self.get("method").is_none() && self.get("id").is_some())
    }

    /// The id, if there is an `id` member.
    pub fn id(&self) -> Option<Id> {
        self.get("id").map(Id::from_value)
    }

    /// The method, if it is a text.
    pub fn method(&self) -> Option<&str> {
        self.get("method").and_then(Value::as_str)
    }

    /// The parameters, or null.
    pub fn params(&self) -> &Value {
        self.get("params").unwrap_or(&Value::Null)
    }

    /// The subscription that a message says it belongs to (2026-07-28).
    pub fn subscription(&self) -> Option<Id> {
        self.params()["_meta"].get("io.modelcontextprotocol/subscriptionId").map(Id::from_value)
    }

    /// The message as JSON.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The message as JSON.
    pub fn into_value(self) -> Value {
        Arc::unwrap_or_clone(self.0)
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Json {
    /// Every message, in order.
    pub fn messages(&self) -> impl Iterator<Item = Message> {
        let single = self.value.is_object().then(|| Message(self.value.clone()));
        single.into_iter().chain(self.batch.iter().flat_map(|batch| batch.iter().cloned()))
    }

    /// The JSON alone.
    pub fn into_value(self) -> Value {
        Arc::unwrap_or_clone(self.value)
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        let batch =
            value.as_array().map(|batch| batch.iter().cloned().filter_map(Message::from_value).collect());
        Self { value: Arc::new(value), batch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn class(value: Value) -> Class {
        Message::from_value(value).unwrap().class()
    }

    #[test]
    fn members_decide_the_class() {
        assert_eq!(class(json!({"method": "ping", "id": 1})), Class::Request);
        assert_eq!(class(json!({"method": "ping"})), Class::Notification);
        assert_eq!(class(json!({"id": 1, "result": null})), Class::Result);
        assert_eq!(class(json!({"error": {}})), Class::Error);
        assert_eq!(class(json!({"result": {}, "error": {}})), Class::Invalid);
        assert_eq!(class(json!({"status": "ok"})), Class::Invalid);
    }

    #[test]
    fn a_null_member_is_present() {
        let message = Message::from_value(json!({"id": null, "result": null})).unwrap();
        assert_eq!(message.get("result"), Some(&Value::Null));
        assert_eq!(message.id(), Some(Id::Null));
    }
}
