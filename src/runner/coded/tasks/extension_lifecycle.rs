//! Tasks of the extension from their creation to their end.

use serde_json::{Value, json};

use super::extension::{
    NAME, cancel_ended, create, declaring, is_missing_capability, is_over, polled, tools, under,
};
use super::ids::guessable;
use super::{Task, extension, extension_outcome, get, judge, mildly, shows, until_end};
use crate::protocol::code;
use crate::runner::call_of;
use crate::runner::coded::{Called, called};
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

/// Tools that are called.
const MOST: usize = 12;
pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = tools(run).into_iter().take(MOST).collect();
    let (mut tasks, mut plain) = (Vec::new(), None);
    for tool in &tools {
        let (reply, task) = create(run, tool, &json!({})).await;
        match task {
            Some(task) => {
                durable(run, &task).await;
                tasks.push(task);
            }
            None if plain.is_none() && called(&reply) == Called::Done => plain = Some(tool),
            None => {}
        }
    }
    if let Some(tool) = plain {
        old_member(run, tool).await;
    }
    if let Some(first) = tasks.first() {
        refused(run, first).await;
        removed(run, first).await;
        unknown_keys(run, first).await;
        tasks.extend(create(run, &first.tool.clone(), &json!({})).await.1);
        guessable(run, "tasks-ext.id-unguessable", &tasks);
        tasks.pop();
    }
    for task in &tasks {
        let polls = until_end(run, &task.id).await;
        polled(run, task, &polls, &json!({}));
        let Some(last) = polls.last().filter(|last| is_over(last)) else { continue };
        extension_outcome::judge_outcome(run, task, last).await;
        cancel_ended(run, task, last).await;
        kept(run, task, last).await;
    }
    run.rest_unseen(if tasks.is_empty() { extension::HINT } else { "the situation did not arise" });
}

/// A task that was announced can be asked for.
async fn durable(run: &mut CaseRun<'_>, task: &Task) {
    let first = get(run, &task.id).await;
    if first.reply.is_some() {
        judge(run, "tasks-ext.durable-before-response", first.result().is_some(), || {
            shows(&first, "a task was announced that tasks/get does not know", "the task")
        });
    }
}

/// Without the extension on the request itself there is no access, whatever was declared before.
async fn refused(run: &mut CaseRun<'_>, task: &Task) {
    let none = json!({});
    let old = json!({"tasks": {"requests": {}}});
    for (id, capabilities) in
        [("tasks-ext.methods-need-capability", &none), ("tasks-ext.legacy-declaring-is-nondeclaring", &old)]
    {
        for (name, more) in [
            ("tasks/get", none.clone()),
            ("tasks/update", json!({"inputResponses": {}})),
            ("tasks/cancel", none.clone()),
        ] {
            let mut params = more;
            params["taskId"] = task.id.as_str().into();
            let outcome = run.ask(name, under(params, capabilities.clone())).await;
            if outcome.reply.is_none() {
                continue;
            }
            judge(run, id, is_missing_capability(&outcome), || {
                let message = format!("`{name}` does not insist on the extension");
                shows(&outcome, message, format!("error -32021 with requiredCapabilities that name {NAME}"))
            });
        }
    }
    let params = json!({"name": task.tool["name"], "arguments": task.tool["arguments"]});
    let outcome = run.ask("tools/call", under(params, old)).await;
    let is_task = outcome.result().is_some_and(|result| result["resultType"] == "task");
    judge(run, "tasks-ext.legacy-declaring-is-nondeclaring", !is_task, || {
        shows(
            &outcome,
            "a task for a client that declared the older tasks only",
            "the result, or error -32021",
        )
    });
}

/// Methods of the older tasks are gone.
async fn removed(run: &mut CaseRun<'_>, task: &Task) {
    for (id, name, params) in [
        ("tasks-ext.tasks-result-removed", "tasks/result", json!({"taskId": task.id})),
        ("tasks-ext.tasks-list-removed", "tasks/list", json!({})),
    ] {
        let params = declaring(run, params, &json!({}));
        let outcome = run.ask(name, params).await;
        if outcome.reply.is_none() {
            continue;
        }
        judge(run, id, outcome.code() == Some(code::METHOD_NOT_FOUND), || {
            let violation = shows(&outcome, format!("`{name}` is not refused as unknown"), "error -32601");
            if outcome.error().is_some() { mildly(violation) } else { violation }
        });
    }
}

/// Answers to what was never asked are ignored.
async fn unknown_keys(run: &mut CaseRun<'_>, task: &Task) {
    let answers = json!({"mcp-conform-never-asked": {"action": "decline"}});
    let params = declaring(run, json!({"taskId": task.id, "inputResponses": answers}), &json!({}));
    let outcome = run.ask("tasks/update", params).await;
    if outcome.reply.is_some() {
        judge(run, "tasks-ext.update-unknown-keys-ignored", outcome.error().is_none(), || {
            shows(&outcome, "an answer to what was never asked is refused", "an empty result")
        });
    }
}

/// The member `task` of the older tasks is ignored.
async fn old_member(run: &mut CaseRun<'_>, tool: &Value) {
    let params = |with: bool| {
        let mut params = call_of(tool);
        if with {
            params["task"] = json!({"ttl": super::TTL});
        }
        params
    };
    for declared in [true, false] {
        let ready = |run: &CaseRun<'_>, with| match declared {
            true => declaring(run, params(with), &json!({})),
            false => params(with),
        };
        let asked = ready(run, true);
        let outcome = run.ask("tools/call", asked).await;
        let is_met = called(&outcome) == Called::Done;
        if outcome.reply.is_none() || !is_met && !is_done(run, ready(run, false)).await {
            continue;
        }
        judge(run, "tasks-ext.legacy-task-param-ignored", is_met, || {
            let message = format!("{} behaves otherwise when `task` is there", tool["name"]);
            shows(&outcome, message, "the result, as without `task`")
        });
    }
}

async fn is_done(run: &mut CaseRun<'_>, params: Value) -> bool {
    called(&run.ask("tools/call", params).await) == Called::Done
}

/// What has ended can still be asked for.
async fn kept(run: &mut CaseRun<'_>, task: &Task, last: &Outcome) {
    let after = get(run, &task.id).await;
    let ttl = &last.result().unwrap_or(&Value::Null)["ttlMs"];
    let is_young = ttl.is_null() || ttl.as_f64().is_some_and(|ttl| ttl >= 30_000.0);
    if after.reply.is_some() && is_young {
        judge(run, "tasks-ext.kept-until-ttl", after.result().is_some(), || {
            shows(&after, "the task is gone although its ttlMs have not passed", "the task")
        });
    }
}
