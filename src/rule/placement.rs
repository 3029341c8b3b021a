//! Where notifications belong in the stateless era: to a request in flight, before its reply, on its own stream.

use super::context::is_deliberate;
use super::{Context, Findings, Rule};
use crate::protocol::{Class, Message};
use crate::session::transcript::Entry;

const UNSOLICITED: &str = "base.patterns.no-unsolicited-notifications";
const THREE_KINDS: &str = "stdio.messages.three-kinds";
const BEFORE: &str = "base.patterns.notifications-before-response";
const ONLY_STREAMS: &str = "base.meta.subscription-id.only-on-streams";
const NOT_SCOPED: &str = "subscriptions.no-request-scoped";
const LOG_STREAM: &str = "logging.request.own-stream-only";
const PROGRESS_STREAM: &str = "progress.on-request-stream";

pub const RULE: Rule = Rule {
    id: "rule/placement",
    judges: &[UNSOLICITED, THREE_KINDS, BEFORE, ONLY_STREAMS, NOT_SCOPED, LOG_STREAM, PROGRESS_STREAM],
    hint: "a tool that may be called has to report progress or to log: `[tools.NAME] allow = true` in the profile",
    run,
};

const PROGRESS: &str = "notifications/progress";
const MESSAGE: &str = "notifications/message";

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    for (entry, message) in &context.received {
        if message.method().is_some_and(|name| name.starts_with("notifications/")) {
            match context.is_stdio() {
                true => line(context, entry, message, findings),
                false => stream(context, entry, message, findings),
            }
            tagged(context, entry, message, findings);
        }
    }
    let is_told = |id: &str, findings: &Findings| findings.violations.iter().any(|v| v.requirement == id);
    if !context.received.is_empty() && !is_told(UNSOLICITED, findings) {
        findings.kept(UNSOLICITED);
    }
}

fn line(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    if message.method() == Some(PROGRESS) {
        late(context, entry, message, findings);
    }
    idle(context, entry, message, findings);
}

/// Progress of a request that has its reply. On stdio only the token tells to which one it belongs.
fn late(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let Some((request, sent)) = given_once(context, entry, message) else { return };
    let Some(id) = sent.id().filter(|id| !context.is_ambiguous(id)) else { return };
    match context.is_answered(&id, request.seq, entry.seq) {
        true => findings.violated(
            BEFORE,
            format!("`{PROGRESS}` came after the reply to its request"),
            "nothing about a request after its reply",
            message.to_string(),
            &[request.seq, entry.seq],
        ),
        false => findings.kept(BEFORE),
    }
}

/// A notification while nothing is in flight and no subscription is open.
fn idle(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let name = message.method().unwrap_or_default();
    let is_open = !context.in_flight(entry).is_empty() || !context.listens(entry).is_empty();
    if is_open || context.follows_malformed(entry) {
        return findings.kept(THREE_KINDS);
    }
    let id = match name {
        PROGRESS if given(context, entry, message).is_none() => UNSOLICITED,
        MESSAGE if !context.has_asked_for_logs(entry) => UNSOLICITED,
        // Whoever asked for log messages has the reply already.
        MESSAGE => BEFORE,
        // Late progress is judged by its token; changes and cancellations have rules of their own.
        PROGRESS | "notifications/cancelled" => return,
        name if name.ends_with("/list_changed") || name.ends_with("/updated") => return,
        _ => THREE_KINDS,
    };
    let expected = "notifications for requests in flight and for subscriptions only";
    let got = message.to_string();
    findings.violated(
        id,
        format!("the server sent `{name}` while nothing was asked"),
        expected,
        got,
        &[entry.seq],
    );
}

/// Over HTTP each notification comes on the stream of what it belongs to, before the reply that ends it.
fn stream(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let name = message.method().unwrap_or_default();
    let got = message.to_string();
    let same = |other: &Entry| other.exchange() == entry.exchange();
    let reply =
        context.received.iter().find(|(reply, m)| m.is_reply() && reply.seq < entry.seq && same(reply));
    let is_listen = context.listens(entry).iter().any(|listen| listen.exchange == entry.exchange());
    if is_listen && matches!(name, PROGRESS | MESSAGE) {
        let id = if name == MESSAGE { LOG_STREAM } else { NOT_SCOPED };
        let message = format!("`{name}` came on the stream of a subscription");
        return findings.violated(id, message, "only on the stream of its own request", got, &[entry.seq]);
    }
    if only_told(context, entry) {
        let message = format!("the server sent `{name}` in response to a notification");
        return findings.violated(UNSOLICITED, message, "no message at all", got, &[entry.seq]);
    }
    match name {
        PROGRESS => own_stream(context, entry, message, got.clone(), findings),
        MESSAGE => findings.kept(LOG_STREAM),
        _ => {}
    }
    match reply {
        Some((reply, _)) => findings.violated(
            BEFORE,
            format!("`{name}` came after the reply on the same stream"),
            "nothing after the reply",
            got,
            &[reply.seq, entry.seq],
        ),
        None => findings.kept(BEFORE),
    }
}

