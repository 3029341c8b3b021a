//! What came of a task: its result, twice, and beside what the plain call gives.

use serde_json::{Value, json};

use super::lifecycle::Ended;
use super::{Outcome, TTL, create, get, judge, met, shows, status, until_end, without_meta};
use crate::runner::coded::call;
use crate::runner::interpret::CaseRun;

pub(super) async fn judge_outcome(run: &mut CaseRun<'_>, ended: &Ended) {
    let state = status(&ended.last).to_owned();
    if state == "cancelled" {
        return;
    }
    let first = fetch(run, ended).await;
    let second = fetch(run, ended).await;
    if first.reply.is_none() || second.reply.is_none() {
        return;
    }
    terminal(run, ended, &first, &second);
    failed(run, ended, &state, &first);
    kept(run, ended).await;
    if ended.task.tool["execution"]["taskSupport"] == "optional" {
        beside_plain(run, ended, &first).await;
    } else if state == "completed" {
        judge(run, "tasks.result-success-passed-on", first.error().is_none(), || {
            shows(&first, "the task is completed, but its result is an error", "a result")
        });
    }
}

async fn fetch(run: &mut CaseRun<'_>, ended: &Ended) -> Outcome {
    run.ask("tasks/result", json!({"taskId": ended.task.id})).await
}

/// What the call came to, without `_meta`, which names the task.
fn content(outcome: &Outcome) -> (Option<Value>, Option<Value>) {
    (outcome.result().map(without_meta), outcome.error().cloned())
}

fn terminal(run: &mut CaseRun<'_>, ended: &Ended, first: &Outcome, second: &Outcome) {
    let name = &ended.task.tool["name"];
    let is_outcome = first.result().is_none_or(|result| result["content"].is_array());
    judge(run, "tasks.result-terminal", is_outcome, || {
        shows(
            first,
            format!("tasks/result gives no result of {name}"),
            "the result of the call, with `content`",
        )
    });
    judge(run, "tasks.result-terminal", content(first) == content(second), || {
        shows(
            second,
            format!("tasks/result of {name} says something else the second time"),
            first.to_value().to_string(),
        )
    });
}

fn failed(run: &mut CaseRun<'_>, ended: &Ended, state: &str, first: &Outcome) {
    if state == "failed" {
        let message = &ended.last.result().unwrap_or(&Value::Null)["statusMessage"];
        judge(
            run,
            "tasks.failed-status-message",
            message.as_str().is_some_and(|text| !text.is_empty()),
            || shows(&ended.last, "a failed task without a word why", "`statusMessage`"),
        );
    }
    if first.result().is_some_and(|result| result["isError"] == true) {
        judge(run, "tasks.tool-error-is-failed", state == "failed", || {
            shows(&ended.last, "the tool failed, but the task did not", "status failed")
        });
    }
}

/// Fetching a result does not remove it.
async fn kept(run: &mut CaseRun<'_>, ended: &Ended) {
    let after = get(run, &ended.task.id).await;
    let ttl = &ended.last.result().unwrap_or(&Value::Null)["ttl"];
    let is_young = ttl.is_null() || ttl.as_f64().is_some_and(|ttl| ttl >= 30_000.0);
    if after.reply.is_some() && is_young {
        judge(run, "tasks.kept-until-ttl", after.result().is_some(), || {
            shows(&after, "the task is gone although its ttl has not passed", "the task")
        });
    }
}

/// The plain call of a tool that says the same each time.
async fn beside_plain(run: &mut CaseRun<'_>, ended: &Ended, fetched: &Outcome) {
    let tool = &ended.task.tool;
    let plain = call(run, &tool["name"], &tool["arguments"]).await;
    if plain.reply.is_none() {
        return;
    }
    let mut fetched = fetched.clone();
    if content(&plain) != content(&fetched) {
        // A tool that never says the same twice tells nothing, and one may say something else the first time.
        let again = call(run, &tool["name"], &tool["arguments"]).await;
        if content(&again) != content(&plain) {
            return;
        }
        let Some(later) = later(run, tool).await else { return };
        fetched = later;
    }
    let id = match (plain.error().is_some(), fetched.error().is_some()) {
        (true, _) => "tasks.result-error-passed-on",
        (false, true) => "tasks.result-success-passed-on",
        (false, false) => "tasks.result-identical",
    };
    if id == "tasks.result-identical" {
        met(run, "tasks.result-success-passed-on");
    }
    judge(run, id, content(&plain) == content(&fetched), || {
        let message = format!("the task of {} came to something else than the plain call", tool["name"]);
        shows(&fetched, message, plain.to_value().to_string())
    });
}

/// What another task of the tool comes to.
async fn later(run: &mut CaseRun<'_>, tool: &Value) -> Option<Outcome> {
    let task = create(run, tool, json!({"ttl": TTL})).await.1?;
    let last = until_end(run, &task.id).await.pop()?;
    if !matches!(status(&last), "completed" | "failed") {
        return None;
    }
    let fetched = fetch(run, &Ended { task, last }).await;
    fetched.reply.is_some().then_some(fetched)
}
