//! Edits of a message as JSON: members removed, replaced by values of another type or at a boundary, added.

use arbitrary::Arbitrary;
use serde_json::Value;

use super::hostile::Hostile;
use crate::pattern::pointer;

/// One edit. The numbers choose a place and a value; any number is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub(super) enum Edit {
    Remove(u16),
    Replace(u16, u16),
    Add(u16, u16),
}

/// Names of members that are added: some that mean something elsewhere, some that mean something to languages.
const NAMES: [&str; 16] = [
    "extra",
    "__proto__",
    "constructor",
    "result",
    "error",
    "method",
    "_meta",
    "",
    "cursor",
    "progressToken",
    "name",
    "uri",
    "arguments",
    "level",
    "task",
    "id",
];

impl Edit {
    /// Applies the edit and says what it did; nothing is done where nothing fits.
    pub(super) fn apply(self, message: &mut Value, hostile: &Hostile) -> Option<String> {
        let mut places = Vec::new();
        collect(message, String::new(), &mut places);
        let pick = |n: u16| places.get(usize::from(n) % places.len().max(1)).cloned();
        match self {
            Self::Remove(at) => {
                let place = pick(at)?;
                pointer::remove(message, &place);
                Some(format!("removed {place}"))
            }
            Self::Replace(at, with) => {
                let place = pick(at)?;
                let value = hostile.choose(usize::from(with)).clone();
                let shown: String = value.to_string().chars().take(30).collect();
                *message.pointer_mut(&place)? = value;
                Some(format!("replaced {place} by {shown}"))
            }
            Self::Add(at, with) => {
                let objects: Vec<String> = std::iter::once(String::new())
                    .chain(places)
                    .filter(|place| message.pointer(place).is_some_and(Value::is_object))
                    .collect();
                let place = objects.get(usize::from(at) % objects.len().max(1))?;
                let with = usize::from(with);
                let name = NAMES[with % NAMES.len()];
                message
                    .pointer_mut(place)?
                    .as_object_mut()?
                    .insert(name.to_owned(), hostile.choose(with / NAMES.len()).clone());
                Some(format!("added {place}/{name}"))
            }
        }
    }
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
    use serde_json::json;

    #[test]
    fn edits_name_what_they_did() {
        let hostile = Hostile::new(None);
        let mut message = json!({"a": {"b": 1}});
        assert_eq!(Edit::Remove(1).apply(&mut message, &hostile).as_deref(), Some("removed /a/b"));
        assert_eq!(message, json!({"a": {}}));
        assert_eq!(Edit::Replace(0, 0).apply(&mut message, &hostile).as_deref(), Some("replaced /a by null"));
        assert!(Edit::Add(0, 0).apply(&mut message, &hostile).is_some());
        assert!(Edit::Remove(5).apply(&mut json!({}), &hostile).is_none());
    }
}
