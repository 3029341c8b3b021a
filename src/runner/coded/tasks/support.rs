//! Which tools run as tasks: what `execution.taskSupport` says is what happens (2025-11-25).

use serde_json::{Value, json};

use super::{judge, mildly, shows};
use crate::case::List;
use crate::protocol::code;
use crate::runner::coded::call;
use crate::runner::interpret::CaseRun;

const PROBES: usize = 2;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let support = |tool: &Value| tool["execution"]["taskSupport"].as_str().unwrap_or("forbidden").to_owned();
    let plain = run.around.survey.things(List::CallableTools);
    let forbidden: Vec<Value> =
        plain.into_iter().filter(|tool| support(tool) == "forbidden").take(PROBES).collect();
    for tool in &forbidden {
        as_task(run, tool).await;
    }
    let tasks = run.around.survey.task_tools().to_vec();
    for tool in tasks.iter().filter(|tool| support(tool) == "required").take(PROBES) {
        plainly(run, tool).await;
    }
    run.rest_unseen("no tool that may be called forbids or requires to run as a task");
}

async fn as_task(run: &mut CaseRun<'_>, tool: &Value) {
    let params = json!({"name": tool["name"], "arguments": tool["arguments"], "task": {"ttl": super::TTL}});
    let outcome = run.ask("tools/call", params).await;
    if outcome.reply.is_some() {
        judge(run, "tasks.tool-forbidden-error", outcome.code() == Some(code::METHOD_NOT_FOUND), || {
            shows(
                &outcome,
                format!("{} does not run as a task, yet was not refused with -32601", tool["name"]),
                "error -32601",
            )
        });
    }
}

async fn plainly(run: &mut CaseRun<'_>, tool: &Value) {
    let outcome = call(run, &tool["name"], &tool["arguments"]).await;
    if outcome.reply.is_some() {
        judge(run, "tasks.tool-required-error", outcome.code() == Some(code::METHOD_NOT_FOUND), || {
            let message =
                format!("{} runs as a task only, yet the plain call was not refused so", tool["name"]);
            let violation = shows(&outcome, message, "error -32601");
            // Another section lets a server insist on tasks with this code.
            if outcome.code() == Some(code::INVALID_REQUEST) { mildly(violation) } else { violation }
        });
    }
}
