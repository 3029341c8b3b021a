//! Tasks: the utility of 2025-11-25, and the extension of 2026-07-28.

pub(super) mod cancel;
mod extension;
pub(super) mod extension_cancel;
pub(super) mod extension_input;
pub(super) mod extension_lifecycle;
pub(super) mod extension_listen;
mod extension_outcome;
mod given_up;
mod ids;
pub(super) mod lifecycle;
mod listing;
pub(super) mod older_session;
pub(super) mod older_tasks;
mod outcome;
pub(super) mod requestor;
pub(super) mod support;
pub(super) mod unadvertised;
mod unaided;
pub(super) mod undeclared;
mod waiting;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Called, called};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Outcome;

/// How long a created task shall be kept.
const TTL: u64 = 60_000;
/// The longest pause between two polls: a server may ask for a longer one, but we do not stay for ever.
const PAUSE: Duration = Duration::from_secs(1);
/// What would let tasks be seen.
const HINT: &str = "no tool that may be called runs as a task: annotate one with readOnlyHint, or allow it with --tools or a profile";

/// A task of ours.
struct Task {
    /// The tool that it calls, with `arguments`.
    tool: Value,
    id: String,
    /// The reply that announced it.
    reply: Outcome,
    /// How long that took.
    took: Duration,
    /// The progress token of the call.
    token: String,
}

impl Task {
    /// The task as the reply showed it.
    fn shown(&self) -> &Value {
        self.reply.result().map_or(&Value::Null, |result| result.get("task").unwrap_or(result))
    }
}

/// The task tools, those that take longest (and can do nothing else) first.
pub(super) fn tools(run: &CaseRun<'_>) -> Vec<Value> {
    let mut tools = run.around.survey.task_tools().to_vec();
    tools.sort_by_key(|tool| tool["execution"]["taskSupport"] != "required");
    tools
}

/// Calls a tool as a task; `None` if that was refused, or no task came back.
async fn create(run: &mut CaseRun<'_>, tool: &Value, wish: Value) -> (Outcome, Option<Task>) {
    let token = format!("mcp-conform-task-{}", run.session.new_id());
    let params = json!({
        "name": tool["name"], "arguments": tool["arguments"], "task": wish, "_meta": {"progressToken": token},
    });
    let began = Instant::now();
    let reply = run.ask("tools/call", params).await;
    let id = reply.result().and_then(|result| result["task"]["taskId"].as_str().map(str::to_owned));
    let task =
        id.map(|id| Task { tool: tool.clone(), id, reply: reply.clone(), took: began.elapsed(), token });
    (reply, task)
}

async fn get(run: &mut CaseRun<'_>, id: &str) -> Outcome {
    let mut params = json!({"taskId": id});
    if run.session.revision.is_stateless() {
        params = extension::declaring(run, params, &json!({}));
    }
    run.ask("tasks/get", params).await
}

fn status(outcome: &Outcome) -> &str {
    outcome.result().and_then(|task| task["status"].as_str()).unwrap_or_default()
}

fn is_terminal(status: &str) -> bool {
    matches!(status, "completed" | "failed" | "cancelled")
}

/// Polls until the task has ended, is gone, or patience is at its end; every answer, the last one last. The pauses begin with
/// what the server wants and grow, so that a task which takes long is not asked for thousands of times.
async fn until_end(run: &mut CaseRun<'_>, id: &str) -> Vec<Outcome> {
    until(run, id, |outcome| is_terminal(status(outcome))).await
}

/// The same, but until an answer is one that was waited for.
async fn until(run: &mut CaseRun<'_>, id: &str, is_wanted: impl Fn(&Outcome) -> bool) -> Vec<Outcome> {
    let deadline = Instant::now() + run.session.timeout();
    let mut polls = Vec::new();
    let mut fetching = None;
    let mut pause = Duration::ZERO;
    loop {
        let outcome = get(run, id).await;
        let state = status(&outcome).to_owned();
        pause = (pause * 5 / 4).clamp(interval(&outcome), PAUSE);
        let is_over = is_wanted(&outcome) || outcome.result().is_none() || run.session.dead().is_some();
        polls.push(outcome);
        if is_over || Instant::now() >= deadline {
            break;
        }
        if state == "input_required" && fetching.is_none() && run.session.revision.is_handshake() {
            // The server asks us on the stream of this request.
            fetching = Some(run.session.begin("tasks/result", Some(json!({"taskId": id}))));
        }
        run.session.wait_for(pause, |_| false).await;
    }
    if let Some(begun) = &fetching {
        waiting::leave(run, begun, &polls).await;
    }
    polls
}

fn interval(outcome: &Outcome) -> Duration {
    let task = outcome.result().unwrap_or(&Value::Null);
    let wanted = task["pollInterval"].as_u64().or_else(|| task["pollIntervalMs"].as_u64());
    wanted.map_or(PAUSE / 10, Duration::from_millis).clamp(Duration::from_millis(1), PAUSE)
}

/// Notes whether a requirement is met; the violation is made up only where it is not.
fn judge(run: &mut CaseRun<'_>, id: &str, is_met: bool, violation: impl FnOnce() -> Violation) {
    match (is_met, run.judged(id)) {
        (true, _) => met(run, id),
        (false, Some(requirement)) => run.violation(requirement, violation()),
        (false, None) => {}
    }
}

/// Notes that a requirement is met.
fn met(run: &mut CaseRun<'_>, id: &str) {
    if let Some(requirement) = run.judged(id) {
        run.note(requirement, Verdict::Pass, "as it must be");
    }
}

/// A violation that an outcome shows.
fn shows(outcome: &Outcome, message: impl Into<String>, expected: impl Into<String>) -> Violation {
    Violation {
        message: message.into(),
        expected: expected.into(),
        got: outcome.to_value().to_string(),
        span: outcome.span,
        at_most: None,
    }
}

/// The same, but at most a warning.
fn mildly(violation: Violation) -> Violation {
    Violation { at_most: Some(Verdict::Warn), ..violation }
}

/// A task of the extension that some tool runs as: its id, and the `_meta` that requests about it take.
pub(super) async fn create_extension(run: &mut CaseRun<'_>) -> Option<(String, Value)> {
    for tool in extension::tools(run) {
        if let Some(task) = extension::create(run, &tool, &json!({})).await.1 {
            let params = extension::declaring(run, json!({}), &json!({}));
            return Some((task.id, params["_meta"].clone()));
        }
    }
    None
}

/// A JSON value without its `_meta`.
fn without_meta(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(members) = value.as_object_mut() {
        members.shift_remove("_meta");
    }
    value
}
