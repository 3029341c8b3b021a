//! A frame: the bytes of one message as they were on the wire. The bytes are the truth, JSON is a view of them.

use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::depth::{MAX_DEPTH, Shape, shape};
use super::message::Json;

/// The bytes of one message: a line on stdio without its newline, or an HTTP body, or the data of an SSE event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Bytes,
    shape: Shape,
}

/// Why the bytes of a frame cannot be read as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not UTF-8.
    #[error("not UTF-8: invalid byte at offset {0}")]
    Encoding(usize),
    /// Not one JSON text.
    #[error("not JSON: {0}")]
    Syntax(String),
    /// Legal JSON or not, nested deeper than this tool reads.
    #[error("nested {0} levels deep, more than the {MAX_DEPTH} that this tool reads")]
    TooDeep(usize),
}

impl Frame {
    /// Wraps the bytes of a message.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { shape: shape(&bytes), bytes }
    }

    /// Serialises a JSON value into one line.
    pub fn from_value(value: &Value) -> Self {
        Self::new(value.to_string())
    }

    /// The bytes as they were.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// About how much memory it takes once it is read, in bytes: its text twice, and something for each value and name.
    pub fn weight(&self) -> usize {
        const PART: usize = 128;
        2 * self.bytes.len() + PART * self.shape.parts
    }

    /// The frame as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        // Checking first is several times as fast for text that is in order.
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => text.into(),
            Err(_) => String::from_utf8_lossy(&self.bytes),
        }
    }

    /// The JSON in the frame. Of duplicate keys the last wins here, see [`Frame::duplicate_key`]; a number beyond the range
    /// of a double becomes the largest one: JSON does not limit numbers.
    pub fn json(&self) -> Result<Json, FrameError> {
        let text = std::str::from_utf8(&self.bytes).map_err(|e| FrameError::Encoding(e.valid_up_to()))?;
        match self.shape.depth {
            deep if deep > MAX_DEPTH => Err(FrameError::TooDeep(deep)),
            _ => parse::<Value>(text).map(Json::from).map_err(|e| FrameError::Syntax(e.to_string())),
        }
    }

    /// The first object key that occurs twice in one object, if any.
    pub fn duplicate_key(&self) -> Option<String> {
        if self.shape.depth > MAX_DEPTH {
            return None;
        }
        parse::<Keys>(std::str::from_utf8(&self.bytes).ok()?).ok().and_then(|keys| keys.0)
    }
}

/// Reads JSON whose numbers may be beyond the range of a double.
fn parse<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    parse_in_range(text)
        .or_else(|error| if is_range(&error) { parse_in_range(&in_range(text)) } else { Err(error) })
}

fn parse_in_range<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    let mut reader = serde_json::Deserializer::from_str(text);
    reader.disable_recursion_limit();
    let value = T::deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

fn is_range(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("number out of range")
}

/// The text with the largest double instead of each number beyond it.
fn in_range(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
    let (mut tamed, mut rest, mut is_text) = (String::new(), text, false);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '\\' if is_text => rest.chars().take(2).map(char::len_utf8).sum(),
            '0'..='9' | '-' if !is_text => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            _ => c.len_utf8(),
        };
        is_text ^= c == '"';
        let (token, behind) = rest.split_at(length);
        match token.parse::<f64>() {
            Ok(number) if !is_text && number.is_infinite() => tamed += &f64::MAX.copysign(number).to_string(),
            _ => tamed += token,
        }
        rest = behind;
    }
    tamed
}

/// Walks JSON and remembers the first duplicate key.
struct Keys(Option<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeysVisitor)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Keys;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
        let mut seen = std::collections::HashSet::new();
        let mut duplicate = None;
        while let Some((key, Keys(inner))) = map.next_entry::<String, Keys>()? {
            duplicate = duplicate.or(inner);
            if !seen.insert(key.clone()) {
                duplicate = duplicate.or(Some(key));
            }
        }
        Ok(Keys(duplicate))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Keys, A::Error> {
        let mut duplicate = None;
        while let Some(Keys(inner)) = seq.next_element()? {
            duplicate = duplicate.or(inner);
        }
        Ok(Keys(duplicate))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Keys, E> {
        Ok(Keys(None))
    }
    fn visit_i64<E>(self, _: i64) -> Result<Keys, E> {
        Ok(Keys(None))
    }
    fn visit_u64<E>(self, _: u64) -> Result<Keys, E> {
        Ok(Keys(None))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Keys, E> {
        Ok(Keys(None))
    }
    fn visit_str<E>(self, _: &str) -> Result<Keys, E> {
        Ok(Keys(None))
    }
    fn visit_unit<E>(self) -> Result<Keys, E> {
        Ok(Keys(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_deeper_than_serde_jsons_default_is_still_read() {
        let nested = format!("{}{}", "[".repeat(400), "]".repeat(400));
        assert!(Frame::new(nested).json().is_ok());
    }

    #[test]
    fn a_number_beyond_a_double_is_still_json() {
        let frame = Frame::new(r#"{"a":[-1e999,"1e999\"",2],"b":1e5}"#);
        let tamed = serde_json::json!({"a": [f64::MIN, "1e999\"", 2], "b": 1e5});
        assert_eq!(frame.json(), Ok(tamed.into()));
        assert!(Frame::new(format!("[{}", "9".repeat(400))).json().is_err());
    }

    #[test]
    fn json_too_deep_to_read_is_not_called_broken() {
        let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Frame::new(nested).json(), Err(FrameError::TooDeep(100_000)));
    }

    #[test]
    fn trailing_text_and_bad_bytes_are_errors() {
        assert!(matches!(Frame::new("{}{}").json(), Err(FrameError::Syntax(_))));
        assert_eq!(Frame::new(&b"\"\xff\""[..]).json(), Err(FrameError::Encoding(1)));
    }

    #[test]
    fn duplicate_keys_are_found_at_any_level() {
        assert_eq!(Frame::new(r#"{"a":[{"b":1,"b":2}]}"#).duplicate_key().as_deref(), Some("b"));
        assert_eq!(Frame::new(r#"{"a":{"a":1}}"#).duplicate_key(), None);
        assert_eq!(Frame::new(r#"{"a":1e999,"a":2}"#).duplicate_key().as_deref(), Some("a"));
    }
}
