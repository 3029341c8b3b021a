//! Arguments of tools that are mirrored into `Mcp-Param-*` headers (2026-07-28).

use hyper::HeaderMap;
use serde_json::Value;

use super::check::decoded;
use crate::reference::tools;

/// What is wrong with the mirrored arguments of a tool call.
pub(super) fn mismatch(headers: &HeaderMap, params: &Value) -> Option<String> {
    let mut marked = Vec::new();
    let name = params["name"].as_str().unwrap_or_default();
    collect(&tools::input_schema(name), Some(&params["arguments"]), &mut marked);
    marked.into_iter().find_map(|(header, value)| {
        let given = headers.get(&header).map(|given| decoded(given.as_bytes()));
        let fits = match (given, value) {
            (None, None | Some(Value::Null)) => true,
            // Nothing says how such a value would be written; the arguments themselves are wrong.
            (_, Some(Value::Array(_) | Value::Object(_))) => true,
            (Some(Some(given)), Some(value)) => is_same(&given, value),
            _ => false,
        };
        (!fits).then(|| format!("`{header}` does not match the arguments"))
    })
}

/// The headers that a schema asks for, with the arguments that they mirror.
fn collect<'a>(schema: &Value, argument: Option<&'a Value>, found: &mut Vec<(String, Option<&'a Value>)>) {
    if let Some(name) = schema["x-mcp-header"].as_str() {
        found.push((format!("mcp-param-{}", name.to_ascii_lowercase()), argument));
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        collect(inner, argument.and_then(|argument| argument.get(name)), found);
    }
}

fn is_same(given: &str, value: &Value) -> bool {
    match value {
        Value::String(text) => text == given,
        Value::Number(number) => number.as_f64().is_some() && given.parse::<f64>().ok() == number.as_f64(),
        Value::Bool(flag) => given.parse() == Ok(*flag),
        _ => false,
    }
}
