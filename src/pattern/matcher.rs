//! Checking a value against a pattern.

use std::fmt::Write;

use base64::Engine;
use serde_json::Value;

use super::Node;

/// Where a value differs from its pattern, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// JSON pointer to the value that does not fit.
    pub at: String,
    /// What the pattern demands there, in words.
    pub expected: String,
    /// What was found; `None` when the member is absent.
    pub got: Option<Value>,
}

pub(super) fn check(node: &Node, value: Option<&Value>, at: &mut String) -> Result<(), Mismatch> {
    let Some(value) = value else {
        return if accepts_absence(node) { Ok(()) } else { Err(mismatch(node, None, at)) };
    };
    match node {
        Node::Members(members) if value.is_object() => {
            members.iter().try_for_each(|(key, inner)| inside(at, key, |at| check(inner, value.get(key), at)))
        }
        Node::Elements(nodes) => elements(node, nodes, value, at),
        Node::All(nodes) => nodes.iter().try_for_each(|inner| check(inner, Some(value), at)),
        Node::Each(inner) => match value.as_array() {
            Some(array) => array.iter().enumerate().try_for_each(|(index, element)| {
                inside(at, &index.to_string(), |at| check(inner, Some(element), at))
            }),
            None => Err(mismatch(node, Some(value), at)),
        },
        _ if fits(node, value, at) => Ok(()),
        _ => Err(mismatch(node, Some(value), at)),
    }
}

fn accepts_absence(node: &Node) -> bool {
    match node {
        Node::Absent => true,
        Node::AnyOf(nodes) => nodes.iter().any(accepts_absence),
        Node::All(nodes) => nodes.iter().all(accepts_absence),
        Node::Not(inner) => !accepts_absence(inner),
        _ => false,
    }
}

fn elements(node: &Node, nodes: &[Node], value: &Value, at: &mut String) -> Result<(), Mismatch> {
    match value.as_array() {
        Some(array) if array.len() == nodes.len() => {
            nodes.iter().zip(array).enumerate().try_for_each(|(i, (inner, element))| {
                inside(at, &i.to_string(), |at| check(inner, Some(element), at))
            })
        }
        _ => Err(mismatch(node, Some(value), at)),
    }
}

fn inside<T>(at: &mut String, key: &str, visit: impl FnOnce(&mut String) -> T) -> T {
    let length = at.len();
    // Writing to a String cannot fail.
    let _ = write!(at, "/{}", super::pointer::escape(key));
    let result = visit(at);
    at.truncate(length);
    result
}

/// The patterns that have no parts to point into.
fn fits(node: &Node, value: &Value, at: &mut String) -> bool {
    match node {
        Node::Any => true,
        Node::Absent => false,
        Node::Null => value.is_null(),
        Node::String => value.is_string(),
        Node::Text => value.as_str().is_some_and(|text| !text.is_empty()),
        Node::Integer => is_integer(value),
        Node::Number => value.is_number(),
        Node::Boolean => value.is_boolean(),
        Node::Object => value.is_object(),
        Node::Array => value.is_array(),
        Node::Base64 => value.as_str().is_some_and(is_base64),
        Node::Uri => value.as_str().is_some_and(|text| url::Url::parse(text).is_ok()),
        Node::Equal(expected) => equal(expected, value),
        Node::Regex(regex) => value.as_str().is_some_and(|text| regex.is_match(text)),
        Node::In(values) => values.iter().any(|expected| equal(expected, value)),
        Node::AnyOf(nodes) => nodes.iter().any(|inner| check(inner, Some(value), at).is_ok()),
        Node::Not(inner) => check(inner, Some(value), at).is_err(),
        Node::Contains(inner) => value
            .as_array()
            .is_some_and(|array| array.iter().any(|element| check(inner, Some(element), at).is_ok())),
        Node::Size { min, max } => size(value).is_some_and(|size| (*min..=*max).contains(&size)),
        Node::Range { min, max } => value.as_f64().is_some_and(|n| (*min..=*max).contains(&n)),
        Node::Unique(pointer) => value.as_array().is_some_and(|array| is_unique(array, pointer)),
        // What cannot be told is held against nobody.
        Node::Schema(schema) => schema.allows(value) != Some(false),
        Node::Members(_) | Node::Elements(_) | Node::All(_) | Node::Each(_) | Node::SchemaAt(_) => false,
    }
}

fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
}

fn is_base64(text: &str) -> bool {
    base64::engine::general_purpose::STANDARD.decode(text).is_ok()
}

/// JSON equality in which 1 and 1.0 are the same number.
fn equal(expected: &Value, value: &Value) -> bool {
    match (expected, value) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || (a.as_f64() == b.as_f64() && a.is_f64() != b.is_f64())
        }
        _ => expected == value,
    }
}

fn size(value: &Value) -> Option<usize> {
    match value {
        Value::Array(array) => Some(array.len()),
        Value::Object(members) => Some(members.len()),
        Value::String(text) => Some(text.chars().count()),
        _ => None,
    }
}

fn is_unique(array: &[Value], pointer: &str) -> bool {
    let mut seen = std::collections::HashSet::new();
    array.iter().filter_map(|element| element.pointer(pointer)).all(|value| seen.insert(value.to_string()))
}

