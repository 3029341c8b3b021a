//! Event streams: their form, and what comes on the stream of a request.

use super::{Came, Exchange, exchanges};
use crate::catalogue::Verdict;
use crate::protocol::{Class, FrameError, Id, Message, Revision};
use crate::rule::{Context, Findings, Rule};
use crate::transport::{SseFlaw, SseHead};

const FRAMING: &str = "http.sse.framing";
const RETRY: &str = "http.sse.retry-syntax";
const DATA: &str = "http.sse.data-is-message";
const NAME: &str = "http.sse.event-name";
const NO_REQUESTS: &str = "http.sse.no-server-requests";
const BUFFERING: &str = "http.sse.x-accel-buffering";
const EVENTUAL: &str = "http.sse.eventual-response";
const EARLY: &str = "http.sse.no-close-before-response";
const RELATED: &str = "http.sse.related-messages-before-response";
const AFTER: &str = "http.sse.nothing-after-response";
const PRIMING: &str = "http.sse.priming-event";
const CLOSE: &str = "http.sse.may-close-connection-after-id";
const BEFORE_CLOSE: &str = "http.sse.retry-before-close";

pub const RULE: Rule = Rule {
    id: "rule/http-streams",
    judges: &[
        FRAMING,
        RETRY,
        DATA,
        NAME,
        NO_REQUESTS,
        BUFFERING,
        EVENTUAL,
        EARLY,
        RELATED,
        AFTER,
        PRIMING,
        CLOSE,
        BEFORE_CLOSE,
    ],
    hint: "the server has to answer with an event stream of this kind",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let all = exchanges(context);
    let has_ids = all.iter().any(|exchange| exchange.heads().any(|(_, head)| head.id.is_some()));
    let cancelled: Vec<Id> = all.iter().filter_map(Exchange::cancels).collect();
    for exchange in all.iter().filter(|exchange| exchange.is_stream() && exchange.is_success()) {
        form(exchange, findings);
        data(context.revision(), exchange, findings);
        requests(exchange, findings);
        buffering(exchange, findings);
        if exchange.asked().is_some() {
            order(exchange, findings);
        }
        if let Some(message) = exchange.asked_legally().filter(|_| context.revision().is_handshake()) {
            // What was cancelled need not be answered.
            if !exchange.ids().iter().any(|id| cancelled.contains(id)) {
                ending(exchange, all, findings);
            }
            if has_ids && message.method() != Some("initialize") {
                priming(exchange, findings);
            }
        }
    }
}

impl<'t> Exchange<'t> {
    fn heads(&self) -> impl Iterator<Item = (&'t crate::session::transcript::Entry, &'t SseHead)> {
        self.came.iter().filter_map(|(entry, came)| match came {
            Came::Event(head) => Some((*entry, *head)),
            Came::Message(_) | Came::Other(_) => None,
        })
    }
}

/// Lines are fields, events end with an empty line, `retry` is a number.
fn form(exchange: &Exchange<'_>, findings: &mut Findings) {
    let mut is_whole = true;
    for (entry, head) in exchange.heads() {
        if head.retry.is_some() {
            findings.kept(RETRY);
        }
        for flaw in &head.flaws {
            let (requirement, message, expected, got) = match flaw {
                SseFlaw::Bare(text) => (FRAMING, "a line of the stream has no field name", "data: …", text),
                SseFlaw::Unfinished(text) => {
                    (FRAMING, "the stream ends within an event", "an empty line after each event", text)
                }
                SseFlaw::Retry(text) => (RETRY, "`retry` is no number", "digits only: milliseconds", text),
                // Told by the rule about event ids.
                SseFlaw::Id(_) => continue,
            };
            is_whole &= requirement != FRAMING;
            findings.violated(requirement, message, expected, got.clone(), &exchange.evidence_with(entry));
        }
    }
    if is_whole && exchange.came.iter().any(|(_, came)| matches!(came, Came::Message(_))) {
        findings.kept(FRAMING);
    }
}

/// The data of an event is one message, under the default name.
fn data(revision: Revision, exchange: &Exchange<'_>, findings: &mut Findings) {
    let mut name = None;
    for (entry, came) in &exchange.came {
        match came {
            Came::Event(head) => name = head.name.as_deref(),
            Came::Message(Err(FrameError::TooDeep(_) | FrameError::Encoding(_))) => {}
            Came::Message(Ok(json))
                if json.is_object() || json.is_array() && revision == Revision::V2025_03_26 =>
            {
                findings.kept(NAME);
                match json.as_object().is_some_and(serde_json::Map::is_empty) {
                    false => findings.kept(DATA),
                    // A stored priming event looks like this in a common SDK.
                    true => no_message(Some(Verdict::Warn), exchange, entry, findings),
                }
            }
            Came::Message(_) => no_message(None, exchange, entry, findings),
            Came::Other(bytes) => {
                let json = serde_json::from_slice(bytes).ok().and_then(Message::from_value);
                if json.is_some_and(|message| message.get("jsonrpc").is_some()) {
                    findings.violated(
                        NAME,
                        "a message came as an event of another type, which readers of `message` never see",
                        "event: message, or no event field",
                        format!("event: {}", name.unwrap_or_default()),
                        &exchange.evidence_with(entry),
                    );
                } else {
                    no_message(Some(Verdict::Warn), exchange, entry, findings);
                }
            }
        }
    }
}

