//! Listening to tasks of the extension.

use std::time::Duration;

use serde_json::{Value, json};

use super::extension::{NAME, create, declaring, is_missing_capability, is_over, tools, under};
use super::{get, is_terminal, judge, shows, until_end};
use crate::protocol::Message;
use crate::runner::coded::http::unseen;
use crate::runner::coded::listen::{ACKNOWLEDGED, begin_with, is_silent};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Outcome;

/// Tools that are called, and of those tasks the most that are listened to.
const PROBES: usize = 12;
const LISTENS: usize = 3;
const UNDECLARED: &str = "tasks-ext.listen-missing-capability";
const NOBODY: &str = "8f4c2e9a-mcp-conform-no-such-task";
/// How long the end of a task may take to be told after it could be seen.
const NEWS: Duration = Duration::from_millis(500);

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = tools(run).into_iter().take(PROBES).collect();
    let mut listens = 0;
    for tool in &tools {
        let Some(task) = create(run, tool, &json!({})).await.1 else { continue };
        if is_over(&get(run, &task.id).await) {
            continue;
        }
        let is_granted = listen(run, &task.id).await;
        undeclared(run, &task.id).await;
        until_end(run, &task.id).await;
        listens += 1;
        // A task that ends before it is listened to is no news, and the server need not tell any.
        if !is_granted || is_told(run, &task.id).await || listens == LISTENS {
            break;
        }
    }
    run.rest_unseen("no tool that may be called ran as a task for long enough to be listened to");
}

async fn is_told(run: &mut CaseRun<'_>, id: &str) -> bool {
    let is_end = |message: &Message| {
        let task = message.params();
        message.method() == Some("notifications/tasks")
            && task["taskId"] == id
            && task["status"].as_str().is_some_and(is_terminal)
    };
    run.session.wait_for(NEWS, is_end).await
}

fn filter(ids: &[&str]) -> Value {
    json!({"notifications": {"taskIds": ids}})
}

/// A live task and one that does not exist: at most the first is granted. Whether it is.
async fn listen(run: &mut CaseRun<'_>, id: &str) -> bool {
    let params = declaring(run, filter(&[id, NOBODY]), &json!({}));
    let begun = begin_with(run, params).await;
    let ack = run.session.transcript.received().find(|(_, message)| {
        message.method() == Some(ACKNOWLEDGED) && message.subscription().as_ref() == Some(&begun.id)
    });
    let Some((seq, ack)) = ack.map(|(entry, message)| (entry.seq, message.into_value())) else {
        return false;
    };
    let granted =
        ack.pointer("/params/notifications/taskIds").and_then(Value::as_array).cloned().unwrap_or_default();
    judge(run, "tasks-ext.ack-lists-task-ids", granted.iter().all(|granted| granted == id), || Violation {
        message: "a subscription to a task that does not exist is granted".into(),
        expected: format!("taskIds with {id} at most"),
        got: ack.to_string(),
        span: (begun.from, seq),
        at_most: None,
    });
    granted.iter().any(|granted| granted == id)
}

/// A client without the extension gets no news.
async fn undeclared(run: &mut CaseRun<'_>, id: &str) {
    let begun = begin_with(run, under(filter(&[id]), json!({}))).await;
    if is_silent(run.session, &begun) {
        run.session.cancel(&begun).await;
        return unseen(run, UNDECLARED, "neither acknowledged nor refused");
    }
    let reply = run.session.reply_so_far(&begun.id);
    let got = reply.clone().unwrap_or_else(|| "a subscription".into());
    let outcome = Outcome {
        reply: reply.and_then(Message::from_value),
        span: (begun.from, run.session.transcript.last()),
        ..Default::default()
    };
    judge(run, UNDECLARED, is_missing_capability(&outcome), || {
        let expected = format!("error -32021 with requiredCapabilities that name {NAME}");
        let mut violation = shows(&outcome, "a client without the extension may listen to tasks", expected);
        violation.got = got.to_string();
        violation
    });
    if outcome.reply.is_none() {
        run.session.cancel(&begun).await;
    }
}
