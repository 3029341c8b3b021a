//! `requestState`: what was answered so far, bound to the request that it belongs to, and sealed against changes.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Deserialize;
use serde_json::{Value, json};

use super::Answers;

/// How well the state is protected; anything but sealed is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Against changes, and for one request only.
    #[default]
    Sealed,
    /// Against changes.
    Unbound,
    /// Written like a sealed one, but nothing is checked.
    Unchecked,
    /// Plain JSON that is believed.
    Plain,
}

/// What only this server knows. A real server has a key of its own and a keyed hash made for it.
const KEY: &str = "reference server";

pub(super) fn write(state: State, origin: &Value, answers: &Answers) -> String {
    let text = json!({"for": origin, "answers": answers}).to_string();
    match state {
        State::Plain => text,
        _ => format!("{:016x}.{text}", mac(&text)),
    }
}

/// The answers in a state; `None` if it is not one of ours, or belongs to another request.
pub(super) fn read(state: State, origin: &Value, text: &str) -> Option<Answers> {
    let (seal, content) = match state {
        State::Plain => ("", text),
        _ => text.split_once('.').unwrap_or_default(),
    };
    let content_of = |content: &str| serde_json::from_str::<Value>(content).unwrap_or_default();
    let answers = |value: &Value| value["answers"].as_object().cloned();
    let value = content_of(content);
    let is_sealed = seal == format!("{:016x}", mac(content));
    match state {
        State::Sealed => answers(&value).filter(|_| is_sealed && value["for"] == *origin),
        State::Unbound => answers(&value).filter(|_| is_sealed),
        State::Unchecked => Some(answers(&value).unwrap_or_default()),
        State::Plain => answers(&value),
    }
}

fn mac(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (KEY, text).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_state_is_good_for_its_request_only() {
        let (origin, other) = (json!(["tools/call", "a"]), json!(["tools/call", "b"]));
        let answers = Answers::from_iter([("key".to_owned(), json!(1))]);
        let text = write(State::Sealed, &origin, &answers);
        assert_eq!(read(State::Sealed, &origin, &text), Some(answers));
        assert_eq!(read(State::Sealed, &other, &text), None);
        assert_eq!(read(State::Sealed, &origin, &text.replace("key", "kez")), None);
        assert!(read(State::Unbound, &other, &text).is_some());
    }
}
