//! `subscriptions/listen` (2026-07-28): acknowledged, tagged, kept open, several at once.

pub(super) mod grant;

use std::time::Duration;

use serde_json::{Value, json};

use super::Seen;
use super::http::unseen;
use crate::catalogue::{Requirement, Verdict};
use crate::protocol::{Id, Message, code, method};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::{Begun, Session};
use crate::transport::media_type;

const UNKNOWN: &str = "subscriptions.unknown-filter-ignored";
const ROOM: &str = "subscriptions.client-close-http";
const EARLY_END: &str = "subscriptions.not-completed-early";
const ALL_PATTERNS: &str = "base.patterns.all-supported";
const TURNED_AWAY: &str = "refused by an HTTP status";
pub(super) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// What ends a subscription later than this after its acknowledgement may be an end that the server has chosen.
const EARLY: Duration = Duration::from_secs(1);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let filter = filter(run);
    let promises = filter.as_object().is_some_and(|filter| !filter.is_empty());
    let first = begin(run, &filter).await;
    if run.session.is_turned_away(&first) {
        return run.rest_unseen(TURNED_AWAY);
    }
    if !is_supported(run, &first, promises) {
        run.session.cancel(&first).await;
        return run.rest_unseen("the server has no subscriptions");
    }
    if !is_readable(run, &first) {
        // One cause, one finding.
        open(run, &first);
        run.session.cancel(&first).await;
        return run.rest_unseen("the answer to subscriptions/listen is no event stream");
    }
    let second = begin(run, &filter).await;
    run.session.fence().await;
    let both = [&first, &second].map(|begun| acknowledgement(run.session, begun));
    match &both[0] {
        Some((ack, seq)) => grant::acknowledged(run, &first, &filter, ack, *seq),
        None => {
            missing(run, &first);
        }
    }
    let several = both.iter().all(Option::is_some);
    let shown = format!("acknowledged: {}", both.iter().flatten().count());
    if both[0].is_some() && !run.session.is_turned_away(&second) {
        say(
            run,
            "subscriptions.multiple-concurrent",
            several,
            "each of two subscriptions acknowledged",
            &shown,
            first.from,
        );
    }
    if run.session.is_http() {
        // What is told on the way of a call must not come on these streams: a rule watches.
        super::called_quietly(run).await;
    }
    open(run, &first);
    if both[0].is_some() {
        unknown_member(run, &filter).await;
        many(run, &filter).await;
    }
    run.session.cancel(&first).await;
    run.session.cancel(&second).await;
    run.rest_unseen("the situation did not arise");
}

/// Everything that the capabilities promise.
pub(super) fn filter(run: &CaseRun<'_>) -> Value {
    let declares = |capability: &str| method::declares(&run.session.server.capabilities, capability);
    let mut filter = json!({});
    for (flag, capability) in [
        ("toolsListChanged", "tools.listChanged"),
        ("promptsListChanged", "prompts.listChanged"),
        ("resourcesListChanged", "resources.listChanged"),
    ] {
        if declares(capability) {
            filter[flag] = true.into();
        }
    }
    let uri = run.around.survey.surface().pointer("/resources/0/uri").cloned();
    if let (true, Some(uri)) = (declares("resources.subscribe"), uri) {
        filter[grant::URIS] = json!([uri]);
    }
    filter
}

pub(super) async fn begin(run: &mut CaseRun<'_>, filter: &Value) -> Begun {
    begin_with(run, json!({"notifications": filter})).await
}

/// The same with other parameters beside the filter.
pub(super) async fn begin_with(run: &mut CaseRun<'_>, params: Value) -> Begun {
    let begun = run.session.begin("subscriptions/listen", Some(params));
    let is_over = |session: &Session| begun.exchange.is_some_and(|exchange| session.is_landed(exchange));
    let patience = run.session.timeout();
    run.session.wait_until(patience, |session| !is_silent(session, &begun) || is_over(session)).await;
    begun
}

