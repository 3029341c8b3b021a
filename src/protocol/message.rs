//! A JSON-RPC message: a typed view of a JSON object.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::id::Id;

/// One JSON object read as a JSON-RPC message. Members keep the difference between absent and null. Clones share the JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// An object, or a batch that holds one.
    whole: Arc<Value>,
    /// Its place in the batch.
    place: Option<usize>,
}

/// The members of what is no object.
static NONE: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

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
        value.is_object().then(|| Self { whole: Arc::new(value), place: None })
    }

    /// Every message in a JSON text: itself, or the members of a batch. Elements that are no objects are left out.
    pub fn all(value: &Arc<Value>) -> Vec<Self> {
        let at = |place| Self { whole: value.clone(), place };
        match &**value {
            Value::Array(batch) => {
                let objects = batch.iter().enumerate().filter(|(_, element)| element.is_object());
                objects.map(|(place, _)| at(Some(place))).collect()
            }
            Value::Object(_) => vec![at(None)],
            _ => Vec::new(),
        }
    }

    fn value(&self) -> &Value {
        self.place.map_or(&self.whole, |place| &self.whole[place])
    }

    /// A member: absent is `None`, null is `Some(Null)`.
    pub fn get(&self, member: &str) -> Option<&Value> {
        self.members().get(member)
    }

    /// The kind of message.
    pub fn class(&self) -> Class {
        let has = |member| self.members().contains_key(member);
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

    /// The members of the message.
    pub fn members(&self) -> &Map<String, Value> {
        self.value().as_object().unwrap_or(&NONE)
    }

    /// The message as JSON.
    pub fn into_value(self) -> Value {
        match self.place {
            None => Arc::unwrap_or_clone(self.whole),
            Some(_) => self.to_value(),
        }
    }

    /// The message as JSON.
    pub fn to_value(&self) -> Value {
        self.value().clone()
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
