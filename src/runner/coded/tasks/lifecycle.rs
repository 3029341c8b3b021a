//! Tasks of 2025-11-25 from their creation to their end: created, polled, fetched, listed.

use serde_json::{Value, json};

use super::ids::guessable;
use super::{HINT, TTL, Task, create, get, is_terminal, judge, mildly, shows, status, tools, until_end};
use super::{listing, outcome, waiting};
use crate::protocol::RELATED_TASK;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

/// Tools that are run as tasks.
const MOST: usize = 6;
/// A lifetime that no server should grant: some thirty thousand years.
const FOR_EVER: u64 = 1_000_000_000_000_000;
const CHOSEN: &str = "mcp-conform-chosen-by-client";
/// From here on a creation is slow.
const SLOW_MS: u128 = 1000;

/// A task that has ended.
pub(super) struct Ended {
    pub task: Task,
    /// The last answer to `tasks/get`.
    pub last: Outcome,
}

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = tools(run).into_iter().take(MOST).collect();
    let Some(slowest) = tools.first() else { return run.rest_unseen(HINT) };
    let mut tasks = Vec::new();
    let mut waited = None;
    if let Some(task) = created(run, slowest).await {
        waited = waiting::begin(run, &task).await;
        tasks.push(task);
    }
    tasks.extend(chosen(run, slowest).await);
    for tool in &tools[1..] {
        tasks.extend(created(run, tool).await);
    }
    guessable(run, "tasks.id-unguessable", &tasks);
    let mut ended = Vec::new();
    for (place, task) in tasks.into_iter().enumerate() {
        let polls = until_end(run, &task.id).await;
        polled(run, &task, &polls);
        if let Some(waited) = waited.take().filter(|_| place == 0) {
            waiting::end(run, &waited, &polls).await;
        }
        let Some(last) = polls.into_iter().next_back() else { continue };
        if is_terminal(status(&last)) {
            ended.push(Ended { task, last });
        }
    }
    for ended in &ended {
        outcome::judge_outcome(run, ended).await;
    }
    named_twice(run, &ended).await;
    listing::run(run, &ended).await;
    run.rest_unseen(if ended.is_empty() { HINT } else { "the situation did not arise" });
}

/// Creates a task and judges the reply.
async fn created(run: &mut CaseRun<'_>, tool: &Value) -> Option<Task> {
    let (reply, task) = create(run, tool, json!({"ttl": TTL})).await;
    let name = &tool["name"];
    // Before the task is accepted, the call may still be refused.
    let result = reply.result()?;
    let is_task = result["task"].is_object();
    judge(run, "tasks.create-result", is_task, || {
        shows(
            &reply,
            format!("{name} was called as a task, but no task came back"),
            "a result with the member `task`",
        )
    });
    if !is_task {
        return None;
    }
    let is_bare =
        ["content", "structuredContent", "isError"].iter().all(|member| result.get(member).is_none());
    judge(run, "tasks.create-without-payload", is_bare, || {
        shows(&reply, format!("the task of {name} comes with a result"), "nothing but the task")
    });
    let state = result["task"]["status"].as_str().unwrap_or_default();
    judge(run, "tasks.create-initial-working", state == "working", || {
        let violation = shows(&reply, format!("the new task of {name} is {state}"), "status working");
        // It may truly have ended before the reply was written.
        if state == "completed" { mildly(violation) } else { violation }
    });
    let task = task?;
    prompt(run, &task).await;
    Some(task)
}

/// The reply should come at once, not with the result.
async fn prompt(run: &mut CaseRun<'_>, task: &Task) {
    if run.judged("tasks.create-prompt").is_none() {
        return;
    }
    let first = get(run, &task.id).await;
    let is_over = is_terminal(status(&first));
    let is_slow = task.took.as_millis() > SLOW_MS;
    if is_over && !is_slow {
        return;
    }
    judge(run, "tasks.create-prompt", !(is_over && is_slow), || {
        let message = format!("the task of {} was announced when it had ended", task.tool["name"]);
        shows(&task.reply, message, "the task, as soon as it is accepted")
    });
}

/// A second task of the same tool, for which the client chooses an id and an endless life, and which it cancels the wrong
/// way.
async fn chosen(run: &mut CaseRun<'_>, tool: &Value) -> Option<Task> {
    let (reply, task) = create(run, tool, json!({"ttl": FOR_EVER, "taskId": CHOSEN})).await;
    let task = task?;
    judge(run, "tasks.id-by-receiver", task.id != CHOSEN, || {
        shows(&reply, "the server took the id that the client chose", "an id of its own")
    });
    let ttl = &task.shown()["ttl"];
    judge(run, "tasks.max-ttl", ttl.as_f64().is_some_and(|ttl| ttl < 1e15), || {
        shows(&reply, "a task may be kept for thirty thousand years", "a ttl with an upper bound")
    });
    waiting::wrong_ways(run, &task).await;
    Some(task)
}

/// What the answers to `tasks/get` say together.
fn polled(run: &mut CaseRun<'_>, task: &Task, polls: &[Outcome]) {
    for outcome in polls.iter().filter(|outcome| outcome.result().is_some()) {
        let is_same = outcome.result().is_some_and(|shown| shown["taskId"] == task.id);
        judge(run, "tasks.get-shape", is_same, || {
            shows(outcome, "tasks/get shows another task", format!("taskId {}", task.id))
        });
    }
    let waits = |outcome: &Outcome| status(outcome) == "input_required";
    let asked = asked_for(run, &task.id);
    if let (true, Some(last)) = (asked && polls.iter().any(waits), polls.last()) {
        judge(run, "tasks.leaves-input-required", status(last) != "input_required", || {
            shows(last, "the task waits for input that it has got", "working, or an end")
        });
    }
}

/// Whether the server asked the client for this task's sake (and was answered: that is done at once).
fn asked_for(run: &CaseRun<'_>, id: &str) -> bool {
    run.session.transcript.received().any(|(_, message)| {
        message.id().is_some()
            && message.method().is_some()
            && message.params()["_meta"][RELATED_TASK]["taskId"] == id
    })
}

/// The parameter counts, not the metadata.
async fn named_twice(run: &mut CaseRun<'_>, ended: &[Ended]) {
    let [first, second, ..] = ended else { return };
    let params = json!({"taskId": first.task.id, "_meta": {RELATED_TASK: {"taskId": second.task.id}}});
    for method in ["tasks/get", "tasks/result"] {
        let control = run.ask(method, json!({"taskId": first.task.id})).await;
        let outcome = run.ask(method, params.clone()).await;
        let shown = |outcome: &Outcome| {
            outcome.reply.as_ref().map(|reply| (reply.get("result").cloned(), outcome.code()))
        };
        if shown(&control).is_none() || shown(&outcome).is_none() {
            continue;
        }
        judge(run, "tasks.param-over-metadata", shown(&control) == shown(&outcome), || {
            let message = format!("`{method}` heeds the metadata in place of `taskId`");
            shows(&outcome, message, control.to_value().to_string())
        });
    }
}
