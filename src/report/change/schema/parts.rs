//! What a schema says, keyword by keyword.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const KINDS: [&str; 7] = ["null", "boolean", "object", "array", "number", "integer", "string"];
pub(super) const ALTERNATIVES: [&str; 2] = ["anyOf", "oneOf"];
/// Keywords that constrain nothing.
const WORDS: [&str; 12] = [
    "title",
    "description",
    "default",
    "examples",
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// A limit, and whether it is itself excluded.
pub(super) type Bound = (f64, bool);

pub(super) fn bound(schema: &Map<String, Value>, with: &str, without: &str, sign: f64) -> Option<Bound> {
    let limit = |key: &str| schema.get(key).and_then(Value::as_f64).map(|limit| limit * sign);
    let with = limit(with).map(|limit| (limit, false));
    let without = limit(without).map(|limit| (limit, true));
    with.into_iter().chain(without).reduce(|one, other| if other > one { other } else { one })
}

pub(super) fn told(value: Option<&Value>) -> String {
    value.map_or_else(|| "none".to_owned(), Value::to_string)
}

/// Follows references inside the schema.
pub(super) fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let mut schema = schema;
    for _ in 0..8 {
        let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
        match pointer.and_then(|pointer| root.pointer(pointer)) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

pub(super) fn allows_all(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.keys().all(|key| WORDS.contains(&key.as_str())),
        Value::Bool(allows) => *allows,
        // No schema, or nothing that is one.
        Value::Null => true,
        Value::Number(_) | Value::String(_) | Value::Array(_) => false,
    }
}

/// The types that a schema allows; each number is one of the two kinds.
pub(super) fn kinds(schema: &Map<String, Value>) -> BTreeSet<&str> {
    let mut kinds: BTreeSet<&str> = match schema.get("type") {
        Some(Value::String(kind)) => BTreeSet::from([kind.as_str()]),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => match values(schema) {
            Some(values) => values.iter().map(kind).collect(),
            None => KINDS.into(),
        },
    };
    if kinds.contains("number") {
        kinds.insert("integer");
    }
    kinds
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
    }
}

pub(super) fn values(schema: &Map<String, Value>) -> Option<Vec<Value>> {
    match (schema.get("enum"), schema.get("const")) {
        (_, Some(only)) => Some(vec![only.clone()]),
        (Some(Value::Array(values)), None) => Some(values.clone()),
        _ => None,
    }
}

pub(super) fn properties(schema: &Map<String, Value>) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    schema.get("properties").and_then(Value::as_object).unwrap_or(&NONE)
}

pub(super) fn required(schema: &Map<String, Value>) -> BTreeSet<&str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Which members an object may have that its schema does not name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Others {
    Any,
    Some,
    None,
}

pub(super) fn others(schema: &Map<String, Value>) -> Others {
    match schema.get("additionalProperties") {
        None => Others::Any,
        Some(Value::Bool(false)) => Others::None,
        Some(other) if allows_all(other) => Others::Any,
        Some(_) => Others::Some,
    }
}

/// The alternatives of a schema that says nothing else; one that has none is its own only alternative.
pub(super) fn alternatives(schema: &Value) -> Option<Vec<&Value>> {
    let fields = schema.as_object()?;
    let choice: Vec<&String> = fields.keys().filter(|key| ALTERNATIVES.contains(&key.as_str())).collect();
    let is_pure = fields.keys().all(|key| choice.contains(&key) || WORDS.contains(&key.as_str()));
    match choice.as_slice() {
        [] => Some(vec![schema]),
        [key] if is_pure => fields[key.as_str()].as_array().map(|all| all.iter().collect()),
        _ => None,
    }
}
