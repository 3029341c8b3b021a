//! Listening to tasks of the extension.

use serde_json::{Value, json};

use super::extension::{NAME, create, declaring, is_missing_capability, is_over, tools, under};
use super::{get, judge, shows, until_end};
use crate::runner::coded::listen::{ACKNOWLEDGED, begin_with};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

const PROBES: usize = 12;
const NOBODY: &str = "8f4c2e9a-mcp-conform-no-such-task";

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = tools(run).into_iter().take(PROBES).collect();
    for tool in &tools {
        let Some(task) = create(run, tool, &json!({})).await.1 else { continue };
        if is_over(&get(run, &task.id).await) {
            continue;
        }
        listen(run, &task.id).await;
        undeclared(run, &task.id).await;
        until_end(run, &task.id).await;
        break;
    }
    run.rest_unseen("no tool that may be called ran as a task for long enough to be listened to");
}

fn filter(ids: &[&str]) -> Value {
    json!({"notifications": {"taskIds": ids}})
}

/// A live task and one that does not exist: at most the first is granted.
async fn listen(run: &mut CaseRun<'_>, id: &str) {
    let params = declaring(run, filter(&[id, NOBODY]), &json!({}));
    let begun = begin_with(run, params).await;
    let ack = run.session.transcript.received().find(|(_, message)| {
        message.method() == Some(ACKNOWLEDGED) && message.subscription().as_ref() == Some(&begun.id)
    });
    let Some((seq, ack)) = ack.map(|(entry, message)| (entry.seq, message.into_value())) else { return };
    let granted =
        ack.pointer("/params/notifications/taskIds").and_then(Value::as_array).cloned().unwrap_or_default();
    judge(run, "tasks-ext.ack-lists-task-ids", granted.iter().all(|granted| granted == id), || Violation {
        message: "a subscription to a task that does not exist is granted".into(),
        expected: format!("taskIds with {id} at most"),
        got: ack.to_string(),
        span: (begun.from, seq),
        at_most: None,
    });
}

/// A client without the extension gets no news.
async fn undeclared(run: &mut CaseRun<'_>, id: &str) {
    let begun = begin_with(run, under(filter(&[id]), json!({}))).await;
    let reply = run.session.reply_so_far(&begun.id);
    let got = reply.clone().unwrap_or_else(|| "a subscription".into());
    let outcome = crate::session::Outcome {
        reply: reply.and_then(crate::protocol::Message::from_value),
        span: (begun.from, run.session.transcript.last()),
        ..Default::default()
    };
    judge(run, "tasks-ext.listen-missing-capability", is_missing_capability(&outcome), || {
        let expected = format!("error -32021 with requiredCapabilities that name {NAME}");
        let mut violation = shows(&outcome, "a client without the extension may listen to tasks", expected);
        violation.got = got.to_string();
        violation
    });
    if outcome.reply.is_none() {
        run.session.cancel(&begun).await;
    }
}
