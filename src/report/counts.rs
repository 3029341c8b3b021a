//! How many checks have which verdict.

use serde::Serialize;

use crate::catalogue::Verdict;

/// How much of what applies was judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Checks that apply to the server.
    pub applicable: usize,
    /// Those that were decided.
    pub judged: usize,
    /// Those whose situation never arose.
    pub not_observed: usize,
}

/// How many checks have which verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Right.
    pub pass: usize,
    /// A MUST is violated.
    pub fail: usize,
    /// A SHOULD is violated.
    pub warn: usize,
    /// The server need not.
    pub not_applicable: usize,
    /// The situation never arose.
    pub not_observed: usize,
    /// Made impossible by an earlier failure.
    pub blocked: usize,
    /// The harness failed.
    pub error: usize,
    /// In the baseline.
    pub known: usize,
}

impl Counts {
    /// The counts of some verdicts.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>) -> Self {
        let mut counts = Self::default();
        verdicts.into_iter().for_each(|verdict| *counts.slot(verdict) += 1);
        counts
    }

    /// How many checks have this verdict.
    pub fn get(mut self, verdict: Verdict) -> usize {
        *self.slot(verdict)
    }

    /// How much of what applies was judged.
    pub fn coverage(self) -> Coverage {
        let judged = self.pass + self.fail + self.warn + self.known;
        let applicable = judged + self.not_observed + self.blocked + self.error;
        Coverage { applicable, judged, not_observed: self.not_observed }
    }

    fn slot(&mut self, verdict: Verdict) -> &mut usize {
        match verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail => &mut self.fail,
            Verdict::Warn => &mut self.warn,
            Verdict::NotApplicable => &mut self.not_applicable,
            Verdict::NotObserved => &mut self.not_observed,
            Verdict::Blocked => &mut self.blocked,
            Verdict::Error => &mut self.error,
            Verdict::Known => &mut self.known,
        }
    }
}
