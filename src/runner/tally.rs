//! The tally: many observations of a check become one verdict.

use std::collections::HashMap;

use super::check::WireLine;
use super::evidence;
use crate::catalogue::Verdict;

/// One observation of a check.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The case, rule or schema.
    pub check: String,
    /// The requirement.
    pub requirement: String,
    /// What it says.
    pub verdict: Verdict,
    /// How often.
    pub times: u32,
    /// What happened, in a sentence.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What was there.
    pub got: Option<String>,
    /// File and line of the check.
    pub case: Option<String>,
    /// The wire around it.
    pub wire: Vec<WireLine>,
    /// The end of standard error.
    pub stderr: Option<String>,
    /// The check whose failure made this one impossible.
    pub blocked_by: Option<String>,
}

impl Observed {
    /// An observation with nothing but a verdict and a sentence.
    pub fn plain(check: &str, requirement: &str, verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            requirement: requirement.to_owned(),
            verdict,
            times: 1,
            message: evidence::bounded(&message.into()),
            expected: None,
            got: None,
            case: None,
            wire: Vec::new(),
            stderr: None,
            blocked_by: None,
        }
    }
}

/// All observations so far.
#[derive(Debug, Default)]
pub struct Tally(HashMap<(String, String), Observed>);

impl Tally {
    /// Adds an observation.
    pub fn add(&mut self, observed: Observed) {
        let key = (observed.check.clone(), observed.requirement.clone());
        match self.0.entry(key) {
            std::collections::hash_map::Entry::Vacant(free) => drop(free.insert(observed)),
            std::collections::hash_map::Entry::Occupied(mut known) => {
                let known = known.get_mut();
                let times = known.times + observed.times;
                if observed.verdict.weight() > known.verdict.weight() {
                    *known = observed;
                }
                known.times = times;
            }
        }
    }

    /// Whether any observation of the check is a failure.
    pub fn has_failed(&self, check: &str) -> bool {
        self.0.values().any(|observed| observed.check == check && observed.verdict == Verdict::Fail)
    }

    /// Takes what decides a check.
    pub fn take(&mut self, check: &str, requirement: &str) -> Option<Observed> {
        self.0.remove(&(check.to_owned(), requirement.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_judgement_decides_and_all_are_counted() {
        let mut tally = Tally::default();
        for verdict in [Verdict::NotObserved, Verdict::Pass, Verdict::Blocked, Verdict::Warn, Verdict::Pass] {
            tally.add(Observed::plain("c", "r", verdict, ""));
        }
        let observed = tally.take("c", "r").unwrap();
        assert_eq!((observed.verdict, observed.times), (Verdict::Warn, 5));
    }
}
