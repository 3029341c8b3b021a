//! The headers that the Streamable HTTP transport demands of a client.

use std::collections::HashMap;

use base64::Engine;
use serde_json::Value;

use super::Session;
use crate::protocol::Revision;

const META_VERSION: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

/// An argument of a tool that is mirrored into a header: where it is, and the header's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The names that lead to the argument.
    pub path: Vec<String>,
    /// The header.
    pub header: String,
}

/// The arguments that tools want mirrored (`x-mcp-header` in the input schema), by tool name.
pub(super) fn mirrored(tools: &[Value]) -> HashMap<String, Vec<Mirror>> {
    tools
        .iter()
        .filter_map(|tool| {
            let mut found = Vec::new();
            collect(&tool["inputSchema"], &mut Vec::new(), &mut found);
            Some((tool["name"].as_str()?.to_owned(), found))
        })
        .filter(|(_, found)| !found.is_empty())
        .collect()
}

fn collect(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Mirror>) {
    if let Some(name) = schema["x-mcp-header"].as_str() {
        found.push(Mirror { path: path.clone(), header: format!("Mcp-Param-{name}") });
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        path.push(name.clone());
        collect(inner, path, found);
        path.pop();
    }
}

/// The `Mcp-Param-*` headers for the arguments of a call; null and absent arguments have none.
pub(super) fn param_headers(mirrors: &[Mirror], arguments: &Value) -> Vec<(String, String)> {
    mirrors
        .iter()
        .filter_map(|mirror| {
            let value = mirror.path.iter().try_fold(arguments, |value, key| value.get(key))?;
            let text = match value {
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Some((mirror.header.clone(), encode(&text)))
        })
        .collect()
}

/// A header value: plain where that is safe, else in the Base64 sentinel form
/// (2026-07-28, Streamable HTTP, value encoding).
pub fn encode(text: &str) -> String {
    let plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte) || byte == b'\t')
        && text.trim() == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    match plain {
        true => text.to_owned(),
        false => format!("=?base64?{}?=", base64::engine::general_purpose::STANDARD.encode(text)),
    }
}

impl Session {
    /// The headers of an HTTP request with this message as its body.
    pub(super) fn headers_for(&self, message: Option<&Value>) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let mut add = |name: &str, value: String| headers.push((name.to_owned(), value));
        if message.is_some() {
            add("Content-Type", "application/json".into());
            add("Accept", "application/json, text/event-stream".into());
        }
        if let Some(session) = &self.http_session {
            add("Mcp-Session-Id", session.clone());
        }
        if self.revision.is_stateless() || (self.agreed && self.revision >= Revision::V2025_06_18) {
            // The header says what the message says, even where that is wrong on purpose.
            let said = message.and_then(|message| message.pointer(META_VERSION)).and_then(Value::as_str);
            add("MCP-Protocol-Version", said.unwrap_or(self.revision.as_str()).into());
        }
        if let (true, Some(message)) = (self.revision.is_stateless(), message) {
            headers.extend(self.mirror(message));
        }
        if let crate::transport::Wire::Http(wire) = &self.wire {
            headers.extend(wire.endpoint.headers.iter().cloned());
        }
        headers
    }

    fn mirror(&self, message: &Value) -> Vec<(String, String)> {
        let Some(method) = message["method"].as_str() else { return Vec::new() };
        let params = &message["params"];
        let mut headers = vec![("Mcp-Method".to_owned(), encode(method))];
        let name = match method {
            "tools/call" | "prompts/get" => params["name"].as_str(),
            "tasks/get" | "tasks/update" | "tasks/cancel" => params["taskId"].as_str(),
            "resources/read" => params["uri"].as_str(),
            _ => None,
        };
        headers.extend(name.map(|name| ("Mcp-Name".to_owned(), encode(name))));
        if let (true, Some(mirrors)) =
            (method == "tools/call", name.and_then(|name| self.learned.0.get(name)))
        {
            headers.extend(param_headers(mirrors, &params["arguments"]));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_a_header_cannot_hold_are_encoded() {
        // The examples of the specification's table.
        assert_eq!(encode("us-west1"), "us-west1");
        assert_eq!(encode("Hello, 世界"), "=?base64?SGVsbG8sIOS4lueVjA==?=");
        assert_eq!(encode(" padded "), "=?base64?IHBhZGRlZCA=?=");
        assert_eq!(encode("=?base64?literal?="), "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=");
    }

    #[test]
    fn nested_arguments_are_mirrored_unless_null() {
        let tools = [json!({"name": "t", "inputSchema": {"properties": {
            "region": {"x-mcp-header": "Region"},
            "deep": {"properties": {"n": {"x-mcp-header": "N"}}},
        }}})];
        let mirrors = &mirrored(&tools)["t"];
        let headers = param_headers(mirrors, &json!({"region": null, "deep": {"n": 4}}));
        assert_eq!(headers, [("Mcp-Param-N".to_owned(), "4".to_owned())]);
    }
}
