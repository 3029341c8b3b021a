//! What the tasks of the extension of 2026-07-28 have in common: declared on each request, flat, with their outcome inside.

use serde_json::{Value, json};

use super::{Task, get, is_terminal, judge, shows, status};
use crate::case::List;
use crate::protocol::{ask, code};
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

pub(super) const NAME: &str = "io.modelcontextprotocol/tasks";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// What would let tasks be seen.
pub(super) const HINT: &str = "no read-only tool that may be called ran as a task: the server decides which calls become tasks, and beside other cases only tools annotated readOnlyHint are called";

/// The tools that may become tasks: which do, the server decides. These cases run beside others, so only tools that change
/// nothing are called.
pub(super) fn tools(run: &CaseRun<'_>) -> Vec<Value> {
    let mut tools = run.around.survey.things(List::CallableTools);
    tools.retain(|tool| tool["annotations"]["readOnlyHint"] == true);
    tools
}

/// Parameters with the extension declared beside what the client declares anyway, and `more`.
pub(super) fn declaring(run: &CaseRun<'_>, params: Value, more: &Value) -> Value {
    let mut capabilities = run.session.client().capabilities.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        capabilities[name] = value.clone();
    }
    capabilities["extensions"][NAME] = json!({});
    under(params, capabilities)
}

/// Parameters under exactly these client capabilities.
pub(super) fn under(mut params: Value, capabilities: Value) -> Value {
    params["_meta"][CAPABILITIES] = capabilities;
    params
}

/// Calls a tool with the extension declared; the task, if the server made one.
pub(super) async fn create(run: &mut CaseRun<'_>, tool: &Value, more: &Value) -> (Outcome, Option<Task>) {
    create_with(run, tool, more, json!({})).await
}

/// The same with further parameters.
pub(super) async fn create_with(
    run: &mut CaseRun<'_>,
    tool: &Value,
    more: &Value,
    added: Value,
) -> (Outcome, Option<Task>) {
    let token = format!("mcp-conform-task-{}", run.session.new_id());
    let mut params = json!({
        "name": tool["name"], "arguments": tool["arguments"], "_meta": {"progressToken": token},
    });
    for (name, value) in added.as_object().into_iter().flatten() {
        params[name] = value.clone();
    }
    let params = declaring(run, params, more);
    let reply = run.ask("tools/call", params).await;
    let result = reply.result().filter(|result| result["resultType"] == "task");
    let id = result.and_then(|result| result["taskId"].as_str().map(str::to_owned));
    let took = std::time::Duration::ZERO;
    let task = id.map(|id| Task { tool: tool.clone(), id, reply: reply.clone(), took, token });
    (reply, task)
}

/// What every answer to `tasks/get` must fit.
pub(super) fn polled(run: &mut CaseRun<'_>, task: &Task, polls: &[Outcome], more: &Value) {
    for outcome in polls {
        let Some(shown) = outcome.result() else { continue };
        judge(run, "tasks-ext.get-reflects-status", shown["taskId"] == task.id, || {
            shows(outcome, "tasks/get shows another task", format!("taskId {}", task.id))
        });
        kinds(run, outcome, more);
    }
}

/// The server asks only for what the client declared.
fn kinds(run: &mut CaseRun<'_>, outcome: &Outcome, more: &Value) {
    let requests = outcome.result().map(|task| &task["inputRequests"]).and_then(Value::as_object);
    for request in requests.into_iter().flat_map(serde_json::Map::values) {
        let name = request["method"].as_str().unwrap_or_default();
        let Some(capability) = ask::needed(name, &request["params"]) else { continue };
        let is_declared =
            [more, &run.session.client().capabilities].iter().any(|able| ask::declares(able, capability));
        judge(run, "tasks-ext.input-requests-declared-kinds", is_declared, || {
            let message = format!("the task asks with {name}, but the client did not declare {capability}");
            shows(outcome, message, "requests that the client declared")
        });
    }
}

/// Cancelling is acknowledged, whether the task has ended or not; one that has stays as it is.
pub(super) async fn cancel(run: &mut CaseRun<'_>, task: &Task) -> Outcome {
    let params = declaring(run, json!({"taskId": task.id}), &json!({}));
    run.ask("tasks/cancel", params).await
}

pub(super) async fn cancel_ended(run: &mut CaseRun<'_>, task: &Task, last: &Outcome) {
    let reply = cancel(run, task).await;
    if reply.reply.is_none() {
        return;
    }
    judge(run, "tasks-ext.cancel-terminal-ack", reply.error().is_none(), || {
        // One of two texts demands this only on success.
        super::mildly(shows(&reply, "cancelling a task that has ended is refused", "an empty result"))
    });
    let after = get(run, &task.id).await;
    if after.result().is_some() {
        judge(run, "tasks-ext.cancel-terminal-ack", status(&after) == status(last), || {
            shows(&after, "a task that had ended changed when it was to be cancelled", status(last))
        });
    }
}

/// Whether an error says that the extension is missing, as it must.
pub(super) fn is_missing_capability(outcome: &Outcome) -> bool {
    let named = outcome.error().map(|error| &error["data"]["requiredCapabilities"]["extensions"][NAME]);
    outcome.code() == Some(code::MISSING_CLIENT_CAPABILITY) && named.is_some_and(Value::is_object)
}

pub(super) fn is_over(outcome: &Outcome) -> bool {
    is_terminal(status(outcome))
}
