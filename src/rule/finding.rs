//! What rules find.

use std::collections::HashMap;

use crate::catalogue::{Verdict, requirement};
use crate::protocol::{Revision, shortened};

/// A violation of a requirement, with its evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule or schema that found it.
    pub check: String,
    /// The requirement that is violated.
    pub requirement: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What would be right.
    pub expected: String,
    /// What was there.
    pub got: String,
    /// The entries of the transcript that show it; the last one is the culprit.
    pub entries: Vec<u64>,
}

/// How often a check held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The rule or schema.
    pub check: String,
    /// The requirement.
    pub requirement: &'static str,
    /// How often it was held against a message and was kept.
    pub kept: u32,
}

/// Everything that the rules have to say about a transcript.
#[derive(Debug)]
pub struct Findings {
    revision: Revision,
    check: &'static str,
    /// Violations, in the order in which rules ran.
    pub violations: Vec<Finding>,
    kept: HashMap<(&'static str, &'static str), u32>,
}

impl Findings {
    pub(super) fn new(revision: Revision) -> Self {
        Self { revision, check: "", violations: Vec::new(), kept: HashMap::new() }
    }

    pub(super) fn begin(&mut self, check: &'static str) {
        self.check = check;
    }

    /// Notes that a requirement was kept. Outside its revisions nothing is noted.
    pub(super) fn kept(&mut self, id: &str) {
        if let Some(requirement) = self.in_force(id) {
            *self.kept.entry((self.check, &requirement.id)).or_default() += 1;
        }
    }

    /// Notes a violation. Outside the revisions of the requirement nothing is noted.
    pub(super) fn violated(
        &mut self,
        id: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
        entries: &[u64],
    ) {
        self.violated_as(None, id, message, expected, got, entries);
    }

    /// Notes a violation with a verdict other than that of the requirement's level.
    pub(super) fn violated_as(
        &mut self,
        verdict: Option<Verdict>,
        id: &str,
        message: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
        entries: &[u64],
    ) {
        if let Some(requirement) = self.in_force(id) {
            self.violations.push(Finding {
                check: self.check.to_owned(),
                requirement: &requirement.id,
                verdict: verdict.unwrap_or(Verdict::of_violation(requirement.level)),
                message: shortened(message),
                expected: shortened(expected),
                got: shortened(got),
                entries: entries.to_vec(),
            });
        }
    }

    fn in_force(&self, id: &str) -> Option<&'static crate::catalogue::Requirement> {
        requirement(id).filter(|requirement| requirement.revisions().contains(self.revision))
    }

    /// How often each check held.
    pub fn observations(&self) -> Vec<Observation> {
        let mut all: Vec<_> = self
            .kept
            .iter()
            .map(|((check, requirement), kept)| Observation {
                check: (*check).to_owned(),
                requirement,
                kept: *kept,
            })
            .collect();
        all.sort_by(|a, b| (&a.check, a.requirement).cmp(&(&b.check, b.requirement)));
        all
    }
}
