//! Edits of a message as JSON: members removed, replaced by values of another type or at a boundary, added.

use serde_json::{Value, json};

use crate::pattern::pointer;

/// One edit. The numbers choose a place and a value; any number is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    Remove(usize),
    Replace(usize, usize),
    Add(usize, usize),
}

/// Values that servers are seldom prepared for.
pub(super) fn hostile() -> Vec<Value> {
    let deep = (0..40).fold(json!(1), |inner, _| json!([inner]));
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(0.5),
        json!(9_007_199_254_740_993_u64),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("../../../../../../etc/passwd"),
        json!("file:///etc/passwd"),
        json!("'; DROP TABLE x; --"),
        json!("${jndi:ldap://127.0.0.1/x}"),
        json!("\u{202e}\u{1f4a5}\u{0301}"),
        json!("__proto__"),
        json!("x".repeat(2000)),
        json!([]),
        json!({}),
        json!([null]),
        json!({"__proto__": {"polluted": true}}),
        json!({"type": "object"}),
        deep,
    ]
}

const NAMES: [&str; 8] = ["extra", "__proto__", "constructor", "result", "error", "method", "_meta", ""];

impl Edit {
    /// Applies the edit and says what it did; nothing is done where nothing fits.
    pub(super) fn apply(self, message: &mut Value) -> Option<String> {
        let mut places = Vec::new();
        collect(message, String::new(), &mut places);
        let pick = |n: usize| places.get(n % places.len().max(1)).cloned();
        match self {
            Self::Remove(at) => {
                let place = pick(at)?;
                pointer::remove(message, &place);
                Some(format!("removed {place}"))
            }
            Self::Replace(at, with) => {
                let place = pick(at)?;
                let value = choose(with);
                let shown: String = value.to_string().chars().take(30).collect();
                *message.pointer_mut(&place)? = value;
                Some(format!("replaced {place} by {shown}"))
            }
            Self::Add(at, with) => {
                let objects: Vec<String> = std::iter::once(String::new())
                    .chain(places)
                    .filter(|place| message.pointer(place).is_some_and(Value::is_object))
                    .collect();
                let place = objects.get(at % objects.len().max(1))?;
                let name = NAMES[with % NAMES.len()];
                message
                    .pointer_mut(place)?
                    .as_object_mut()?
                    .insert(name.to_owned(), choose(with / NAMES.len()));
                Some(format!("added {place}/{name}"))
            }
        }
    }
}

fn choose(n: usize) -> Value {
    let mut values = hostile();
    let index = n % values.len();
    values.swap_remove(index)
}

fn collect(value: &Value, at: String, places: &mut Vec<String>) {
    let mut go = |key: &str, inner: &Value| {
        let place = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        places.push(place.clone());
        collect(inner, place, places);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| go(key, inner)),
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(n, inner)| go(&n.to_string(), inner))
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_name_what_they_did() {
        let mut message = json!({"a": {"b": 1}});
        assert_eq!(Edit::Remove(1).apply(&mut message).as_deref(), Some("removed /a/b"));
        assert_eq!(message, json!({"a": {}}));
        assert_eq!(Edit::Replace(0, 0).apply(&mut message).as_deref(), Some("replaced /a by null"));
        assert!(Edit::Add(0, 0).apply(&mut message).is_some());
        assert!(Edit::Remove(5).apply(&mut json!({})).is_none());
    }
}
