//! What counts as a bug, and when two bugs are the same.

mod disclosure;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evidence;
use super::player::Flight;
use crate::catalogue::{self, Verdict};
use crate::protocol::Class;
use crate::rule;
use crate::runner::Secrets;
use crate::session::Transcript;

pub(super) use disclosure::Canaries;

/// What kind of bug it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The process ended.
    Crash,
    /// The process lives, but answers nothing any more.
    Hang,
    /// A well-formed request got no reply.
    NoReply,
    /// After a bad frame a well-formed request got no reply.
    Desync,
    /// A reply under an id that no request had.
    WrongId,
    /// A message that breaks a rule or a wire schema.
    InvalidReply,
    /// Arguments that the tool's own schema forbids were accepted.
    AcceptedInvalid,
    /// A notification was answered.
    NotificationReply,
    /// Memory grows with the input, and is not given back.
    Leak,
    /// A refused message changed what the server offers.
    State,
    /// A reply took far longer than others.
    Slow,
    /// A secret, a stack trace or an absolute path came back.
    Disclosure,
}

impl Kind {
    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Hang => "hang",
            Self::NoReply => "no_reply",
            Self::Desync => "desync",
            Self::WrongId => "wrong_id",
            Self::InvalidReply => "invalid_reply",
            Self::AcceptedInvalid => "accepted_invalid",
            Self::NotificationReply => "notification_reply",
            Self::Leak => "leak",
            Self::State => "state",
            Self::Slow => "slow",
            Self::Disclosure => "disclosure",
        }
    }

    /// Whether the server dies of it.
    pub(super) const fn is_death(self) -> bool {
        matches!(self, Self::Crash | Self::Hang)
    }

    /// Whether a reply is lost.
    pub(super) const fn is_loss(self) -> bool {
        matches!(self, Self::NoReply | Self::Desync)
    }

    /// Whether it is looked for only on suspicion, and is not told unless it comes again.
    pub(super) const fn needs_proof(self) -> bool {
        matches!(self, Self::Slow | Self::Leak | Self::State)
    }
}

/// Whether a bug is one for sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is.
    #[default]
    Finding,
    /// It is worth a look, and fails nothing.
    Advice,
}

impl Severity {
    /// Its name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Advice => "advice",
        }
    }
}

/// A bug that a script has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bug {
    /// What kind it is.
    pub kind: Kind,
    /// Whether it is one for sure.
    pub severity: Severity,
    /// The requirement that is violated, if one is.
    pub requirement: Option<String>,
    /// What happened, in a sentence.
    pub message: String,
    /// What else tells causes apart, such as the first line of a stack trace.
    pub trace: String,
    /// The entry of the transcript that shows it.
    pub at: u64,
    /// The entry of the request that it is the reply to, if it is one.
    pub asked: Option<u64>,
    /// What crossed the wire about it.
    pub wire: Vec<String>,
    /// The end of standard error of a server that died.
    pub stderr: String,
}

impl Bug {
    /// A bug for sure, of which nothing else is known.
    pub(super) fn new(kind: Kind, requirement: &str, message: String, at: u64) -> Self {
        let requirement = Some(requirement.to_owned()).filter(|id| !id.is_empty());
        Self {
            kind,
            severity: Severity::Finding,
            requirement,
            message,
            trace: String::new(),
            at,
            asked: None,
            wire: Vec::new(),
            stderr: String::new(),
        }
    }

    /// The same bug as something to look at.
    pub(super) fn into_advice(self) -> Self {
        Self { severity: Severity::Advice, ..self }
    }

    /// The same for the same cause, as far as a run can tell: kind, requirement, and the sentence without its numbers and
    /// quotations.
    pub fn cause(&self) -> String {
        // A lost reply is one however it was lost: see `Kind::Desync`, which is told by the smallest script.
        let kind = if self.kind == Kind::Desync { Kind::NoReply } else { self.kind };
        let requirement = self.requirement.as_deref().unwrap_or_default();
        let advice = if self.severity == Severity::Advice { "advice|" } else { "" };
        let (message, trace) = (plain(&self.message), plain(&self.trace));
        let text = format!("{advice}{}|{requirement}|{message}|{trace}", kind.as_str());
        catalogue::fingerprint(text.bytes())
    }
}

/// The sentence with every number and every quotation taken out.
pub(super) fn plain(message: &str) -> String {
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
pub(super) fn of_death(why: &str, crashed: bool, at: u64, stderr: &str) -> Bug {
    let kind = if crashed { Kind::Crash } else { Kind::Hang };
    let trace = if crashed { disclosure::cause_of_death(stderr) } else { String::new() };
    let stderr = stderr.to_owned();
    Bug { trace, stderr, ..Bug::new(kind, "base.response.every-request-answered", why.to_owned(), at) }
}

/// Everything that is wrong with what came of a flight, each cause once.
pub(super) fn judge(flight: &Flight, canaries: &Canaries, secrets: &Secrets) -> Vec<Bug> {
    let mut bugs = flight.bugs.clone();
    // One cause, one finding: what a dead server leaves unanswered is its death.
    let mut causes = HashSet::new();
    let died = bugs.iter().any(|bug| bug.kind.is_death());
    if let Some(transcript) = flight.transcripts.last() {
        bugs.iter_mut().for_each(|bug| bug.wire = evidence::around(&transcript.entries, bug.at, secrets));
    }
    for transcript in &flight.transcripts {
        let seen = Seen::new(transcript, flight);
        let mut shown: Vec<Bug> =
            seen.rules().into_iter().filter(|bug| !(died && bug.kind.is_loss())).collect();
        shown.extend(seen.forbidden(&flight.forbidden));
        shown.extend(seen.disclosures(canaries));
        for mut bug in once(shown) {
            if causes.insert(bug.cause()) {
                bug.wire = evidence::around(&transcript.entries, bug.at, secrets);
                bug.asked = evidence::asked(&transcript.entries, bug.at);
                bugs.push(bug);
            }
        }
    }
    bugs
}

/// One message that breaks several requirements in the same way is one bug, of the first of them.
fn once(bugs: Vec<Bug>) -> impl Iterator<Item = Bug> {
    let mut told = HashSet::new();
    bugs.into_iter().filter(move |bug| told.insert((bug.at, bug.message.clone())))
}

/// A transcript as oracles see it.
struct Seen<'t> {
    context: rule::Context<'t>,
}

