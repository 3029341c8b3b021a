//! Tasks of one user, asked for by another: those of 2025-11-25, and those of the extension.

use serde_json::{Value, json};

use super::super::http::call;
use super::super::tasks::{create_extension, tools};
use super::site::{self, is_served};
use super::users::Users;
use super::{Seen, say};
use crate::protocol::method;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const FOREIGN: [&str; 3] =
    ["auth.tasks.bound-to-context", "tasks.bound-to-auth-context", "tasks.foreign-task-rejected"];
const LISTED: [&str; 2] = ["auth.tasks.list-filtered", "tasks.list-own-only"];

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(users) = Users::find(run).await else { return };
    let Some(id) = create(run).await else {
        return run.rest_unseen("no tool that may be called ran as a task");
    };
    let declares = |path| method::declares(&run.session.server.capabilities, path);
    let (can_list, can_cancel) = (declares("tasks.list"), declares("tasks.cancel"));
    if can_list {
        let outcome = ask(run, &users, "tasks/list", json!({})).await;
        let is_shown = outcome.result().is_some_and(|result| result.to_string().contains(&id));
        let problem = is_shown.then(|| "the list of another user holds the task".to_owned());
        if outcome.reply.is_some() {
            judge(run, &LISTED, &outcome, "only tasks of the user who asks", problem.as_deref());
        }
    }
    for name in ["tasks/get", "tasks/cancel", "tasks/result"] {
        if name == "tasks/cancel" && !can_cancel {
            continue;
        }
        let outcome = ask(run, &users, name, json!({"taskId": id})).await;
        let problem = is_served(&outcome).then(|| format!("`{name}` of another user is served"));
        judge(run, &FOREIGN, &outcome, "an error, as for an unknown task", problem.as_deref());
    }
    run.rest_unseen("the server has no `tasks/list`");
}

/// Without authorization, another client is shown no tasks that are not its own.
pub(in super::super) async fn anonymous(run: &mut CaseRun<'_>) {
    const IDS: [&str; 2] = ["tasks.no-list-without-identity", "auth.tasks.no-list-without-identity"];
    if run.session.authorization().is_some() {
        return run.rest_unseen("credentials tell those who ask apart");
    }
    let Some(id) = create(run).await else {
        return run.rest_unseen("no tool that may be called ran as a task");
    };
    let opened = site::open(run, &[]).await;
    let session = opened.headers.iter().find(|(name, _)| name == "mcp-session-id").map(|(_, id)| id.clone());
    if !is_served(&opened) {
        return run.rest_unseen("no second client was let in");
    }
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    run.session.http(&call("POST", Some(note), &[("Mcp-Session-Id", session.as_deref())])).await;
    let headers = vec![("Mcp-Session-Id".to_owned(), session)];
    let outcome = site::post(run, "tasks/list", Some(json!({})), headers, None).await;
    let Some(result) = outcome.result() else {
        return run.rest_unseen("the second client was not shown the list");
    };
    let is_shown = result.to_string().contains(&id);
    let problem = is_shown.then_some("whoever comes is shown the tasks of everybody");
    judge(run, &IDS, &outcome, "no `tasks/list` where clients are not told apart", problem);
}

/// The same for tasks of the extension: the other user, and nobody.
pub(in super::super) async fn extension(run: &mut CaseRun<'_>) {
    const ID: &str = "tasks-ext.auth-checked";
    let Some(users) = Users::find(run).await else { return };
    let Some((id, client)) = create_extension(run).await else {
        return run.rest_unseen("no tool that may be called ran as a task");
    };
    for name in ["tasks/get", "tasks/update", "tasks/cancel"] {
        for (who, credentials) in [("another user", vec![users.other.as_str()]), ("nobody", Vec::new())] {
            let params = json!({"taskId": id, "inputResponses": {}, "_meta": client});
            let headers = site::headers(&credentials);
            let outcome = site::post(run, name, Some(params), headers, None).await;
            let problem = is_served(&outcome).then(|| format!("`{name}` is served to {who}"));
            say(run, ID, &Seen::outcome(&outcome), "refused, as for an unknown task", problem);
        }
    }
}

/// A task of the user.
async fn create(run: &mut CaseRun<'_>) -> Option<String> {
    for tool in tools(run) {
        let params = json!({"name": tool["name"], "arguments": tool["arguments"], "task": {"ttl": 60_000}});
        let reply = run.ask("tools/call", params).await;
        if let Some(id) = reply.result().and_then(|result| result["task"]["taskId"].as_str()) {
            return Some(id.to_owned());
        }
    }
    None
}

/// Asks as the other user, in a session of that user.
async fn ask(run: &mut CaseRun<'_>, users: &Users, method: &str, params: Value) -> Outcome {
    let mut headers = site::headers(&[&users.other]);
    let session = users.opened.headers.iter().find(|(name, _)| name == "mcp-session-id");
    headers.push(("Mcp-Session-Id".to_owned(), session.map(|(_, id)| id.clone())));
    site::post(run, method, Some(params), headers, None).await
}

fn judge(run: &mut CaseRun<'_>, ids: &[&str], outcome: &Outcome, expected: &str, problem: Option<&str>) {
    for id in ids {
        say(run, id, &Seen::outcome(outcome), expected, problem.map(str::to_owned));
    }
}
