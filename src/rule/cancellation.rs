//! What a server may cancel: its own requests to the client; in the stateless era, only subscriptions.

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Id, Message};
use crate::session::transcript::Entry;

const OWN: &str = "cancellation.sent-for-own-inflight";
const LISTEN: &str = "cancellation.server-only-for-listen";

pub const RULE: Rule = Rule {
    id: "rule/cancellation",
    judges: &[OWN, LISTEN],
    hint: "the server has to cancel something, or to say something at all",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let is_stateless = context.revision().is_stateless();
    let (id, expected) = match is_stateless {
        true => (LISTEN, "the id of an open subscriptions/listen"),
        false => (OWN, "the id of a request of the server"),
    };
    let cancelled: Vec<_> =
        context.received.iter().filter(|(_, m)| m.method() == Some("notifications/cancelled")).collect();
    if cancelled.is_empty() && !context.received.is_empty() {
        findings.kept(id);
    }
    for (entry, message) in cancelled {
        // What is no id at all is judged by the schema.
        let Some(named) = message.params().get("requestId").map(Id::from_value) else { continue };
        let is_known = match is_stateless {
            true => listens(context, entry, &named),
            false => asked(context, entry, &named),
        };
        match is_known {
            true => findings.kept(id),
            false => findings.violated(
                id,
                format!("the server cancelled {named}, which is not its own"),
                expected,
                message.to_value().to_string(),
                &[entry.seq],
            ),
        }
    }
}

fn listens(context: &Context<'_>, entry: &Entry, id: &Id) -> bool {
    let asked = context.requests.get(id).into_iter().flatten();
    asked.into_iter().any(|asked| asked.seq < entry.seq && asked.method == "subscriptions/listen")
}

fn asked(context: &Context<'_>, entry: &Entry, id: &Id) -> bool {
    let is_it = |message: &Message| message.class() == Class::Request && message.id().as_ref() == Some(id);
    context.received.iter().any(|(earlier, message)| earlier.seq < entry.seq && is_it(message))
}
