//! Log messages: at the level that was asked for, for requests that asked for them, without secrets.

use std::sync::OnceLock;
use std::time::Duration;

use regex::Regex;
use serde_json::Value;

use super::context::is_deliberate;
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::{Class, Message};
use crate::session::transcript::{Entry, What};

const SUPPRESSES: &str = "logging.set-level.suppresses-below";
const BELOW: &str = "logging.request.below-level";
const BEFORE: &str = "logging.request.before-response";
const UNASKED: &str = "logging.request.none-without-level";
const ABSENT: &str = "base.meta.log-level-absent";
const NOTIFICATION: &str = "logging.message.is-notification";
/// A rule, and the advice that says the same.
const CREDENTIALS: [&str; 2] = ["logging.security.no-credentials", "logging.remove-sensitive"];
/// A level that outlives its request is state that nobody names.
const REMEMBERED: [&str; 3] =
    [ABSENT, "base.stateless.connection-not-session", "base.stateless.explicit-handles"];

pub const RULE: Rule = Rule {
    id: "rule/log-messages",
    judges: &[
        NOTIFICATION,
        SUPPRESSES,
        BELOW,
        BEFORE,
        UNASKED,
        ABSENT,
        REMEMBERED[1],
        REMEMBERED[2],
        CREDENTIALS[0],
        CREDENTIALS[1],
    ],
    hint: "a tool that may be called has to log: `[tools.NAME] allow = true` in the profile",
    run,
};

const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
/// Messages on several streams may overtake each other by this much.
const CROSSING: Duration = Duration::from_millis(200);

fn run(context: &Context<'_>, findings: &mut Findings) {
    let mut is_silent = true;
    let is_common = is_common(context);
    for (entry, message) in &context.received {
        if message.method() == Some("notifications/message") {
            is_silent = false;
            kind(entry, message, findings);
            credentials(entry, message, findings);
            match context.revision().is_stateless() {
                true => asked(context, entry, message, findings),
                false if is_common => {}
                false => threshold(context, entry, message, findings),
            }
        }
    }
    // What never came cannot have been wrong.
    if is_silent && !context.received.is_empty() {
        [UNASKED, ABSENT].iter().for_each(|id| findings.kept(id));
    }
}

impl Context<'_> {
    /// Whether a request before this entry asked for log messages.
    pub(super) fn has_asked_for_logs(&self, entry: &Entry) -> bool {
        self.sent.iter().any(|(sent, message)| sent.seq < entry.seq && wanted(message).is_some())
    }
}

fn wanted(message: &Message) -> Option<&Value> {
    message.params()["_meta"].get(LEVEL_KEY)
}

fn rank(level: &Value) -> Option<usize> {
    LEVELS.iter().position(|known| level == known)
}

fn kind(entry: &Entry, message: &Message, findings: &mut Findings) {
    match message.class() {
        Class::Request => findings.violated(
            NOTIFICATION,
            "a log message carries an id",
            "no `id` member",
            message.to_string(),
            &[entry.seq],
        ),
        _ => findings.kept(NOTIFICATION),
    }
}

/// Stateless era: log messages are for the requests in flight that have a log level.
fn asked(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let in_flight = context.in_flight(entry);
    let levels: Vec<&Value> = in_flight.iter().filter_map(|request| wanted(request)).collect();
    if !levels.is_empty() {
        [UNASKED, BEFORE].iter().chain(&REMEMBERED).for_each(|id| findings.kept(id));
        let least = levels.iter().map(|level| rank(level)).min().flatten();
        return hold((BELOW, None), least, entry, message, findings);
    }
    let (ids, expected): (&[&str], _) = match (context.has_asked_for_logs(entry), in_flight.is_empty()) {
        (true, true) => (&[BEFORE], "no log message after the reply"),
        (true, false) => (&REMEMBERED, "no log message for a request without a log level"),
        (false, false) => (&[UNASKED], "log messages only for requests whose `_meta` has a log level"),
        // Nothing is in flight: that is judged by the place of the message.
        (false, true) => return,
    };
    if !context.follows_malformed(entry) {
        for id in ids {
            let got = message.to_string();
            let problem = "the server sent a log message that no request asked for";
            findings.violated(id, problem, expected, got, &[entry.seq]);
        }
    }
}

