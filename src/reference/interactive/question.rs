//! The requests that interactive tools put to the client.

use serde_json::{Value, json};

pub(super) fn sampling(text: &str, most: u32) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": text}});
    json!({"method": "sampling/createMessage", "params": {
        "messages": [message], "maxTokens": most, "includeContext": "none",
        "modelPreferences": {"speedPriority": 0.5, "hints": [{"name": "small"}]},
    }})
}

pub(super) fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}

pub(super) fn form(message: &str, fields: Value) -> Value {
    let required: Vec<&String> = fields.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
    let schema = json!({"type": "object", "properties": fields, "required": required});
    json!({"method": "elicitation/create", "params": {"message": message, "requestedSchema": schema}})
}

pub(super) fn text_field(name: &str) -> Value {
    json!({ name: {"type": "string"} })
}

/// A page to visit; `id` is what 2025-11-25 wants beside it.
pub(super) fn link(id: Option<&str>) -> Value {
    let mut params = json!({
        "mode": "url", "message": "Please choose an account on our page.",
        "url": "https://reference.example/choose",
    });
    if let Some(id) = id {
        params["elicitationId"] = id.into();
    }
    json!({"method": "elicitation/create", "params": params})
}

/// One field of every kind, with a default.
pub(super) fn defaults() -> Value {
    json!({
        "name": {"type": "string", "description": "User name", "default": "John Doe"},
        "age": {"type": "integer", "description": "User age", "default": 30},
        "score": {"type": "number", "description": "User score", "default": 95.5},
        "mail": {"type": "string", "format": "email", "default": "john@example.com"},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "description": "Verification status", "default": true},
    })
}

/// One field of every kind of choice.
pub(super) fn choices() -> Value {
    let names = json!(["option1", "option2", "option3"]);
    let titled = json!([
        {"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"},
    ]);
    json!({
        "untitledSingle": {"type": "string", "enum": names},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["One", "Two"]},
        "untitledMulti": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "string", "enum": names}},
        "titledMulti": {"type": "array", "minItems": 1, "maxItems": 2, "items": {"anyOf": titled}},
    })
}
