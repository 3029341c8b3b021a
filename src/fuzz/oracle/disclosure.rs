//! What a server should keep to itself: secrets, stack traces, the layout of its disk.

use super::{Bug, Kind};
use crate::protocol::{Class, Message};
use crate::rule;
use crate::session::transcript::{Entry, What};

/// Secrets that were laid out for the server to tell.
#[derive(Debug, Clone, Default)]
pub(in crate::fuzz) struct Canaries {
    /// The value of a variable in its environment.
    pub variable: String,
    /// The content of a file outside its working folder.
    pub file: String,
    /// Whether a file may come back as a resource: the server offers files of the whole disk.
    pub offers_files: bool,
}

impl Canaries {
    /// A secret in a message. What a tool tells may be what it is for.
    pub(super) fn find(&self, entry: &Entry, message: &Message, by_tool: bool) -> Option<Bug> {
        let What::Received { frame, .. } = &entry.what else { return None };
        let text = frame.text();
        let has = |canary: &str| !canary.is_empty() && text.contains(canary);
        let bug = |what: &str| Bug::new(Kind::Disclosure, "", what.to_owned(), entry.seq);
        if has(&self.variable) && !by_tool {
            return Some(bug("a variable of the server's environment came back in a message"));
        }
        let is_content = message.class() == Class::Result;
        match has(&self.file) {
            false => None,
            true if is_content && self.offers_files => None,
            true if by_tool => {
                Some(bug("a tool told the content of a file outside the working folder").into_advice())
            }
            true => Some(bug("the content of a file outside the working folder came back in a message")),
        }
    }
}

/// Stack traces and paths of source files in an error, unless we sent them ourselves.
pub(super) fn careless(context: &rule::Context<'_>, entry: &Entry, message: &Message) -> Option<Bug> {
    let text = match message.class() {
        Class::Error => message.get("error")?.to_string(),
        Class::Result if message.get("result")?["isError"] == true => message.get("result")?.to_string(),
        _ => return None,
    };
    let what = if rule::is_trace(&text) {
        "a stack trace came back in an error"
    } else {
        let path = rule::source_path(&text)?;
        let is_ours = context.sent.iter().any(|(entry, _)| entry.text().contains(path));
        if is_ours {
            return None;
        }
        "the path of a source file of the server came back in an error"
    };
    Some(Bug::new(Kind::Disclosure, "", what.to_owned(), entry.seq).into_advice())
}

/// What a dying process said of its death: the line that names the error, and the place that follows. Where none does, what
/// it wrote last has nothing to do with it.
pub(super) fn cause_of_death(stderr: &str) -> String {
    // Groups of errors are drawn as trees.
    let is_frame = |c: char| c.is_whitespace() || matches!(c, '|' | '+' | '│');
    let lines: Vec<&str> =
        stderr.lines().map(|line| line.trim_matches(is_frame)).filter(|line| !line.is_empty()).collect();
    let Some(index) = lines.iter().rposition(|line| names_error(line)) else { return String::new() };
    lines[index..(index + 2).min(lines.len())].join(" ").chars().take(200).collect()
}

fn names_error(line: &str) -> bool {
    const WORDS: [&str; 5] = ["panicked at", "fatal", "assertion", "terminate called", "unhandled"];
    let first = line.split([':', ' ']).next().unwrap_or_default();
    let lower = line.to_lowercase();
    first.ends_with("Error") || first.ends_with("Exception") || WORDS.iter().any(|word| lower.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fuzz::Severity;
    use crate::protocol::Frame;

    #[test]
    fn a_canary_may_come_back_only_where_it_belongs() {
        let found = |message: serde_json::Value, offers_files: bool, by_tool: bool| {
            let canaries = Canaries { variable: "v-1".into(), file: "f-1".into(), offers_files };
            let (frame, json) = (Frame::from_value(&message), Ok(message.clone().into()));
            let what = What::Received { frame, json, terminated: true, exchange: None, streamed: false };
            let entry = Entry { seq: 1, at: std::time::Duration::ZERO, what };
            let message = Message::from_value(message).expect("a message");
            canaries.find(&entry, &message, by_tool).map(|bug| bug.severity)
        };
        let result = |text: &str| json!({"jsonrpc": "2.0", "id": 1, "result": {"text": text}});
        let error = |text: &str| json!({"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": text}});
        assert_eq!(found(result("nothing"), false, false), None);
        assert_eq!(found(result("v-1"), false, false), Some(Severity::Finding));
        assert_eq!(found(result("v-1"), false, true), None, "a tool may be there to tell the environment");
        assert_eq!(found(result("f-1"), false, false), Some(Severity::Finding));
        assert_eq!(found(result("f-1"), true, false), None, "the server offers files");
        assert_eq!(found(error("f-1"), true, false), Some(Severity::Finding), "in an error all the same");
        assert_eq!(found(result("f-1"), false, true), Some(Severity::Advice));
    }

    #[test]
    fn a_death_is_told_by_its_error() {
        assert_eq!(cause_of_death("start\nTypeError: x\n    at f (y)\n    at g\n"), "TypeError: x at f (y)");
        assert_eq!(
            cause_of_death("thread 'main' panicked at a.rs:1:2:\nboom\nnote: run"),
            "thread 'main' panicked at a.rs:1:2: boom"
        );
        assert_eq!(cause_of_death("    | anyio.BrokenError\n    +-----\n"), "anyio.BrokenError -----");
        assert_eq!(cause_of_death("12:01 INFO started\n"), "");
    }
}