/// Handshake era: nothing below the level that was set last, unless it may be about a request that is older.
fn threshold(context: &Context<'_>, entry: &Entry, message: &Message, findings: &mut Findings) {
    let set = context.sent.iter().rfind(|(sent, request)| {
        sent.seq < entry.seq && request.method() == Some("logging/setLevel") && !is_deliberate(sent)
    });
    let Some((sent, request)) = set else { return };
    let is_done = |(reply, answer): &&(&Entry, Message)| {
        reply.seq < entry.seq
            && reply.seq > sent.seq
            && answer.id() == request.id()
            && answer.get("result").is_some()
            && !context.is_older_in_flight(entry, reply)
            && (entry.exchange() == reply.exchange()
                || entry.at > reply.at + CROSSING
                || is_asked_after(context, entry, reply))
    };
    if context.received.iter().any(|reply| is_done(&reply)) {
        // Over HTTP+SSE another of our connections may have set a level that the server takes for that of all.
        let at_most = context.transcript.legacy.then_some(Verdict::Warn);
        hold((SUPPRESSES, at_most), rank(&request.params()["level"]), entry, message, findings);
    }
}

/// Whether all clients share one level: over HTTP without sessions nothing tells them apart.
fn is_common(context: &Context<'_>) -> bool {
    let is_session = |(name, _): &(String, String)| name == "mcp-session-id";
    let gives_one = |entry: &Entry| match &entry.what {
        What::Response { headers, .. } => headers.iter().any(is_session),
        _ => false,
    };
    context.transcript.http && !context.transcript.entries.iter().any(gives_one)
}

/// Whether the message came on the stream of a request that was sent after the reply: nothing was overtaken.
fn is_asked_after(context: &Context<'_>, entry: &Entry, reply: &Entry) -> bool {
    let is_its_request = |sent: &Entry| sent.seq > reply.seq && sent.exchange() == entry.exchange();
    entry.exchange().is_some() && context.sent.iter().any(|(sent, _)| is_its_request(sent))
}

fn hold(
    (id, at_most): (&str, Option<Verdict>),
    least: Option<usize>,
    entry: &Entry,
    message: &Message,
    findings: &mut Findings,
) {
    let level = &message.params()["level"];
    match (least, rank(level)) {
        (Some(least), Some(rank)) if rank < least => findings.violated_as(
            at_most,
            id,
            "the server sent a log message below the level that was asked for",
            format!("`{}` or more severe", LEVELS[least]),
            message.to_string(),
            &[entry.seq],
        ),
        (Some(_), Some(_)) => findings.kept(id),
        _ => {}
    }
}

/// Secrets by their looks: never more than a warning.
fn credentials(entry: &Entry, message: &Message, findings: &mut Findings) {
    static SECRET: OnceLock<Regex> = OnceLock::new();
    let secret = SECRET.get_or_init(|| {
        let forms =
            r"-----BEGIN [A-Z ]*PRIVATE KEY|(?i)\bbearer [a-z0-9._~+/-]{20,}|\bpassword\s*[=:]\s*[^\s*]{4,}";
        Regex::new(forms).unwrap_or_else(|error| panic!("{error}"))
    });
    match secret.find(&message.params()["data"].to_string()) {
        None => CREDENTIALS.iter().for_each(|id| findings.kept(id)),
        Some(found) => CREDENTIALS.iter().for_each(|id| {
            findings.violated_as(
                Some(Verdict::Warn),
                id,
                "a log message holds what looks like a credential",
                "no secrets in log messages",
                found.as_str(),
                &[entry.seq],
            );
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::Revision;
    use crate::rule::written::{call, received, sent, violated_on_stdio};

    #[test]
    fn a_call_that_is_older_than_the_level_may_log_as_before() {
        let set =
            json!({"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": "error"}});
        let log = json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": 1}});
        let done = |id: u32| received(&json!({"jsonrpc": "2.0", "id": id, "result": {}}), 1);
        let found = |entries| violated_on_stdio(&RULE, Revision::V2025_11_25, entries);
        let (set, log, called) = (sent(&set, 1), received(&log, 1), sent(&call(2), 1));
        assert!(found(vec![called.clone(), set.clone(), done(1), log.clone()]).is_empty());
        assert_eq!(found(vec![called.clone(), set.clone(), done(1), done(2), log.clone()]), [SUPPRESSES]);
        assert_eq!(found(vec![set, done(1), called, log]), [SUPPRESSES]);
    }
}
