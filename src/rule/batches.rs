//! Batches exist in 2025-03-26 only.

use serde_json::Value;

use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::session::transcript::What;

const NOT_EMITTED: &str = "base.batch.not-emitted";
const SHAPE: &str = "base.batch.sent-shape";
const STREAMED: &str = "http.post.batch-responses-may-be-batched";

pub const RULE: Rule = Rule {
    id: "rule/batches",
    judges: &[NOT_EMITTED, SHAPE, STREAMED],
    hint: "the server has to send a message (in 2025-03-26: a batch)",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for entry in &context.transcript.entries {
        let What::Received { json: Ok(json), streamed, .. } = &entry.what else { continue };
        if let (true, Value::Array(batch)) = (*streamed, &**json) {
            on_stream(batch, entry.seq, findings);
        }
        match &**json {
            Value::Array(batch) if context.revision() == Revision::V2025_03_26 => match is_even(batch) {
                false => findings.violated(
                    SHAPE,
                    "the server sent a batch that is empty, or mixes replies with other messages",
                    "one or more replies, or one or more requests and notifications",
                    json.to_string(),
                    &[entry.seq],
                ),
                true => findings.kept(SHAPE),
            },
            Value::Array(_) => findings.violated(
                NOT_EMITTED,
                format!("the server sent a batch, which {} does not have", context.revision()),
                "one message at a time",
                json.to_string(),
                &[entry.seq],
            ),
            _ => findings.kept(NOT_EMITTED),
        }
    }
}

/// Whether a batch holds replies only, or requests and notifications only.
fn is_even(batch: &[Value]) -> bool {
    let calls = batch.iter().filter(|message| message.get("method").is_some()).count();
    !batch.is_empty() && (calls == 0 || calls == batch.len())
}

/// A batch on an event stream holds messages, and at least one.
fn on_stream(batch: &[Value], seq: u64, findings: &mut Findings) {
    match !batch.is_empty() && batch.iter().all(|message| message["jsonrpc"] == "2.0") {
        true => findings.kept(STREAMED),
        false => findings.violated_as(
            Some(Verdict::Warn),
            STREAMED,
            "a batch on a stream is empty, or holds something that is no message",
            "at least one message",
            Value::Array(batch.to_vec()).to_string(),
            &[seq],
        ),
    }
}
