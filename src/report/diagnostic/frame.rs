//! A message on the wire, as a block tells it.

use serde_json::Value;

use crate::report::text;
use crate::runner::WireLine;

/// One message, or an event such as the end of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// `#12`; empty if it is not numbered.
    pub number: String,
    /// `0.412s`.
    pub at: String,
    /// `->` to the server, `<-` from it, `!!` an event.
    pub dir: &'static str,
    /// Whether this is the culprit.
    pub culprit: bool,
    /// As it came: shown through the methods only.
    data: String,
}

impl Frame {
    /// A frame of a check.
    pub fn of(line: &WireLine) -> Self {
        Self {
            number: format!("#{}", line.seq),
            at: format!("{}.{:03}s", line.at_ms / 1_000, line.at_ms % 1_000),
            dir: line.dir,
            culprit: line.culprit,
            data: line.data.clone(),
        }
    }

    /// A line of a finding of the fuzzer: time, direction, text.
    pub fn of_fuzz(line: &str) -> Self {
        let mut parts = line.splitn(3, ' ');
        let (at, dir, data) = (parts.next(), parts.next(), parts.next());
        let dir = ["->", "<-", "!!"].into_iter().find(|known| Some(*known) == dir);
        let (at, dir, data) = match (at, dir, data) {
            (Some(at), Some(dir), Some(data)) => (text::brief(at, 12), dir, data),
            _ => (String::new(), "!!", line),
        };
        Self { number: String::new(), at, dir, culprit: false, data: data.to_owned() }
    }

    /// In one line of about `max` characters.
    pub fn brief(&self, max: usize) -> String {
        text::brief(&self.data, max)
    }

    /// Unfolded: JSON is set with indentation.
    pub fn lines(&self, max_lines: usize, max: usize) -> Vec<String> {
        let pretty = serde_json::from_str::<Value>(&self.data)
            .ok()
            .filter(|value| value.is_object() || value.is_array());
        let pretty = pretty.and_then(|value| serde_json::to_string_pretty(&value).ok());
        text::lines(pretty.as_ref().unwrap_or(&self.data), max_lines, max)
    }

    /// What it is, in a few words: `tools/call #7`, `result #7`, `error -32602 #7`.
    pub fn label(&self) -> String {
        let label = match serde_json::from_str::<Value>(&self.data) {
            Ok(Value::Object(message)) => label(&Value::Object(message)),
            Ok(Value::Array(batch)) => Some(format!("a batch of {}", batch.len())),
            Ok(_) => None,
            Err(_) => cut_short(&self.data),
        };
        text::brief(label.as_ref().unwrap_or(&self.data), 70)
    }
}

fn label(message: &Value) -> Option<String> {
    let id = message.get("id").map(|id| format!(" #{id}")).unwrap_or_default();
    let what = match (message.get("method"), message.get("result"), message.get("error")) {
        (Some(method), ..) => method.as_str()?.to_owned(),
        (None, Some(_), _) => "result".to_owned(),
        (None, None, Some(error)) => format!("error {}", error.get("code").unwrap_or(&Value::Null)),
        (None, None, None) => return None,
    };
    Some(what + &id)
}

/// A message that is too long to be kept whole is no JSON any more.
fn cut_short(data: &str) -> Option<String> {
    let data = data.strip_prefix('{')?;
    let after =
        |key: &str| data.split_once(key).map(|(_, rest)| rest.split([',', '}']).next().unwrap_or_default());
    let id = after("\"id\":").map(|id| format!(" #{id}")).unwrap_or_default();
    let what = match after("\"method\":") {
        Some(method) => method.trim_matches('"'),
        None if data.contains("\"result\":") => "result",
        None if data.contains("\"error\":") => "error",
        None => return None,
    };
    Some(format!("{what}{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(data: &str) -> Frame {
        Frame::of_fuzz(&format!("0.100s <- {data}"))
    }

    #[test]
    fn a_message_has_a_short_name() {
        assert_eq!(frame(r#"{"id":7,"method":"tools/call"}"#).label(), "tools/call #7");
        assert_eq!(frame(r#"{"id":"a","error":{"code":-32602}}"#).label(), "error -32602 #\"a\"");
        assert_eq!(frame(r#"{"id":7,"result":{"tools":[{"#).label(), "result #7");
        assert_eq!(frame("POST content-type: x").label(), "POST content-type: x");
        assert_eq!(frame("[{},{}]").label(), "a batch of 2");
    }

    #[test]
    fn a_line_that_is_none_is_an_event() {
        let odd = Frame::of_fuzz("odd");
        assert_eq!((odd.dir, odd.brief(10)), ("!!", "odd".to_owned()));
    }
}
