//! Sampling with tools: every use of a tool is followed by its result, and every result belongs to a use.

use serde_json::Value;

use super::wish::{Wish, wishes};
use super::{Context, Findings, Rule};

const BALANCED: &str = "sampling.tool-use-balanced";
const ORPHAN: &str = "sampling.no-orphan-tool-result";
const ANSWERED: &str = "sampling.every-tool-use-answered";

pub const RULE: Rule = Rule {
    id: "rule/tool-uses",
    judges: &[BALANCED, ORPHAN, ANSWERED],
    hint: "a tool that may be called has to ask for sampling with tools, and to go on after the model used one",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for wish in wishes(context).iter().filter(|wish| wish.method == "sampling/createMessage") {
        conversation(wish, findings);
    }
}

/// The blocks of a content that may be one block or a list of them.
pub(super) fn blocks(content: &Value) -> Vec<&Value> {
    match content {
        Value::Array(blocks) => blocks.iter().collect(),
        block => vec![block],
    }
}

/// The ids in the blocks of a kind.
fn ids<'m>(message: &'m Value, kind: &str, member: &str) -> Vec<&'m str> {
    let blocks = blocks(&message["content"]).into_iter().filter(|block| block["type"] == kind);
    blocks.filter_map(|block| block[member].as_str()).collect()
}

fn conversation(wish: &Wish<'_>, findings: &mut Findings) {
    let messages = wish.params["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (index, message) in messages.iter().enumerate() {
        let used = ids(message, "tool_use", "id");
        if message["role"] == "assistant" && !used.is_empty() {
            let next = messages.get(index + 1).unwrap_or(&Value::Null);
            follow(wish, &used, next, findings);
        }
        let results = ids(message, "tool_result", "toolUseId");
        let before =
            index.checked_sub(1).map_or(Vec::new(), |before| ids(&messages[before], "tool_use", "id"));
        for id in results {
            match before.contains(&id) {
                true => findings.kept(ORPHAN),
                false => findings.violated(
                    ORPHAN,
                    format!("the result of a tool use `{id}` that the message before does not have"),
                    "results of the tool uses in the message before",
                    wish.got(),
                    &wish.entries,
                ),
            }
        }
    }
}

/// The message after one with tool uses: their results, all of them, and nothing else.
fn follow(wish: &Wish<'_>, used: &[&str], next: &Value, findings: &mut Findings) {
    let results = ids(next, "tool_result", "toolUseId");
    let mut hold = |id, is_kept: bool, problem: String| match is_kept {
        true => findings.kept(id),
        false => findings.violated(
            id,
            problem,
            "a user message with one result for each tool use, and nothing else",
            wish.got(),
            &wish.entries,
        ),
    };
    let missing: Vec<&&str> = used.iter().filter(|id| !results.contains(id)).collect();
    let is_user = next["role"] == "user";
    hold(
        BALANCED,
        missing.is_empty() && is_user,
        format!("tool uses without a result in the message after them: {missing:?}"),
    );
    // Our own answer is what the server goes on from.
    let is_ours = used.iter().any(|id| id.starts_with("mcp-conform-"));
    if is_ours {
        let mut once = results.clone();
        once.sort_unstable();
        once.dedup();
        let others = blocks(&next["content"]).iter().any(|block| block["type"] != "tool_result");
        let is_exact = missing.is_empty() && once.len() == results.len() && results.len() == used.len();
        hold(
            ANSWERED,
            is_exact && !others,
            format!("{} tool uses were answered by {} results", used.len(), results.len()),
        );
    }
}
