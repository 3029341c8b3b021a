//! Our own messages must be legal too: what this tool sends by mistake is a bug of the tool, never of the server.

use super::{Context, Findings, Rule};
use crate::catalogue::{Position, Schemas, Verdict};
use crate::protocol::Class;
use crate::session::transcript::What;

pub const RULE: Rule = Rule {
    id: "rule/own-messages",
    judges: &["base.schema.messages-match"],
    hint: "this tool has to send a message",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let schemas = Schemas::of(context.revision());
    for (entry, message) in &context.sent {
        let position = match message.class() {
            Class::Request => Position::ClientRequest,
            Class::Notification => Position::ClientNotification,
            Class::Result | Class::Error | Class::Invalid => continue,
        };
        let What::Sent { deliberate: false, .. } = entry.what else { continue };
        let name = message.method().unwrap_or_default();
        let mut message = message.value().clone();
        if position == Position::ClientRequest && message["id"].is_u64() {
            // Every number is as good: what differs in nothing else is judged once.
            message["id"] = 1.into();
        }
        for tag in schemas.judge(position, name, &message).iter() {
            if let Some(violation) = &tag.violation {
                findings.violated_as(
                    Some(Verdict::Error),
                    "base.schema.messages-match",
                    format!(
                        "this tool sent a `{name}` that breaks the schema at {}: {}",
                        violation.at, violation.problem
                    ),
                    "a legal message from this tool",
                    violation.got.to_string(),
                    &[entry.seq],
                );
            }
        }
    }
}
