//! Each request gets one reply, with its id; nothing else gets one.

use std::collections::HashSet;

use super::context::is_deliberate;
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::{Class, Id, Message};
use crate::session::transcript::{Entry, What};

const SAME_ID: &str = "base.response.same-id";
const SINGLE: &str = "base.response.single";
const ANSWERED: &str = "base.response.every-request-answered";
const UNREADABLE: &str = "base.response.unreadable-id";
const NOTIFICATION: &str = "base.notification.no-response";

pub const RULE: Rule = Rule {
    id: "rule/replies",
    judges: &[SAME_ID, SINGLE, ANSWERED, UNREADABLE, NOTIFICATION],
    hint: "the server has to reply to a request",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut answered = HashSet::new();
    for (entry, message) in &context.received {
        if message.is_reply() {
            reply(context, entry, message, &mut answered, findings);
        }
    }
    // A reply under a wrong id, or one that could not be read, explains why none came.
    let is_explained = findings.violations.iter().any(|finding| finding.requirement == SAME_ID);
    if !is_explained && !context.transcript.is_flooded() {
        unanswered(context, &answered, findings);
    }
    notifications(context, findings);
}

fn reply(
    context: &Context<'_>,
    entry: &Entry,
    message: &Message,
    answered: &mut HashSet<(u64, Id)>,
    findings: &mut Findings,
) {
    match message.id() {
        None | Some(Id::Null) => without_id(context, entry, message, answered, findings),
        Some(id) if context.is_ambiguous(&id) => {
            let asked = context.requests.get(&id).into_iter().flatten();
            answered.extend(asked.map(|asked| (asked.seq, id.clone())));
        }
        Some(id) => match context.asked(entry, message) {
            Some(asked) if answered.insert((asked.seq, id.clone())) => {
                findings.kept(SAME_ID);
                findings.kept(SINGLE);
            }
            Some(asked) => findings.violated(
                SINGLE,
                format!("request {id} was answered again"),
                "one reply",
                message.to_string(),
                &[asked.seq, entry.seq],
            ),
            None => foreign(context, entry, &id, message, findings),
        },
    }
}

/// A reply whose id is that of no request.
fn foreign(context: &Context<'_>, entry: &Entry, id: &Id, message: &Message, findings: &mut Findings) {
    // A malformed message may hold an id that cannot be read from it; an invented one is a smaller sin.
    let excused = context.sent_unreadable_before(entry.seq);
    let (requirement, verdict) = match excused {
        // A lenient parser may read, and answer, what is no JSON to us.
        true if carries(context, entry.seq, id) => return,
        true if message.class() == Class::Error => (UNREADABLE, Some(Verdict::Warn)),
        _ => (SAME_ID, None),
    };
    let open = nearest(context, entry.seq);
    findings.violated_as(
        verdict,
        requirement,
        format!("the reply has the id {id}, which no request has"),
        "the id of the request, with its type",
        id.to_string(),
        &open.into_iter().chain([entry.seq]).collect::<Vec<_>>(),
    );
}

/// Whether one of our malformed messages has this id somewhere in it.
fn carries(context: &Context<'_>, seq: u64, id: &Id) -> bool {
    let text = id.to_string();
    let before = context.written.iter().take_while(|entry| entry.seq < seq);
    before.filter(|entry| is_deliberate(entry)).any(|entry| match &entry.what {
        What::Sent { frame, .. } => frame.text().contains(&text),
        _ => false,
    })
}

fn nearest(context: &Context<'_>, seq: u64) -> Option<u64> {
    context.sent.iter().map(|(entry, _)| entry.seq).rfind(|sent| *sent < seq)
}

