//! Tasks of the extension that ask for input: what they ask, answered in parts, until they have ended.

use serde_json::{Map, Value, json};

use super::extension::{create, create_with, declaring, is_over, polled, tools};
use super::{Task, get, judge, shows, status, until};
use crate::catalogue::Verdict;
use crate::protocol::ask;
use crate::runner::interpret::CaseRun;
use crate::session::{Client, Outcome};

const GATHERED: &str = "tasks-ext.mrtr-before-task";
const MOST: usize = 12;
const ROUNDS: usize = 8;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let able = ask::everything(run.session.revision);
    let tools: Vec<Value> = tools(run).into_iter().take(MOST).collect();
    for tool in &tools {
        let (reply, task) = create(run, tool, &able).await;
        if let Some(task) = task {
            dialogue(run, &task, &able, &[]).await;
        } else if let (Some(task), asked) = gather(run, tool, &reply, &able).await {
            dialogue(run, &task, &able, &asked).await;
        }
    }
    if let Some(requirement) = run.judged(GATHERED).filter(|_| !run.is_observed(GATHERED)) {
        let hint = "no tool that may be called asks for input, and runs as a task once it got that";
        run.note(requirement, Verdict::NotObserved, hint);
    }
    run.rest_unseen("no tool that may be called ran as a task that asks for input");
}

/// Answers what a call asks for before it becomes a task; the task, and everything that was asked until then.
async fn gather(
    run: &mut CaseRun<'_>,
    tool: &Value,
    reply: &Outcome,
    able: &Value,
) -> (Option<Task>, Vec<Value>) {
    let client = Client { capabilities: able.clone(), ..Client::default() };
    let mut asked = Vec::new();
    let mut last = reply.clone();
    for _ in 0..ROUNDS {
        let Some(result) = last.result().filter(|result| result["resultType"] == "input_required") else {
            break;
        };
        let requests = &result["inputRequests"];
        asked.extend(requests.as_object().into_iter().flat_map(Map::values).cloned());
        let mut more = json!({"inputResponses": client.responses(requests)});
        if let Some(state) = result.get("requestState") {
            more["requestState"] = state.clone();
        }
        let (next, task) = create_with(run, tool, able, more).await;
        if task.is_some() {
            return (task, asked);
        }
        last = next;
    }
    (None, asked)
}

/// What was asked before the task is not what the task begins with.
fn gathered(run: &mut CaseRun<'_>, shown: &Outcome, before: &[Value]) {
    if before.is_empty() || shown.result().is_none() {
        return;
    }
    let again = open(shown, &[]).into_iter().find(|(_, request)| before.contains(request));
    judge(run, GATHERED, again.is_none(), || {
        let key = again.map(|(key, _)| key).unwrap_or_default();
        let message =
            format!("the task begins with `{key}`, which was asked and answered before it was made");
        shows(shown, message, "all of this input before the task")
    });
}

/// Answers what a task asks, after what was asked `before` there was one: one request first and the others then, round after round.
async fn dialogue(run: &mut CaseRun<'_>, task: &Task, able: &Value, before: &[Value]) {
    let mut asked = Map::new();
    let mut answered: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let polls =
            until(run, &task.id, |outcome| is_over(outcome) || !open(outcome, &answered).is_empty()).await;
        polled(run, task, &polls, able);
        if let (0, Some(first)) = (round, polls.last()) {
            gathered(run, first, before);
        }
        let Some(last) = polls.into_iter().next_back().filter(|last| !is_over(last)) else { return };
        let questions = open(&last, &answered);
        if questions.is_empty() {
            return;
        }
        keys(run, &last, &mut asked, &answered);
        again(run, task, &last).await;
        let mut rest = questions;
        if rest.len() > 1 {
            let first = rest.split_off(1);
            let first = std::mem::replace(&mut rest, first);
            update(run, task, &first, able).await;
            answered.extend(first.into_iter().map(|(key, _)| key));
            partly(run, task, &rest).await;
        }
        update(run, task, &rest, able).await;
        answered.extend(rest.into_iter().map(|(key, _)| key));
    }
}

/// What the task asks and was not answered yet. An answered key may linger: updates take effect in their own time.
fn open(outcome: &Outcome, answered: &[String]) -> Vec<(String, Value)> {
    let asked =
        outcome.result().filter(|_| status(outcome) == "input_required").map(|task| &task["inputRequests"]);
    let asked = asked.and_then(Value::as_object).into_iter().flatten();
    asked
        .filter(|(key, _)| !answered.contains(key))
        .map(|(key, request)| (key.clone(), request.clone()))
        .collect()
}

/// A key stands for one request for good.
fn keys(run: &mut CaseRun<'_>, outcome: &Outcome, asked: &mut Map<String, Value>, answered: &[String]) {
    let shown = outcome.result().map(|task| &task["inputRequests"]).and_then(Value::as_object);
    for (key, request) in shown.into_iter().flatten() {
        let was = asked.insert(key.clone(), request.clone());
        let is_same = was.as_ref().is_none_or(|was| was == request);
        judge(run, "tasks-ext.input-keys-unique", is_same, || {
            let again = if answered.contains(key) { ", which was answered," } else { "" };
            let message = format!("the key `{key}`{again} stands for another request now");
            shows(outcome, message, was.unwrap_or_default().to_string())
        });
    }
}

/// What was not answered is asked again.
async fn again(run: &mut CaseRun<'_>, task: &Task, last: &Outcome) {
    let next = get(run, &task.id).await;
    still(run, &next, &open(last, &[]), "tasks/get does not repeat what the task asks");
}

async fn partly(run: &mut CaseRun<'_>, task: &Task, rest: &[(String, Value)]) {
    let next = get(run, &task.id).await;
    still(run, &next, rest, "what was not answered is not asked any more");
}

fn still(run: &mut CaseRun<'_>, next: &Outcome, expected: &[(String, Value)], message: &str) {
    if status(next) != "input_required" {
        return;
    }
    let shown = open(next, &[]);
    let missing = expected.iter().find(|(key, _)| !shown.iter().any(|(known, _)| known == key));
    judge(run, "tasks-ext.get-input-required", missing.is_none(), || {
        let key = missing.map(|(key, _)| key.clone()).unwrap_or_default();
        shows(next, message, format!("inputRequests with `{key}`"))
    });
}

/// Answers requests, and one that was never asked.
async fn update(run: &mut CaseRun<'_>, task: &Task, questions: &[(String, Value)], able: &Value) {
    let client = Client { capabilities: able.clone(), ..Client::default() };
    let mut answers = client.responses(&Value::Object(questions.iter().cloned().collect()));
    answers["mcp-conform-never-asked"] = json!({"action": "decline"});
    let params = json!({"taskId": task.id, "inputResponses": answers});
    let params = declaring(run, params, able);
    run.ask("tasks/update", params).await;
}