/// Whether nobody said yet what becomes of a subscription.
pub(super) fn is_silent(session: &Session, begun: &Begun) -> bool {
    acknowledgement(session, begun).is_none() && session.reply_so_far(&begun.id).is_none()
}

fn is_supported(run: &mut CaseRun<'_>, begun: &Begun, promises: bool) -> bool {
    let Some(requirement) = run.judged("subscriptions.method-supported") else { return true };
    let reply = run.session.reply_so_far(&begun.id);
    let refused = reply.as_ref().and_then(|reply| reply.get("error")).cloned();
    match refused {
        None => {
            run.note(requirement, Verdict::Pass, "not refused");
            if let Some(requirement) = run.judged(ALL_PATTERNS) {
                run.note(requirement, Verdict::Pass, "subscriptions are known");
            }
            true
        }
        Some(error) => {
            let is_unknown = error["code"] == code::METHOD_NOT_FOUND;
            if !promises && is_unknown {
                let seen = Seen {
                    message: "the server does not know subscriptions/listen".into(),
                    expected: "each core message pattern, even if there is nothing to subscribe to".into(),
                    got: error.to_string(),
                    from: begun.from,
                    // Whether a server that never changes needs the method is disputed.
                    at_most: Some(Verdict::Warn),
                };
                super::hold(run, ALL_PATTERNS, false, seen);
            }
            if promises && is_unknown {
                let violation = Violation {
                    message: "the capabilities promise changes, but subscriptions/listen is unknown".into(),
                    expected: ACKNOWLEDGED.into(),
                    got: error.to_string(),
                    span: (begun.from, run.session.transcript.last()),
                    at_most: None,
                };
                run.violation(requirement, violation);
            }
            false
        }
    }
}

/// The acknowledgement of a subscription and where it stands. One that is tagged wrongly counts if it is the only one.
pub(super) fn acknowledgement(session: &Session, begun: &Begun) -> Option<(Message, u64)> {
    let all = session.transcript.received().filter(|(_, message)| message.method() == Some(ACKNOWLEDGED));
    let all: Vec<(Message, u64)> = all.map(|(entry, message)| (message, entry.seq)).collect();
    let is_untagged = |ack: &Message| ack.subscription().is_none_or(|tag| !is_number(&tag));
    let own = all.iter().find(|(ack, _)| ack.subscription().as_ref() == Some(&begun.id));
    let own = own.or_else(|| all.iter().find(|(ack, seq)| *seq > begun.from && is_untagged(ack)));
    own.cloned()
}

fn is_number(id: &Id) -> bool {
    matches!(id, Id::Number(_))
}

fn missing(run: &mut CaseRun<'_>, begun: &Begun) {
    say(run, "subscriptions.ack-sent", false, ACKNOWLEDGED, "none", begun.from);
}

/// A member of the filter that nobody knows is left out of what is granted.
async fn unknown_member(run: &mut CaseRun<'_>, filter: &Value) {
    let mut filter = filter.clone();
    filter["mcpConformChanged"] = true.into();
    let begun = begin(run, &filter).await;
    if is_silent(run.session, &begun) {
        return unseen(run, UNKNOWN, "neither acknowledged nor refused");
    }
    let ack = acknowledgement(run.session, &begun).map(|(ack, _)| ack);
    let is_met =
        ack.as_ref().is_some_and(|ack| ack.params()["notifications"].get("mcpConformChanged").is_none());
    let got = ack.map(Message::into_value).or_else(|| run.session.reply_so_far(&begun.id));
    let seen = Seen {
        message: "a member of the filter that nobody knows was not left out".into(),
        expected: "an acknowledgement without it".into(),
        got: got.map_or_else(|| "nothing".into(), |got| got.to_string()),
        from: begun.from,
        at_most: None,
    };
    super::hold(run, UNKNOWN, is_met, seen);
    run.session.cancel(&begun).await;
}