fn without_id(
    context: &Context<'_>,
    entry: &Entry,
    message: &Message,
    answered: &mut HashSet<(u64, Id)>,
    findings: &mut Findings,
) {
    // Over HTTP a refusal on the level of the transport may be an error without an id.
    let refused = message.class() == Class::Error
        && (context.sent_unreadable_before(entry.seq) || is_http_error(context, entry));
    if refused {
        // Beside other replies it is about what cannot be read only.
        if let Some(exchange) = entry.exchange().filter(|_| !is_batch(entry)) {
            for (id, asked) in &context.requests {
                let own = asked.iter().filter(|asked| asked.exchange == Some(exchange));
                answered.extend(own.map(|asked| (asked.seq, id.clone())));
            }
        }
        return findings.kept(UNREADABLE);
    }
    let open = nearest(context, entry.seq);
    let entries: Vec<u64> = open.into_iter().chain([entry.seq]).collect();
    let got = message.to_string();
    match sent_a_notification(context, entry.seq) {
        true => {
            findings.violated(NOTIFICATION, "the server answered a notification", "no reply", got, &entries)
        }
        false => findings.violated(SAME_ID, "the reply has no id", "the id of the request", got, &entries),
    }
}

fn is_batch(entry: &Entry) -> bool {
    matches!(&entry.what, What::Received { json: Ok(json), .. } if json.is_array())
}

fn is_http_error(context: &Context<'_>, entry: &Entry) -> bool {
    context.transcript.entries.iter().any(|other| match &other.what {
        What::Response { exchange, status, .. } => entry.exchange() == Some(*exchange) && *status >= 400,
        _ => false,
    })
}

/// Whether we sent a notification since the last message of the server before this one.
fn sent_a_notification(context: &Context<'_>, seq: u64) -> bool {
    let last =
        context.received.iter().map(|(entry, _)| entry.seq).rfind(|received| *received < seq).unwrap_or(0);
    let mut since = context.sent.iter().filter(|(entry, _)| (last..seq).contains(&entry.seq));
    since.any(|(_, message)| message.class() == Class::Notification)
}

/// Legal requests that never got a reply, although the connection went on after their patience.
fn unanswered(context: &Context<'_>, answered: &HashSet<(u64, Id)>, findings: &mut Findings) {
    let cancelled: HashSet<Id> = context
        .sent
        .iter()
        .filter(|(_, message)| message.method() == Some("notifications/cancelled"))
        .map(|(_, message)| Id::from_value(&message.params()["requestId"]))
        .collect();
    let mut open: Vec<_> = context
        .requests
        .iter()
        .filter(|(id, _)| id.is_legal() && !cancelled.contains(id))
        .flat_map(|(id, asked)| asked.iter().map(move |asked| (id, asked)))
        .filter(|(_, asked)| !asked.deliberate && !context.pending.contains(&asked.seq))
        .collect();
    open.sort_by_key(|(_, asked)| asked.seq);
    let mut reported = false;
    for (id, asked) in open {
        if answered.contains(&(asked.seq, id.clone())) {
            findings.kept(ANSWERED);
        } else if !(streams(&asked.method)
            || is_turned_away(context, asked)
            || abandoned(context, asked.seq)
            || dropped(context, asked.exchange)
            || reported
            || in_noise(context, asked.seq))
        {
            // One cause, one failure: the first request that was lost.
            reported = true;
            let (message, got) = loss(context, asked);
            let entries =
                [nearest(context, asked.seq), Some(asked.seq)].into_iter().flatten().collect::<Vec<_>>();
            findings.violated(ANSWERED, message, "a reply", got, &entries);
        }
    }
}

/// Whether something that cannot be read came between the request and the next reply.
fn in_noise(context: &Context<'_>, seq: u64) -> bool {
    let later = context.transcript.entries.iter().filter(|entry| entry.seq > seq);
    let mut received = later.filter_map(|entry| match &entry.what {
        What::Received { json, .. } => Some(json.is_ok()),
        _ => None,
    });
    received.next() == Some(false)
}

/// Whether HTTP itself turned the request away.
fn is_turned_away(context: &Context<'_>, asked: &super::context::Asked) -> bool {
    let Some(exchange) = asked.exchange else { return false };
    super::http::is_turned_away(context, exchange)
}

/// Requests whose reply comes only when a stream ends.
fn streams(method: &str) -> bool {
    method == "subscriptions/listen"
}

