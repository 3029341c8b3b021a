//! Leaving without a word, in the middle of a call: the next client is served.

use serde_json::{Value, json};

use super::stream::{self, Stream, is_taken};
use crate::catalogue::Verdict;
use crate::runner::coded::farewell::{ID, LATE, MIDST, NOTICE, is_refused, long_request};
use crate::runner::coded::http::{Seen, say, unseen};
use crate::runner::interpret::CaseRun;
use crate::session::{Outcome, Session};

/// Two clients were served side by side, so that there is room; they leave one after the other.
pub(super) async fn run(run: &mut CaseRun<'_>, beside: &mut Session, clients: [Stream; 2]) {
    let mut last = None;
    for (n, client) in clients.iter().enumerate() {
        leave(run, beside, client).await;
        match next(beside, n).await {
            Ok(()) => return say(run, ID, true, &Seen { expected: "served", ..Seen::default() }),
            Err(outcome) => last = Some(outcome),
        }
    }
    match last.filter(is_refused) {
        Some(outcome) => {
            let message = "a client is refused after another one left without a word";
            let seen = Seen::of(&outcome, message, "served").beside().at_most(Verdict::Warn);
            say(run, ID, false, &seen);
        }
        None => unseen(run, ID, "the server serves no further client for other reasons"),
    }
}

/// Begins a call, and closes the stream.
async fn leave(run: &CaseRun<'_>, beside: &mut Session, client: &Stream) {
    let (method, params) = long_request(run);
    let message = json!({"jsonrpc": "2.0", "id": "mcp-conform-left", "method": method, "params": params});
    beside.launch_http(&client.post(message, &[]));
    beside.wait_for(MIDST, |_| false).await;
    beside.break_off(client.exchange);
    beside.wait_for(NOTICE, |_| false).await;
}

/// The next client, at once and somewhat later; what it got where it is not served.
async fn next(beside: &mut Session, n: usize) -> Result<(), Outcome> {
    let id = Value::from(format!("mcp-conform-next-{n}"));
    if served(beside, &id).await.is_ok() {
        return Ok(());
    }
    beside.wait_for(LATE, |_| false).await;
    served(beside, &id).await
}

async fn served(beside: &mut Session, id: &Value) -> Result<(), Outcome> {
    let Some(opening) = stream::open(beside).await else { return Err(Outcome::default()) };
    let got = opening.outcome.clone();
    let Some(stream) = opening.stream() else { return Err(got) };
    let outcome = stream.initialize(beside, id).await;
    let is_served = stream.result(beside, id).is_some();
    beside.drop_exchange(stream.exchange);
    match is_served {
        true => Ok(()),
        false if is_taken(&outcome) => Err(Outcome::default()),
        false => Err(outcome),
    }
}
