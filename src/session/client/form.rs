//! Filling in the forms of elicitation.

use serde_json::{Value, json};

use crate::pattern::Schema;
use crate::sample;

/// A form filled in as its schema demands, with every field; declined where no fitting content can be made up.
pub(super) fn filled(schema: &Value) -> Value {
    match sample::valid(&with_every_field(schema)).or_else(|| sample::valid(schema)) {
        Some(content) if is_flat(&content) => {
            json!({"action": "accept", "content": tidy(agreeing(schema, content))})
        }
        _ => json!({"action": "decline"}),
    }
}

/// Whoever is asked says yes wherever that is allowed: some ask until they hear it.
fn agreeing(schema: &Value, mut content: Value) -> Value {
    for (name, value) in content.as_object_mut().into_iter().flatten() {
        let field = || Schema::compile(schema["properties"][name].clone());
        if *value == false && field().is_some_and(|field| field.allows(&true.into()) == Some(true)) {
            *value = true.into();
        }
    }
    content
}

/// A form filled in with what its schema forbids, if anything is.
pub(super) fn misfilled(schema: &Value) -> Value {
    match sample::invalid(&with_every_field(schema)).pop() {
        Some(broken) => json!({"action": "accept", "content": broken.instance}),
        None => filled(schema),
    }
}

/// Whether anything breaks the schema of a form.
pub fn can_misfill(schema: &Value) -> bool {
    !sample::invalid(&with_every_field(schema)).is_empty()
}

fn with_every_field(schema: &Value) -> Value {
    let mut all = schema.clone();
    if let (Some(fields), true) = (schema["properties"].as_object(), schema.is_object()) {
        all["required"] = fields.keys().cloned().collect();
    }
    all
}

/// Whether a user could fill it in: texts, numbers, yes or no, and lists of texts (`ElicitResult` knows nothing else).
fn is_flat(content: &Value) -> bool {
    content.as_object().is_some_and(|fields| {
        fields.values().all(|value| match value {
            Value::Array(texts) => texts.iter().all(Value::is_string),
            Value::Object(_) | Value::Null => false,
            _ => true,
        })
    })
}

/// Whole numbers are written as such: some readers take no fraction.
fn tidy(content: Value) -> Value {
    match content {
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, tidy(value))).collect(),
        Value::Array(elements) => elements.into_iter().map(tidy).collect(),
        Value::Number(number) if number.is_f64() => match number.as_f64() {
            Some(n) if n.fract() == 0.0 && n.abs() < 1e15 => json!(n as i64),
            _ => Value::Number(number),
        },
        other => other,
    }
}
