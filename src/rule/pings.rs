//! Pings of the server: either side may ping, but not without end.

use std::time::Duration;

use super::{Context, Findings, Rule};
use crate::protocol::{Class, Message};

const EXCESSIVE: &str = "ping.not-excessive";

pub const RULE: Rule =
    Rule { id: "rule/pings", judges: &[EXCESSIVE], hint: "the server has to ping the client", run };

/// No rate is named: so many within so short a time are a flood by any reading.
const FLOOD: usize = 25;
const SHORT: Duration = Duration::from_secs(1);

fn run(context: &Context<'_>, findings: &mut Findings) {
    let is_ping = |message: &Message| message.class() == Class::Request && message.method() == Some("ping");
    let pings: Vec<_> = context.received.iter().filter(|(_, message)| is_ping(message)).collect();
    // One ping for each request of ours keeps step with a hurried client.
    let answered = context.received.iter().filter(|(_, message)| message.is_reply()).count();
    let flood = pings.windows(FLOOD).find(|some| some[FLOOD - 1].0.at - some[0].0.at < SHORT);
    match (pings.first(), flood.filter(|_| pings.len() > answered)) {
        (None, _) => {}
        (Some(_), None) => findings.kept(EXCESSIVE),
        (Some((first, message)), Some(some)) => findings.violated(
            EXCESSIVE,
            "the server floods the client with pings",
            format!("fewer than {FLOOD} pings in a second"),
            message.to_string(),
            &[first.seq, some[FLOOD - 1].0.seq],
        ),
    }
}