fn no_message(
    verdict: Option<Verdict>,
    exchange: &Exchange<'_>,
    entry: &crate::session::transcript::Entry,
    findings: &mut Findings,
) {
    findings.violated_as(
        verdict,
        DATA,
        "the data of an event is no JSON-RPC message",
        "one JSON-RPC message",
        entry.text(),
        &exchange.evidence_with(entry),
    );
}

fn requests(exchange: &Exchange<'_>, findings: &mut Findings) {
    for (entry, message) in exchange.messages() {
        match message.class() {
            Class::Request => findings.violated(
                NO_REQUESTS,
                "the server sent a request of its own",
                "input is asked for in the result of a request",
                message.to_string(),
                &exchange.evidence_with(entry),
            ),
            _ => findings.kept(NO_REQUESTS),
        }
    }
}

fn buffering(exchange: &Exchange<'_>, findings: &mut Findings) {
    match exchange.header("x-accel-buffering") {
        Some(value) if value.eq_ignore_ascii_case("no") => findings.kept(BUFFERING),
        other => findings.violated(
            BUFFERING,
            "the event stream does not tell proxies to pass events on at once",
            "X-Accel-Buffering: no",
            other.unwrap_or("no such header"),
            &exchange.evidence(),
        ),
    }
}

/// First what belongs to the request, then its response, then nothing.
fn order(exchange: &Exchange<'_>, findings: &mut Findings) {
    let ids = exchange.ids();
    let mut is_answered = false;
    for (entry, message) in exchange.messages() {
        let is_own = message.id().is_none_or(|id| id == Id::Null || ids.contains(&id));
        let evidence = exchange.evidence_with(entry);
        if message.is_reply() && !is_own {
            findings.violated_as(
                Some(Verdict::Warn),
                RELATED,
                "the response to another request came on this stream",
                "requests and notifications, then the response to the own request",
                message.to_string(),
                &evidence,
            );
        } else if is_answered {
            findings.violated(
                AFTER,
                "something follows the response on its stream",
                "nothing after the response",
                message.to_string(),
                &evidence,
            );
        } else {
            findings.kept(RELATED);
        }
        is_answered |= message.is_reply() && is_own;
    }
    if is_answered && exchange.done.is_some() {
        findings.kept(AFTER);
    }
}

/// The stream of a request brings its response, now or when it is taken up again.
fn ending(exchange: &Exchange<'_>, all: &[Exchange<'_>], findings: &mut Findings) {
    if exchange.replies().next().is_some() {
        return [EVENTUAL, EARLY].iter().for_each(|id| findings.kept(id));
    }
    let Some(done) = exchange.done else { return };
    let evidence = exchange.evidence_with(done);
    let ids = exchange.ids();
    let is_own = |message: &Message| message.id().is_some_and(|id| ids.contains(&id));
    let later = all.iter().filter(|other| other.is_resumed());
    let is_delivered = later.flat_map(|other| other.replies()).any(|(_, message)| is_own(message));
    let expected = "the response, before or after the stream is taken up again";
    let got = "the stream ended without it";
    match is_delivered {
        true => findings.kept(EVENTUAL),
        false => {
            findings.violated(EVENTUAL, "the stream never brought the response", expected, got, &evidence)
        }
    }
    findings.violated(
        EARLY,
        "the stream was closed before the response",
        "the response first",
        got,
        &evidence,
    );
    let has_id = exchange.heads().any(|(_, head)| head.id.is_some());
    match (has_id, is_delivered) {
        (true, true) => findings.kept(CLOSE),
        (true, false) => {
            findings.violated_as(
                Some(Verdict::Warn),
                CLOSE,
                "a stream that was taken up again never brought the response",
                expected,
                got,
                &evidence,
            );
        }
        (false, _) => {
            findings.violated_as(
                Some(Verdict::Warn),
                CLOSE,
                "the stream was closed before any event had an id",
                "an event id first",
                got,
                &evidence,
            );
        }
    }
    match exchange.heads().any(|(_, head)| head.retry.is_some()) {
        _ if !has_id => {}
        true => findings.kept(BEFORE_CLOSE),
        false => findings.violated(
            BEFORE_CLOSE,
            "the connection was closed without a word when to come back",
            "a `retry` field",
            "none",
            &evidence,
        ),
    }
}

/// Where streams have ids, each begins with one.
fn priming(exchange: &Exchange<'_>, findings: &mut Findings) {
    match exchange.came.first() {
        Some((_, Came::Event(head))) if head.empty && head.id.as_ref().is_some_and(|id| !id.is_empty()) => {
            findings.kept(PRIMING);
        }
        Some((entry, _)) => findings.violated(
            PRIMING,
            "the stream does not begin with an event that has an id and no data",
            "an event with `id` and empty `data`",
            entry.text(),
            &exchange.evidence_with(entry),
        ),
        None => {}
    }
}
