//! Before `notifications/initialized` a server may send pings and log messages only.

use super::{Context, Findings, Rule};
use crate::protocol::Class;

const NO_REQUESTS: &str = "lifecycle.pre-initialized.no-server-requests";

pub const RULE: Rule =
    Rule { id: "rule/handshake", judges: &[NO_REQUESTS], hint: "the server has to be initialized", run };

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.revision().is_stateless() {
        return;
    }
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
