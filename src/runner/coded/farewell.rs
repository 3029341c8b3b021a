//! Leaving an HTTP session without a word, in the middle of a call: the next one is served (handshake era).

use std::time::Duration;

use serde_json::{Value, json};

use super::clients::{initialize, session_id};
use super::http::{Seen, call, launch, say, unseen};
use super::is_limited;
use crate::case::List;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::session::{HttpCall, Meta, Outcome};

pub(super) const ID: &str = "lifecycle.shutdown.transport-only";
/// Long enough for a call to be under way; most are answered before.
pub(super) const MIDST: Duration = Duration::from_millis(20);
/// How long a server usually takes to notice that a client is gone, and how long it may.
pub(super) const NOTICE: Duration = Duration::from_millis(50);
pub(super) const LATE: Duration = Duration::from_millis(500);

/// How the next client fared.
enum Next {
    Served(Outcome),
    /// Not until the session that was left had been ended.
    Refused(Outcome),
    Unseen(&'static str),
}

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let mut next = attempt(run).await;
    if matches!(next, Next::Refused(_)) {
        // Other clients come and go meanwhile: once may be chance.
        next = attempt(run).await;
    }
    let message = "`initialize` is refused until the session before, which a client left without a word, is ended by DELETE";
    let seen = |outcome| Seen::of(outcome, message, "an InitializeResult");
    match &next {
        Next::Served(outcome) => say(run, ID, true, &seen(outcome)),
        Next::Refused(outcome) => say(run, ID, false, &seen(outcome)),
        Next::Unseen(why) => unseen(run, ID, why),
    }
}

async fn attempt(run: &mut CaseRun<'_>) -> Next {
    let first = open(run).await;
    let Some(left) = session_id(&first).filter(|_| first.result().is_some()) else {
        return Next::Unseen("the server opens no second session that has an id");
    };
    // There must be room for more, and a way to end one: else a refusal later would tell nothing.
    let second = open(run).await;
    let next = match end_of(run, &second).await {
        true => {
            leave(run, &left).await;
            arrive(run, &left).await
        }
        false => Next::Unseen("the server opens no further session, or lets clients end none"),
    };
    end(run, &left).await;
    next
}

/// The next client: whether it is served only once the session that was left is ended.
async fn arrive(run: &mut CaseRun<'_>, left: &str) -> Next {
    let mut next = open(run).await;
    if next.result().is_none() {
        run.session.wait_for(LATE, |_| false).await;
        next = open(run).await;
    }
    if next.result().is_some() {
        end_of(run, &next).await;
        return Next::Served(next);
    }
    let is_ended = end(run, left).await;
    let control = open(run).await;
    end_of(run, &control).await;
    match is_refused(&next) && is_ended && control.result().is_some() {
        true => Next::Refused(next),
        false => Next::Unseen("the server refuses the next session for other reasons"),
    }
}

async fn end_of(run: &mut CaseRun<'_>, opened: &Outcome) -> bool {
    match session_id(opened) {
        Some(id) => end(run, &id).await,
        None => false,
    }
}

/// Whether the server said no: not that it has no room, nor that it is at work on something else.
pub(super) fn is_refused(outcome: &Outcome) -> bool {
    let is_no = outcome.error().is_some() || matches!(outcome.status, Some(400..=500));
    is_no && !outcome.is_turned_away() && !is_limited(outcome)
}

/// A client of its own opens a session.
async fn open(run: &mut CaseRun<'_>) -> Outcome {
    let opening = initialize(run, None);
    run.session.http(&HttpCall { apart: true, ..opening }).await
}

/// Whether a session could be ended by DELETE.
async fn end(run: &mut CaseRun<'_>, id: &str) -> bool {
    let ended = run.session.http(&within(id, "DELETE", None)).await;
    ended.status.is_some_and(|status| (200..300).contains(&status))
}

/// Begins a call, and closes its connection.
async fn leave(run: &mut CaseRun<'_>, id: &str) {
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    run.session.http(&within(id, "POST", Some(ready))).await;
    let (method, params) = long_request(run);
    let (_, message) = run.session.compose(method, Some(params), &Meta::Standard);
    let Some(sent) = launch(run, &within(id, "POST", Some(message))) else { return };
    if let Some(exchange) = sent.exchange {
        run.session.wait_until(MIDST, |session| session.has_head(exchange)).await;
        run.session.break_off(exchange);
        run.session.wait_for(NOTICE, |_| false).await;
    }
}

/// A request that may take its time.
pub(super) fn long_request(run: &CaseRun<'_>) -> (&'static str, Value) {
    let survey = run.around.survey;
    let slow = survey.slow_tool().map(|tool| json!({"name": tool["name"], "arguments": tool["slow"]}));
    match slow.or_else(|| survey.all(List::CallableTools).next().map(call_of)) {
        Some(params) => ("tools/call", params),
        None => ("tools/list", json!({})),
    }
}

fn within(id: &str, method: &str, message: Option<Value>) -> HttpCall {
    HttpCall { apart: true, ..call(method, message, &[("Mcp-Session-Id", Some(id))]) }
}
