//! Composing legal messages of the era.

use serde_json::{Map, Value, json};

use super::Session;
use crate::protocol::{Id, Revision};

/// Changes to the `_meta` of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Meta {
    /// What the era demands.
    #[default]
    Standard,
    /// No `_meta` at all.
    Absent,
    /// What the era demands, with keys added, replaced, or (null) removed.
    Changed(Map<String, Value>),
}

/// How the client names itself.
pub fn client_info() -> Value {
    json!({"name": "mcp-conform", "version": env!("CARGO_PKG_VERSION")})
}

/// The `_meta` that each request of the revision must carry (2026-07-28, basic, per-request protocol fields).
pub fn client_meta(revision: Revision, capabilities: &Value) -> Map<String, Value> {
    let mut meta = Map::new();
    if revision.is_stateless() {
        meta.insert("io.modelcontextprotocol/protocolVersion".into(), revision.as_str().into());
        meta.insert("io.modelcontextprotocol/clientInfo".into(), client_info());
        meta.insert("io.modelcontextprotocol/clientCapabilities".into(), capabilities.clone());
    }
    meta
}

impl Session {
    /// A request of the era. Without parameters it gets those that the era demands.
    pub fn compose(&mut self, method: &str, params: Option<Value>, meta: &Meta) -> (Id, Value) {
        let id = self.new_id();
        let mut message = json!({"jsonrpc": "2.0", "id": id.to_value(), "method": method});
        let params = params.or_else(|| self.default_params(method));
        if let Some(params) = self.with_meta(params, meta) {
            message["params"] = params;
        }
        (id, message)
    }

    fn default_params(&self, method: &str) -> Option<Value> {
        (method == "initialize").then(|| {
            json!({
                "protocolVersion": self.revision.as_str(),
                "capabilities": self.options.client.capabilities,
                "clientInfo": client_info(),
            })
        })
    }

    fn with_meta(&self, params: Option<Value>, meta: &Meta) -> Option<Value> {
        let mut keys = match meta {
            Meta::Absent => return params,
            Meta::Standard | Meta::Changed(_) => {
                client_meta(self.revision, &self.options.client.capabilities)
            }
        };
        if let Meta::Changed(changes) = meta {
            for (key, value) in changes {
                match value {
                    Value::Null => drop(keys.shift_remove(key)),
                    value => drop(keys.insert(key.clone(), value.clone())),
                }
            }
        }
        if keys.is_empty() {
            return params;
        }
        let mut members = match params {
            None => Map::new(),
            Some(Value::Object(members)) => members,
            // Parameters of another type are a deliberate violation: they stay as they are.
            Some(other) => return Some(other),
        };
        let own = members.get("_meta").and_then(Value::as_object).cloned().unwrap_or_default();
        keys.extend(own);
        members.insert("_meta".to_owned(), Value::Object(keys));
        Some(Value::Object(members))
    }
}
