//! What a server may ask of a client, and what the client must have declared for it.

use serde_json::{Value, json};

use super::method;
use super::revision::Revision;

/// The client capability that a request of the server needs, such as `elicitation.url`; `None` for what needs none.
pub fn needed(name: &str, params: &Value) -> Option<&'static str> {
    match name {
        "roots/list" => Some("roots"),
        "sampling/createMessage" if uses_tools(params) => Some("sampling.tools"),
        "sampling/createMessage" => Some("sampling"),
        "elicitation/create" if params["mode"] == "url" => Some("elicitation.url"),
        "elicitation/create" => Some("elicitation.form"),
        _ => None,
    }
}

/// An empty list of tools offers none.
fn uses_tools(params: &Value) -> bool {
    params["tools"].as_array().is_none_or(|tools| !tools.is_empty()) && params.get("tools").is_some()
        || params.get("toolChoice").is_some()
}

/// Whether client capabilities include one. Elicitation without a mode means forms.
pub fn declares(capabilities: &Value, path: &str) -> bool {
    let has = |path| method::declares(capabilities, path);
    match path {
        "elicitation.form" => has("elicitation.form") || has("elicitation") && !has("elicitation.url"),
        path => has(path),
    }
}

/// Everything that a client can declare about what a server may ask.
pub fn everything(revision: Revision) -> Value {
    let mut all = json!({"roots": {}, "sampling": {}});
    if revision.is_handshake() {
        all["roots"]["listChanged"] = true.into();
    }
    if revision >= Revision::V2025_06_18 {
        all["elicitation"] = json!({});
    }
    if revision >= Revision::V2025_11_25 {
        all["elicitation"] = json!({"form": {}, "url": {}});
        all["sampling"] = json!({"context": {}, "tools": {}});
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elicitation_without_a_mode_means_forms() {
        let url = json!({"mode": "url"});
        assert!(declares(&json!({"elicitation": {}}), "elicitation.form"));
        assert!(!declares(&json!({"elicitation": {"url": {}}}), "elicitation.form"));
        assert!(!declares(&json!({"elicitation": {}}), needed("elicitation/create", &url).unwrap()));
        assert_eq!(needed("sampling/createMessage", &json!({"tools": []})), Some("sampling"));
        assert_eq!(needed("sampling/createMessage", &json!({"tools": [{}]})), Some("sampling.tools"));
    }
}
