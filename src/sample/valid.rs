//! A small valid instance of a schema.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use crate::pattern::{Schema, values};

/// References followed, and levels entered, before giving up: schemas may be recursive.
const DEPTH: usize = 12;
/// Steps before giving up: a short schema can hold very many instances. To look into a part costs more in a large schema.
const STEPS: usize = 20_000;
const SHARE: usize = 10;
/// Guesses that are held against a schema.
const MOST_GUESSES: usize = 200;

/// The e-mail address that is made up where one is asked for, known again wherever it comes back.
pub const ADDRESS: &str = "mcp-conform@example.com";

/// The schema whose instance is made up, and how much may still be tried.
struct Search<'s> {
    root: &'s Value,
    left: Cell<usize>,
    dear: usize,
}

impl<'s> Search<'s> {
    fn of(root: &'s Value) -> Self {
        Self { root, left: Cell::new(STEPS), dear: 1 + values(root) / SHARE }
    }

    /// Takes steps, as long as there are some.
    fn step(&self, steps: usize) -> Option<()> {
        self.left.set(self.left.get().checked_sub(steps)?);
        Some(())
    }
}

/// A small instance that is valid under the schema, or `None` when none could be made up. Never fetches anything.
pub fn valid(schema: &Value) -> Option<Value> {
    let judge = Schema::compile(schema.clone())?;
    let guesses = candidates(schema, &Search::of(schema), DEPTH).into_iter();
    guesses.take(MOST_GUESSES).find(|instance| judge.allows(instance) == Some(true))
}

/// Guesses, best first.
fn candidates(schema: &Value, search: &Search<'_>, depth: usize) -> Vec<Value> {
    let (Some(depth), Some(())) = (depth.checked_sub(1), search.step(1)) else { return Vec::new() };
    let Value::Object(members) = schema else {
        return if *schema == Value::Bool(false) { Vec::new() } else { vec![json!({})] };
    };
    if let Some(pointer) = members.get("$ref").and_then(Value::as_str) {
        let target = pointer.strip_prefix('#').and_then(|pointer| search.root.pointer(pointer));
        return target.map(|target| candidates(target, search, depth)).unwrap_or_default();
    }
    let mut guesses: Vec<Value> = Vec::new();
    guesses.extend(members.get("const").cloned());
    guesses.extend(members.get("default").cloned());
    guesses.extend(members.get("examples").and_then(Value::as_array).into_iter().flatten().cloned());
    guesses.extend(members.get("enum").and_then(Value::as_array).into_iter().flatten().take(3).cloned());
    for union in ["anyOf", "oneOf"] {
        let branches = members.get(union).and_then(Value::as_array).into_iter().flatten();
        guesses
            .extend(branches.flat_map(|branch| candidates(&merged(members, branch), search, depth)).take(8));
    }
    if let Some(parts) = members.get("allOf").and_then(Value::as_array) {
        let whole = parts.iter().fold(Value::Object(without(members, "allOf")), |whole, part| {
            whole.as_object().map_or(Value::Null, |whole| merged(whole, part))
        });
        guesses.extend(candidates(&whole, search, depth));
    }
    guesses.extend(types(members).into_iter().flat_map(|kind| of_type(kind, members, search, depth)));
    guesses
}

fn without(members: &Map<String, Value>, key: &str) -> Map<String, Value> {
    members
        .iter()
        .filter(|(name, _)| *name != key)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A schema with the keywords of a branch laid over it; `properties` and `required` are united.
fn merged(members: &Map<String, Value>, branch: &Value) -> Value {
    let mut merged = without(&without(members, "anyOf"), "oneOf");
    for (key, value) in branch.as_object().into_iter().flatten() {
        match (merged.get_mut(key), value) {
            (Some(Value::Object(own)), Value::Object(more)) => own.extend(more.clone()),
            (Some(Value::Array(own)), Value::Array(more)) if key == "required" => own.extend(more.clone()),
            _ => drop(merged.insert(key.clone(), value.clone())),
        }
    }
    Value::Object(merged)
}

fn types(members: &Map<String, Value>) -> Vec<&str> {
    match members.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ if members.contains_key("properties") || members.contains_key("required") => vec!["object"],
        _ if members.contains_key("items") => vec!["array"],
        _ => vec!["string", "integer", "object"],
    }
}

fn of_type(kind: &str, members: &Map<String, Value>, search: &Search<'_>, depth: usize) -> Vec<Value> {
    match kind {
        "object" => object(members, search, depth).into_iter().collect(),
        "array" => array(members, search, depth).into_iter().collect(),
        "string" => text(members),
        "integer" => number(members, 1.0).into_iter().map(|n| json!(n as i64)).collect(),
        "number" => number(members, 0.5).into_iter().map(|n| json!(n)).collect(),
        "boolean" => vec![json!(false), json!(true)],
        "null" => vec![Value::Null],
        _ => Vec::new(),
    }
}

fn object(members: &Map<String, Value>, search: &Search<'_>, depth: usize) -> Option<Value> {
    let required = members.get("required").and_then(Value::as_array).into_iter().flatten();
    let properties = members.get("properties");
    let mut made = Map::new();
    for name in required.filter_map(Value::as_str) {
        let open = json!({});
        let schema = properties.and_then(|properties| properties.get(name)).unwrap_or(&open);
        let value = address(name, schema).or_else(|| best(schema, search, depth));
        made.insert(name.to_owned(), value?);
    }
    Some(Value::Object(made))
}

/// The e-mail address, for a text that is called one and says nothing else of its values.
fn address(name: &str, schema: &Value) -> Option<Value> {
    let tells = |key: &str| ["const", "default", "examples", "enum", "format", "$ref"].contains(&key);
    let is_free = schema["type"] == "string" && !schema.as_object()?.keys().any(|key| tells(key));
    let value = Value::from(ADDRESS);
    let fits = || Schema::compile(schema.clone())?.allows(&value);
    (is_free && asks_for_mail(name) && fits() == Some(true)).then_some(value)
}

