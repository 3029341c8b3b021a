//! The JSON-RPC envelope of everything that the server sends.

use serde_json::Value;

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Id, Message};
use crate::session::transcript::{Entry, What};

pub const RULE: Rule = Rule {
    id: "rule/envelope",
    judges: &[
        "base.jsonrpc.conforms",
        "base.jsonrpc.version-member",
        "base.response.result-or-error",
        "base.response.not-both",
        "base.response.result-object",
        "base.response.error-code-and-message",
        "base.request.method-string",
        "base.request.params-object",
    ],
    hint: "the server has to send a message",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for (entry, message) in &context.received {
        let before = findings.violations.len();
        let shown = Shown { entry: &[entry.seq], text: message.to_value().to_string() };
        version(message, &shown, findings);
        match message.class() {
            Class::Result => result(message, &shown, findings),
            Class::Error => error(message, &shown, findings),
            Class::Request | Class::Notification => call(message, &shown, findings),
            Class::Invalid => invalid(message, &shown, findings),
        }
        if findings.violations.len() == before {
            findings.kept("base.jsonrpc.conforms");
        }
    }
    for entry in &context.transcript.entries {
        element_types(entry, findings);
    }
}

struct Shown<'e> {
    entry: &'e [u64],
    text: String,
}

fn version(message: &Message, shown: &Shown<'_>, findings: &mut Findings) {
    let id = "base.jsonrpc.version-member";
    match message.get("jsonrpc") {
        Some(Value::String(version)) if version == "2.0" => findings.kept(id),
        Some(other) => findings.violated(
            id,
            format!("the message has `jsonrpc` {other}"),
            "\"jsonrpc\": \"2.0\"",
            other.to_string(),
            shown.entry,
        ),
        None => findings.violated(
            id,
            "the message has no `jsonrpc` member",
            "\"jsonrpc\": \"2.0\"",
            &shown.text,
            shown.entry,
        ),
    }
}

fn result(message: &Message, shown: &Shown<'_>, findings: &mut Findings) {
    findings.kept("base.response.result-or-error");
    findings.kept("base.response.not-both");
    let result = message.get("result").unwrap_or(&Value::Null);
    match result.is_object() {
        true => findings.kept("base.response.result-object"),
        false => findings.violated(
            "base.response.result-object",
            "the result is not an object",
            "an object",
            result.to_string(),
            shown.entry,
        ),
    }
}

fn error(message: &Message, shown: &Shown<'_>, findings: &mut Findings) {
    findings.kept("base.response.result-or-error");
    findings.kept("base.response.not-both");
    let error = message.get("error").unwrap_or(&Value::Null);
    match error.get("code").is_some() && error.get("message").is_some() {
        true => findings.kept("base.response.error-code-and-message"),
        false => findings.violated(
            "base.response.error-code-and-message",
            "the error has no `code` or no `message`",
            "an object with `code` and `message`",
            error.to_string(),
            shown.entry,
        ),
    }
}

fn call(message: &Message, shown: &Shown<'_>, findings: &mut Findings) {
    match message.get("method") {
        Some(Value::String(_)) => findings.kept("base.request.method-string"),
        other => findings.violated(
            "base.request.method-string",
            "the method is not a text",
            "a string",
            other.cloned().unwrap_or_default().to_string(),
            shown.entry,
        ),
    }
    match message.get("params") {
        None => {}
        Some(Value::Object(_)) => findings.kept("base.request.params-object"),
        Some(other) => findings.violated(
            "base.request.params-object",
            "`params` is not an object",
            "an object, or no `params` at all",
            other.to_string(),
            shown.entry,
        ),
    }
}

fn invalid(message: &Message, shown: &Shown<'_>, findings: &mut Findings) {
    let both = message.get("result").is_some() && message.get("error").is_some();
    let id = match message.id() {
        _ if both => "base.response.not-both",
        Some(id) if id != Id::Null && message.get("method").is_none() => "base.response.result-or-error",
        _ => "base.jsonrpc.conforms",
    };
    findings.violated(
        id,
        if both { "the reply has both `result` and `error`" } else { "the message is of no JSON-RPC kind" },
        "a request, a notification, a result or an error",
        &shown.text,
        shown.entry,
    );
}

/// JSON texts that are no objects, and batch elements that are none.
fn element_types(entry: &Entry, findings: &mut Findings) {
    let What::Received { json: Ok(json), .. } = &entry.what else { return };
    let stray = match &**json {
        Value::Object(_) => None,
        Value::Array(elements) => elements.iter().find(|element| !element.is_object()),
        other => Some(other),
    };
    if let Some(stray) = stray {
        findings.violated(
            "base.jsonrpc.conforms",
            "the server sent JSON that is no message",
            "an object",
            stray.to_string(),
            &[entry.seq],
        );
    }
}
