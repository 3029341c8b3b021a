//! The tasks extension of 2026-07-28: tasks for `tools/call` only, for those who declared it, and told to those who asked.

use serde_json::Value;

use super::{Context, Rule, births};
use crate::protocol::{Message, method};
use crate::rule::Findings;
use crate::rule::context::Asked;
use crate::rule::wish::declared_by;
use crate::session::transcript::Entry;

const ADVERTISED: &str = "tasks-ext.advertised";
const DECLARED: &str = "tasks-ext.no-task-without-client-capability";
const METHODS: &str = "tasks-ext.only-supported-methods";
const TYPE: &str = "tasks-ext.result-type-task";
const EXCLUSIVE: &str = "tasks-ext.result-type-task-exclusive";
const SUBSCRIBED: &str = "tasks-ext.notifications-subscribed-only";
const NO_PROGRESS: &str = "tasks-ext.no-progress-on-listen";
const NAME: &str = "io.modelcontextprotocol/tasks";

pub(super) const RULE: Rule = Rule {
    id: "rule/task-extension",
    judges: &[ADVERTISED, DECLARED, METHODS, TYPE, EXCLUSIVE, SUBSCRIBED, NO_PROGRESS],
    hint: "a tool that may be called has to run as a task",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    for (entry, message, asked) in context.replies() {
        let Some(result) = message.get("result") else { continue };
        match asked.method.as_str() {
            "tools/call" => called(context, entry, asked, result, findings),
            _ => other(context, entry, asked, result, findings),
        }
    }
    notifications(context, findings);
}

fn declares(request: &Message) -> bool {
    method::declares(declared_by(request), method::TASK_EXTENSION)
}

fn called(context: &Context<'_>, entry: &Entry, asked: &Asked, result: &Value, findings: &mut Findings) {
    let entries = [asked.seq, entry.seq];
    let is_declared = context.request(asked).is_some_and(declares);
    let is_typed = result["resultType"] == "task";
    let looks = |task: &Value| task["taskId"].is_string() && task["status"].is_string();
    let is_task = looks(result) || looks(&result["task"]);
    if !is_typed && !is_task {
        if !is_declared {
            findings.kept(DECLARED);
        }
        return findings.kept(EXCLUSIVE);
    }
    judge(
        findings,
        TYPE,
        is_typed,
        "a task, but `resultType` does not say so",
        "resultType \"task\"",
        result,
        &entries,
    );
    let message = "`resultType` says task, but there is none";
    judge(findings, EXCLUSIVE, is_task || !is_typed, message, "the members of a task", result, &entries);
    let message = "a task for a client that did not declare the extension on this request";
    judge(findings, DECLARED, is_declared, message, "the result, or error -32021", result, &entries);
    if let Some(server) = &context.server {
        let is_advertised = server["extensions"][NAME].is_object();
        let message = "the server makes tasks, but does not advertise the extension";
        judge(findings, ADVERTISED, is_advertised, message, NAME, result, &entries);
    }
}

/// A result of another method is no task, and does not say that it is one.
fn other(context: &Context<'_>, entry: &Entry, asked: &Asked, result: &Value, findings: &mut Findings) {
    let is_typed = result["resultType"] == "task";
    let of_task = matches!(asked.method.as_str(), "tasks/get" | "tasks/update" | "tasks/cancel");
    let id = if of_task { EXCLUSIVE } else { METHODS };
    if !(of_task || is_typed || context.request(asked).is_some_and(declares)) {
        return;
    }
    let message = format!("the result of `{}` has resultType \"task\"", asked.method);
    judge(findings, id, !is_typed, &message, "resultType \"complete\"", result, &[asked.seq, entry.seq]);
}

fn judge(
    findings: &mut Findings,
    id: &str,
    is_met: bool,
    message: &str,
    expected: &str,
    got: &Value,
    entries: &[u64],
) {
    match is_met {
        true => findings.kept(id),
        false => findings.violated(id, message, expected, got.to_string(), entries),
    }
}

fn notifications(context: &Context<'_>, findings: &mut Findings) {
    let births = births(context);
    if !births.is_empty() {
        [SUBSCRIBED, NO_PROGRESS].iter().for_each(|id| findings.kept(id));
    }
    for (entry, message) in &context.received {
        let got = message.value();
        match message.method() {
            Some("notifications/tasks") => {
                let is_wanted = is_subscribed(context, entry, &message.params()["taskId"]);
                let text = "the server tells of a task that no subscription named";
                judge(findings, SUBSCRIBED, is_wanted, text, "a task of the filter", got, &[entry.seq]);
            }
            Some("notifications/progress") => {
                let token = &message.params()["progressToken"];
                let late = births.iter().find(|born| {
                    born.entry.seq < entry.seq
                        && born.request.params()["_meta"].get("progressToken") == Some(token)
                });
                if let Some(born) = late {
                    let entries = [born.asked.seq, born.entry.seq, entry.seq];
                    judge(
                        findings,
                        NO_PROGRESS,
                        false,
                        "progress of a task",
                        "no progress once the task is there",
                        got,
                        &entries,
                    );
                }
            }
            _ => {}
        }
    }
}

/// Whether a subscription before this entry names the task.
fn is_subscribed(context: &Context<'_>, entry: &Entry, id: &Value) -> bool {
    context.sent.iter().any(|(sent, message)| {
        let ids = &message.params()["notifications"]["taskIds"];
        sent.seq < entry.seq
            && message.method() == Some("subscriptions/listen")
            && ids.as_array().is_some_and(|ids| ids.contains(id))
    })
}