/// Whether we closed the connection that would have brought the reply.
fn dropped(context: &Context<'_>, exchange: Option<u32>) -> bool {
    let is_it = |entry: &Entry| matches!(entry.what, What::Dropped { .. }) && entry.exchange() == exchange;
    exchange.is_some() && context.transcript.entries.iter().any(is_it)
}

/// Whether we ended the conversation ourselves before a reply could be expected.
fn abandoned(context: &Context<'_>, seq: u64) -> bool {
    let mut later = context.transcript.entries.iter().filter(|entry| entry.seq > seq);
    later.any(|entry| matches!(entry.what, What::InputClosed)) && {
        let at = |seq| context.transcript.get(seq).map(|entry| entry.at).unwrap_or_default();
        let closed = context.transcript.entries.iter().find(|entry| matches!(entry.what, What::InputClosed));
        closed.is_some_and(|entry| entry.at.saturating_sub(at(seq)).as_millis() < 400)
    }
}

fn loss(context: &Context<'_>, asked: &super::context::Asked) -> (String, String) {
    let later = || context.transcript.entries.iter().filter(|entry| entry.seq > asked.seq);
    let method = &asked.method;
    let own = |entry: &&Entry| asked.exchange.is_some() && entry.exchange() == asked.exchange;
    let failed = later().filter(own).find_map(|entry| match &entry.what {
        What::Failed { problem, .. } => Some(problem.clone()),
        What::Response { status, .. } => Some(format!("HTTP {status} without a JSON-RPC reply")),
        _ => None,
    });
    let exit = later().find_map(|entry| match &entry.what {
        What::Exited(exit) => Some(exit.to_string()),
        _ => None,
    });
    match (failed, exit) {
        (Some(problem), _) => (format!("`{method}` got no reply"), problem),
        (None, Some(exit)) => (
            format!("the server process ended instead of answering `{method}`"),
            format!("the process ended: {exit}"),
        ),
        (None, None) => (format!("`{method}` was never answered"), "nothing".to_owned()),
    }
}

/// Notifications that were sent and drew no reply.
fn notifications(context: &Context<'_>, findings: &mut Findings) {
    let violated = findings.violations.iter().any(|finding| finding.requirement == NOTIFICATION);
    let legal = context
        .sent
        .iter()
        .any(|(entry, message)| message.class() == Class::Notification && !is_deliberate(entry));
    if legal && !violated {
        findings.kept(NOTIFICATION);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{call, post, response, sent, violated};

    #[test]
    fn only_a_notification_that_was_meant_well_shows_that_none_is_answered() {
        let kept = |method: &str, deliberate: bool| {
            let mut transcript = crate::session::Transcript::new(Revision::V2025_06_18, false);
            let mut message = serde_json::json!({"jsonrpc": "2.0", "method": method});
            if !method.starts_with("notifications/") {
                message["id"] = 1.into();
            }
            let (frame, json) = (crate::protocol::Frame::from_value(&message), Some(message.into()));
            transcript.add(What::Sent { frame, json, deliberate, exchange: None });
            let mut findings = Findings::new(Revision::V2025_06_18);
            (RULE.run)(&Context::new(&transcript), &mut findings);
            findings.observations().iter().any(|observation| observation.requirement == NOTIFICATION)
        };
        assert!(kept("notifications/initialized", false));
        assert!(!kept("notifications/initialized", true));
        assert!(!kept("ping", false));
    }

    #[test]
    fn what_http_turns_away_needs_no_reply() {
        let found = |status: u16, session: Option<&str>| {
            let entries = vec![post(1, session), sent(&call(1), 1), response(1, status)];
            violated(&RULE, Revision::V2025_06_18, entries)
        };
        for status in [401, 403, 429, 503] {
            assert!(found(status, None).is_empty(), "{status}");
        }
        assert!(found(404, Some("a")).is_empty());
        for status in [200, 404, 500] {
            assert_eq!(found(status, None), [ANSWERED], "{status}");
        }
    }
}
