//! Findings: the checks that somebody should look at, and the snapshots that changed.

use super::Look;
use crate::catalogue::Verdict;
use crate::report::diagnostic::Block;
use crate::report::paint::{Paint, Tone};
use crate::report::{Report, Run, Snapshot, text};
use crate::runner::Check;

const MOST_DIFF_LINES: usize = 120;

/// A finding, and the other runs in which the same was found.
pub struct Finding<'a> {
    /// The check.
    pub check: &'a Check,
    /// The first run with this finding.
    pub run: &'a Run,
    also: Vec<&'a Run>,
}

/// All findings: failures, then warnings, then errors; the same finding of several runs is one.
pub fn all(report: &Report) -> Vec<Finding<'_>> {
    [Verdict::Fail, Verdict::Warn, Verdict::Error].iter().flat_map(|&verdict| with(report, verdict)).collect()
}

fn with(report: &Report, verdict: Verdict) -> Vec<Finding<'_>> {
    let mut found: Vec<Finding<'_>> = Vec::new();
    for run in &report.runs {
        for check in run.checks.iter().filter(|check| check.verdict == verdict) {
            let known = found.iter_mut().find(|known| known.is_seen_again(check, run));
            match known {
                Some(known) => known.also.push(run),
                None => found.push(Finding { check, run, also: Vec::new() }),
            }
        }
    }
    found
}

impl Finding<'_> {
    fn is_seen_again(&self, check: &Check, run: &Run) -> bool {
        let same = |a: &Check, b: &Check| {
            (&a.id, &a.requirement, &a.message, &a.expected)
                == (&b.id, &b.requirement, &b.message, &b.expected)
        };
        let last = self.also.last().copied().unwrap_or(self.run);
        !std::ptr::eq(last, run) && same(self.check, check)
    }

    /// The diagnostic block, with an empty line after it.
    pub fn render(&self, look: Look) -> String {
        let block = Block::new(self.check, self.run, look.width).also(&self.also);
        format!("{}\n", block.render(look.paint(), look.width))
    }
}

/// A changed snapshot with its difference; nothing if there is no difference.
pub fn snapshot(snapshot: &Snapshot, look: Look) -> Option<String> {
    let diff = snapshot.diff.as_deref()?;
    let paint = look.paint();
    let title = format!("{} {}", paint.paint(Tone::Bad, "CHANGED"), text::escape(&snapshot.file));
    let lines: String = text::lines(diff, MOST_DIFF_LINES, look.width.max(60))
        .iter()
        .map(|line| format!("     {}\n", diff_line(line, paint)))
        .collect();
    Some(format!("{title}\n{lines}\n"))
}

fn diff_line(line: &str, paint: Paint) -> String {
    let tone = match line.as_bytes().first() {
        Some(b'+') => Tone::Good,
        Some(b'-') => Tone::Bad,
        Some(b'@') => Tone::Dim,
        Some(_) | None => Tone::Plain,
    };
    paint.paint(tone, line)
}
