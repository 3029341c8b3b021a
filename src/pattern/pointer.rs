//! Changing JSON at a pointer.

use serde_json::{Map, Value};

/// Sets the value at the pointer. Missing parents are created as objects, `-` appends to an array.
pub(crate) fn set(root: &mut Value, pointer: &str, to: Value) {
    let mut here = root;
    for segment in segments(pointer) {
        here = step(here, segment);
    }
    *here = to;
}

/// Removes the value at the pointer, if it is there.
pub(crate) fn remove(root: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = unescape(last);
    match root.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.shift_remove(&last)),
        Some(Value::Array(elements)) => {
            let index = last.parse::<usize>().ok().filter(|index| *index < elements.len());
            index.map(|index| elements.remove(index));
        }
        _ => {}
    }
}

fn segments(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(unescape)
}

/// A name as a segment of a pointer.
pub(crate) fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

/// One level down; whatever is in the way of the path makes room for it.
fn step(here: &mut Value, segment: String) -> &mut Value {
    if let Value::Array(elements) = here {
        let index = segment.parse().unwrap_or(elements.len()).min(elements.len());
        if index == elements.len() {
            elements.push(Value::Null);
        }
        return &mut elements[index];
    }
    if !here.is_object() {
        *here = Value::Object(Map::new());
    }
    match here {
        Value::Object(members) => members.entry(segment).or_insert(Value::Null),
        // It has just been made an object.
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn set_creates_parents_and_appends() {
        let mut value = json!({"list": [1]});
        set(&mut value, "/a/b~1c/d", json!(1));
        set(&mut value, "/list/-", json!(2));
        set(&mut value, "/list/0", json!(0));
        assert_eq!(value, json!({"list": [0, 2], "a": {"b/c": {"d": 1}}}));
        set(&mut value, "", json!(7));
        assert_eq!(value, json!(7));
    }

    #[test]
    fn remove_takes_members_and_elements() {
        let mut value = json!({"a": [1, 2], "b": {"c": 1}});
        remove(&mut value, "/a/0");
        remove(&mut value, "/b/c");
        remove(&mut value, "/no/such");
        assert_eq!(value, json!({"a": [2], "b": {}}));
    }
}