/// Whether an argument of this name asks for an e-mail address.
pub fn asks_for_mail(name: &str) -> bool {
    let name: String = name.to_lowercase().split(['-', '_', ' ']).collect();
    name.ends_with("email") || name.ends_with("emailaddress")
}

fn array(members: &Map<String, Value>, search: &Search<'_>, depth: usize) -> Option<Value> {
    let length = members.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(16);
    let open = json!({});
    let items = members.get("items").unwrap_or(&open);
    (0..length).map(|_| best(items, search, depth)).collect::<Option<Vec<_>>>().map(Value::Array)
}

/// The first candidate that is valid by itself; inside a larger schema references still point to its root.
fn best(schema: &Value, search: &Search<'_>, depth: usize) -> Option<Value> {
    search.step(search.dear)?;
    let guesses = candidates(schema, search, depth);
    let mut alone = schema.clone();
    if let (Value::Object(alone), Some(root)) = (&mut alone, search.root.as_object()) {
        for key in ["$defs", "definitions"] {
            alone.extend(root.get(key).map(|defs| (key.to_owned(), defs.clone())));
        }
    }
    match Schema::compile(alone) {
        Some(judge) => guesses.into_iter().take(MOST_GUESSES).find(|guess| judge.allows(guess) == Some(true)),
        None => guesses.into_iter().next(),
    }
}

fn number(members: &Map<String, Value>, step: f64) -> Vec<f64> {
    let bound = |key: &str| members.get(key).and_then(Value::as_f64);
    let mut guesses = vec![1.0, 0.0];
    guesses.extend(bound("minimum"));
    guesses.extend(bound("maximum"));
    guesses.extend(bound("exclusiveMinimum").map(|n| n + step));
    guesses.extend(bound("exclusiveMaximum").map(|n| n - step));
    if let Some(multiple) = bound("multipleOf") {
        let from = bound("minimum").unwrap_or(0.0);
        guesses.insert(0, (from / multiple).ceil() * multiple);
    }
    guesses
}

fn text(members: &Map<String, Value>) -> Vec<Value> {
    let length = |key: &str| members.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let mut guesses: Vec<String> = Vec::new();
    if let Some(format) = members.get("format").and_then(Value::as_str) {
        guesses.extend(formatted(format).map(str::to_owned));
    }
    guesses
        .extend(["a", "test", "1", "AA", "2025-01-01", "https://example.com/", ADDRESS].map(str::to_owned));
    if let Some(min @ 2..=4096) = length("minLength") {
        guesses.insert(0, "a".repeat(min));
    }
    guesses.into_iter().map(Value::String).collect()
}

fn formatted(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "2025-01-01",
        "date-time" => "2025-01-01T00:00:00Z",
        "time" => "00:00:00Z",
        "duration" => "P1D",
        "uri" | "iri" | "uri-reference" | "url" => "https://example.com/",
        "email" | "idn-email" => ADDRESS,
        "hostname" | "idn-hostname" => "example.com",
        "ipv4" => "127.0.0.1",
        "ipv6" => "::1",
        "uuid" => "123e4567-e89b-12d3-a456-426614174000",
        "json-pointer" => "/a",
        "regex" => "a",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_required_is_made_up() {
        let schema = json!({
            "type": "object",
            "properties": {"n": {"type": "integer", "minimum": 5}, "opt": {"type": "string"}, "k": {"enum": ["x", "y"]}},
            "required": ["n", "k"],
        });
        assert_eq!(valid(&schema), Some(json!({"n": 5, "k": "x"})));
    }

    #[test]
    fn what_is_called_an_email_is_one() {
        let schema = json!({
            "type": "object",
            "properties": {"user_email": {"type": "string"}, "e-mail": {"type": "string", "maxLength": 3}, "mail": {"type": "string"}},
            "required": ["user_email", "e-mail", "mail"],
        });
        assert_eq!(valid(&schema), Some(json!({"user_email": ADDRESS, "e-mail": "a", "mail": "a"})));
    }

    #[test]
    fn references_unions_and_formats_work() {
        let schema = json!({
            "$defs": {"When": {"type": "string", "format": "date"}, "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
            "type": "object",
            "properties": {
                "when": {"$ref": "#/$defs/When"},
                "who": {"anyOf": [{"type": "null"}, {"type": "string"}]},
                "node": {"$ref": "#/$defs/Node"},
                "list": {"type": "array", "minItems": 2, "items": {"type": "number", "exclusiveMinimum": 0}},
            },
            "required": ["when", "who", "node", "list"],
        });
        let instance = valid(&schema).unwrap();
        assert_eq!(instance["when"], "2025-01-01");
        assert_eq!(instance["list"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn what_cannot_be_guessed_is_not_invented() {
        assert_eq!(valid(&json!({"type": "string", "pattern": "^zq[0-9]{7}$"})), None);
        assert_eq!(valid(&json!({"$ref": "#"})), None);
    }

    #[test]
    fn a_family_of_very_many_is_given_up_soon() {
        let names: Vec<String> = (0..40).map(|n| format!("c{n}")).collect();
        let member = json!({"anyOf": [{"$ref": "#/$defs/person"}, {"type": "null"}]});
        let properties: Map<String, Value> =
            names.iter().map(|name| (name.clone(), member.clone())).collect();
        let person = json!({"type": "object", "properties": properties, "required": names});
        let schema = json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/person"}}, "required": ["x"], "$defs": {"person": person}});
        let began = std::time::Instant::now();
        valid(&schema);
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
