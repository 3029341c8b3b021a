//! Instances at the edges of a schema: on the edge, just beyond it, and of another kind altogether.

use serde_json::{Value, json};

use super::valid;
use crate::pattern::Schema;

/// An instance at an edge.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// The instance.
    pub instance: Value,
    /// What was done, such as "one above the maximum at /n".
    pub what: String,
    /// Whether the schema allows it.
    pub valid: bool,
    /// Whether it is forbidden beyond doubt. Some servers convert a number from a text, or ignore members that they do not
    /// know: an instance that such a reading allows is not held against anybody.
    pub forbidden: bool,
}

/// An edit of one place: what it is, the value to put there (`None` = leave the member out), and whether breaking the
/// schema by it is beyond doubt.
struct Probe {
    what: &'static str,
    value: Option<Value>,
    clear: bool,
}

/// Distinct instances around the schema, the plainest first, at most `most`.
pub fn variants(schema: &Value, most: usize) -> Vec<Variant> {
    let (Some(good), Some(judge)) = (valid(schema), Schema::compile(schema.clone())) else {
        return Vec::new();
    };
    let mut made = vec![Variant {
        instance: good.clone(),
        what: "the plainest valid arguments".to_owned(),
        valid: true,
        forbidden: false,
    }];
    for (place, member) in places(schema, &good) {
        for Probe { what, value, clear } in probes(&member, schema) {
            let Some(instance) = edited(&good, &place, value) else { continue };
            if made.iter().any(|other| other.instance == instance) {
                continue;
            }
            let Some(valid) = judge.allows(&instance) else { continue };
            let what = format!("{what} at {place}");
            made.push(Variant { instance, what, valid, forbidden: clear && !valid });
        }
        if made.len() >= most {
            break;
        }
    }
    made.truncate(most);
    made
}

/// The members of the arguments, declared or made up, with their schemas: two levels deep.
fn places(schema: &Value, good: &Value) -> Vec<(String, Value)> {
    let mut places = Vec::new();
    let properties = |schema: &Value| schema["properties"].as_object().cloned().unwrap_or_default();
    for (name, member) in properties(schema) {
        let place = format!("/{}", escaped(&name));
        let member = resolved(&member, schema);
        for (inner, below) in properties(&member) {
            if good.pointer(&place).is_some_and(Value::is_object) {
                places.push((format!("{place}/{}", escaped(&inner)), resolved(&below, schema)));
            }
        }
        places.push((place, member));
    }
    places.push(("/mcp-conform-extra".to_owned(), json!({"x-extra": true})));
    places
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn resolved(schema: &Value, root: &Value) -> Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(schema).clone()
}

/// The instance with another value at a place, or without it.
fn edited(good: &Value, place: &str, value: Option<Value>) -> Option<Value> {
    let mut instance = good.clone();
    let (parent, name) = place.rsplit_once('/')?;
    let members = instance.pointer_mut(parent)?.as_object_mut()?;
    let name = name.replace("~1", "/").replace("~0", "~");
    match value {
        Some(value) => drop(members.insert(name, value)),
        None => drop(members.shift_remove(&name)?),
    }
    Some(instance)
}

