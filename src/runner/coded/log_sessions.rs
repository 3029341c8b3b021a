//! Two sessions with log levels of their own.

use serde_json::{Map, Value, json};

use super::Seen;
use super::clients::another;
use super::http::{call, unseen};
use super::log_levels::{levels_at, levels_of_call};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::Meta;

const ID: &str = "logging.set-level.per-session";
const HINT: &str = "no tool that may be called logs anything less severe than an emergency";
/// The level that this session asks for: hardly anything is as severe.
const HIGHEST: &str = "emergency";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    if run.session.http_session().is_none() {
        return unseen(run, ID, "the server gives no session id");
    }
    let Some(tool) = chatty(run).await else { return run.rest_unseen(HINT) };
    let Some(other) = another(run).await else {
        return unseen(run, ID, "the server opens no second session");
    };
    run.ask("logging/setLevel", json!({"level": HIGHEST})).await;
    let before = levels_of_call(run, &tool, Map::new()).await;
    let (_, message) =
        run.session.compose("logging/setLevel", Some(json!({"level": "debug"})), &Meta::Standard);
    let headers = [("Mcp-Session-Id", Some(other.as_str()))];
    let set = run.session.http(&call("POST", Some(message), &headers)).await;
    let from = run.session.transcript.last() + 1;
    let after = levels_of_call(run, &tool, Map::new()).await;
    judge(run, set.result().is_some() && is_quiet(&before), &after, from);
    run.session.http(&call("DELETE", None, &headers)).await;
}

fn judge(run: &mut CaseRun<'_>, is_heeded: bool, after: &[String], from: u64) {
    // Where the level is not heeded at all, it is not the other session that changed it.
    if !is_heeded {
        return unseen(run, ID, "the server does not heed the level of its own session");
    }
    let seen = Seen {
        message: "the log level that another session set changed that of this one".into(),
        expected: "nothing below level emergency, as this session asked for".into(),
        got: format!("after `debug` in the other session: {}", after.join(", ")),
        from,
        at_most: Some(Verdict::Warn),
    };
    super::hold(run, ID, is_quiet(after), seen);
}

/// Whether nothing was told that this session does not ask for.
fn is_quiet(levels: &[String]) -> bool {
    levels.iter().all(|level| level == HIGHEST)
}

/// A tool that logs something less severe.
async fn chatty(run: &mut CaseRun<'_>) -> Option<Value> {
    for tool in run.around.survey.things(List::CallableTools) {
        let levels = levels_at(run, &tool, "debug").await;
        if !is_quiet(&levels) && !run.around.survey.is_slow(&tool["name"]) {
            return Some(tool);
        }
    }
    None
}
