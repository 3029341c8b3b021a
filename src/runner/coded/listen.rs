//! `subscriptions/listen` (2026-07-28): acknowledged, tagged, kept open, several at once.

use std::time::Duration;

use serde_json::{Value, json};

use super::Seen;
use crate::catalogue::{Requirement, Verdict};
use crate::protocol::{Id, Message, code, method};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Begun;
use crate::transport::media_type;

const ALL_PATTERNS: &str = "base.patterns.all-supported";
pub(super) const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// How long the acknowledgement may take after a later request was answered.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let filter = filter(run);
    let promises = filter.as_object().is_some_and(|filter| !filter.is_empty());
    let first = begin(run, &filter).await;
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
    let both = [&first, &second].map(|begun| acknowledgement(run, begun));
    match &both[0] {
        Some((ack, seq)) => acknowledged(run, &first, &filter, ack, *seq),
        None => {
            missing(run, &first);
        }
    }
    let several = both.iter().all(Option::is_some);
    let shown = format!("acknowledged: {}", both.iter().flatten().count());
    if both[0].is_some() {
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
        filter["resourceSubscriptions"] = json!([uri]);
    }
    filter
}

pub(super) async fn begin(run: &mut CaseRun<'_>, filter: &Value) -> Begun {
    begin_with(run, json!({"notifications": filter})).await
}

/// The same with other parameters beside the filter.
pub(super) async fn begin_with(run: &mut CaseRun<'_>, params: Value) -> Begun {
    let begun = run.session.begin("subscriptions/listen", Some(params));
    let id = Some(begun.id.clone());
    run.session.wait_for(PATIENCE, |message| message.subscription() == id || message.id() == id).await;
    begun
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
pub(super) fn acknowledgement(run: &CaseRun<'_>, begun: &Begun) -> Option<(Message, u64)> {
    let all = run.session.transcript.received().filter(|(_, message)| message.method() == Some(ACKNOWLEDGED));
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

fn acknowledged(run: &mut CaseRun<'_>, begun: &Begun, filter: &Value, ack: &Message, seq: u64) {
    let from = begun.from;
    let shown = ack.to_string();
    say(run, "subscriptions.ack-sent", true, ACKNOWLEDGED, &shown, from);
    let tagged = ack.subscription();
    say(
        run,
        "base.meta.subscription-id.present",
        tagged.is_some(),
        "a subscriptionId in `_meta`",
        &shown,
        from,
    );
    let same = tagged.as_ref() == Some(&begun.id);
    for id in ["base.meta.subscription-id.value", "subscriptions.id-equals-request-id"] {
        say(run, id, same, &format!("subscriptionId {}", begun.id), &shown, from);
    }
    let earlier = run
        .session
        .transcript
        .received()
        .any(|(entry, message)| entry.seq < seq && message.subscription().as_ref() == Some(&begun.id));
    say(run, "subscriptions.ack-first", !earlier, "the acknowledgement before anything else", &shown, from);
    let granted = &ack.params()["notifications"];
    say(
        run,
        "subscriptions.ack-is-subset",
        is_subset(granted, filter),
        &format!("a part of {filter}"),
        &shown,
        from,
    );
    if filter.get("resourceSubscriptions").is_some() {
        let echoed = granted["resourceSubscriptions"] == filter["resourceSubscriptions"];
        let expected = format!("resourceSubscriptions {}", filter["resourceSubscriptions"]);
        say(run, "resources.subscribe.listen-acknowledged", echoed, &expected, &shown, from);
    }
}

/// Whether nothing was granted that was not asked for. A flag that is false grants nothing.
fn is_subset(granted: &Value, asked: &Value) -> bool {
    granted.as_object().into_iter().flatten().all(|(name, value)| match value {
        Value::Bool(false) | Value::Null => true,
        Value::Array(uris) => {
            uris.iter().all(|uri| asked[name].as_array().is_some_and(|asked| asked.contains(uri)))
        }
        value => asked.get(name) == Some(value),
    })
}

/// A member of the filter that nobody knows is left out of what is granted.
async fn unknown_member(run: &mut CaseRun<'_>, filter: &Value) {
    let mut filter = filter.clone();
    filter["mcpConformChanged"] = true.into();
    let begun = begin(run, &filter).await;
    let ack = acknowledgement(run, &begun).map(|(ack, _)| ack);
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
    super::hold(run, "subscriptions.unknown-filter-ignored", is_met, seen);
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
    }
    let begun = begin(run, filter).await;
    let seen = Seen {
        message: "after 20 streams that were closed a new one is not served".into(),
        expected: "an acknowledgement".into(),
        got: "none".into(),
        from: begun.from,
        at_most: None,
    };
    let is_met = acknowledgement(run, &begun).is_some();
    super::hold(run, "subscriptions.client-close-http", is_met, seen);
    run.session.cancel(&begun).await;
}

/// Whether messages of the subscription can be told from one another. What has not begun may become so.
fn is_readable(run: &CaseRun<'_>, begun: &Begun) -> bool {
    let kind = run.session.content_type(begun).filter(|_| run.session.is_http());
    kind.is_none_or(|kind| media_type(&kind) == "text/event-stream")
}

/// The request is not answered while the subscription lives.
fn open(run: &mut CaseRun<'_>, begun: &Begun) {
    let reply = run.session.reply_so_far(&begun.id);
    let got = reply.as_ref().map_or_else(|| "no response yet".to_owned(), Value::to_string);
    say(
        run,
        "subscriptions.not-completed-early",
        reply.is_none(),
        "no response before the end",
        &got,
        begun.from,
    );
    if run.session.is_http() {
        let kind = run.session.content_type(begun);
        let got = kind.clone().unwrap_or_else(|| "no content type".into());
        let is_stream = kind.is_some_and(|kind| media_type(&kind) == "text/event-stream");
        for id in ["subscriptions.http-event-stream", "http.listen.sse-stream"] {
            say(run, id, is_stream, "text/event-stream", &got, begun.from);
        }
    }
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
