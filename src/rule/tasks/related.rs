//! What the server says in connection with a task of the client names that task in its metadata (2025-11-25).

use serde_json::Value;

use super::{ClientTask, Context, Rule, client_tasks};
use crate::catalogue::Verdict;
use crate::protocol::{Class, Message, RELATED_TASK};
use crate::rule::Findings;
use crate::session::transcript::Entry;

const RELATED: &str = "tasks.requestor-related-task";

pub(super) const RULE: Rule = Rule {
    id: "rule/task-requestor-messages",
    judges: &[RELATED],
    hint: "the server has to ask the client for something as a task, and to send more about it than questions by its id",
    run,
};

/// These name their task as a parameter, and no second time.
const BY_ID: [&str; 4] = ["tasks/get", "tasks/result", "tasks/cancel", "notifications/tasks/status"];

fn run(context: &Context<'_>, findings: &mut Findings) {
    let tasks = client_tasks(context);
    if tasks.is_empty() {
        return;
    }
    for (entry, message) in &context.received {
        let is_asked = matches!(message.class(), Class::Request | Class::Notification);
        if is_asked && !BY_ID.contains(&message.method().unwrap_or_default()) {
            let about =
                tasks.iter().find(|task| task.made.seq < entry.seq && names(message.params(), task.id));
            about.into_iter().for_each(|task| judge(task, entry, message, findings));
        }
    }
}

fn judge(task: &ClientTask<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let named = &message.params()["_meta"][RELATED_TASK]["taskId"];
    if named == task.id {
        return findings.kept(RELATED);
    }
    // A log message may be about anything that the server does, and happen to show an id.
    let at_most = (message.method() == Some("notifications/message")).then_some(Verdict::Warn);
    findings.violated_as(
        at_most,
        RELATED,
        "a message names a task of the client, but not in its metadata",
        format!("`{RELATED_TASK}` with taskId {} in `_meta`", task.id),
        message.to_string(),
        &[task.made.seq, entry.seq],
    );
}

/// Whether some text in a value is this one. The ids of our tasks are like nothing else.
fn names(value: &Value, id: &Value) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| names(element, id)),
        Value::Object(members) => members.values().any(|member| names(member, id)),
        other => other == id,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{received, sent, violated};

    fn judged(method: &str, params: Value) -> bool {
        let made = json!({"jsonrpc": "2.0", "id": "q", "result": {"task": {"taskId": "t-1"}}});
        let message = json!({"jsonrpc": "2.0", "id": "m", "method": method, "params": params});
        let found = violated(&RULE, Revision::V2025_11_25, vec![sent(&made, 1), received(&message, 1)]);
        !found.is_empty()
    }

    #[test]
    fn what_names_a_task_names_it_in_the_metadata() {
        assert!(judged("elicitation/create", json!({"message": "?", "for": ["t-1"]})));
        assert!(judged("roots/list", json!({"_meta": {RELATED_TASK: {"taskId": "t-2"}, "task": "t-1"}})));
        assert!(!judged(
            "elicitation/create",
            json!({"for": "t-1", "_meta": {RELATED_TASK: {"taskId": "t-1"}}})
        ));
        assert!(!judged("elicitation/create", json!({"message": "What about t-1?"})));
        assert!(!judged("tasks/get", json!({"taskId": "t-1"})));
    }
}
