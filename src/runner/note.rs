//! What a case says of the requirements that it judges: verdicts, with their evidence.

use serde_json::Value;

use super::evidence;
use super::interpret::{CaseRun, DEATH, Names};
use super::tally::Observed;
use crate::case::{Action, CheckSpec, Step};
use crate::catalogue::{Requirement, Verdict};
use crate::pattern::Missing;
use crate::protocol::Message;
use crate::session::Outcome;

/// What a coded case found wrong.
pub struct Violation {
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right.
    pub expected: String,
    /// What was seen.
    pub got: String,
    /// First and last entry of the transcript that show it; (0, 0) shows none.
    pub span: (u64, u64),
    /// The verdict, where it is milder than that of the requirement's level.
    pub at_most: Option<Verdict>,
}

impl CaseRun<'_> {
    pub(super) fn judge(&mut self, step: &Step, check: &CheckSpec, outcome: &Outcome, value: &Value) {
        if !check.requirement.revisions().contains(self.session.revision) {
            return;
        }
        // A stream that has begun, and brought no reply, is silence too.
        let is_open = outcome.pending && !matches!(step.action, Action::Http(_));
        let silent = outcome.is_none() && !outcome.awaited_exit && (outcome.status.is_none() || is_open);
        let judged_value = matches!(step.action, Action::Value(_));
        if let (true, false, Some(why)) = (silent, judged_value, outcome.died.clone()) {
            return self.block(check, &why);
        }
        if silent && !judged_value && !check.expectation.accepts_silence() {
            let why = outcome.died.clone().unwrap_or_else(|| "the server did not reply".to_owned());
            return self.block(check, &why);
        }
        if let Some(why) = refusal(outcome, check.expectation.looks_at_status()) {
            return self.unseen(check, why);
        }
        let names = Names::new(&self.captured, self.around);
        let judged = check.expectation.judge(value, check.requirement.level, &mut |name| names.lookup(name));
        match judged {
            Ok(judged) => {
                let mut observed = self.observation(check, judged.verdict, judged.message);
                observed.expected = judged.expected;
                observed.got = judged.got.map(|got| evidence::bounded(&self.around.secrets.mask(&got)));
                if matches!(judged.verdict, Verdict::Fail | Verdict::Warn) {
                    self.prove(&mut observed, outcome.span, outcome.reply.as_ref());
                }
                self.observed.push(observed);
            }
            Err(Missing(name)) => self.unseen(check, &format!("the server offered nothing at {name}")),
        }
    }

    fn prove(&self, observed: &mut Observed, span: (u64, u64), reply: Option<&Message>) {
        observed.wire = evidence::span(&self.session.transcript, span, reply, self.around.secrets);
        let stderr = self.session.stderr();
        observed.stderr = (!stderr.is_empty()).then(|| self.around.secrets.mask(&stderr));
    }

    fn observation(&self, check: &CheckSpec, verdict: Verdict, message: String) -> Observed {
        Observed {
            case: Some(format!("{}:{}", self.case.path, check.line)),
            ..Observed::plain(&self.case.id, &check.requirement.id, verdict, message)
        }
    }

    /// Notes that everything a coded case has not judged so far was not to be seen.
    pub fn rest_unseen(&mut self, why: &str) {
        for requirement in self.judges() {
            if !self.is_observed(&requirement.id) {
                self.note(requirement, Verdict::NotObserved, why);
            }
        }
    }

    pub(super) fn unseen(&mut self, check: &CheckSpec, why: &str) {
        let observed = self.observation(check, Verdict::NotObserved, why.to_owned());
        self.observed.push(observed);
    }

    pub(super) fn block(&mut self, check: &CheckSpec, why: &str) {
        let mut observed = self.observation(check, Verdict::Blocked, why.to_owned());
        observed.blocked_by = Some(DEATH.to_owned());
        self.observed.push(observed);
    }

    /// Notes a verdict of a coded case.
    pub fn note(&mut self, requirement: &'static Requirement, verdict: Verdict, message: impl Into<String>) {
        let path = self.case.path.clone();
        let observed = Observed {
            case: Some(path),
            ..Observed::plain(&self.case.id, &requirement.id, verdict, message)
        };
        self.observed.push(observed);
    }

    /// Notes a violation found by a coded case, with its evidence.
    pub fn violation(&mut self, requirement: &'static Requirement, violation: Violation) {
        let worst = Verdict::of_violation(requirement.level);
        let mut observed = Observed {
            case: Some(self.case.path.clone()),
            expected: Some(evidence::bounded(&violation.expected)),
            got: Some(evidence::bounded(&self.around.secrets.mask(&violation.got))),
            ..Observed::plain(
                &self.case.id,
                &requirement.id,
                violation.at_most.unwrap_or(worst),
                violation.message,
            )
        };
        self.prove(&mut observed, violation.span, None);
        self.observed.push(observed);
    }

    /// The requirements that a coded case judges and that hold in this revision.
    pub fn judges(&self) -> Vec<&'static Requirement> {
        let revision = self.session.revision;
        self.case.requirements().into_iter().filter(|r| r.revisions().contains(revision)).collect()
    }

    /// Whether a requirement is judged here and holds in this revision.
    pub fn judged(&self, id: &str) -> Option<&'static Requirement> {
        self.judges().into_iter().find(|requirement| requirement.id == id)
    }
}

/// Why an outcome tells nothing: HTTP turned the request away, or one of several. HTTP 403 has other reasons where the
/// status matters.
pub(super) fn refusal(outcome: &Outcome, status_matters: bool) -> Option<&'static str> {
    let of_several = || outcome.replies.iter().flatten().find_map(|reply| refusal(reply, status_matters));
    match outcome.status {
        Some(401) => Some("refused with HTTP 401: needs a token that is accepted (--bearer-env NAME)"),
        Some(403) if !status_matters => Some("refused with HTTP 403: needs a token that allows it"),
        Some(429) => Some("refused with HTTP 429: too many requests (try --jobs 1)"),
        Some(503) => Some("refused with HTTP 503: the server is busy"),
        Some(404) if outcome.is_turned_away() => {
            Some("refused with HTTP 404: the server has ended the session")
        }
        _ => of_several(),
    }
}
