//! A conversation with the model in which it may use a tool.

use serde_json::{Value, json};

use super::Answers;
use super::question::sampling;

/// After so many turns the model has to answer in words.
const TURNS: usize = 3;
const TOOL: &str = "temperature";

/// The next turn, unless the model has answered in words.
pub(super) fn open(most: Option<usize>, answers: &Answers) -> Vec<(String, Value)> {
    let turns: Vec<&Value> = (1..).map_while(|n| answers.get(&format!("turn-{n}"))).collect();
    let goes_on = turns.last().is_none_or(|last| last["stopReason"] == "toolUse");
    let most = most.unwrap_or(TURNS);
    match goes_on && turns.len() < most {
        true => vec![(format!("turn-{}", turns.len() + 1), request(&turns, most))],
        false => Vec::new(),
    }
}

fn request(turns: &[&Value], most: usize) -> Value {
    let mut request = sampling("How warm is it in Bern?", 200);
    if let Some(messages) = request["params"]["messages"].as_array_mut() {
        for turn in turns {
            messages.push(json!({"role": "assistant", "content": turn["content"]}));
            messages.push(json!({"role": "user", "content": results(&turn["content"])}));
        }
    }
    request["params"]["tools"] = json!([tool()]);
    let mode = if turns.len() + 1 < most { "auto" } else { "none" };
    request["params"]["toolChoice"] = json!({"mode": mode});
    request
}

fn tool() -> Value {
    json!({
        "name": TOOL,
        "description": "The temperature in a town.",
        "inputSchema": {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
        "outputSchema": {"type": "object", "properties": {"celsius": {"type": "number"}}, "required": ["celsius"]},
    })
}

/// One result for each use, and nothing else.
fn results(content: &Value) -> Value {
    let blocks = content.as_array().cloned().unwrap_or_else(|| vec![content.clone()]);
    blocks.iter().filter(|block| block["type"] == "tool_use").map(result).collect()
}

fn result(used: &Value) -> Value {
    let mut result = json!({"type": "tool_result", "toolUseId": used["id"]});
    match (used["name"] == TOOL, used["input"]["town"].as_str()) {
        (true, Some(town)) => {
            result["content"] = json!([{"type": "text", "text": format!("20 degrees in {town}.")}]);
            result["structuredContent"] = json!({"celsius": 20});
        }
        _ => {
            result["content"] = json!([{"type": "text", "text": "That is not how the tool is used."}]);
            result["isError"] = true.into();
        }
    }
    result
}
