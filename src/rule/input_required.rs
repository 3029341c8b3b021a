//! Results that ask for input (2026-07-28, multi round-trip requests).

use serde_json::Value;

use super::context::Asked;
use super::{Context, Findings, Rule};
use crate::protocol::code;
use crate::session::transcript::{Entry, What};

const METHODS: &str = "mrtr.allowed-methods-only";
const TYPE: &str = "mrtr.result-type";
const KEYS: &str = "mrtr.keys-unique";
const LAST: &str = "mrtr.final-on-stream";
const CACHE: &str = "mrtr.no-cache-hints";
const NO_LINK_ERROR: &str = "elicitation.url-required-removed";
const NO_COMPLETE: &str = "elicitation.complete-removed";

pub const RULE: Rule = Rule {
    id: "rule/input-required",
    judges: &[METHODS, TYPE, KEYS, LAST, CACHE, NO_LINK_ERROR, NO_COMPLETE],
    hint: "a tool, prompt or resource that may be asked for has to need input from the client",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        return;
    }
    for (entry, message, asked) in context.replies() {
        let entries = [asked.seq, entry.seq];
        match message.get("result") {
            Some(result) if result["resultType"] == "input_required" => {
                interim(context, entry, asked, result, findings);
            }
            Some(result) if result.get("resultType").is_none() && result.get("inputRequests").is_some() => {
                findings.violated(
                    TYPE,
                    "a result that asks for input does not say so",
                    "\"resultType\": \"input_required\"",
                    result.to_string(),
                    &entries,
                );
            }
            Some(_) => [METHODS, NO_LINK_ERROR].iter().for_each(|id| findings.kept(id)),
            None => refused(message.get("error").unwrap_or(&Value::Null), &entries, findings),
        }
    }
    complete(context, findings);
}

fn interim(context: &Context<'_>, entry: &Entry, asked: &Asked, result: &Value, findings: &mut Findings) {
    let entries = [asked.seq, entry.seq];
    let mut hold = |id, is_kept: bool, problem: &str, expected: &str| match is_kept {
        true => findings.kept(id),
        false => findings.violated(id, problem, expected, result.to_string(), &entries),
    };
    let is_allowed = ["tools/call", "prompts/get", "resources/read"].contains(&asked.method.as_str());
    hold(
        METHODS,
        is_allowed,
        &format!("`{}` was answered with a request for input", asked.method),
        "input is asked for in reply to tools/call, prompts/get and resources/read only",
    );
    hold(KEYS, !repeats_key(entry, result), "a key of `inputRequests` occurs twice", "keys that differ");
    hold(TYPE, is_question(result), "a finished result is called interim", "\"resultType\": \"complete\"");
    if asked.method == "resources/read" {
        let hints = ["ttlMs", "cacheScope"].iter().any(|hint| result.get(*hint).is_some());
        hold(
            CACHE,
            !hints,
            "an interim result says how long it may be cached",
            "neither ttlMs nor cacheScope",
        );
    }
    if let Some(is_last) = is_last(context, entry) {
        hold(
            LAST,
            is_last,
            "the stream goes on after the result",
            "the result as the last message of its stream",
        );
    }
}

/// Whether a result asks for something, or is at least not finished.
fn is_question(result: &Value) -> bool {
    let asks = ["inputRequests", "requestState"].iter().any(|member| result.get(*member).is_some());
    let answers = ["content", "messages", "contents"].iter().any(|member| result.get(*member).is_some());
    asks || !answers
}

fn repeats_key(entry: &Entry, result: &Value) -> bool {
    let What::Received { frame, .. } = &entry.what else { return false };
    frame.duplicate_key().is_some_and(|key| result["inputRequests"].get(key).is_some())
}

/// How much has to happen on a connection until a stream that is still open counts as left open.
const LATER: usize = 10;

/// Whether a result on an event stream is the last thing on it; `None` where that cannot be said.
fn is_last(context: &Context<'_>, entry: &Entry) -> Option<bool> {
    let What::Received { streamed: true, exchange: Some(number), .. } = entry.what else { return None };
    let later = || context.transcript.entries.iter().filter(|later| later.seq > entry.seq);
    let goes_on = later()
        .any(|later| matches!(later.what, What::Received { exchange: Some(other), .. } if other == number));
    let ended = later().any(|later| matches!(later.what, What::Done { exchange } if exchange == number));
    match (goes_on, ended, later().count() > LATER) {
        (true, ..) => Some(false),
        (false, true, _) => Some(true),
        (false, false, true) => Some(false),
        (false, false, false) => None,
    }
}

/// An error that this era does not have any more.
fn refused(error: &Value, entries: &[u64], findings: &mut Findings) {
    match error["code"].as_i64() {
        Some(code::URL_ELICITATION_REQUIRED) => findings.violated(
            NO_LINK_ERROR,
            "the error -32042 is no longer defined",
            "a result that asks for input",
            error.to_string(),
            entries,
        ),
        _ => findings.kept(NO_LINK_ERROR),
    }
}

fn complete(context: &Context<'_>, findings: &mut Findings) {
    let mut seen = false;
    for (entry, message) in &context.received {
        if message.method() == Some("notifications/elicitation/complete") {
            seen = true;
            findings.violated(
                NO_COMPLETE,
                "the server sent `notifications/elicitation/complete`",
                "no such notification: this revision does not have it",
                message.to_string(),
                &[entry.seq],
            );
        }
    }
    if !seen && !context.received.is_empty() {
        findings.kept(NO_COMPLETE);
    }
}
