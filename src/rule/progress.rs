//! Progress: for a token that a running request gave, ever increasing, and never after the reply.

use std::collections::HashMap;

use serde_json::Value;

use super::tasks::created;
use super::{Context, Findings, Rule};
use crate::protocol::Message;
use crate::session::transcript::Entry;

const TOKEN: &str = "progress.token-from-active-request";
const INCREASES: &str = "progress.increasing";
const STOPS: &str = "progress.stops-after-completion";

pub const RULE: Rule = Rule {
    id: "rule/progress",
    judges: &[TOKEN, INCREASES, STOPS],
    hint: "a request with a progress token has to run long enough for the server to report progress",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut last: HashMap<String, (f64, u64)> = HashMap::new();
    let notes = context.received.iter().filter(|(_, m)| m.method() == Some("notifications/progress"));
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

fn token(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let token = &message.params()["progressToken"];
    let given = context.sent.iter().find(|(sent, request)| {
        sent.seq < entry.seq
            && request.params()["_meta"].get("progressToken") == Some(token)
            && *token != Value::Null
    });
    let Some((request, sent)) = given else {
        return findings.violated(
            TOKEN,
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
