//! Error messages are a short sentence, not a stack trace.

use super::internals::is_trace;
use super::{Context, Findings, Rule};

const CONCISE: &str = "base.response.error-message-concise";

pub const RULE: Rule =
    Rule { id: "rule/texts", judges: &[CONCISE], hint: "the server has to refuse a request", run };

fn run(context: &Context<'_>, findings: &mut Findings) {
    for (entry, message) in &context.received {
        let Some(text) = message.get("error").and_then(|error| error.get("message")?.as_str()) else {
            continue;
        };
        match is_trace(&serde_json::Value::from(text).to_string()) {
            false => findings.kept(CONCISE),
            true => findings.violated(
                CONCISE,
                "the message of an error is a stack trace",
                "one short sentence",
                text,
                &[entry.seq],
            ),
        }
    }
}
