//! A question that the client may answer as a task of its own (2025-11-25): the server asks, and fetches the answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::answer::notification;
use super::super::options::Requestor;
use super::question::{form, text_field};
use super::{Answers, Pending};
use crate::protocol::ask::declares;

/// How long one that clings waits before it asks again, and how often it does.
const AGAIN: Duration = Duration::from_millis(300);
const TIMES: u32 = 4;

/// The next request, unless the answer is there.
pub(super) fn open(manner: Option<Requestor>, answers: &Answers) -> Vec<(String, Value)> {
    let Some(made) = answers.get("work") else { return vec![("work".to_owned(), question())] };
    // A client may also answer at once.
    let Some(task) = made["task"]["taskId"].as_str() else { return Vec::new() };
    let about = |method: &str| json!({"method": method, "params": {"taskId": task}});
    let shown: Vec<&Value> = (1..).map_while(|n| answers.get(&format!("poll-{n}"))).collect();
    let status = shown.last().map_or("", |last| last["status"].as_str().unwrap_or_default());
    let goes_on = match manner {
        None | Some(Requestor::Lists | Requestor::Told | Requestor::Blunt | Requestor::Clinging) => false,
        Some(Requestor::Hasty) => !matches!(status, "input_required" | "completed"),
        Some(Requestor::Stubborn) => status != "completed",
        Some(Requestor::Fickle) => shown.is_empty(),
    };
    let next = match (goes_on, manner) {
        (true, _) => Some((format!("poll-{}", shown.len() + 1), about("tasks/get"))),
        (false, Some(Requestor::Fickle)) => None,
        (false, Some(Requestor::Lists)) => pages(answers),
        (false, _) => None,
    };
    let is_fickle = manner == Some(Requestor::Fickle);
    let result =
        (!is_fickle && !answers.contains_key("result")).then(|| ("result".to_owned(), about("tasks/result")));
    next.or(result).into_iter().collect()
}

/// What is sent about a task of the client that was given up, and how long after.
pub(in crate::reference) fn leave(
    manner: Option<Requestor>,
    client: &Value,
    pending: &Pending,
) -> Vec<(Duration, Value)> {
    let Some((question, task)) = pending.task.as_ref().filter(|_| declares(client, "tasks.cancel")) else {
        return Vec::new();
    };
    let about = |method: &str, number: u32| {
        let id = format!("left-{number}-{}", pending.id());
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"taskId": task}})
    };
    let cancel = match manner {
        Some(Requestor::Blunt) => {
            notification("notifications/cancelled", json!({"requestId": question.to_value()}))
        }
        _ => about("tasks/cancel", 0),
    };
    let times = if manner == Some(Requestor::Clinging) { TIMES } else { 0 };
    let again = (1..=times).map(|number| (AGAIN * number, about("tasks/get", number)));
    std::iter::once((Duration::ZERO, cancel)).chain(again).collect()
}

fn question() -> Value {
    let mut question = form("Who is waiting?", text_field("waiter"));
    question["params"]["task"] = json!({"ttl": 60_000});
    question
}

/// Both pages of the client's list, the second by a cursor that is not the one that was given.
fn pages(answers: &Answers) -> Option<(String, Value)> {
    let list = |params: Value| json!({"method": "tasks/list", "params": params});
    let Some(first) = answers.get("page-1") else { return Some(("page-1".to_owned(), list(json!({})))) };
    let cursor = first["nextCursor"].as_str().filter(|_| !answers.contains_key("page-2"))?;
    Some(("page-2".to_owned(), list(json!({"cursor": cursor.to_lowercase() + "x"}))))
}
