//! The emulated client: what we declare, and how we answer the server's own requests.

use serde_json::{Value, json};

use crate::protocol::{Message, code};

/// The client that a session pretends to be.
#[derive(Debug, Clone)]
pub struct Client {
    /// The capabilities that it declares.
    pub capabilities: Value,
}

impl Default for Client {
    fn default() -> Self {
        Self { capabilities: json!({}) }
    }
}

impl Client {
    /// The reply to a request of the server: `ping` is answered, what was not declared is refused.
    pub fn answer(&self, request: &Message) -> Value {
        let id = request.get("id").cloned().unwrap_or_default();
        match request.method() {
            Some("ping") => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
            method => {
                let message = format!("Method not found: {}", method.unwrap_or("(none)"));
                let error = json!({"code": code::METHOD_NOT_FOUND, "message": message});
                json!({"jsonrpc": "2.0", "id": id, "error": error})
            }
        }
    }
}
