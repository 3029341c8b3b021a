//! The server as the one that asks the client for tasks (2025-11-25).

use super::{Context, Rule};
use crate::protocol::{Class, Message, RELATED_TASK, Revision, method};
use crate::rule::Findings;
use crate::session::transcript::Entry;

const RESPECTS: &str = "tasks.requestor-respects-capability";
const NONE: &str = "tasks.requestor-none-without-tasks";
const NO_METADATA: &str = "tasks.requestor-no-metadata";

pub(super) const RULE: Rule = Rule {
    id: "rule/task-requestor",
    judges: &[RESPECTS, NONE, NO_METADATA],
    hint: "the server has to ask the client for something as a task",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision() != Revision::V2025_11_25 || context.received.is_empty() {
        return;
    }
    let before = findings.violations.len();
    for (entry, message) in context.received.iter().filter(|(_, m)| m.class() == Class::Request) {
        match message.method().unwrap_or_default() {
            name if name.starts_with("tasks/") => about(context, entry, message, findings),
            name => augmented(context, entry, message, name, findings),
        }
    }
    if findings.violations.len() == before {
        [RESPECTS, NONE].iter().for_each(|id| findings.kept(id));
    }
}

/// A request that is to run as a task of ours.
fn augmented(context: &Context<'_>, entry: &Entry, message: &Message, name: &str, findings: &mut Findings) {
    if message.params().get("task").is_none() {
        return;
    }
    let capability = format!("tasks.requests.{}", name.replace('/', "."));
    if !method::declares(&context.client, "tasks") {
        undeclared(NONE, "tasks", entry, message, findings);
    }
    if !method::declares(&context.client, &capability) {
        undeclared(RESPECTS, &capability, entry, message, findings);
    }
}

/// A request about a task of ours.
fn about(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    if !method::declares(&context.client, "tasks") {
        undeclared(NONE, "tasks", entry, message, findings);
    }
    match message.params()["_meta"].get(RELATED_TASK) {
        Some(_) => findings.violated(
            NO_METADATA,
            "the request names its task twice",
            format!("no `{RELATED_TASK}` next to `taskId`"),
            message.to_string(),
            &[entry.seq],
        ),
        None => findings.kept(NO_METADATA),
    }
}

fn undeclared(id: &str, capability: &str, entry: &Entry, message: &Message, findings: &mut Findings) {
    findings.violated(
        id,
        format!("the server wants a task of the client, which did not declare `{capability}`"),
        "no tasks that the client did not declare",
        message.to_string(),
        &[entry.seq],
    );
}
