//! What a POST is answered with: status, content type, one object.

use serde_json::Value;

use super::{Came, Exchange, Sent, exchanges};
use crate::catalogue::Verdict;
use crate::protocol::{Class, FrameError, Id, Revision};
use crate::rule::{Context, Findings, Rule};
use crate::session::transcript::What;

const NOTIFICATION: &str = "http.post.notification-202";
const NO_BODY: &str = "http.post.accepted-no-body";
const RESPONSE: &str = "http.post.response-202";
const REFUSED: &str = "http.post.unaccepted-input-error-status";
const REFUSED_ID: &str = "http.post.unaccepted-input-body-no-id";
const KIND: &str = "http.post.request-content-type";
const SINGLE: &str = "http.post.json-single-object";
const SINGLE_OLD: &str = "http.post.json-single-object-2025-03-26";
const RESULT: &str = "http.post.result-2xx";
const ONE_PATH: &str = "http.endpoint.post-one-path";
const UTF8: &str = "http.message.utf8";
const POLLS: [&str; 2] = ["http.tasks.no-sse-for-tasks-get", "tasks.get-no-sse"];

pub const RULE: Rule = Rule {
    id: "rule/http-post",
    judges: &[
        NOTIFICATION,
        NO_BODY,
        RESPONSE,
        REFUSED,
        REFUSED_ID,
        KIND,
        SINGLE,
        SINGLE_OLD,
        RESULT,
        ONE_PATH,
        UTF8,
        POLLS[0],
        POLLS[1],
    ],
    hint: "the server has to answer such a message over HTTP",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let all = exchanges(context);
    polls(all, findings);
    for exchange in all.iter().filter(|exchange| exchange.method == "POST") {
        if exchange.response.is_none() {
            continue;
        }
        encoding(exchange, findings);
        acknowledged(exchange, findings);
        refused(exchange, findings);
        if exchange.asked_legally().is_some() {
            kind(exchange, findings);
            single(context.revision(), exchange, findings);
            result(exchange, findings);
            path(exchange, findings);
        }
    }
}

/// Notifications and responses are taken with 202 and nothing more.
fn acknowledged(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(message) = exchange.sent.as_ref().and_then(Sent::message) else { return };
    let requirement = match message.class() {
        Class::Notification => NOTIFICATION,
        Class::Result | Class::Error => RESPONSE,
        Class::Request | Class::Invalid => return,
    };
    if exchange.deliberate || !exchange.is_success() {
        return;
    }
    match exchange.status() {
        Some(202) => findings.kept(requirement),
        _ => findings.violated(
            requirement,
            "what was accepted is not acknowledged with status 202",
            "HTTP 202 without a body",
            exchange.shown(),
            &exchange.evidence(),
        ),
    }
    match exchange.came.first() {
        None => findings.kept(NO_BODY),
        Some((entry, _)) if exchange.status() == Some(202) => findings.violated(
            NO_BODY,
            "the acknowledgement has a body",
            "HTTP 202 without a body",
            entry.text(),
            &exchange.evidence_with(entry),
        ),
        Some(_) => {}
    }
}

/// What cannot be taken, and has no id, is refused by status; the body knows no id either.
fn refused(exchange: &Exchange<'_>, findings: &mut Findings) {
    let Some(sent) = &exchange.sent else { return };
    let text = sent.entry.text();
    let has_id = sent.json.is_some_and(|json| !json.is_object() || json.get("id").is_some());
    if has_id {
        return;
    }
    let error = exchange.replies().find(|(_, message)| message.class() == Class::Error);
    match (&error, exchange.status()) {
        (_, Some(400..)) if sent.json.is_some() => findings.kept(REFUSED),
        (Some((entry, message)), Some(200..300)) if sent.json.is_some() => findings.violated(
            REFUSED,
            "a message without an id was refused with a status of success",
            "an HTTP error status, such as 400",
            format!("{} with {}", exchange.shown(), message),
            &exchange.evidence_with(entry),
        ),
        _ => {}
    }
    let Some((entry, message)) = error.filter(|_| exchange.status() >= Some(400)) else { return };
    match message.id() {
        Some(id) if id != Id::Null && !text.contains(&id.to_string()) => findings.violated_as(
            Some(Verdict::Warn),
            REFUSED_ID,
            "the refusal of a message without an id has an id",
            "no id",
            id.to_string(),
            &exchange.evidence_with(entry),
        ),
        _ => findings.kept(REFUSED_ID),
    }
}

