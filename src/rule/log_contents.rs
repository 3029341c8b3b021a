//! What log messages should not hold: the inside of the server, and who somebody is. Looks are no proof: never more than a
//! warning.

use std::sync::OnceLock;

use regex::Regex;
use serde_json::Value;

use super::internals::{is_trace, source_path};
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::Message;
use crate::session::transcript::Entry;

const INTERNALS: &str = "logging.security.no-internal-details";
const PERSONAL: &str = "logging.security.no-personal-data";

pub const RULE: Rule = Rule {
    id: "rule/log-contents",
    judges: &[INTERNALS, PERSONAL],
    hint: "a tool that may be called has to log; for personal data one has to take an e-mail address, before or as it \
           logs: `[tools.NAME] arguments` in the profile",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    let is_log = |(_, message): &&(&Entry, Message)| message.method() == Some("notifications/message");
    let logs: Vec<_> = context.received.iter().filter(is_log).collect();
    let addresses = if logs.is_empty() { Vec::new() } else { addresses(context) };
    for (entry, message) in logs {
        let data = message.params()["data"].to_string();
        internals(context, entry, &data, findings);
        personal(&addresses, entry, &data, findings);
    }
}

fn internals(context: &Context<'_>, entry: &Entry, data: &str, findings: &mut Findings) {
    let is_ours = |path: &&str| context.sent.iter().any(|(sent, _)| sent.text().contains(*path));
    let found = match source_path(data).filter(|path| !is_ours(path)) {
        _ if is_trace(data) => "a stack trace",
        Some(_) => "the path of a source file of the server",
        None => return findings.kept(INTERNALS),
    };
    findings.violated_as(
        Some(Verdict::Warn),
        INTERNALS,
        format!("a log message holds {found}"),
        "nothing of the inside of the server in log messages",
        data,
        &[entry.seq],
    );
}

/// An address in a log message that came with a call before it. Whether that is a client's own to hear is open to debate.
fn personal(addresses: &[(u64, String)], entry: &Entry, data: &str, findings: &mut Findings) {
    let mut known = addresses.iter().filter(|(sent, _)| *sent < entry.seq).peekable();
    if known.peek().is_none() {
        return;
    }
    match known.find(|(_, address)| data.contains(address.as_str())) {
        None => findings.kept(PERSONAL),
        Some((sent, address)) => findings.violated_as(
            Some(Verdict::Warn),
            PERSONAL,
            "a log message holds an e-mail address that a call was given",
            "no personal data in log messages",
            address.as_str(),
            &[*sent, entry.seq],
        ),
    }
}

/// The e-mail addresses in the arguments of what was sent, each with its entry.
fn addresses(context: &Context<'_>) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for (entry, message) in &context.sent {
        if matches!(message.method(), Some("tools/call" | "prompts/get")) {
            collect(&message.params()["arguments"], entry.seq, &mut found);
        }
    }
    found
}

fn collect(value: &Value, seq: u64, found: &mut Vec<(u64, String)>) {
    let is_new = |text: &String| is_address(text) && !found.iter().any(|(_, known)| known == text);
    match value {
        Value::String(text) if is_new(text) => found.push((seq, text.clone())),
        Value::Array(items) => items.iter().for_each(|item| collect(item, seq, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, seq, found)),
        _ => {}
    }
}

fn is_address(text: &str) -> bool {
    const LONGEST: usize = 254;
    static ADDRESS: OnceLock<Regex> = OnceLock::new();
    let address = ADDRESS.get_or_init(|| {
        let form = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$";
        Regex::new(form).unwrap_or_else(|error| panic!("{error}"))
    });
    text.len() <= LONGEST && text.contains('@') && address.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        let mut found = Vec::new();
        let arguments =
            json!({"to": ["ada@example.com"], "who": {"cc": "b@c.example"}, "text": "@all: a@b", "n": 1});
        collect(&arguments, 7, &mut found);
        assert_eq!(found, [(7, "ada@example.com".to_owned()), (7, "b@c.example".to_owned())]);
    }
}