/// Streams that were closed leave no trace (HTTP).
async fn many(run: &mut CaseRun<'_>, filter: &Value) {
    if !run.session.is_http() {
        return;
    }
    for _ in 0..20 {
        let begun = begin(run, filter).await;
        run.session.cancel(&begun).await;
        if acknowledgement(run.session, &begun).is_none() {
            break;
        }
    }
    let begun = begin(run, filter).await;
    if run.session.is_turned_away(&begun) {
        return unseen(run, ROOM, TURNED_AWAY);
    }
    let seen = Seen {
        message: "after some streams that were closed, 20 at most, a new one is not served".into(),
        expected: "an acknowledgement".into(),
        got: "none".into(),
        from: begun.from,
        at_most: None,
    };
    let is_met = acknowledgement(run.session, &begun).is_some();
    super::hold(run, ROOM, is_met, seen);
    run.session.cancel(&begun).await;
}

/// Whether messages of the subscription can be told from one another. What has not begun may become so.
fn is_readable(run: &CaseRun<'_>, begun: &Begun) -> bool {
    let kind = run.session.content_type(begun).filter(|_| run.session.is_http());
    kind.is_none_or(|kind| media_type(&kind) == "text/event-stream")
}

/// The request is not answered while the subscription lives.
fn open(run: &mut CaseRun<'_>, begun: &Begun) {
    unanswered(run, begun);
    if run.session.is_http() {
        let kind = run.session.content_type(begun);
        let got = kind.clone().unwrap_or_else(|| "no content type".into());
        let is_stream = kind.is_some_and(|kind| media_type(&kind) == "text/event-stream");
        for id in ["subscriptions.http-event-stream", "http.listen.sse-stream"] {
            say(run, id, is_stream, "text/event-stream", &got, begun.from);
        }
    }
}

/// An answer after the acknowledgement ends the subscription, which a server may do, though hardly at once.
fn unanswered(run: &mut CaseRun<'_>, begun: &Begun) {
    let mut received = run.session.transcript.received();
    let reply = received.find(|(_, it)| it.is_reply() && it.id().as_ref() == Some(&begun.id));
    drop(received);
    let Some((end, reply)) = reply else {
        return say(run, EARLY_END, true, "no response before the end", "", begun.from);
    };
    let ack = acknowledgement(run.session, begun).filter(|(_, seq)| *seq < end.seq);
    let ack = ack.and_then(|(_, seq)| run.session.transcript.get(seq));
    let is_late = ack.is_some_and(|ack| end.at > ack.at + EARLY);
    let goes_on = run.session.transcript.received().any(|(entry, message)| {
        entry.seq > end.seq
            && message.method().is_some()
            && message.subscription().as_ref() == Some(&begun.id)
    });
    let at_most = match ack {
        Some(_) if is_late && !goes_on => {
            return unseen(run, EARLY_END, "the server ended the subscription by itself, after a while");
        }
        Some(_) if !goes_on => Some(Verdict::Warn),
        _ => None,
    };
    let seen = Seen {
        message: "subscriptions/listen is answered although the subscription has just begun, or goes on"
            .into(),
        expected: "no response before the end".into(),
        got: reply.to_string(),
        from: begun.from,
        at_most,
    };
    super::hold(run, EARLY_END, false, seen);
}

fn say(run: &mut CaseRun<'_>, id: &str, is_met: bool, expected: &str, got: &str, from: u64) {
    let Some(requirement): Option<&'static Requirement> = run.judged(id) else { return };
    match is_met {
        true => run.note(requirement, Verdict::Pass, expected),
        false => {
            let violation = Violation {
                message: format!("subscriptions/listen: expected {expected}"),
                expected: expected.into(),
                got: got.into(),
                span: (from, run.session.transcript.last()),
                at_most: None,
            };
            run.violation(requirement, violation);
        }
    }
}
