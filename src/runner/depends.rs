//! What a coded case cannot judge because of what it found before.

use super::interpret::CaseRun;
use super::tally::Observed;
use crate::catalogue::Verdict;

impl CaseRun<'_> {
    /// Notes that a requirement of a coded case cannot be judged because another one is violated.
    pub fn depends(&mut self, id: &str, cause: &str) {
        let why = format!("see {cause}");
        if let Some(requirement) = self.judged(id) {
            self.observed.push(Observed {
                blocked_by: Some(cause.to_owned()),
                case: Some(self.case.path.clone()),
                ..Observed::plain(&self.case.id, &requirement.id, Verdict::Blocked, why)
            });
        }
    }

    /// The same for everything that a coded case has not judged so far.
    pub fn rest_depends(&mut self, cause: &str) {
        for requirement in self.judges() {
            if !self.is_observed(&requirement.id) {
                self.depends(&requirement.id, cause);
            }
        }
    }

    /// Whether a coded case has noted anything about the requirement.
    pub fn is_observed(&self, id: &str) -> bool {
        self.observed.iter().any(|observed| observed.requirement == id)
    }

    /// Whether a coded case has found the requirement violated.
    pub fn is_violated(&self, id: &str) -> bool {
        let is_bad = |verdict| matches!(verdict, Verdict::Fail | Verdict::Warn);
        self.observed.iter().any(|observed| observed.requirement == id && is_bad(observed.verdict))
    }
}
