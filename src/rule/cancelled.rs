//! Cancellations by the server: of its own requests, in the stateless era of subscriptions.

use std::time::Duration;

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Id};
use crate::session::transcript::Entry;

const OWN: &str = "cancellation.sent-for-own-inflight";
const LISTEN: &str = "cancellation.server-only-for-listen";
const LISTEN_STDIO: &str = "stdio.cancel.server-sent-only-for-listen";

pub const RULE: Rule = Rule {
    id: "rule/cancelled",
    judges: &[OWN, LISTEN, LISTEN_STDIO],
    hint: "the server has to send a message",
    run,
};

/// An answer of ours and a cancellation may cross.
const CROSSING: Duration = Duration::from_secs(1);

fn run(context: &Context<'_>, findings: &mut Findings) {
    let before = findings.violations.len();
    for (entry, message) in &context.received {
        let id = message.params().get("requestId").map(Id::from_value);
        if let (Some("notifications/cancelled"), Some(id)) = (message.method(), id) {
            let got = message.to_string();
            match context.revision().is_stateless() {
                true => listen(context, entry, &id, got, findings),
                false => own(context, entry, &id, got, findings),
            }
        }
    }
    if findings.violations.len() == before && !context.received.is_empty() {
        [OWN, LISTEN].iter().for_each(|id| findings.kept(id));
        if context.is_stdio() {
            findings.kept(LISTEN_STDIO);
        }
    }
}

fn listen(context: &Context<'_>, entry: &Entry, id: &Id, got: String, findings: &mut Findings) {
    if context.listens(entry).iter().any(|listen| listen.id == *id) {
        return;
    }
    let is_ours = context.requests.contains_key(id);
    let rule = if is_ours && context.is_stdio() { LISTEN_STDIO } else { LISTEN };
    findings.violated(
        rule,
        format!("the server cancelled {id}, which is no subscription"),
        "cancellations of `subscriptions/listen` requests only",
        got,
        &[entry.seq],
    );
}

fn own(context: &Context<'_>, entry: &Entry, id: &Id, got: String, findings: &mut Findings) {
    let asked = context.received.iter().any(|(request, message)| {
        request.seq < entry.seq && message.class() == Class::Request && message.id().as_ref() == Some(id)
    });
    let answered = context.sent.iter().any(|(reply, message)| {
        message.is_reply() && message.id().as_ref() == Some(id) && reply.at + CROSSING < entry.at
    });
    if !asked || answered {
        findings.violated(
            OWN,
            format!("the server cancelled {id}, which is no open request of its own"),
            "the id of a request of the server that was not answered yet",
            got,
            &[entry.seq],
        );
    }
}
