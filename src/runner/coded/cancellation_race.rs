//! Requests and their cancellations back to back, and cancellations that come too late.

use std::collections::HashMap;

use serde_json::json;

use crate::catalogue::Verdict;
use crate::protocol::{Id, method};
use crate::runner::interpret::{CaseRun, Violation};
use crate::session::Meta;

const TIMES: usize = 20;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(requirement) = run.judged("cancellation.race-tolerance") else { return };
    let name = probe(run);
    let from = run.session.transcript.last() + 1;
    let mut ids = Vec::new();
    for _ in 0..TIMES {
        let (id, message) = run.session.compose(name, None, &Meta::Standard);
        run.session.launch(&message, true);
        run.session.launch(&cancellation(&id), true);
        ids.push(id);
    }
    run.session.fence().await;
    for id in &ids {
        run.session.launch(&cancellation(id), true);
    }
    let last = run.session.fence().await;
    let mut replies: HashMap<Id, usize> = HashMap::new();
    for (_, message) in run.session.transcript.received().filter(|(entry, _)| entry.seq >= from) {
        if let Some(id) = message.id().filter(|id| message.is_reply() && ids.contains(id)) {
            *replies.entry(id).or_default() += 1;
        }
    }
    let twice = replies.iter().find(|(_, count)| **count > 1).map(|(id, _)| id.clone());
    if last.result().is_some() && twice.is_none() {
        return run.note(
            requirement,
            Verdict::Pass,
            format!("{TIMES} cancelled requests, and the server goes on"),
        );
    }
    let message = match twice {
        Some(id) => format!("request {id}, which was cancelled, was answered twice"),
        None => "the server does not answer any more after cancellations that crossed the replies".to_owned(),
    };
    let span = (from, run.session.transcript.last());
    let violation = Violation {
        message,
        expected: "at most one reply each, and a server that goes on".into(),
        got: last.to_value().to_string(),
        span,
        at_most: None,
    };
    run.violation(requirement, violation);
}

/// A cheap request; in the handshake era a client must not cancel `initialize`, anything else it may.
fn probe(run: &CaseRun<'_>) -> &'static str {
    let declares = |capability| method::declares(&run.session.server.capabilities, capability);
    match run.session.revision.is_stateless() {
        _ if declares("tools") => "tools/list",
        true => "server/discover",
        false => "ping",
    }
}

fn cancellation(id: &Id) -> serde_json::Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id.to_value()}})
}
