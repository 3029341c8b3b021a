//! `tasks/cancel` of the extension: acknowledged at once, heeded perhaps.

use serde_json::{Value, json};

use super::extension::{cancel, create, is_over, tools};
use super::{get, judge, met, mildly, shows, status, until_end};
use crate::protocol::code;
use crate::runner::interpret::CaseRun;

const PROBES: usize = 12;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = tools(run).into_iter().take(PROBES).collect();
    for tool in &tools {
        if probe(run, tool).await {
            break;
        }
    }
    run.rest_unseen("no tool that may be called ran as a task for long enough to be cancelled");
}

/// False if the tool made no task, or none that could be cancelled.
async fn probe(run: &mut CaseRun<'_>, tool: &Value) -> bool {
    let Some(task) = create(run, tool, &json!({})).await.1 else { return false };
    let before = get(run, &task.id).await;
    if before.result().is_none() || is_over(&before) {
        return false;
    }
    let reply = cancel(run, &task).await;
    if reply.reply.is_none() {
        return false;
    }
    judge(run, "tasks-ext.cancel-ack", reply.error().is_none(), || {
        shows(&reply, "a cancellation is not acknowledged", "an empty result")
    });
    let polls = until_end(run, &task.id).await;
    let Some(last) = polls.last() else { return false };
    if status(last) == "cancelled" {
        met(run, "tasks-ext.get-cancelled");
    } else if last.code() == Some(code::INVALID_PARAMS) {
        judge(run, "tasks-ext.get-cancelled", false, || {
            mildly(shows(last, "a cancelled task is gone before its time", "the task with status cancelled"))
        });
    }
    status(last) == "cancelled"
}
