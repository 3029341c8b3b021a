//! GET: an event stream for what the server says by itself, or 405.

use super::{Came, Exchange, exchanges};
use crate::catalogue::Verdict;
use crate::rule::{Context, Findings, Rule};

const STREAM: &str = "http.get.sse-or-405";
const PATH: &str = "http.endpoint.post-and-get-one-path";
const ALLOW: &str = "http.get.405-allow";
const MESSAGES: &str = "http.get.may-send-messages";
const RESPONSES: &str = "http.get.no-responses";

pub const RULE: Rule = Rule {
    id: "rule/http-get",
    judges: &[STREAM, PATH, ALLOW, MESSAGES, RESPONSES],
    hint: "the server has to answer GET, with a stream or with 405",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let all = exchanges(context);
    let end = all.iter().find(|exchange| exchange.method == "DELETE").map(|exchange| exchange.request.seq);
    for exchange in all {
        allow(exchange, findings);
        if exchange.method == "GET" && !exchange.is_resumed() {
            // A stream may be asked for just when the session ends.
            let is_late = exchange
                .response
                .as_ref()
                .is_some_and(|response| end.is_some_and(|end| response.entry.seq > end));
            if !exchange.deliberate && !is_late {
                answer(exchange, all, findings);
            }
            if exchange.is_stream() {
                content(exchange, findings);
            }
        }
    }
}

fn answer(exchange: &Exchange<'_>, all: &[Exchange<'_>], findings: &mut Findings) {
    let expected = "text/event-stream, or HTTP 405";
    let violates = |id: &str, message: &str, findings: &mut Findings| {
        findings.violated(id, message, expected, exchange.shown(), &exchange.evidence());
    };
    match exchange.status() {
        Some(405) => [STREAM, PATH].iter().for_each(|id| findings.kept(id)),
        Some(200) if exchange.is_stream() => [STREAM, PATH].iter().for_each(|id| findings.kept(id)),
        // Refused for another reason: credentials, the session, too many streams.
        Some(503) => {}
        Some(404) if !is_session_alive(exchange, all) => {}
        Some(404) => violates(PATH, "GET is not known at the address of POST", findings),
        Some(200..300 | 406 | 500..) => {
            violates(STREAM, "GET is answered neither with an event stream nor with 405", findings);
        }
        _ => {}
    }
}

/// Whether the session goes on after an exchange: 404 also says that it has ended.
fn is_session_alive(exchange: &Exchange<'_>, all: &[Exchange<'_>]) -> bool {
    const SESSION: &str = "mcp-session-id";
    let told = exchange.response.as_ref().map_or(exchange.request.seq, |response| response.entry.seq);
    let Some(session) = exchange.sent_header(SESSION) else { return true };
    let mut later = all.iter().filter(|other| other.request.seq > told && other.is_success());
    later.any(|other| other.sent_header(SESSION) == Some(session))
}

/// RFC 9110 demands it; MCP does not repeat it.
fn allow(exchange: &Exchange<'_>, findings: &mut Findings) {
    if exchange.status() != Some(405) {
        return;
    }
    let listed = exchange.header("allow").unwrap_or_default();
    match listed.split(',').any(|method| method.trim() == "POST") {
        true => findings.kept(ALLOW),
        false => findings.violated_as(
            Some(Verdict::Warn),
            ALLOW,
            "405 does not say which methods are allowed",
            "an Allow header with POST",
            if listed.is_empty() { "no Allow header" } else { listed },
            &exchange.evidence(),
        ),
    }
}

/// Requests and notifications, and no responses.
fn content(exchange: &Exchange<'_>, findings: &mut Findings) {
    for (entry, came) in &exchange.came {
        if matches!(came, Came::Other(_) | Came::Message(Err(_))) {
            findings.violated_as(
                Some(Verdict::Warn),
                MESSAGES,
                "the GET stream carries something that is no message",
                "JSON-RPC requests and notifications",
                entry.text(),
                &exchange.evidence_with(entry),
            );
        }
    }
    for (entry, message) in exchange.messages() {
        findings.kept(MESSAGES);
        match message.is_reply() {
            false => findings.kept(RESPONSES),
            true => findings.violated(
                RESPONSES,
                "a response came on a GET stream that resumes nothing",
                "responses on the exchange of their request",
                message.to_string(),
                &exchange.evidence_with(entry),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{get, post, response, violated};

    #[test]
    fn a_session_that_has_ended_is_no_unknown_path() {
        let found = |session: Option<&str>, later: u16| {
            let entries = vec![get(1, session), response(1, 404), post(2, session), response(2, later)];
            violated(&RULE, Revision::V2025_11_25, entries)
        };
        assert!(found(Some("a"), 404).is_empty());
        assert_eq!(found(Some("a"), 200), [PATH]);
        assert_eq!(found(None, 404), [PATH]);
    }
}
