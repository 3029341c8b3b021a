//! `tasks/cancel` of 2025-11-25.

use serde_json::{Value, json};

use super::{HINT, TTL, Task, create, get, is_terminal, judge, shows, status, tools, until_end};
use crate::protocol::code;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const PROBES: usize = 3;
const LATE: &str = "every task had ended before it could be cancelled";

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = tools(run).into_iter().take(PROBES).collect();
    for tool in &tools {
        if probe(run, tool).await {
            return run.rest_unseen("the cancelled task reported no progress");
        }
    }
    run.rest_unseen(if tools.is_empty() { HINT } else { LATE });
}

async fn ask(run: &mut CaseRun<'_>, task: &Task) -> Outcome {
    run.ask("tasks/cancel", json!({"taskId": task.id})).await
}

/// Cancels one task of the tool beside another that runs on; false if it had ended before.
async fn probe(run: &mut CaseRun<'_>, tool: &Value) -> bool {
    let Some(task) = create(run, tool, json!({"ttl": TTL})).await.1 else { return false };
    let Some(twin) = create(run, tool, json!({"ttl": TTL})).await.1 else { return false };
    let before = get(run, &task.id).await;
    if before.result().is_none() || is_terminal(status(&before)) {
        return false;
    }
    let reply = ask(run, &task).await;
    let after = get(run, &task.id).await;
    if reply.reply.is_none() || after.reply.is_none() {
        return false;
    }
    let is_unknown = reply.code() == Some(code::METHOD_NOT_FOUND);
    judge(run, "tasks.cancel-served-when-declared", !is_unknown, || {
        shows(&reply, "tasks.cancel is declared, but tasks/cancel is unknown", "the cancelled task")
    });
    if is_unknown || reply.error().is_some() && is_terminal(status(&after)) {
        return is_unknown;
    }
    cancelled(run, &reply, &after);
    rejected(run, &task, "cancelled").await;
    let progress = Progress { token: task.token.clone(), since: after.span.1 };
    let polls = until_end(run, &twin.id).await;
    sticky(run, &task).await;
    stopped(run, &progress, &twin);
    if let Some(end) = polls.last().map(status).filter(|end| is_terminal(end)) {
        rejected(run, &twin, end).await;
        unchanged(run, &twin, end).await;
    }
    true
}

fn cancelled(run: &mut CaseRun<'_>, reply: &Outcome, after: &Outcome) {
    judge(run, "tasks.cancel-transitions-first", status(reply) == "cancelled", || {
        shows(reply, "the task is not cancelled in the reply to tasks/cancel", "status cancelled")
    });
    // It may be deleted at once.
    let is_gone = after.code() == Some(code::INVALID_PARAMS);
    judge(run, "tasks.cancel-transitions-first", is_gone || status(after) == "cancelled", || {
        shows(after, "the task is not cancelled after the reply to tasks/cancel", "status cancelled")
    });
}

/// What has ended cannot be cancelled.
async fn rejected(run: &mut CaseRun<'_>, task: &Task, state: &str) {
    let reply = ask(run, task).await;
    if reply.reply.is_none() {
        return;
    }
    judge(run, "tasks.cancel-terminal-rejected", reply.code() == Some(code::INVALID_PARAMS), || {
        shows(&reply, format!("a task that is {state} was cancelled"), "error -32602")
    });
    if let Some(error) = reply.error() {
        let is_told = error["message"].as_str().is_some_and(|text| !text.trim().is_empty());
        judge(run, "tasks.informative-errors", is_told, || {
            shows(&reply, "an error that does not say why", "a message")
        });
    }
}

async fn sticky(run: &mut CaseRun<'_>, task: &Task) {
    let after = get(run, &task.id).await;
    if after.reply.is_some() {
        let is_met = after.error().is_some() || status(&after) == "cancelled";
        judge(run, "tasks.cancel-sticky", is_met, || {
            shows(&after, "a cancelled task did not stay cancelled", "status cancelled")
        });
    }
}

async fn unchanged(run: &mut CaseRun<'_>, task: &Task, end: &str) {
    let after = get(run, &task.id).await;
    if after.result().is_some() {
        judge(run, "tasks.terminal-immutable", status(&after) == end, || {
            shows(
                &after,
                format!("a task that was {end} changed when it was to be cancelled"),
                format!("status {end}"),
            )
        });
    }
}

/// Progress that must not come any more.
struct Progress {
    token: String,
    since: u64,
}

/// Work that was cancelled stops reporting, while its twin goes on to.
fn stopped(run: &mut CaseRun<'_>, progress: &Progress, twin: &Task) {
    let of = |token: &str| {
        let mut all = run.session.transcript.received();
        all.find(|(entry, message)| {
            entry.seq > progress.since
                && message.method() == Some("notifications/progress")
                && message.params()["progressToken"] == token
        })
        .map(|(entry, message)| (entry.seq, message.into_value()))
    };
    let (own, other) = (of(&progress.token), of(&twin.token));
    if own.is_none() && other.is_none() {
        return;
    }
    judge(run, "tasks.cancel-stops-work", own.is_none(), || {
        let (seq, message) = own.unwrap_or_default();
        crate::runner::note::Violation {
            message: "a cancelled task goes on to report progress".into(),
            expected: "no more progress".into(),
            got: message.to_string(),
            span: (progress.since, seq),
            at_most: None,
        }
    });
}