fn kind(exchange: &Exchange<'_>, findings: &mut Findings) {
    let is_error = |bytes: &[u8]| {
        let json: Option<Value> = serde_json::from_slice(bytes).ok();
        json.is_some_and(|json| json["error"].is_object() && json["jsonrpc"] == "2.0")
    };
    let is_mcp = exchange.came.iter().any(|(_, came)| matches!(came, Came::Other(bytes) if is_error(bytes)));
    let verdict = match exchange.status() {
        _ if exchange.is_json() || exchange.is_stream() => return findings.kept(KIND),
        Some(200..300) => None,
        // Gateways and logins refuse in their own way; a JSON-RPC error comes from the MCP layer.
        _ if is_mcp => Some(Verdict::Warn),
        _ => return,
    };
    findings.violated_as(
        verdict,
        KIND,
        "a request is answered with another content type",
        "application/json or text/event-stream",
        exchange.shown(),
        &exchange.evidence(),
    );
}

fn single(revision: Revision, exchange: &Exchange<'_>, findings: &mut Findings) {
    if !exchange.is_json() || !exchange.is_success() {
        return;
    }
    let requirement = if revision == Revision::V2025_03_26 { SINGLE_OLD } else { SINGLE };
    let is_one = |json: &Value| json.is_object() && json.get("method").is_none();
    match exchange.came.as_slice() {
        [(_, Came::Message(Ok(json)))] if is_one(json) => findings.kept(requirement),
        // Deeper than this tool reads, or no UTF-8: told elsewhere.
        [(_, Came::Message(Err(FrameError::TooDeep(_) | FrameError::Encoding(_))))] => {}
        [(entry, _), ..] => findings.violated(
            requirement,
            "the answer is not one JSON object with the response",
            "one JSON-RPC response",
            entry.text(),
            &exchange.evidence_with(entry),
        ),
        [] => {}
    }
}

fn result(exchange: &Exchange<'_>, findings: &mut Findings) {
    let result = exchange.replies().find(|(_, message)| message.class() == Class::Result);
    match (result, exchange.status()) {
        (Some((entry, _)), Some(202 | 300..)) => findings.violated(
            RESULT,
            "a result came with a status that is none of success",
            "HTTP 200",
            exchange.shown(),
            &exchange.evidence_with(entry),
        ),
        (Some(_), Some(_)) => findings.kept(RESULT),
        _ => {}
    }
}

fn path(exchange: &Exchange<'_>, findings: &mut Findings) {
    let is_answered = exchange.messages().next().is_some();
    match exchange.status() {
        Some(301..=303 | 404 | 405) if !is_answered && !exchange.is_turned_away() => findings.violated(
            ONE_PATH,
            "a request is not served at the address of the others",
            "an answer at this address",
            exchange.shown(),
            &exchange.evidence(),
        ),
        _ if is_answered => findings.kept(ONE_PATH),
        _ => {}
    }
}

/// A poll should be answered with JSON, at least by a server that can: one that streams every reply cannot do otherwise.
fn polls(all: &[Exchange<'_>], findings: &mut Findings) {
    let is_poll = |exchange: &&Exchange<'_>| {
        let asked = exchange.asked_legally();
        asked.is_some_and(|message| message.method() == Some("tasks/get"))
            && exchange.replies().any(|(_, message)| message.class() == Class::Result)
    };
    let (streamed, plain): (Vec<_>, Vec<_>) =
        all.iter().filter(is_poll).partition(|exchange| exchange.is_stream());
    let Some(first) = plain.first() else { return };
    for id in POLLS {
        match streamed.first() {
            None => findings.kept(id),
            Some(exchange) => findings.violated(
                id,
                "a poll of a task is answered with an event stream, another one was not",
                "application/json",
                exchange.shown(),
                &exchange.evidence_with(first.request),
            ),
        }
    }
}

/// Messages are UTF-8, and are not said to be anything else.
fn encoding(exchange: &Exchange<'_>, findings: &mut Findings) {
    for (entry, _) in &exchange.came {
        let What::Received { frame, json, .. } = &entry.what else { continue };
        match json {
            Err(FrameError::Encoding(_)) => findings.violated(
                UTF8,
                "the message is not UTF-8",
                "UTF-8",
                frame.text().into_owned(),
                &exchange.evidence_with(entry),
            ),
            _ => findings.kept(UTF8),
        }
    }
    let kind = exchange.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let charset = kind.split(';').find_map(|part| part.trim().strip_prefix("charset=").map(str::to_owned));
    let charset = charset.map(|charset| charset.trim_matches('"').to_owned());
    let is_message = exchange.came.iter().any(|(_, came)| matches!(came, Came::Message(_)));
    if let Some(charset) =
        charset.filter(|name| is_message && !["utf-8", "utf8", "us-ascii"].contains(&name.as_str()))
    {
        findings.violated(
            UTF8,
            "the message is said to be of another charset",
            "utf-8",
            charset,
            &exchange.evidence(),
        );
    }
}
