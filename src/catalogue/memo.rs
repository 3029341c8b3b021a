//! What small messages were judged like: servers send the same over and over.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::schema::{Position, Tag};

/// Messages that are remembered; then all are forgotten.
const MOST: usize = 4096;
/// Values and letters of one that is.
const LARGEST: usize = 512;

/// What a message is: its schema and its content.
type Key = (Position, String, Value);

/// A message and what it was judged like.
type Known = (Key, Arc<[Tag]>);

/// Judgements that need not be made again.
#[derive(Default)]
pub(super) struct Memo {
    hasher: RandomState,
    known: Mutex<HashMap<u64, Known>>,
}

impl Memo {
    /// The judgement of a message: the one that was made before, or else a new one.
    pub(super) fn get(
        &self,
        position: Position,
        name: &str,
        message: &Value,
        judge: impl FnOnce() -> Vec<Tag>,
    ) -> Arc<[Tag]> {
        if left_after(message, LARGEST).is_none() {
            return judge().into();
        }
        let hash = self.hasher.hash_one((position, name, message));
        let is_it = |(key, _): &&Known| key.0 == position && key.1 == name && key.2 == *message;
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, tags)) = known().get(&hash).filter(is_it) {
            return tags.clone();
        }
        let tags: Arc<[Tag]> = judge().into();
        let mut known = known();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(hash, ((position, name.to_owned(), message.clone()), tags.clone()));
        tags
    }
}

/// What is left of a number of values and letters when those of a value are taken off; nothing when it holds more.
fn left_after(value: &Value, left: usize) -> Option<usize> {
    let left = left.checked_sub(1)?;
    match value {
        Value::String(text) => left.checked_sub(text.len()),
        Value::Array(items) => items.iter().try_fold(left, |left, item| left_after(item, left)),
        Value::Object(members) => members.iter().try_fold(left, |left, (name, inner)| {
            left.checked_sub(name.len()).and_then(|left| left_after(inner, left))
        }),
        _ => Some(left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tag(name: &str) -> Vec<Tag> {
        vec![Tag { requirement: name.to_owned(), violation: None }]
    }

    #[test]
    fn the_same_message_is_judged_once() {
        let memo = Memo::default();
        let get = |position, name: &str, message: &Value, fresh: &str| {
            memo.get(position, name, message, || tag(fresh))[0].requirement.clone()
        };
        let message = json!({"a": [1, "b"]});
        assert_eq!(get(Position::Result, "ping", &message, "first"), "first");
        assert_eq!(get(Position::Result, "ping", &message, "second"), "first");
        assert_eq!(get(Position::Error, "ping", &message, "third"), "third");
        assert_eq!(get(Position::Result, "ping", &json!({"a": [1, "c"]}), "fourth"), "fourth");
    }

    #[test]
    fn large_messages_are_not_kept() {
        assert!(left_after(&json!({"a": ["x".repeat(600)]}), LARGEST).is_none());
        assert_eq!(left_after(&json!({"ab": [1, "c"]}), 10), Some(3));
    }
}
