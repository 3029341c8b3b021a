//! Progress: for a token that a running request gave, ever increasing, and never after the reply.

use std::collections::HashMap;

use serde_json::Value;

use super::tasks::created;
use super::{Context, Findings, Rule};
use crate::protocol::{Id, Message};
use crate::session::transcript::Entry;

const TOKEN: &str = "progress.token-from-active-request";
const INCREASES: &str = "progress.increasing";
const NONE: &str = "progress.none-without-token";
const STOPS: &str = "progress.stops-after-completion";

pub const RULE: Rule = Rule {
    id: "rule/progress",
    judges: &[TOKEN, NONE, INCREASES, STOPS],
    hint: "a request with a progress token has to run long enough for the server to report progress",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut last: HashMap<String, (f64, u64)> = HashMap::new();
    let notes = context.received.iter().filter(|(_, m)| m.method() == Some("notifications/progress"));
    if context.sent.iter().any(|(_, sent)| sent.method() == Some("tools/call") && !has_token(sent)) {
        findings.kept(NONE);
    }
    for (entry, message) in notes {
        token(context, entry, message, findings);
        let params = message.params();
        let Some(progress) = params["progress"].as_f64() else { continue };
        match last.insert(params["progressToken"].to_string(), (progress, entry.seq)) {
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
}

fn has_token(request: &Message) -> bool {
    request.params()["_meta"].get("progressToken").is_some()
}

/// Whether a request that gave a token is open at an entry.
fn wants_progress(context: &Context<'_>, entry: &Entry) -> bool {
    let answered = |id: Option<Id>| {
        let mut earlier = context.received.iter().filter(|(reply, _)| reply.seq < entry.seq);
        earlier.any(|(_, message)| message.is_reply() && message.id() == id)
    };
    let mut sent = context.sent.iter().filter(|(sent, _)| sent.seq < entry.seq);
    sent.any(|(_, request)| has_token(request) && !answered(request.id()))
}

fn token(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let token = &message.params()["progressToken"];
    let given = context.sent.iter().find(|(sent, request)| {
        sent.seq < entry.seq
            && request.params()["_meta"].get("progressToken") == Some(token)
            && *token != Value::Null
    });
    let Some((request, sent)) = given else {
        // Where nobody wants any progress, none may come.
        let requirement = if wants_progress(context, entry) { TOKEN } else { NONE };
        return findings.violated(
            requirement,
            "the progress token is that of no request",
            "a token that a running request gave",
            token.to_string(),
            &[entry.seq],
        );
    };
    findings.kept(TOKEN);
    let reply = context
        .received
        .iter()
        .find(|(reply, message)| reply.seq < entry.seq && message.is_reply() && message.id() == sent.id())
        // A task of 2025-11-25 goes on, and its progress with it.
        .filter(|(_, message)| {
            context.revision().is_stateless() || created(message, context.revision()).is_none()
        });
    match reply {
        Some((reply, _)) => findings.violated(
            STOPS,
            "progress came after the reply",
            "no progress once the request is answered",
            message.to_value().to_string(),
            &[request.seq, reply.seq, entry.seq],
        ),
        None => findings.kept(STOPS),
    }
}
