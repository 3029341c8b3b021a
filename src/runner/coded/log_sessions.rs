//! Two sessions with log levels of their own.

use serde_json::{Map, Value, json};

use super::Seen;
use super::clients::another;
use super::http::{call, unseen};
use super::http_sse::Stream;
use super::log_levels::{levels_at, levels_of_call};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::{Meta, Session};

const ID: &str = "logging.set-level.per-session";
const HINT: &str = "no tool that may be called logs anything less severe than an emergency";
/// The level that this session asks for: hardly anything is as severe.
const HIGHEST: &str = "emergency";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    if run.session.is_http() && run.session.http_session().is_none() {
        return unseen(run, ID, "the server gives no session id");
    }
    let Some(tool) = chatty(run).await else { return run.rest_unseen(HINT) };
    let Some(mut other) = Other::open(run).await else {
        return unseen(run, ID, "the server opens no second session");
    };
    run.ask("logging/setLevel", json!({"level": HIGHEST})).await;
    let before = levels_of_call(run, &tool, Map::new()).await;
    let is_set = other.wants_all(run).await;
    let from = run.session.transcript.last() + 1;
    let after = levels_of_call(run, &tool, Map::new()).await;
    judge(run, is_set && is_quiet(&before), &after, from);
    other.end(run).await;
}

/// Another session with the server.
enum Other {
    /// Its id.
    Http(String),
    Sse(Box<Session>, Stream),
}

impl Other {
    async fn open(run: &mut CaseRun<'_>) -> Option<Self> {
        let Some(mut beside) = run.session.beside() else { return another(run).await.map(Self::Http) };
        let stream = Stream::open(&mut beside).await?;
        let id = "mcp-conform-other".into();
        stream.initialize(&mut beside, &id).await;
        stream.result(&beside, &id)?;
        Some(Self::Sse(Box::new(beside), stream))
    }

    /// Asks for every log message; whether the server agrees.
    async fn wants_all(&mut self, run: &mut CaseRun<'_>) -> bool {
        let params = Some(json!({"level": "debug"}));
        let (_, message) = run.session.compose("logging/setLevel", params, &Meta::Standard);
        match self {
            Self::Http(id) => {
                let headers = [("Mcp-Session-Id", Some(id.as_str()))];
                run.session.http(&call("POST", Some(message), &headers)).await.result().is_some()
            }
            Self::Sse(beside, stream) => {
                let id = message["id"].clone();
                stream.ask(beside, message, &[]).await;
                stream.result(beside, &id).is_some()
            }
        }
    }

    async fn end(self, run: &mut CaseRun<'_>) {
        match self {
            Self::Http(id) => {
                drop(run.session.http(&call("DELETE", None, &[("Mcp-Session-Id", Some(&id))])).await)
            }
            Self::Sse(mut beside, stream) => beside.drop_exchange(stream.exchange),
        }
    }
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
