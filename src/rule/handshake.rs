//! Before `notifications/initialized` a server may send pings and log messages only.

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Message};

const NO_REQUESTS: &str = "lifecycle.pre-initialized.no-server-requests";

const FIRST: &str = "lifecycle.initialize.first-interaction";

pub const RULE: Rule = Rule {
    id: "rule/handshake",
    judges: &[NO_REQUESTS, FIRST],
    hint: "the server has to be initialized",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision().is_stateless() {
        return;
    }
    first(context, findings);
    let initialized =
        context.sent.iter().find(|(_, message)| message.method() == Some("notifications/initialized"));
    let end = initialized.map_or(u64::MAX, |(entry, _)| entry.seq);
    let early = context.received.iter().filter(|(entry, _)| entry.seq < end);
    let mut requests =
        early.filter(|(_, message)| message.class() == Class::Request && message.method() != Some("ping"));
    match requests.next() {
        Some((entry, message)) => findings.violated(
            NO_REQUESTS,
            "the server sent a request before it was told `notifications/initialized`",
            "nothing but pings and log messages",
            message.to_value().to_string(),
            &[entry.seq],
        ),
        None if initialized.is_some() => findings.kept(NO_REQUESTS),
        None => {}
    }
}

/// Nothing but pings and log messages comes before the answer to `initialize`.
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
        Some((entry, message)) => findings.violated(
            FIRST,
            "the server spoke before it had answered `initialize`",
            "nothing but pings and log messages",
            message.to_value().to_string(),
            &[entry.seq],
        ),
    }
}