/// Whether what carries this message is the response to a notification of ours: nothing was asked there.
fn only_told(context: &Context<'_>, entry: &Entry) -> bool {
    let mut own = context.sent.iter().filter(|(sent, _)| sent.exchange() == entry.exchange()).peekable();
    let is_news =
        |(sent, message): &(&Entry, Message)| message.class() == Class::Notification && !is_deliberate(sent);
    own.peek().is_some() && own.all(is_news)
}

fn own_stream(context: &Context<'_>, entry: &Entry, message: &Message, got: String, findings: &mut Findings) {
    let Some((request, _)) = given(context, entry, message) else { return };
    findings.kept(NOT_SCOPED);
    match request.exchange() == entry.exchange() {
        true => findings.kept(PROGRESS_STREAM),
        false => findings.violated(
            PROGRESS_STREAM,
            "progress of a request came on the stream of another",
            "the stream of the request that gave the token",
            got,
            &[request.seq, entry.seq],
        ),
    }
}

/// The request that gave the progress token.
fn given<'c>(context: &'c Context<'_>, entry: &Entry, message: &Message) -> Option<(&'c Entry, &'c Message)> {
    givers(context, entry, message).next()
}

/// The same, if no other one gave it as well.
fn given_once<'c>(
    context: &'c Context<'_>,
    entry: &Entry,
    message: &Message,
) -> Option<(&'c Entry, &'c Message)> {
    let mut givers = givers(context, entry, message);
    givers.next().filter(|_| givers.next().is_none())
}

fn givers<'c>(
    context: &'c Context<'_>,
    entry: &Entry,
    message: &Message,
) -> impl Iterator<Item = (&'c Entry, &'c Message)> {
    let (token, before) = (message.params().get("progressToken").cloned(), entry.seq);
    let sent = context.sent.iter().filter(move |(sent, _)| sent.seq < before);
    sent.filter(move |(_, request)| {
        token.is_some() && request.params()["_meta"].get("progressToken") == token.as_ref()
    })
    .map(|(sent, request)| (*sent, request))
}

/// Progress and log messages are never tagged with a subscription.
fn tagged(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    if !matches!(message.method(), Some(PROGRESS | MESSAGE)) {
        return;
    }
    let Some(tag) = message.subscription() else {
        return findings.kept(ONLY_STREAMS);
    };
    let is_ours = context.listens(entry).iter().any(|listen| listen.id == tag);
    findings.violated(
        if is_ours { NOT_SCOPED } else { ONLY_STREAMS },
        "a notification about a request has the id of a subscription",
        "no subscriptionId outside subscriptions",
        message.to_string(),
        &[entry.seq],
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{call, progress, received, sent, violated};

    #[test]
    fn progress_on_the_stream_of_another_request_is_misplaced() {
        let found = |progress_on: u32| {
            let entries = vec![sent(&call(1), 1), sent(&call(2), 2), received(&progress(1), progress_on)];
            violated(&RULE, Revision::V2026_07_28, entries)
        };
        assert!(found(1).is_empty());
        assert_eq!(found(2), [PROGRESS_STREAM]);
    }

    #[test]
    fn nothing_comes_after_a_reply_or_for_a_notification() {
        let found = |entries| violated(&RULE, Revision::V2026_07_28, entries);
        let reply = json!({"jsonrpc": "2.0", "id": 1, "result": {}});
        let note = json!({"jsonrpc": "2.0", "method": "notifications/mcp-conform"});
        let (asked, answered) = (sent(&call(1), 1), received(&reply, 1));
        assert!(found(vec![asked.clone(), received(&progress(1), 1), answered.clone()]).is_empty());
        assert_eq!(found(vec![asked, answered, received(&progress(1), 1)]), [BEFORE]);
        assert_eq!(found(vec![sent(&note, 1), received(&note, 1)]), [UNSOLICITED]);
    }
}
