//! What counts as a bug, and when two bugs are the same.

use serde::{Deserialize, Serialize};

use crate::catalogue::{self, Verdict};
use crate::protocol::{Class, Message};
use crate::rule;
use crate::session::transcript::Entry;
use crate::session::{Outcome, Transcript};

/// What kind of bug it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The process ended.
    Crash,
    /// The process lives, but answers nothing any more.
    Hang,
    /// A well-formed request got no reply.
    NoReply,
    /// A reply under an id that no request had.
    WrongId,
    /// A message that breaks a rule or a wire schema.
    InvalidReply,
    /// Arguments that the tool's own schema forbids were accepted.
    AcceptedInvalid,
    /// A notification was answered.
    NotificationReply,
    /// A secret from the environment came back.
    Disclosure,
}

impl Kind {
    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::NoReply => "no_reply",
            Self::WrongId => "wrong_id",
            Self::InvalidReply => "invalid_reply",
            Self::AcceptedInvalid => "accepted_invalid",
            Self::NotificationReply => "notification_reply",
            Self::Disclosure => "disclosure",
        }
    }
}

/// A bug that a script has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bug {
    /// What kind it is.
    pub kind: Kind,
    /// The requirement that is violated, if one is.
    pub requirement: Option<String>,
    /// What happened, in a sentence.
    pub message: String,
    /// The entry of the transcript that shows it.
    pub at: u64,
}

impl Bug {
    /// The same for the same cause: kind, requirement, and the sentence without its numbers and quotations.
    pub fn fingerprint(&self) -> String {
        let requirement = self.requirement.as_deref().unwrap_or_default();
        let text = format!("{}|{requirement}|{}", self.kind.as_str(), plain(&self.message));
        catalogue::fingerprint(text.bytes())
    }
}

/// The sentence with every number and every quotation taken out.
fn plain(message: &str) -> String {
    let mut plain = String::new();
    let mut quoted = None;
    for c in message.chars() {
        match (quoted, c) {
            (None, '"' | '`') => quoted = Some(c),
            (Some(quote), c) if c == quote => quoted = None,
            (None, c) if !c.is_ascii_digit() => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// The death or deafness of a connection.
pub(super) fn of_death(why: &str, crashed: bool, at: u64) -> Bug {
    let kind = if crashed { Kind::Crash } else { Kind::Hang };
    Bug {
        kind,
        requirement: Some("base.response.every-request-answered".to_owned()),
        message: why.to_owned(),
        at,
    }
}

/// A forbidden call that was accepted. A refusal in words counts as one.
pub(super) fn of_forbidden(outcome: &Outcome, name: &str) -> Option<Bug> {
    let result = outcome.result()?;
    let is_unfinished = result.get("task").is_some()
        || matches!(result["resultType"].as_str(), Some("input_required" | "task"));
    let says = result["content"].to_string().to_lowercase();
    let refused = result["isError"] == true
        || ["error", "invalid", "required", "missing", "must be"].iter().any(|word| says.contains(word));
    (!is_unfinished && !refused).then(|| Bug {
        kind: Kind::AcceptedInvalid,
        requirement: Some("tools.call.validates-input".to_owned()),
        message: format!("the tool {name} accepted arguments that its own input schema forbids"),
        at: outcome.span.1,
    })
}

/// What the always-on rules and the wire schemas find in a transcript. Warnings are no bugs.
pub(super) fn of_transcript(transcript: &Transcript, capabilities: &serde_json::Value) -> Vec<Bug> {
    let context = rule::Context::new(transcript).with_server(capabilities);
    let findings = rule::judge(&context);
    findings
        .violations
        .iter()
        .filter(|finding| finding.verdict == Verdict::Fail)
        .map(|finding| Bug {
            kind: match finding.requirement {
                "base.response.same-id" => Kind::WrongId,
                "base.response.every-request-answered" => Kind::NoReply,
                "base.notification.no-response" => Kind::NotificationReply,
                _ => Kind::InvalidReply,
            },
            requirement: Some(finding.requirement.to_owned()),
            message: finding.message.clone(),
            at: finding.entries.last().copied().unwrap_or_default(),
        })
        .collect()
}

/// A secret of ours in what the server said, except in the result of a tool: one may be made to tell it.
pub(super) fn of_canary(
    transcript: &Transcript,
    capabilities: &serde_json::Value,
    canary: &str,
) -> Option<Bug> {
    let context = rule::Context::new(transcript).with_server(capabilities);
    let is_told = |entry: &Entry, message: &Message| {
        let is_call = context.asked(entry, message).is_some_and(|asked| asked.method == "tools/call");
        is_call && message.class() == Class::Result
    };
    let mut said = context.received.iter().filter(|(entry, message)| !is_told(entry, message));
    let (entry, _) = said.find(|(entry, _)| entry.text().contains(canary))?;
    Some(Bug {
        kind: Kind::Disclosure,
        requirement: None,
        message: "a variable of the server's environment came back in a message".to_owned(),
        at: entry.seq,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_quotations_do_not_make_another_bug() {
        let bug =
            |message: &str| Bug { kind: Kind::Crash, requirement: None, message: message.into(), at: 1 };
        assert_eq!(
            bug("request 7 of `a` failed").fingerprint(),
            bug("request 12 of `b` failed").fingerprint()
        );
        assert_ne!(bug("exit code").fingerprint(), bug("signal").fingerprint());
    }
}
