//! Which message goes on which stream: what belongs to a request on its own stream, and nothing on two.

use std::collections::HashMap;
use std::time::Duration;

use super::{Exchange, exchanges};
use crate::protocol::{Class, Message};
use crate::rule::{Context, Findings, Rule};
use crate::session::transcript::Entry;

const RELATE: &str = "http.sse.messages-relate-to-request";
const RELATE_NEW: &str = "http.sse.notifications-relate-to-request";
const UNRELATED: &str = "http.get.messages-unrelated";
const LISTEN: &str = "http.listen.no-request-scoped-notifications";
const ENDED: &str = "http.listen.disconnect-ends-subscription";
const BROADCAST: &str = "http.streams.no-broadcast";

/// Two equal messages further apart than this may be two events.
const SOON: Duration = Duration::from_secs(1);
/// Where a message about a task names it, within its `params`.
const TASK: &str = "/_meta/io.modelcontextprotocol~1related-task";

pub const RULE: Rule = Rule {
    id: "rule/http-scope",
    judges: &[RELATE, RELATE_NEW, UNRELATED, LISTEN, ENDED, BROADCAST],
    hint: "the server has to send such messages while several streams are open",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let all = exchanges(context);
    let owners = owners(all);
    for exchange in all.iter().filter(|exchange| exchange.is_stream()) {
        for (entry, message) in exchange.messages() {
            let got = message.to_string();
            let seen = Seen { exchange, entry, got };
            match message.method() {
                Some("notifications/progress") => progress(&seen, message, &owners, findings),
                Some("notifications/message") => log(&seen, findings),
                Some(method) if message.class() == Class::Notification => {
                    change(&seen, method, message, findings)
                }
                _ => {}
            }
        }
    }
    broadcast(all, findings);
}

/// A message on a stream.
struct Seen<'a, 't> {
    exchange: &'a Exchange<'t>,
    entry: &'t Entry,
    got: String,
}

impl Seen<'_, '_> {
    fn is_listening(&self) -> bool {
        self.exchange.asked().is_some_and(|message| message.method() == Some("subscriptions/listen"))
    }

    fn violates(&self, requirement: &str, message: &str, expected: &str, findings: &mut Findings) {
        findings.violated(
            requirement,
            message,
            expected,
            self.got.clone(),
            &self.exchange.evidence_with(self.entry),
        );
    }
}

/// The exchange of the request that gave each progress token. A token given twice belongs to nobody.
fn owners(all: &[Exchange<'_>]) -> HashMap<String, Option<u32>> {
    let mut owners = HashMap::new();
    for exchange in all {
        let token =
            exchange.asked().and_then(|message| message.params().pointer("/_meta/progressToken").cloned());
        if let Some(token) = token {
            let owner = owners.entry(token.to_string()).or_insert(Some(exchange.number));
            owner.take_if(|number| *number != exchange.number);
        }
    }
    owners
}

fn progress(
    seen: &Seen<'_, '_>,
    message: &Message,
    owners: &HashMap<String, Option<u32>>,
    findings: &mut Findings,
) {
    // A task goes on after the reply to the request that began it.
    if message.params().pointer(TASK).is_some() {
        return;
    }
    let token = message.params()["progressToken"].to_string();
    let Some(Some(owner)) = owners.get(&token) else { return };
    let expected = "on the stream of the request that gave the token";
    match seen.exchange.method {
        _ if seen.exchange.is_resumed() => {}
        _ if *owner == seen.exchange.number => {
            [RELATE, RELATE_NEW].iter().for_each(|id| findings.kept(id));
        }
        "GET" => {
            seen.violates(UNRELATED, "progress of a running request came on a GET stream", expected, findings)
        }
        _ if seen.is_listening() => {
            seen.violates(LISTEN, "progress came on the stream of a subscription", expected, findings);
        }
        _ => {
            for id in [RELATE, RELATE_NEW] {
                seen.violates(id, "progress of another request came on this stream", expected, findings);
            }
        }
    }
}

fn log(seen: &Seen<'_, '_>, findings: &mut Findings) {
    if seen.is_listening() {
        let expected = "on the stream of the request that it is about";
        seen.violates(LISTEN, "a log message came on the stream of a subscription", expected, findings);
    }
}

fn change(seen: &Seen<'_, '_>, method: &str, message: &Message, findings: &mut Findings) {
    let is_change = method.ends_with("/list_changed") || method == "notifications/resources/updated";
    match (seen.is_listening(), message.subscription()) {
        (true, Some(tag)) => {
            findings.kept(LISTEN);
            match seen.exchange.ids().contains(&tag) {
                true => findings.kept(ENDED),
                false => seen.violates(
                    ENDED,
                    "a message of another subscription came on this stream",
                    "the subscription of this stream",
                    findings,
                ),
            }
        }
        (false, _) if is_change && seen.exchange.method == "POST" => seen.violates(
            RELATE_NEW,
            "a change was told on the stream of another request",
            "on the stream of a subscription",
            findings,
        ),
        (false, _) if seen.exchange.method == "GET" && !seen.exchange.is_resumed() => {
            findings.kept(UNRELATED)
        }
        _ => {}
    }
}

/// No message of the server goes out on two streams at once. Two requests may each draw the same message on their own
/// streams: only a GET stream shows that it was meant once.
fn broadcast(all: &[Exchange<'_>], findings: &mut Findings) {
    let mut told: HashMap<String, (&Exchange<'_>, &Entry)> = HashMap::new();
    let streams = all.iter().filter(|exchange| exchange.is_stream() && !exchange.is_resumed());
    let came = streams.flat_map(|exchange| exchange.messages().map(move |came| (exchange, came)));
    for (exchange, (entry, message)) in came.filter(|(_, (_, message))| !message.is_reply()) {
        let session = exchange.sent_header("mcp-session-id").unwrap_or_default();
        let key = format!("{session} {}", message);
        let before = told.insert(key, (exchange, entry));
        let again = before.filter(|(other, before)| {
            let has_get = [other.method, exchange.method].contains(&"GET");
            has_get && other.number != exchange.number && entry.at.saturating_sub(before.at) < SOON
        });
        match again {
            Some((_, before)) => findings.violated(
                BROADCAST,
                "the same message came on two streams",
                "each message on one stream",
                message.to_string(),
                &[before.seq, entry.seq],
            ),
            None if exchange.method == "GET" => findings.kept(BROADCAST),
            None => {}
        }
    }
}
