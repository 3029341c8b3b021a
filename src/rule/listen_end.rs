//! How subscriptions end: with a result, after which nothing comes, and over HTTP not without one (2026-07-28).

use super::http::ended_listens;
use super::{Context, Findings, Rule};
use crate::protocol::Class;

const AFTER: &str = "subscriptions.close-after-result";
const GRACEFUL: &str = "http.listen.graceful-end";

pub const RULE: Rule = Rule {
    id: "rule/subscription-end",
    judges: &[AFTER, GRACEFUL],
    hint: "the server has to end a subscription by itself",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision().is_stateless() {
        results(context, findings);
        ended_listens(context).for_each(|(evidence, is_answered)| match is_answered {
            true => findings.kept(GRACEFUL),
            false => findings.violated(
                GRACEFUL,
                "the server ended the stream of a subscription without a response",
                "the result of `subscriptions/listen`, then the end of the stream",
                "the end of the stream",
                &evidence,
            ),
        });
    }
}

/// After the result of a subscription nothing is about it any more.
fn results(context: &Context<'_>, findings: &mut Findings) {
    let ends = context
        .replies()
        .filter(|(_, reply, asked)| asked.method == "subscriptions/listen" && reply.class() == Class::Result);
    for (entry, reply, _) in ends {
        let later = context.received.iter().find(|(other, message)| {
            let tag = message.subscription();
            other.seq > entry.seq && message.method().is_some() && tag.is_some() && tag == reply.id()
        });
        match later {
            None => findings.kept(AFTER),
            Some((late, message)) => findings.violated(
                AFTER,
                "a subscription goes on after its result",
                "nothing more for it",
                message.to_string(),
                &[entry.seq, late.seq],
            ),
        }
    }
}