impl<'t> Seen<'t> {
    /// Prepares a transcript of a flight.
    pub(super) fn new(transcript: &'t Transcript, flight: &Flight) -> Self {
        let context = rule::Context::new(transcript).with_server_before(&flight.capabilities);
        Self { context: context.with_pending(&flight.pending).with_ambiguous(&flight.doubtful) }
    }

    /// What the always-on rules and the wire schemas find. Warnings are no bugs.
    fn rules(&self) -> Vec<Bug> {
        let findings = rule::judge(&self.context);
        let is_bug = |finding: &&rule::Finding| finding.verdict == Verdict::Fail;
        findings.violations.iter().filter(is_bug).map(|finding| self.of_finding(finding)).collect()
    }

    fn of_finding(&self, finding: &rule::Finding) -> Bug {
        let kind = match finding.requirement {
            "base.response.same-id" => Kind::WrongId,
            "base.response.every-request-answered" if self.follows_noise(finding) => Kind::Desync,
            "base.response.every-request-answered" => Kind::NoReply,
            "base.notification.no-response" => Kind::NotificationReply,
            _ => Kind::InvalidReply,
        };
        let at = finding.entries.last().copied().unwrap_or_default();
        Bug::new(kind, finding.requirement, finding.message.clone(), at)
    }

    /// Whether what was sent just before the lost request was no legal message.
    fn follows_noise(&self, finding: &rule::Finding) -> bool {
        let Some(lost) = finding.entries.last() else { return false };
        let entries = &self.context.transcript.entries;
        let before = entries.partition_point(|entry| entry.seq < *lost);
        let sent = entries[..before].iter().rfind(|entry| entry.direction() == "->");
        sent.is_some_and(rule::is_deliberate)
    }

    /// Forbidden calls that were accepted. A refusal in words counts as one.
    fn forbidden(&self, calls: &[(u64, String)]) -> Vec<Bug> {
        let accepted = |(seq, name): &(u64, String)| {
            let (entry, message, _) = self.context.replies().find(|(_, _, asked)| asked.seq == *seq)?;
            is_accepted(message.get("result")?).then(|| {
                let what = format!("the tool {name} accepted arguments that its own input schema forbids");
                Bug::new(Kind::AcceptedInvalid, "tools.call.validates-input", what, entry.seq)
            })
        };
        calls.iter().filter_map(accepted).collect()
    }

    /// Secrets, stack traces and paths in what the server said.
    fn disclosures(&self, canaries: &Canaries) -> Vec<Bug> {
        let mut bugs = Vec::new();
        for (entry, message) in &self.context.received {
            let asked = self.context.asked(entry, message);
            let is_told = message.class() == Class::Result && asked.is_some_and(|a| a.method == "tools/call");
            bugs.extend(canaries.find(entry, message, is_told));
            bugs.extend(disclosure::careless(&self.context, entry, message));
        }
        bugs
    }
}

fn is_accepted(result: &Value) -> bool {
    let is_unfinished = result.get("task").is_some()
        || matches!(result["resultType"].as_str(), Some("input_required" | "task"));
    let says = result["content"].to_string().to_lowercase();
    let refused = result["isError"] == true
        || ["error", "invalid", "required", "missing", "must be"].iter().any(|word| says.contains(word));
    !is_unfinished && !refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_quotations_do_not_make_another_bug() {
        let bug = |message: &str| Bug::new(Kind::Crash, "", message.into(), 1);
        assert_eq!(bug("request 7 of `a` failed").cause(), bug("request 12 of `b` failed").cause());
        assert_ne!(bug("exit code").cause(), bug("signal").cause());
    }

    #[test]
    fn a_message_that_breaks_two_requirements_in_one_way_is_one_bug() {
        let bug = |requirement: &str, message: &str, at: u64| {
            Bug::new(Kind::InvalidReply, requirement, message.into(), at)
        };
        let bugs = vec![bug("a", "x", 1), bug("b", "x", 1), bug("b", "y", 1), bug("b", "x", 2)];
        let told: Vec<_> = once(bugs).filter_map(|bug| bug.requirement).collect();
        assert_eq!(told, ["a", "b", "b"]);
    }

    #[test]
    fn two_traces_are_two_crashes() {
        let death =
            |stderr: &str| of_death("the server process ended (exit code 1)", true, 1, stderr).cause();
        assert_ne!(death("TypeError: a is undefined\n    at f (x.js:1)"), death("RangeError: too deep"));
        assert_eq!(death("TypeError: a\n    at f (x.js:1)"), death("TypeError: a\n    at f (x.js:22)"));
    }
}
