//! Messages that belong to a task of 2025-11-25: progress under the token of its request until it has ended, its name in
//! the metadata, and no task at all without the capability.

use serde_json::Value;

use super::{Born, Context, Rule, births, client_tasks, is_terminal};
use crate::catalogue::Verdict;
use crate::protocol::{Message, RELATED_TASK, Revision, method};
use crate::rule::Findings;
use crate::session::transcript::Entry;

const DECLARED: &str = "tasks.capability-declared";
const TOKEN: &str = "tasks.progress-token-persists";
const STOPS: &str = "tasks.progress-stops-terminal";
const RELATED_EVERYWHERE: &str = "tasks.related-task-everywhere";
const INPUT: &str = "tasks.input-request-related-task";

pub(super) const RULE: Rule = Rule {
    id: "rule/task-messages",
    judges: &[DECLARED, TOKEN, STOPS, RELATED_EVERYWHERE, INPUT],
    hint: "a tool that runs as a task has to report progress, or ask for input",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision() != Revision::V2025_11_25 {
        return;
    }
    declared(context, findings);
    let births = births(context);
    for (entry, message) in &context.received {
        match message.method() {
            Some("notifications/progress") => progress(context, &births, entry, message, findings),
            Some("elicitation/create" | "sampling/createMessage" | "roots/list") => {
                input(context, &births, entry, message, findings);
            }
            _ => {}
        }
    }
}

/// A call that asks for a task, on a server that did not declare tasks for tools.
fn declared(context: &Context<'_>, findings: &mut Findings) {
    let Some(server) = &context.server else { return };
    let is_declared = method::declares(server, "tasks.requests.tools.call");
    for (entry, message, asked) in context.replies().filter(|(_, _, asked)| asked.method == "tools/call") {
        let wanted = context.request(asked).is_some_and(|request| request.params().get("task").is_some());
        match super::created(message, context.revision()) {
            Some(task) if !is_declared => findings.violated(
                DECLARED,
                "the server made a task, but did not declare `tasks.requests.tools.call`",
                "the capability, or the result of the call",
                task.to_string(),
                &[asked.seq, entry.seq],
            ),
            None if is_declared => {}
            _ if wanted => findings.kept(DECLARED),
            _ => {}
        }
    }
}

fn progress(
    context: &Context<'_>,
    births: &[Born<'_>],
    entry: &Entry,
    message: &Message,
    findings: &mut Findings,
) {
    let token = &message.params()["progressToken"];
    let got = || message.to_string();
    if let Some(born) = births.iter().find(|born| born.task["taskId"] == *token) {
        let given = &born.request.params()["_meta"]["progressToken"];
        let expected = format!("progressToken {given}");
        let entries = [born.asked.seq, born.entry.seq, entry.seq];
        return findings.violated(TOKEN, "progress under the id of the task", expected, got(), &entries);
    }
    let of_token = |born: &&Born<'_>| {
        !token.is_null()
            && born.request.params()["_meta"]["progressToken"] == *token
            && born.entry.seq < entry.seq
    };
    let Some(born) = births.iter().find(of_token) else { return };
    findings.kept(TOKEN);
    let id = &born.task["taskId"];
    match ended(context, id, entry) {
        Some(end) => findings.violated(
            STOPS,
            "progress came after the task had ended",
            "no progress after the end of the task",
            got(),
            &[end, entry.seq],
        ),
        None => findings.kept(STOPS),
    }
    match related(message) {
        Some(named) if named == id => findings.kept(RELATED_EVERYWHERE),
        // The token tells what it belongs to.
        _ => findings.violated_as(
            Some(Verdict::Warn),
            RELATED_EVERYWHERE,
            "progress of a task does not name the task",
            format!("`{RELATED_TASK}` with taskId {id} in `_meta`"),
            got(),
            &[born.entry.seq, entry.seq],
        ),
    }
}

fn related(message: &Message) -> Option<&Value> {
    message.params()["_meta"].get(RELATED_TASK)?.get("taskId")
}

/// What was said before an entry on the same stream that shows the task ended: what comes on others may be late.
fn ended(context: &Context<'_>, id: &Value, before: &Entry) -> Option<u64> {
    let is_end = |task: &Value| task["taskId"] == *id && is_terminal(&task["status"]);
    let mut earlier = context.received.iter().take_while(|(entry, _)| entry.seq < before.seq);
    let told = earlier.find(|(entry, message)| {
        entry.exchange() == before.exchange()
            && message.method() == Some("notifications/tasks/status")
            && is_end(message.params())
    });
    let shows = |(entry, message, asked): &(&Entry, &Message, &crate::rule::context::Asked)| {
        let result = message.get("result");
        entry.seq < before.seq
            && matches!(asked.method.as_str(), "tasks/get" | "tasks/cancel")
            && result.is_some_and(is_end)
    };
    let shown = || context.is_stdio().then(|| context.replies().find(shows)).flatten();
    told.map(|(entry, _)| entry.seq).or_else(|| shown().map(|(entry, ..)| entry.seq))
}

/// A request of the server that a task needs: if nothing else is running, it belongs to the task whose result we wait for.
fn input(
    context: &Context<'_>,
    births: &[Born<'_>],
    entry: &Entry,
    message: &Message,
    findings: &mut Findings,
) {
    let got = || message.to_string();
    let is_known = |id: &Value| births.iter().any(|born| born.task["taskId"] == *id);
    match related(message) {
        Some(id) if is_known(id) => findings.kept(INPUT),
        // It may also belong to a task that the client runs.
        Some(id) if client_tasks(context).iter().any(|task| task.id == id) => {}
        Some(_) => findings.violated(
            INPUT,
            "the server asks for a task that nobody created",
            "the id of a task of this client",
            got(),
            &[entry.seq],
        ),
        None => {
            let running = running(context, entry.seq);
            let waiting = running.iter().find(|(_, method)| *method == "tasks/result");
            let only_tasks = running.iter().all(|(_, method)| method.starts_with("tasks/"));
            if let (Some((seq, _)), true) = (waiting, only_tasks) {
                let expected = format!("`{RELATED_TASK}` in `_meta`");
                findings.violated(
                    INPUT,
                    "the server asks for a task without naming it",
                    expected,
                    got(),
                    &[*seq, entry.seq],
                );
            }
        }
    }
}

/// Our requests that were not answered yet at an entry.
fn running<'c>(context: &'c Context<'_>, at: u64) -> Vec<(u64, &'c str)> {
    let answered: std::collections::HashSet<u64> =
        context.replies().filter(|(entry, ..)| entry.seq < at).map(|(_, _, asked)| asked.seq).collect();
    let asked = context.requests.values().flatten();
    asked
        .filter(|asked| asked.seq < at && !answered.contains(&asked.seq))
        .map(|asked| (asked.seq, asked.method.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rule::written::{call, progress, received, sent, violated};

    #[test]
    fn progress_is_late_only_behind_the_end_on_the_same_stream() {
        let made =
            json!({"jsonrpc": "2.0", "id": 1, "result": {"task": {"taskId": "t", "status": "working"}}});
        let end = json!({"taskId": "t", "status": "completed"});
        let end = json!({"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": end});
        let told_on = |stream| {
            let told = [sent(&call(1), 1), received(&made, 1), received(&end, 2)];
            let told = told.into_iter().chain([received(&progress(1), stream)]).collect();
            violated(&RULE, Revision::V2025_11_25, told).contains(&STOPS)
        };
        assert!(told_on(2));
        assert!(!told_on(3));
    }
}
