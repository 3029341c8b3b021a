//! Sampling: only what the client's sub-capabilities allow.

use serde_json::Value;

use super::wish::{Wish, wishes};
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::pattern::Schema;
use crate::protocol::ask;

const TOOLS: &str = "sampling.tools-need-capability";
const CONTEXT: &str = "sampling.include-context-needs-capability";
const AVOIDED: &str = "sampling.include-context-avoided";
const STRUCTURED: &str = "sampling.tool-result-structured";

pub const RULE: Rule = Rule {
    id: "rule/sampling",
    judges: &[TOOLS, CONTEXT, AVOIDED, STRUCTURED],
    hint: "a tool that may be called has to ask for sampling",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for wish in wishes(context).iter().filter(|wish| wish.method == "sampling/createMessage") {
        tools(wish, findings);
        include_context(wish, findings);
        structured(wish, findings);
    }
}

fn tools(wish: &Wish<'_>, findings: &mut Findings) {
    // A client without sampling is the business of another rule.
    if !ask::declares(wish.client, "sampling") {
        return;
    }
    let says_nothing = wish.params["tools"].as_array().is_some_and(Vec::is_empty);
    match wish.undeclared() {
        None if says_nothing && !ask::declares(wish.client, "sampling.tools") => findings.violated_as(
            Some(Verdict::Warn),
            TOOLS,
            "the server offers the model an empty list of tools, but the client did not declare `sampling.tools`",
            "neither `tools` nor `toolChoice`",
            wish.got(),
            &wish.entries,
        ),
        None => findings.kept(TOOLS),
        Some(capability) => findings.violated(
            TOOLS,
            format!("the server offers the model tools, but the client did not declare `{capability}`"),
            "neither `tools` nor `toolChoice`",
            wish.got(),
            &wish.entries,
        ),
    }
}

fn include_context(wish: &Wish<'_>, findings: &mut Findings) {
    let value = wish.params["includeContext"].as_str();
    let Some(value) = value.filter(|value| ["thisServer", "allServers"].contains(value)) else {
        [CONTEXT, AVOIDED].iter().for_each(|id| findings.kept(id));
        return;
    };
    let expected = "`includeContext` left out, or \"none\"";
    let problem = format!("the server asks for the context \"{value}\", which is deprecated");
    findings.violated(AVOIDED, problem, expected, wish.got(), &wish.entries);
    match ask::declares(wish.client, "sampling.context") {
        true => findings.kept(CONTEXT),
        false => findings.violated(
            CONTEXT,
            format!("the server asks for the context \"{value}\", but the client did not declare `sampling.context`"),
            expected,
            wish.got(),
            &wish.entries,
        ),
    }
}

/// Results of tools fit the `outputSchema` of the tool, where both are there.
fn structured(wish: &Wish<'_>, findings: &mut Findings) {
    let tools = wish.params["tools"].as_array().into_iter().flatten();
    let schema = |name: &Value| {
        let tool = tools.clone().find(|tool| tool["name"] == *name)?;
        Schema::compile(tool.get("outputSchema")?.clone())
    };
    let messages = wish.params["messages"].as_array().into_iter().flatten();
    let blocks: Vec<&Value> =
        messages.flat_map(|message| super::tool_uses::blocks(&message["content"])).collect();
    for result in blocks.iter().filter(|block| block["type"] == "tool_result" && block["isError"] != true) {
        let used =
            blocks.iter().find(|block| block["type"] == "tool_use" && block["id"] == result["toolUseId"]);
        let (Some(content), Some(schema)) =
            (result.get("structuredContent"), used.and_then(|used| schema(&used["name"])))
        else {
            continue;
        };
        match schema.complaint(content) {
            None => findings.kept(STRUCTURED),
            Some(error) => findings.violated(
                STRUCTURED,
                format!("the structured content of a tool result breaks the tool's output schema: {error}"),
                "content that fits the output schema",
                content.to_string(),
                &wish.entries,
            ),
        }
    }
}
