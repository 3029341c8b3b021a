//! From 2026-07-28 every result says what it is: `resultType`.

use serde_json::Value;

use super::{Context, Findings, Rule};

const PRESENT: &str = "base.result-type.present";
const STRING: &str = "base.result-type.string";
const VALUES: &str = "base.result-type.value-set";
/// The extension that has results of the kind `task`.
const TASKS: &str = "io.modelcontextprotocol/tasks";

pub const RULE: Rule = Rule {
    id: "rule/result-type",
    judges: &[PRESENT, STRING, VALUES],
    hint: "the server has to send a result",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    for (entry, message, asked) in context.replies() {
        // A server of both eras answers `initialize` as its older revision demands.
        let Some(result) = message.get("result").filter(|_| asked.method != "initialize") else { continue };
        let entries = [asked.seq, entry.seq];
        match result.get("resultType") {
            None => findings.violated(
                PRESENT,
                format!("the result of `{}` has no `resultType`", asked.method),
                "\"resultType\": \"complete\" or \"input_required\"",
                result.to_string(),
                &entries,
            ),
            Some(Value::String(kind)) => {
                [PRESENT, STRING].iter().for_each(|id| findings.kept(id));
                value(kind, context, &entries, findings);
            }
            Some(other) => findings.violated(
                STRING,
                "`resultType` is not a text",
                "a string",
                other.to_string(),
                &entries,
            ),
        }
    }
}

fn value(kind: &str, context: &Context<'_>, entries: &[u64], findings: &mut Findings) {
    let extensions = context.server.as_ref().and_then(|server| server["extensions"].as_object());
    let has = |name: &str| extensions.is_some_and(|all| all.contains_key(name));
    match kind {
        "complete" | "input_required" => findings.kept(VALUES),
        "task" if has(TASKS) => findings.kept(VALUES),
        // Extensions may define kinds of their own; that of tasks defines one.
        _ if extensions.is_some_and(|all| all.len() > usize::from(has(TASKS))) => {}
        other => findings.violated(
            VALUES,
            format!("`resultType` is \"{other}\""),
            "\"complete\" or \"input_required\", or what a declared extension defines",
            other,
            entries,
        ),
    }
}
