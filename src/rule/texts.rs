//! Error messages are a short sentence, not a stack trace.

use std::sync::OnceLock;

use regex::Regex;

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

/// Whether a JSON text holds a stack trace.
pub(crate) fn is_trace(json: &str) -> bool {
    static TRACE: OnceLock<Regex> = OnceLock::new();
    let trace = TRACE.get_or_init(|| {
        let forms = [
            r"Traceback \(most recent call last\)",
            r"\\n\s+at [\w.<>$ ]+ \(?[^\s)]+:\d+",
            r"panicked at [^\s]+\.rs:\d+",
            r"goroutine \d+ \[",
            r"\\n\tat [\w.$]+\([\w.]+:\d+\)",
        ];
        Regex::new(&forms.join("|")).unwrap_or_else(|error| panic!("{error}"))
    });
    trace.is_match(json)
}
