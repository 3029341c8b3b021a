//! What an acknowledgement says: of which subscription it is, and what is granted.

use serde_json::Value;

use super::{ACKNOWLEDGED, say};
use crate::catalogue::Verdict;
use crate::protocol::{Message, spelled};
use crate::runner::coded::{Seen, hold};
use crate::runner::interpret::CaseRun;
use crate::session::Begun;

pub(in crate::runner::coded) const URIS: &str = "resourceSubscriptions";

pub(super) fn acknowledged(run: &mut CaseRun<'_>, begun: &Begun, filter: &Value, ack: &Message, seq: u64) {
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
    if filter.get(URIS).is_some() {
        let mut asked = filter[URIS].as_array().into_iter().flatten();
        let is_echoed = asked.all(|uri| holds(&granted[URIS], uri));
        let seen = Seen {
            message: "a resource that is listed is left out of the acknowledgement".into(),
            expected: format!("{URIS} {}", filter[URIS]),
            got: shown,
            from,
            // A server grants what it wants to.
            at_most: Some(Verdict::Warn),
        };
        hold(run, "resources.subscribe.listen-acknowledged", is_echoed, seen);
    }
}

/// Whether a filter that was granted holds a flag, or a resource.
pub(in crate::runner::coded) fn grants(granted: &Value, flag: &str, uri: Option<&str>) -> bool {
    match uri {
        None => granted[flag] == true,
        Some(uri) => holds(&granted[flag], &uri.into()),
    }
}

/// Whether a URI is on a list, however it is spelled.
fn holds(list: &Value, uri: &Value) -> bool {
    let spelling = |uri: &Value| uri.as_str().map(spelled);
    list.as_array().into_iter().flatten().any(|listed| spelling(listed) == spelling(uri))
}

/// Whether nothing was granted that was not asked for. A flag that is false grants nothing.
fn is_subset(granted: &Value, asked: &Value) -> bool {
    granted.as_object().into_iter().flatten().all(|(name, value)| match value {
        Value::Bool(false) | Value::Null => true,
        Value::Array(uris) => uris.iter().all(|uri| holds(&asked[name], uri)),
        value => asked.get(name) == Some(value),
    })
}
