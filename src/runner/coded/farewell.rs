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

const ID: &str = "lifecycle.shutdown.transport-only";
/// Long enough for a call to be under way; most are answered before.
const MIDST: Duration = Duration::from_millis(20);
/// How long a server usually takes to notice that a client is gone, and how long it may.
const NOTICE: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_millis(500);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let first = open(run).await;
    if first.result().is_none() {
        return unseen(run, ID, "the server opens no second session");
    }
    let Some(left) = session_id(&first) else {
        return unseen(run, ID, "the server gives no session id: there is nothing to leave");
    };
    // There must be room for more, and a way to end one: else a refusal later would tell nothing.
    let second = open(run).await;
    let room = match session_id(&second) {
        Some(id) => end(run, &id).await,
        None => false,
    };
    if room {
        leave(run, &left).await;
        arrive(run, &left).await;
    } else {
        unseen(run, ID, "the server opens no further session, or lets clients end none");
    }
    end(run, &left).await;
}

/// The next client, and whether it is served only once the session that was left is ended.
async fn arrive(run: &mut CaseRun<'_>, left: &str) {
    let mut next = open(run).await;
    if next.result().is_none() {
        run.session.wait_for(LATE, |_| false).await;
        next = open(run).await;
    }
    let is_served = next.result().is_some();
    let mut last = session_id(&next);
    if !is_served {
        let is_ended = end(run, left).await;
        let control = open(run).await;
        last = session_id(&control);
        if next.is_turned_away() || is_limited(&next) || !is_ended || control.result().is_none() {
            return unseen(
                run,
                ID,
                "the server refuses the next session, whether or not the one before was ended",
            );
        }
    }
    let message = "`initialize` is refused until the session before, which a client left without a word, is ended by DELETE";
    say(run, ID, is_served, &Seen::of(&next, message, "an InitializeResult"));
    if let Some(id) = last {
        end(run, &id).await;
    }
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
    let tool =
        run.around.survey.slow_tool().map(|tool| json!({"name": tool["name"], "arguments": tool["slow"]}));
    let tool = tool.or_else(|| run.around.survey.all(List::CallableTools).next().map(call_of));
    let (method, params) = match tool {
        Some(params) => ("tools/call", Some(params)),
        None => ("tools/list", None),
    };
    let (_, message) = run.session.compose(method, params, &Meta::Standard);
    let Some(sent) = launch(run, &within(id, "POST", Some(message))) else { return };
    if let Some(exchange) = sent.exchange {
        run.session.wait_until(MIDST, |session| session.has_head(exchange)).await;
        run.session.break_off(exchange);
        run.session.wait_for(NOTICE, |_| false).await;
    }
}

fn within(id: &str, method: &str, message: Option<Value>) -> HttpCall {
    HttpCall { apart: true, ..call(method, message, &[("Mcp-Session-Id", Some(id))]) }
}
