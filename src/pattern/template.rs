//! Templates: JSON in which `${name/pointer}` stands for a captured value.

use serde_json::Value;

/// A `${…}` that stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing at ${{{0}}}")]
pub struct Missing(pub String);

/// Replaces every `${…}`. A text that is just one `${…}` becomes the value with its type; inside other text the value is inserted as text.
pub fn fill(template: &Value, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Value, Missing> {
    match template {
        Value::String(text) if text.contains("${") => fill_text(text, lookup),
        Value::Array(elements) => {
            elements.iter().map(|element| fill(element, lookup)).collect::<Result<_, _>>().map(Value::Array)
        }
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| Ok((fill_key(key, lookup)?, fill(value, lookup)?)))
            .collect::<Result<_, _>>()
            .map(Value::Object),
        other => Ok(other.clone()),
    }
}

fn fill_key(key: &str, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<String, Missing> {
    match key.contains("${") {
        true => fill_text(key, lookup).map(|value| plain(&value)),
        false => Ok(key.to_owned()),
    }
}

fn fill_text(text: &str, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Value, Missing> {
    let mut find = |name: &str| lookup(name).ok_or_else(|| Missing(name.to_owned()));
    if let Some(name) = whole(text) {
        return find(name);
    }
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = next(rest) {
        filled.push_str(before);
        filled.push_str(&plain(&find(name)?));
        rest = after;
    }
    filled.push_str(rest);
    Ok(Value::String(filled))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn whole(text: &str) -> Option<&str> {
    let name = text.strip_prefix("${")?.strip_suffix('}')?;
    (!name.contains('}')).then_some(name)
}

fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// The names that a template uses, each the text between `${` and `}`.
pub fn names(template: &Value) -> Vec<String> {
    let mut found = Vec::new();
    // The lookup never fails, so neither does filling.
    let _ = fill(template, &mut |name| {
        found.push(name.to_owned());
        Some(Value::Null)
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lookup(name: &str) -> Option<Value> {
        json!({"a": {"n": 7}, "b": "x"}).pointer(&format!("/{name}")).cloned()
    }

    #[test]
    fn alone_a_value_keeps_its_type() {
        assert_eq!(fill(&json!({"v": "${a/n}"}), &mut lookup), Ok(json!({"v": 7})));
    }

    #[test]
    fn inside_text_it_becomes_text() {
        assert_eq!(fill(&json!("n=${a/n}, b=${b}"), &mut lookup), Ok(json!("n=7, b=x")));
    }

    #[test]
    fn a_missing_value_is_named() {
        assert_eq!(fill(&json!(["${c}"]), &mut lookup), Err(Missing("c".into())));
        assert_eq!(names(&json!({"${b}": "${a/n} ${c}"})), ["b", "a/n", "c"]);
    }
}