fn mismatch(node: &Node, value: Option<&Value>, at: &str) -> Mismatch {
    Mismatch { at: at.to_owned(), expected: node.to_string(), got: value.cloned() }
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("anything"),
            Self::Absent => f.write_str("nothing (the member absent)"),
            Self::Null => f.write_str("null"),
            Self::String => f.write_str("a string"),
            Self::Text => f.write_str("a non-empty string"),
            Self::Integer => f.write_str("an integer"),
            Self::Number => f.write_str("a number"),
            Self::Boolean => f.write_str("a boolean"),
            Self::Object => f.write_str("an object"),
            Self::Array => f.write_str("an array"),
            Self::Base64 => f.write_str("base64 text"),
            Self::Uri => f.write_str("a URI"),
            Self::Equal(value) => write!(f, "{value}"),
            Self::Members(members) => {
                f.write_str("{")?;
                for (index, (key, node)) in members.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{key}: {node}")?;
                }
                f.write_str("}")
            }
            Self::Elements(nodes) => write!(f, "[{}]", joined(nodes, ", ")),
            Self::Regex(regex) => write!(f, "text like /{regex}/"),
            Self::In(values) => {
                write!(f, "one of {}", values.iter().map(Value::to_string).collect::<Vec<_>>().join(", "))
            }
            Self::AnyOf(nodes) => f.write_str(&joined(nodes, " or ")),
            Self::All(nodes) => f.write_str(&joined(nodes, " and ")),
            Self::Not(node) => write!(f, "anything but {node}"),
            Self::Each(node) => write!(f, "an array of {node}"),
            Self::Contains(node) => write!(f, "an array with {node}"),
            Self::Size { min, max } if *max == usize::MAX => write!(f, "at least {min} long"),
            Self::Size { min, max } => write!(f, "{min} to {max} long"),
            Self::Range { min, max } if max.is_infinite() => write!(f, "a number from {min}"),
            Self::Range { min, max } if min.is_infinite() => write!(f, "a number up to {max}"),
            Self::Range { min, max } => write!(f, "a number from {min} to {max}"),
            Self::Unique(pointer) if pointer.is_empty() => f.write_str("an array without repetition"),
            Self::Unique(pointer) => write!(f, "an array whose {pointer} differ"),
            Self::Schema(_) | Self::SchemaAt(_) => f.write_str("a value that is valid under the schema"),
        }
    }
}

fn joined(nodes: &[Node], separator: &str) -> String {
    nodes.iter().map(Node::to_string).collect::<Vec<_>>().join(separator)
}

impl std::fmt::Display for super::Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;
    use serde_json::{Value, json};

    fn fits(pattern: Value, value: Value) -> bool {
        Pattern::parse(&pattern).unwrap().matches(&value)
    }

    #[test]
    fn objects_are_open_and_arrays_exact() {
        assert!(fits(json!({"a": 1}), json!({"a": 1, "b": 2})));
        assert!(!fits(json!({"a": 1}), json!({"b": 2})));
        assert!(!fits(json!([1]), json!([1, 2])));
        assert!(!fits(json!({"a": 1}), json!([])));
    }

    #[test]
    fn absent_and_null_differ() {
        assert!(fits(json!({"a": "$absent"}), json!({})));
        assert!(!fits(json!({"a": "$absent"}), json!({"a": null})));
        assert!(!fits(json!({"a": null}), json!({})));
        assert!(fits(json!({"a": {"$any-of": ["$absent", "$null"]}}), json!({})));
        assert!(!fits(json!({"a": {"$not": "$absent"}}), json!({})));
    }

    #[test]
    fn every_operator_accepts_and_refuses() {
        for (pattern, good, bad) in [
            (json!({"$regex": "^a"}), json!("ab"), json!("b")),
            (json!({"$in": [1, "x"]}), json!("x"), json!(2)),
            (json!({"$each": "$string"}), json!(["a"]), json!(["a", 1])),
            (json!({"$contains": {"n": 1}}), json!([{"n": 2}, {"n": 1}]), json!([])),
            (json!({"$size": {"min": 1}}), json!([0]), json!([])),
            (json!({"$range": {"min": 0, "max": 1}}), json!(0.5), json!(2)),
            (json!({"$unique": "/n"}), json!([{"n": 1}, {"n": 2}]), json!([{"n": 1}, {"n": 1}])),
            (json!({"$schema": {"type": "object"}}), json!({}), json!(1)),
            (json!("$base64"), json!("aGk="), json!("a?")),
            (json!("$integer"), json!(1.0), json!(1.5)),
            (json!(1), json!(1.0), json!(2)),
        ] {
            assert!(fits(pattern.clone(), good.clone()), "{pattern} must accept {good}");
            assert!(!fits(pattern.clone(), bad.clone()), "{pattern} must refuse {bad}");
        }
    }

    #[test]
    fn a_mismatch_points_at_the_part_that_differs() {
        let pattern = Pattern::parse(&json!({"tools": {"$each": {"name": "$string"}}})).unwrap();
        let mismatch = pattern.check(Some(&json!({"tools": [{"name": "a"}, {"name": 3}]}))).unwrap_err();
        assert_eq!((mismatch.at.as_str(), mismatch.expected.as_str()), ("/tools/1/name", "a string"));
        assert_eq!(mismatch.got, Some(json!(3)));
    }

    #[test]
    fn captured_values_stand_for_themselves() {
        let pattern = Pattern::parse(&json!({"name": "${tool}", "schema": {"$schema": "${s}"}})).unwrap();
        let mut lookup = |name: &str| match name {
            "tool" => Some(json!("$any")),
            _ => Some(json!({"type": "integer"})),
        };
        let filled = pattern.fill(&mut lookup).unwrap();
        assert!(filled.matches(&json!({"name": "$any", "schema": 3})));
        assert!(!filled.matches(&json!({"name": "other", "schema": 3})));
        assert!(!filled.matches(&json!({"name": "$any", "schema": "x"})));
    }

    #[test]
    fn unknown_words_are_refused_with_the_known_ones() {
        let error = Pattern::parse(&json!({"a": "$strnig"})).unwrap_err();
        assert_eq!(error.at, "/a");
        assert!(error.problem.contains("$string"));
    }
}
