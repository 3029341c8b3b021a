//! The end of an HTTP session: DELETE, and what its id is worth afterwards.

use serde_json::json;

use super::http::{Seen, bare, call, probe, say};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const DELETE: &str = "http.session.delete-405-allowed";
const GONE: &str = "http.session.terminated-404";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    if run.session.http_session().is_none() {
        return run.rest_unseen("the server gives no session id");
    }
    let ended = bare(run, "DELETE", &[]).await;
    let seen = Seen::of(&ended, "DELETE of a session that lives", "a status of success, or HTTP 405");
    match ended.status {
        Some(200..300 | 405) => say(run, DELETE, true, &seen),
        Some(404 | 500..) => say(run, DELETE, false, &seen.at_most(Verdict::Warn)),
        _ => {}
    }
    if !ended.status.is_some_and(|status| (200..300).contains(&status)) {
        return run.rest_unseen("the server does not let clients end a session");
    }
    let note = json!({"jsonrpc": "2.0", "method": "notifications/mcp-conform"});
    let outcomes = [
        ("a request", probe(run, &[]).await),
        ("a notification", run.session.http(&call("POST", Some(note), &[])).await),
        ("a GET", bare(run, "GET", &[]).await),
        ("a DELETE", bare(run, "DELETE", &[]).await),
    ];
    for (name, outcome) in &outcomes {
        after(run, name, outcome);
    }
}

fn after(run: &mut CaseRun<'_>, name: &str, outcome: &Outcome) {
    let message = format!("{name} with the id of a session that was ended is not answered with 404");
    let seen = Seen::of(outcome, &message, "HTTP 404");
    match (name, outcome.status) {
        // Without such a stream, or such an end, there is nothing to find.
        ("a GET", Some(405)) => {}
        ("a DELETE", Some(200..300 | 405)) => say(run, GONE, false, &seen.at_most(Verdict::Warn)),
        (_, status) => say(run, GONE, status == Some(404), &seen),
    }
}
