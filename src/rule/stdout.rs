//! Standard output carries messages and nothing else, one per line.

use super::{Context, Findings, Rule};
use crate::protocol::{FrameError, Json};
use crate::session::transcript::{Entry, What};

const ONLY: &str = "stdio.stdout.only-messages";
const TERMINATED: &str = "stdio.framing.newline-terminated";
const EMBEDDED: &str = "stdio.framing.no-embedded-newline";
const ONE: &str = "stdio.framing.one-message-per-line";
const UTF8: &str = "base.encoding.utf8";

pub const RULE: Rule = Rule {
    id: "rule/stdout",
    judges: &[ONLY, TERMINATED, EMBEDDED, ONE, UTF8],
    hint: "the server has to write to its standard output",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for entry in &context.transcript.entries {
        if let What::Received { frame, json, terminated, .. } = &entry.what {
            if let Err(FrameError::Encoding(offset)) = json {
                let got = frame.text().into_owned();
                findings.violated(
                    UTF8,
                    format!("the message is not UTF-8 (byte {offset})"),
                    "UTF-8",
                    got,
                    &[entry.seq],
                );
            } else {
                findings.kept(UTF8);
                if context.is_stdio() {
                    line(context, entry, &frame.text(), json, *terminated, findings);
                }
            }
        }
    }
}

fn line(
    context: &Context<'_>,
    entry: &Entry,
    text: &str,
    json: &Result<Json, FrameError>,
    terminated: bool,
    findings: &mut Findings,
) {
    match json {
        Ok(_) => {
            [ONLY, EMBEDDED, ONE].iter().for_each(|id| findings.kept(id));
            match terminated {
                true => findings.kept(TERMINATED),
                false => findings.violated(
                    TERMINATED,
                    "the last message is not followed by a newline",
                    "a newline after each message",
                    text,
                    &[entry.seq],
                ),
            }
        }
        // Deeper than this tool reads: legal as far as anyone can tell.
        Err(FrameError::TooDeep(_)) => {}
        Err(_) => {
            // Bytes that the end of the process cut off are the end's fault.
            let is_told = findings.violations.iter().any(|finding| finding.requirement == EMBEDDED);
            if terminated && !(is_told && continues(text)) {
                let (id, message) = diagnose(context, entry, text);
                findings.violated(
                    id,
                    message,
                    "one JSON-RPC message per line, and nothing else",
                    text,
                    &[entry.seq],
                );
            }
        }
    }
}

/// Whether a line looks like the middle or the end of a message that is spread over several lines.
fn continues(text: &str) -> bool {
    text.starts_with([' ', '\t', '}', ']'])
}

fn diagnose(context: &Context<'_>, entry: &Entry, text: &str) -> (&'static str, &'static str) {
    let values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    let whole: Vec<_> = values.map_while(Result::ok).collect();
    if whole.len() > 1 && whole.iter().all(serde_json::Value::is_object) {
        return (ONE, "two messages stand on one line");
    }
    let joined = |other: &Entry| match &other.what {
        What::Received { frame, .. } => frame.text().into_owned(),
        _ => String::new(),
    };
    let neighbours = context.transcript.entries.iter().filter(|e| matches!(e.what, What::Received { .. }));
    let following: String = neighbours.filter(|e| e.seq >= entry.seq).take(200).map(joined).collect();
    let split = text.trim_start().starts_with(['{', '[']) && starts_with_object(&following);
    match split {
        true => (EMBEDDED, "a message is spread over several lines"),
        false => (ONLY, "the server wrote something to standard output that is no message"),
    }
}

fn starts_with_object(text: &str) -> bool {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    matches!(values.next(), Some(Ok(serde_json::Value::Object(_))))
}
