//! Tasks of the extension that ask for input: what they ask, answered in parts, until they have ended.

use serde_json::{Map, Value, json};

use super::extension::{create, declaring, is_over, polled, tools};
use super::{Task, get, judge, shows, status, until};
use crate::protocol::ask;
use crate::runner::interpret::CaseRun;
use crate::session::{Client, Outcome};

const MOST: usize = 12;
const ROUNDS: usize = 8;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let able = ask::everything(run.session.revision);
    let tools: Vec<Value> = tools(run).into_iter().take(MOST).collect();
    for tool in &tools {
        if let Some(task) = create(run, tool, &able).await.1 {
            dialogue(run, &task, &able).await;
        }
    }
    run.rest_unseen("no tool that may be called ran as a task that asks for input");
}

/// Answers what a task asks, one request first and the others then, round after round.
async fn dialogue(run: &mut CaseRun<'_>, task: &Task, able: &Value) {
    let mut asked = Map::new();
    let mut answered: Vec<String> = Vec::new();
    for _ in 0..ROUNDS {
        let polls =
            until(run, &task.id, |outcome| is_over(outcome) || !open(outcome, &answered).is_empty()).await;
        polled(run, task, &polls, able);
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
