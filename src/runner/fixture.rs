//! The fixture of the official conformance suite: tools with names, arguments and contents that its convention fixes. Whoever
//! offers them wants them to be called.

use serde_json::{Value, json};

use crate::pattern::Schema;

/// So many of the tools make a server one that follows the convention.
const ENOUGH: usize = 3;

/// The tools that take nothing.
const PLAIN: [&str; 24] = [
    "test_simple_text",
    "test_image_content",
    "test_audio_content",
    "test_embedded_resource",
    "test_multiple_content_types",
    "test_tool_with_logging",
    "test_tool_with_progress",
    "test_error_handling",
    RECONNECTION,
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_missing_capability",
    "test_input_required_result_elicitation",
    "test_input_required_result_sampling",
    "test_input_required_result_list_roots",
    "test_input_required_result_request_state",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_multi_round",
    "test_input_required_result_tampered_state",
    "test_input_required_result_capabilities",
    "test_streaming_elicitation",
    "test_logging_tool",
    "test_trigger_tool_change",
    "test_trigger_prompt_change",
];

/// The arguments that the convention gives a tool, if it is one of those and its schema agrees.
pub fn arguments(tool: &Value) -> Option<Value> {
    let arguments = match tool["name"].as_str()? {
        "test_sampling" => json!({"prompt": "Say something."}),
        "test_elicitation" => json!({"message": "Who are you?"}),
        "json_schema_2020_12_tool" => json!({"name": "Ada", "email": "ada@example.com"}),
        name if PLAIN.contains(&name) => json!({}),
        _ => return None,
    };
    let schema = Schema::compile(tool["inputSchema"].clone())?;
    (schema.allows(&arguments) == Some(true)).then_some(arguments)
}

/// The tool that lets its client wait for as long as the server likes: it is called once, by the case that is about it.
pub const RECONNECTION: &str = "test_reconnection";

/// Whether the tool belongs to the fixture of a server that offers these tools.
pub fn is_part(tool: &Value, offered: &[Value]) -> bool {
    arguments(tool).is_some() && offered.iter().filter_map(arguments).take(ENOUGH).count() == ENOUGH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(name: &str, schema: Value) -> Value {
        json!({"name": name, "inputSchema": schema})
    }

    #[test]
    fn a_single_name_is_a_coincidence() {
        let object = || json!({"type": "object"});
        let two = [tool("test_simple_text", object()), tool("test_image_content", object())];
        assert!(!is_part(&two[0], &two));
        let mut three = two.to_vec();
        three.push(tool("test_error_handling", object()));
        assert!(is_part(&three[0], &three));
        assert!(!is_part(&tool("delete_everything", object()), &three));
    }

    #[test]
    fn a_tool_that_wants_other_arguments_is_another_tool() {
        let wants = json!({"type": "object", "required": ["path"]});
        assert_eq!(arguments(&tool("test_simple_text", wants)), None);
    }
}
