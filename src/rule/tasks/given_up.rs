//! Who gives up on a request that runs as a task of the client cancels the task, and not the request (2025-11-25).

use std::time::Duration;

use super::{ClientTask, Context, Rule, client_tasks};
use crate::protocol::{Id, Message};
use crate::rule::Findings;
use crate::session::transcript::Entry;

const CANCEL: &str = "cancellation.tasks-via-tasks-cancel";

pub(super) const RULE: Rule = Rule {
    id: "rule/task-given-up",
    judges: &[CANCEL],
    hint: "the situation needs a tool that asks the client for something as a task, with `[tools.NAME] gives_up = \"10s\"` in the \
           profile: how long its server waits",
    run,
};

/// Our reply and a cancellation may cross, unless the server showed that it knows of the task.
const CROSSING: Duration = Duration::from_secs(1);

fn run(context: &Context<'_>, findings: &mut Findings) {
    let tasks = client_tasks(context);
    for (entry, message) in &context.received {
        match message.method() {
            Some("tasks/cancel") if tasks.iter().any(|task| message.params()["taskId"] == *task.id) => {
                findings.kept(CANCEL);
            }
            Some("notifications/cancelled") => {
                let id = Id::from_value(&message.params()["requestId"]);
                let task = tasks.iter().find(|task| task.request == id && is_known(context, task, entry));
                task.into_iter().for_each(|task| wrong(task, entry, message, findings));
            }
            _ => {}
        }
    }
}

/// Whether the server surely knew at an entry that its request had become a task.
fn is_known(context: &Context<'_>, task: &ClientTask<'_>, at: &Entry) -> bool {
    let is_about = |(entry, message): &(&Entry, Message)| {
        task.made.seq < entry.seq && entry.seq < at.seq && message.params()["taskId"] == *task.id
    };
    task.made.seq < at.seq && (task.made.at + CROSSING < at.at || context.received.iter().any(is_about))
}

fn wrong(task: &ClientTask<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    findings.violated(
        CANCEL,
        "the server cancels a request that was answered with a task, and not the task",
        format!("`tasks/cancel` with taskId {}", task.id),
        message.to_string(),
        &[task.made.seq, entry.seq],
    );
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{received, sent, violated};

    fn judged(messages: &[(bool, Value)]) -> Vec<&'static str> {
        let told = |(is_ours, message): &(bool, Value)| match is_ours {
            true => sent(message, 1),
            false => received(message, 1),
        };
        violated(&RULE, Revision::V2025_11_25, messages.iter().map(told).collect())
    }

    #[test]
    fn a_question_that_became_a_task_is_not_cancelled_once_that_is_known() {
        let question =
            json!({"jsonrpc": "2.0", "id": "q", "method": "elicitation/create", "params": {"task": {}}});
        let made = json!({"jsonrpc": "2.0", "id": "q", "result": {"task": {"taskId": "t"}}});
        let about = |id: &str, method: &str| json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"taskId": "t"}});
        let cancelled = |id: &str| json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}});
        let begun = [(false, question), (true, made)];
        let with = |more: &[Value]| {
            let more = more.iter().map(|message| (false, message.clone()));
            judged(&begun.iter().cloned().chain(more).collect::<Vec<_>>())
        };
        assert_eq!(with(&[about("r", "tasks/result"), cancelled("q")]), [CANCEL]);
        assert!(with(&[cancelled("q")]).is_empty(), "it may have crossed our reply");
        let right = [about("r", "tasks/result"), cancelled("r"), about("c", "tasks/cancel")];
        assert!(with(&right).is_empty(), "a question about a task is a request like any other");
    }
}
