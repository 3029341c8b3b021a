//! Batches exist in 2025-03-26 only.

use serde_json::Value;

use super::{Context, Findings, Rule};
use crate::protocol::Revision;
use crate::session::transcript::What;

const NOT_EMITTED: &str = "base.batch.not-emitted";
const SHAPE: &str = "base.batch.sent-shape";

pub const RULE: Rule = Rule {
    id: "rule/batches",
    judges: &[NOT_EMITTED, SHAPE],
    hint: "the server has to send a message (in 2025-03-26: a batch)",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for entry in &context.transcript.entries {
        let What::Received { json: Ok(json), .. } = &entry.what else { continue };
        match json {
            Value::Array(batch) if context.revision() == Revision::V2025_03_26 => match batch.is_empty() {
                true => findings.violated(
                    SHAPE,
                    "the server sent an empty batch",
                    "at least one message",
                    "[]",
                    &[entry.seq],
                ),
                false => findings.kept(SHAPE),
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
