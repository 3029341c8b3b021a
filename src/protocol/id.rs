//! JSON-RPC ids.

use std::fmt;

use serde_json::{Number, Value};

/// The id of a request, or of the reply to it. Ids match by type and value: `1` is not `"1"`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Id {
    /// A number; legal ids are integers.
    Number(Number),
    /// A text.
    Text(String),
    /// `null`: legal only in error replies to unreadable requests.
    Null,
    /// Any other JSON type, kept as JSON text; never legal.
    Other(String),
}

impl Id {
    /// Reads the `id` member of a message.
    pub fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Number(number) => Self::Number(number.clone()),
            Value::String(text) => Self::Text(text.clone()),
            other => Self::Other(other.to_string()),
        }
    }

    /// The id as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
            Self::Other(json) => serde_json::from_str(json).unwrap_or(Value::Null),
        }
    }

    /// Whether a request may carry this id: a string or an integer.
    pub fn is_legal(&self) -> bool {
        match self {
            Self::Number(number) => {
                number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n.fract() == 0.0)
            }
            Self::Text(_) => true,
            Self::Null | Self::Other(_) => false,
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_by_type_and_value() {
        assert_ne!(Id::from(1), Id::from("1"));
        assert_eq!(Id::from_value(&serde_json::json!(1)), Id::from(1));
    }

    #[test]
    fn null_and_fractions_are_not_legal() {
        assert!(!Id::Null.is_legal());
        assert!(!Id::from_value(&serde_json::json!(1.5)).is_legal());
        assert!(Id::from_value(&serde_json::json!(-3)).is_legal());
    }
}
