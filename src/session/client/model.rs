//! Playing the language model of sampling.

use serde_json::{Value, json};

use super::Manner;
use crate::sample;

/// A tool that no server offers.
const UNKNOWN: &str = "mcp-conform-no-such-tool";
/// What the model puts into the metadata of a tool use.
const MARK: &str = "mcp-conform/mark";
/// What the model says, so that it can be found again.
pub const SAID: &str = "An answer from mcp-conform.";

/// After so many messages even the most stubborn model answers in words.
const ENOUGH: usize = 120;

fn turn(params: &Value) -> usize {
    params["messages"].as_array().map_or(0, Vec::len)
}

/// The answer of the model.
pub(super) fn answer(params: &Value, manner: &Manner) -> Value {
    let uses = match manner {
        Manner::UsingTools if !has_results(params) => uses(params),
        Manner::Looping if turn(params) < ENOUGH => uses(params).into_iter().take(1).collect(),
        _ => Vec::new(),
    };
    let text = json!({"type": "text", "text": SAID});
    let (content, reason) = match (uses.is_empty(), manner) {
        (false, _) => (Value::Array(uses), "toolUse"),
        (true, Manner::Listing) => (json!([text]), "endTurn"),
        (true, _) => (text, "endTurn"),
    };
    json!({"role": "assistant", "content": content, "model": "mcp-conform", "stopReason": reason})
}

/// Several uses at once: a right one, one with arguments that do not fit, one of a tool that was not offered.
fn uses(params: &Value) -> Vec<Value> {
    let tools = params["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(first) =
        tools.first().filter(|tool| tool["name"].is_string() && params["toolChoice"]["mode"] != "none")
    else {
        return Vec::new();
    };
    let turn = turn(params);
    let one = |number: usize, name: &Value, input: Value| {
        let id = format!("mcp-conform-{turn}-{number}");
        json!({"type": "tool_use", "id": id, "name": name, "input": input, "_meta": {MARK: id}})
    };
    let schema = &first["inputSchema"];
    let valid = sample::valid(schema).filter(Value::is_object).unwrap_or_else(|| json!({}));
    let mut uses = vec![one(1, &first["name"], valid)];
    uses.extend(sample::invalid(schema).pop().map(|broken| one(2, &first["name"], broken.instance)));
    uses.push(one(3, &json!(UNKNOWN), json!({})));
    uses
}

fn has_results(params: &Value) -> bool {
    let messages = params["messages"].as_array().into_iter().flatten();
    let mut blocks = messages.flat_map(|message| match &message["content"] {
        Value::Array(blocks) => blocks.iter().collect(),
        block => vec![block],
    });
    blocks.any(|block| block["type"] == "tool_result")
}
