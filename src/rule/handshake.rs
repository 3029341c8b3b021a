//! Before it has answered `initialize` a server may send pings and log messages only.

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Message};

const FIRST: &str = "lifecycle.initialize.first-interaction";

pub const RULE: Rule =
    Rule { id: "rule/handshake", judges: &[FIRST], hint: "the server has to be initialized", run };

fn run(context: &Context<'_>, findings: &mut Findings) {
    if !context.revision().is_stateless() {
        first(context, findings);
    }
}

/// Nothing but pings and log messages comes before the answer to `initialize`. A server that was told too soon that it is
/// initialized may believe it.
fn first(context: &Context<'_>, findings: &mut Findings) {
    let mut answers =
        context.replies().filter(|(_, _, asked)| asked.method == "initialize" && !asked.deliberate);
    let Some((answer, ..)) = answers.next() else { return };
    let mut early = context.received.iter().take_while(|(entry, _)| entry.seq < answer.seq);
    let is_early = |message: &Message| {
        message.class() == Class::Notification
            && !matches!(message.method(), Some("notifications/message" | "notifications/progress"))
    };
    match early.find(|(_, message)| is_early(message)) {
        None => findings.kept(FIRST),
        Some((entry, _)) if context.is_initialized_before(entry.seq) => {}
        Some((entry, message)) => findings.violated(
            FIRST,
            "the server spoke before it had answered `initialize`",
            "nothing but pings and log messages",
            message.to_string(),
            &[entry.seq],
        ),
    }
}
