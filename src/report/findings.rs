//! Findings: what somebody should look at, each once.

use std::collections::HashMap;

use super::diagnostic::{Block, Bounds};
use super::paint::Paint;
use super::{Report, Run, words};
use crate::catalogue::Verdict;
use crate::runner::Check;

/// A finding, and the other runs in which the same was found.
pub struct Finding<'a> {
    /// The check.
    pub check: &'a Check,
    /// The first run with this finding.
    pub run: &'a Run,
    /// The other runs.
    pub also: Vec<&'a Run>,
}

/// All findings: failures, then warnings, then errors; the same finding of several runs is one.
pub fn all(report: &Report) -> Vec<Finding<'_>> {
    [Verdict::Fail, Verdict::Warn, Verdict::Error].iter().flat_map(|&verdict| with(report, verdict)).collect()
}

/// Everything to look at: findings of checks, snapshots that changed, findings of the fuzzer.
pub fn blocks(report: &Report, bounds: Bounds) -> Vec<Block> {
    let checks = all(report);
    let checks = checks.iter().map(|finding| finding.block(bounds));
    let snapshots = report.snapshots.iter().filter_map(Block::of_snapshot);
    let fuzzed = report.fuzz.iter().flat_map(|fuzzed| &fuzzed.findings);
    checks.chain(snapshots).chain(fuzzed.map(|finding| Block::of_fuzz(finding, bounds))).collect()
}

impl Report {
    /// Everything to look at, for lines of about `width` columns, and how much was judged.
    pub fn told(&self, width: usize) -> String {
        let blocks = Block::of_problem(self).into_iter().chain(blocks(self, Bounds::of_width(width)));
        let told: String = blocks.map(|block| block.render(Paint::default(), width) + "\n").collect();
        format!("{told}judged {}\n", words::coverage(self))
    }
}

fn with(report: &Report, verdict: Verdict) -> Vec<Finding<'_>> {
    let mut found: Vec<Finding<'_>> = Vec::new();
    let mut places: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
    for run in &report.runs {
        for check in run.checks.iter().filter(|check| check.verdict == verdict) {
            let known = places.entry(key(check)).or_default();
            match known.iter().find(|at| !found[**at].is_of(run)) {
                Some(at) => found[*at].also.push(run),
                None => {
                    known.push(found.len());
                    found.push(Finding { check, run, also: Vec::new() });
                }
            }
        }
    }
    found
}

/// What makes two findings the same.
type Key<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

fn key(check: &Check) -> Key<'_> {
    (&check.id, &check.requirement, &check.message, check.expected.as_deref())
}

impl Finding<'_> {
    /// A run does not find the same again.
    fn is_of(&self, run: &Run) -> bool {
        std::ptr::eq(self.also.last().copied().unwrap_or(self.run), run)
    }

    /// The diagnostic block.
    pub fn block(&self, bounds: Bounds) -> Block {
        Block::new(self.check, self.run, bounds).also(&self.also)
    }
}
