//! Cancellations that cross with the reply of what they cancel.

use std::time::Duration;

use serde_json::json;

use super::Seen;
use crate::protocol::{Id, Message};
use crate::runner::interpret::CaseRun;
use crate::session::Meta;

const TOLERANT: &str = "cancellation.race-tolerance";
const ROUNDS: u64 = 20;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let from = run.session.transcript.last() + 1;
    let method = run.session.revision.fence();
    let mut ids = Vec::new();
    for round in 0..ROUNDS {
        ids.push(race(run, method, Duration::from_millis(round)).await);
    }
    let fence = run.session.fence().await;
    run.session.fence().await;
    let twice: Vec<String> =
        ids.iter().filter(|id| replies(run, from, id) > 1).map(ToString::to_string).collect();
    let got = match (&fence.died, twice.is_empty()) {
        (Some(why), _) => why.clone(),
        (None, false) => format!("answered more than once: {}", twice.join(", ")),
        (None, true) => fence.to_value().to_string(),
    };
    let seen = Seen {
        message: "the server could not stand cancellations that cross with its replies".into(),
        expected: "each request is answered at most once, and the next one as usual".into(),
        got,
        from,
        at_most: None,
    };
    super::hold(run, TOLERANT, fence.result().is_some() && twice.is_empty(), seen);
}

/// A request and its cancellation, back to back. A stream is closed some moments later: before, the request may not have left.
async fn race(run: &mut CaseRun<'_>, method: &str, moments: Duration) -> Id {
    let (id, message) = run.session.compose(method, None, &Meta::Standard);
    let closes = run.session.is_http() && run.session.revision.is_stateless();
    // A request whose stream is closed at once gets no reply, on purpose.
    let sent = run.session.launch(&message, closes);
    match sent.exchange {
        Some(exchange) if closes => {
            tokio::time::sleep(moments).await;
            run.session.drop_exchange(exchange);
        }
        _ => {
            let params = json!({"requestId": id.to_value()});
            let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
            run.session.launch(&cancel, false);
        }
    }
    id
}

fn replies(run: &CaseRun<'_>, from: u64, id: &Id) -> usize {
    let since = run.session.transcript.received().filter(|(entry, _)| entry.seq >= from);
    let is_it = |message: &Message| message.id().as_ref() == Some(id);
    since.filter(|(_, message)| message.is_reply() && is_it(message)).count()
}
