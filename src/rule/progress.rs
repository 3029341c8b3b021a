//! Progress: for a token that a running request gave, ever increasing, and never after the reply.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

use super::tasks::created;
use super::{Context, Findings, Rule};
use crate::protocol::Message;
use crate::session::transcript::Entry;

const TOKEN: &str = "progress.token-from-active-request";
const UNASKED: &str = "progress.none-without-token";
const VERBATIM: &str = "progress.token-verbatim";
const INCREASES: &str = "progress.increasing";
const STOPS: &str = "progress.stops-after-completion";
const RELEVANT: &str = "progress.message-relevant";
const RATE: &str = "progress.rate-limit";

pub const RULE: Rule = Rule {
    id: "rule/progress",
    judges: &[TOKEN, UNASKED, VERBATIM, INCREASES, STOPS, RELEVANT, RATE],
    hint: "a request with a progress token has to run long enough for the server to report progress: allow such a tool \
           with `[tools.NAME] allow = true` in the profile",
    run,
};

/// No reader needs more reports than this in a second.
const BURST: usize = 1000;

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut last: HashMap<String, (f64, u64)> = HashMap::new();
    let mut times: HashMap<String, Vec<Duration>> = HashMap::new();
    let mut is_unasked = false;
    let uses = uses(context);
    let notes = context.received.iter().filter(|(_, m)| m.method() == Some("notifications/progress"));
    for (entry, message) in notes {
        let params = message.params();
        let token = params["progressToken"].to_string();
        let is_given = match uses.get(&token) {
            // Several messages of ours gave it: whose progress it is cannot be told.
            Some(2..) => continue,
            uses => uses.is_some(),
        };
        is_unasked |= self::token(context, entry, message, findings);
        relevant(entry, message, findings);
        let times = times.entry(token.clone()).or_default();
        times.push(entry.at);
        rate(entry, times, findings);
        // What belongs to no request has no order either.
        let Some(progress) = params["progress"].as_f64().filter(|_| is_given) else { continue };
        match last.insert(token, (progress, entry.seq)) {
            Some((before, seq)) if progress <= before => findings.violated(
                INCREASES,
                "the progress value did not increase",
                format!("/params/progress greater than {before}"),
                progress.to_string(),
                &[seq, entry.seq],
            ),
            _ => findings.kept(INCREASES),
        }
    }
    if !is_unasked && context.replies().any(|(_, _, asked)| asked.method == "tools/call") {
        findings.kept(UNASKED);
    }
}

/// How many messages of ours gave each token.
fn uses(context: &Context<'_>) -> HashMap<String, usize> {
    let mut uses = HashMap::new();
    for token in context.sent.iter().filter_map(|(_, request)| given(request)) {
        *uses.entry(token.to_string()).or_default() += 1;
    }
    uses
}

fn given(request: &Message) -> Option<&Value> {
    request.params()["_meta"].get("progressToken").filter(|token| !token.is_null())
}

/// Whether no request had asked for progress.
fn token(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) -> bool {
    let token = &message.params()["progressToken"];
    let mut before = context.sent.iter().filter(|(sent, _)| sent.seq < entry.seq);
    let Some((request, sent)) = before.find(|(_, request)| given(request) == Some(token)) else {
        return foreign(context, entry, token, findings);
    };
    [TOKEN, VERBATIM].iter().for_each(|id| findings.kept(id));
    if sent.id().is_some_and(|id| context.is_ambiguous(&id)) {
        return false;
    }
    let reply = context
        .received
        .iter()
        .find(|(reply, message)| reply.seq < entry.seq && message.is_reply() && message.id() == sent.id())
        // A task of 2025-11-25 goes on, and its progress with it.
        .filter(|(_, message)| {
            context.revision().is_stateless() || created(message, context.revision()).is_none()
        });
    match reply {
        // What comes on two streams of HTTP has no order.
        Some((reply, _)) if reply.exchange() != entry.exchange() => {}
        Some((reply, _)) => findings.violated(
            STOPS,
            "progress came after the reply",
            "no progress once the request is answered",
            message.to_string(),
            &[request.seq, reply.seq, entry.seq],
        ),
        None => findings.kept(STOPS),
    }
    false
}

/// A token that nobody gave: invented, changed, or not asked for at all.
fn foreign(context: &Context<'_>, entry: &Entry, token: &Value, findings: &mut Findings) -> bool {
    let in_flight = context.in_flight(entry);
    let tokens: Vec<&Value> = in_flight.iter().filter_map(|request| given(request)).collect();
    let (id, message) = match tokens.iter().any(|given| resembles(given, token)) {
        _ if tokens.is_empty() => (UNASKED, "progress came for no request that had asked for it"),
        true => (VERBATIM, "the progress token did not come back as it was given"),
        false => (TOKEN, "the progress token is that of no request"),
    };
    findings.violated(id, message, "a token that a running request gave", token.to_string(), &[entry.seq]);
    id == UNASKED
}

/// Whether a token is another one in another type or cut off.
fn resembles(given: &Value, token: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (given, token) = (text(given), text(token));
    given == token || (token.len() > 3 && given.starts_with(&token))
}

fn relevant(entry: &Entry, message: &Message, findings: &mut Findings) {
    match message.params()["message"].as_str().map(str::trim) {
        Some("") => findings.violated(
            RELEVANT,
            "the message of a progress notification is empty",
            "words for the user, or no message",
            message.to_string(),
            &[entry.seq],
        ),
        Some(_) => findings.kept(RELEVANT),
        None => {}
    }
}

fn rate(entry: &Entry, times: &[Duration], findings: &mut Findings) {
    let earlier = times.len().checked_sub(BURST).and_then(|index| times.get(index));
    match earlier.is_some_and(|earlier| entry.at.saturating_sub(*earlier) < Duration::from_secs(1)) {
        // One cause, one finding.
        true if times.len() == BURST => findings.violated(
            RATE,
            "progress came as a flood",
            format!("fewer than {BURST} notifications in a second"),
            format!("{BURST} notifications within a second"),
            &[entry.seq],
        ),
        true => {}
        false => findings.kept(RATE),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{call, progress, received, sent, violated};

    #[test]
    fn a_token_resembles_one_of_another_type_or_one_that_was_cut_off() {
        let given = json!("token-123");
        assert!(resembles(&json!("7"), &json!(7)) && resembles(&given, &json!("token-1")));
        assert!(!resembles(&given, &json!("tok")), "too short to tell");
        assert!(!resembles(&given, &json!("other")) && !resembles(&json!("7"), &json!(8)));
    }

    #[test]
    fn progress_after_the_reply_counts_on_the_same_stream_only() {
        let reply = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": []}});
        let found = |progress_on: u32| {
            let entries = vec![sent(&call(1), 1), received(&reply, 1), received(&progress(1), progress_on)];
            violated(&RULE, Revision::V2025_06_18, entries)
        };
        assert!(found(2).is_empty());
        assert_eq!(found(1), [STOPS]);
    }
}
