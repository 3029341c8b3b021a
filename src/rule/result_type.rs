//! From 2026-07-28 every result says what it is: `resultType`.

use serde_json::Value;

use super::context::Asked;
use super::{Context, Findings, Rule, wish};

const PRESENT: &str = "base.result-type.present";
const STRING: &str = "base.result-type.string";
const VALUES: &str = "base.result-type.value-set";
const FINAL: &str = "base.result-type.complete-is-final";
const SHAPE: &str = "base.result-type.input-required-shape";
const FALLBACK: &str = "versioning.extensions.fallback";
/// The extension that has results of the kind `task`.
const TASKS: &str = "io.modelcontextprotocol/tasks";

pub const RULE: Rule = Rule {
    id: "rule/result-type",
    judges: &[PRESENT, STRING, VALUES, FINAL, SHAPE, FALLBACK],
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
                value(kind, result, asked, context, &entries, findings);
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

fn value(
    kind: &str,
    result: &Value,
    asked: &Asked,
    context: &Context<'_>,
    entries: &[u64; 2],
    findings: &mut Findings,
) {
    let extensions = context.server.as_ref().and_then(|server| server["extensions"].as_object());
    let has = |name: &str| extensions.is_some_and(|all| all.contains_key(name));
    if extensions.is_some() {
        extension(kind, context, entries, findings);
    }
    match kind {
        "complete" => {
            findings.kept(VALUES);
            // What a task waits for is told by the task, not by the result that shows it.
            let is_final = asked.method == "tasks/get" || result.get("inputRequests").is_none();
            hold(FINAL, is_final, "no `inputRequests` in a complete result", result, entries, findings);
        }
        "input_required" => {
            findings.kept(VALUES);
            let asks = result.get("inputRequests").is_some() || result.get("requestState").is_some();
            hold(SHAPE, asks, "`inputRequests` or `requestState`", result, entries, findings);
        }
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

/// Kinds of an extension are for clients that declared extensions.
fn extension(kind: &str, context: &Context<'_>, entries: &[u64; 2], findings: &mut Findings) {
    let declared = wish::declared(context, entries[0]).get("extensions").is_some();
    match declared || matches!(kind, "complete" | "input_required") {
        true if !declared => findings.kept(FALLBACK),
        true => {}
        false => findings.violated(
            FALLBACK,
            format!("a result of the kind \"{kind}\" for a client that declared no extensions"),
            "\"complete\", \"input_required\" or an error",
            kind,
            entries,
        ),
    }
}

fn hold(
    id: &str,
    is_kept: bool,
    expected: &str,
    result: &Value,
    entries: &[u64; 2],
    findings: &mut Findings,
) {
    match is_kept {
        true => findings.kept(id),
        false => findings.violated(
            id,
            "the result is not what its `resultType` says",
            expected,
            result.to_string(),
            entries,
        ),
    }
}