/// What is worth trying at a place of this schema.
fn probes(schema: &Value, root: &Value) -> Vec<Probe> {
    let sure = |what, value| Probe { what, value: Some(value), clear: true };
    let maybe = |what, value| Probe { what, value: Some(value), clear: false };
    if schema["x-extra"] == true {
        return vec![maybe("an unknown member", json!("x")), maybe("an unknown object", json!({"a": [1]}))];
    }
    let mut probes = vec![Probe { what: "nothing", value: None, clear: true }];
    let scalar = |kind: &str| matches!(kind, "string" | "number" | "integer" | "boolean");
    let kinds = kinds(schema);
    if !kinds.is_empty() && kinds.iter().all(|kind| scalar(kind)) {
        probes.push(sure("an object", json!({"mcp-conform": ["wrong type"]})));
        probes.push(sure("an array", json!([{"mcp-conform": 1}, {}])));
    }
    probes.push(maybe("null", Value::Null));
    probes.push(maybe("a text", json!("mcp-conform")));
    probes.push(maybe("a number", json!(7)));
    probes.push(maybe("true", json!(true)));
    probes.extend(bounds(schema).into_iter().map(|(what, value)| sure(what, value)));
    if let Some(values) = schema["enum"].as_array() {
        probes.extend(values.iter().take(6).map(|value| maybe("an allowed value", value.clone())));
        probes.push(sure("a value that is not allowed", json!("mcp-conform-none-of-these")));
    }
    if kinds.contains(&"string") || kinds.is_empty() {
        let texts =
            ["", "\u{0}", "../../../../etc/passwd", "'; DROP TABLE x; --", "{{7*7}}", "\u{202e}\u{301}"];
        probes.extend(texts.map(|text| maybe("a hostile text", json!(text))));
        probes.push(maybe("a text of 10,000 letters", json!("x".repeat(10_000))));
    }
    if kinds.contains(&"number") || kinds.contains(&"integer") {
        let numbers = [
            json!(0),
            json!(-1),
            json!(1e300),
            json!(9_007_199_254_740_993_u64),
            json!(0.5),
            json!(i64::MIN),
        ];
        probes.extend(numbers.map(|number| maybe("an extreme number", number)));
    }
    if kinds.contains(&"array") {
        let item = valid(&resolved(&schema["items"], root)).unwrap_or(Value::Null);
        probes.push(maybe("an empty array", json!([])));
        probes.push(maybe("1,000 items", Value::Array(vec![item; 1000])));
    }
    probes
}

fn kinds(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Values on the bounds of the schema and one beyond.
fn bounds(schema: &Value) -> Vec<(&'static str, Value)> {
    let mut values = Vec::new();
    let mut bound = |key: &str, on: &'static str, beyond: &'static str, step: i64| {
        if let Some(limit) = schema[key].as_i64() {
            values.push((on, json!(limit)));
            values.push((beyond, json!(limit.saturating_add(step))));
        }
    };
    bound("minimum", "the minimum", "one below the minimum", -1);
    bound("maximum", "the maximum", "one above the maximum", 1);
    bound("exclusiveMinimum", "the excluded minimum", "one below the excluded minimum", -1);
    bound("exclusiveMaximum", "the excluded maximum", "one above the excluded maximum", 1);
    let length =
        |key: &str| schema[key].as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < 10_000);
    if let Some(max) = length("maxLength") {
        values.push(("the longest text", json!("a".repeat(max))));
        values.push(("a letter too much", json!("a".repeat(max + 1))));
    }
    if let Some(min @ 1..) = length("minLength") {
        values.push(("the shortest text", json!("a".repeat(min))));
        values.push(("a letter too few", json!("a".repeat(min - 1))));
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 1, "maximum": 5},
                "kind": {"enum": ["a", "b"]},
                "deep": {"type": "object", "properties": {"x": {"type": "string", "maxLength": 3}}, "required": ["x"]},
            },
            "required": ["n", "kind", "deep"],
        })
    }

    fn verdict(what: &str) -> Option<(bool, bool)> {
        let all = variants(&schema(), 200);
        all.into_iter().find(|variant| variant.what == what).map(|variant| (variant.valid, variant.forbidden))
    }

    #[test]
    fn edges_are_on_the_right_side() {
        assert_eq!(verdict("the maximum at /n"), Some((true, false)));
        assert_eq!(verdict("one above the maximum at /n"), Some((false, true)));
        assert_eq!(verdict("nothing at /kind"), Some((false, true)));
        assert_eq!(verdict("a value that is not allowed at /kind"), Some((false, true)));
        assert_eq!(verdict("a letter too much at /deep/x"), Some((false, true)));
        assert_eq!(verdict("an object at /n"), Some((false, true)));
    }

    #[test]
    fn what_a_lenient_reading_allows_is_not_held_against_anybody() {
        assert_eq!(verdict("a text at /n"), Some((false, false)));
        assert_eq!(verdict("an unknown member at /mcp-conform-extra"), Some((true, false)));
    }

    proptest! {
        #[test]
        fn no_schema_is_too_odd(kind in prop::sample::select(vec!["string", "object", "array", "x"]), n: i64, text: String) {
            let schema = json!({"type": "object", "properties": {text: {"type": kind, "minimum": n, "maxLength": n}}});
            prop_assert!(variants(&schema, 20).len() <= 20);
            variants(&json!(n), 5);
        }
    }
}
