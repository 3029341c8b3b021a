//! The diagnostic block: the one way in which a check is told in words. Terminal, JUnit and all others use it.

use super::paint::{Paint, Tone};
use super::{Run, text};
use crate::catalogue::Verdict;
use crate::runner::{Check, WireLine};

/// Where the values begin: labels end two columns before.
const COLUMN: usize = 12;
/// The widest line on which the tags still stand at the right edge.
const WIDEST_TITLE: usize = 110;
const MOST_LINES: usize = 10;

/// A check in words, not yet formatted. All text in it is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The verdict.
    pub verdict: Verdict,
    /// Case and requirement.
    pub title: String,
    /// Level, revision, transport.
    pub tags: String,
    /// What happened.
    pub message: Vec<String>,
    /// The labelled rows.
    pub rows: Vec<Row>,
}

/// A labelled row of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `expected`, `got`, `wire`, …
    pub label: &'static str,
    /// One or more lines.
    pub lines: Vec<Line>,
}

/// A line of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text.
    pub text: String,
    /// Whether this is the culprit.
    pub culprit: bool,
}

/// The word that a block of this verdict begins with.
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Warn => "WARN",
        Verdict::Error => "ERROR",
        Verdict::Known => "KNOWN",
        Verdict::Blocked => "BLOCKED",
        Verdict::NotObserved => "NOT OBSERVED",
        Verdict::NotApplicable => "NOT APPLICABLE",
    }
}

impl Block {
    /// Tells a check of a run, for lines of about `width` columns.
    pub fn new(check: &Check, run: &Run, width: usize) -> Self {
        Self {
            verdict: check.verdict,
            title: format!("{} › {}", text::brief(&check.id, 120), text::brief(&check.requirement, 120)),
            tags: format!("{} · {}", check.level, run.label()),
            message: message(check, width),
            rows: rows(check, width),
        }
    }

    /// Adds that the same happened in other runs.
    pub fn also(mut self, others: &[&Run]) -> Self {
        if !others.is_empty() {
            let labels: Vec<String> = others.iter().map(|run| run.label()).collect();
            self.rows.push(Row::new("also in", labels.join(", ")));
        }
        self
    }

    /// The block as lines of text, each with its line end.
    pub fn render(&self, paint: Paint, width: usize) -> String {
        let mut out = self.heading(paint, width);
        self.message.iter().for_each(|line| out.push_str(&format!("     {line}\n")));
        self.rows.iter().for_each(|row| out.push_str(&row.render(paint)));
        out
    }

    fn heading(&self, paint: Paint, width: usize) -> String {
        let word = word(self.verdict);
        let used = [word, &self.title, &self.tags].map(|text| text.chars().count()).iter().sum::<usize>() + 1;
        let gap = width.min(WIDEST_TITLE).saturating_sub(used).max(3);
        format!(
            "{} {}{:gap$}{}\n",
            paint.paint(Tone::of(self.verdict), word),
            paint.paint(Tone::Strong, &self.title),
            "",
            paint.paint(Tone::Dim, &self.tags)
        )
    }
}

impl Row {
    fn new(label: &'static str, text: String) -> Self {
        Self::of_lines(label, vec![text])
    }

    fn of_lines(label: &'static str, lines: Vec<String>) -> Self {
        Self { label, lines: lines.into_iter().map(|text| Line { text, culprit: false }).collect() }
    }

    fn render(&self, paint: Paint) -> String {
        let labels = std::iter::once(self.label).chain(std::iter::repeat(""));
        labels.zip(&self.lines).map(|(label, line)| line.render(label, paint)).collect()
    }
}

impl Line {
    fn render(&self, label: &str, paint: Paint) -> String {
        let label = paint.paint(Tone::Dim, &format!("{label:>width$}  ", width = COLUMN - 2));
        match self.culprit {
            true => format!("{label}{}\n", paint.paint(Tone::Bad, &format!("{}   <<", self.text))),
            false => format!("{label}{}\n", self.text),
        }
    }
}

fn message(check: &Check, width: usize) -> Vec<String> {
    let lines = text::lines(&check.message, MOST_LINES, 1_000);
    lines.iter().flat_map(|line| text::wrap(line, width.saturating_sub(5).min(110))).collect()
}

fn rows(check: &Check, width: usize) -> Vec<Row> {
    let long = |label, value: &str| Row::of_lines(label, value_lines(value, room(width).max(40)));
    let row = |label, value: &str| Row::new(label, text::escape(value));
    [
        check.expected.as_deref().map(|value| long("expected", value)),
        check.got.as_deref().map(|value| long("got", value)),
        check.blocked_by.as_deref().map(|value| row("blocked by", value)),
        (!check.wire.is_empty()).then(|| wire(&check.wire, width)),
        check.stderr.as_deref().map(|value| stderr(value, width)),
        check.case.as_deref().map(|value| row("case", value)),
        (!check.spec.is_empty()).then(|| row("spec", &check.spec)),
        (!check.rerun.is_empty()).then(|| row("rerun", &check.rerun)),
        Some(row("more", &format!("mcp-conform explain {}", check.requirement))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn value_lines(value: &str, width: usize) -> Vec<String> {
    text::lines(value, MOST_LINES, width * 3).iter().flat_map(|line| text::fold(line, width)).collect()
}

fn wire(lines: &[WireLine], width: usize) -> Row {
    let lines = lines.iter().map(|line| Line { text: frame(line, width), culprit: line.culprit });
    Row { label: "wire", lines: lines.collect() }
}

fn frame(line: &WireLine, width: usize) -> String {
    let number = format!("#{}", line.seq);
    let at = format!("{}.{:03}s", line.at_ms / 1_000, line.at_ms % 1_000);
    format!(
        "{number:<4} {at:>7}  {}  {}",
        line.dir,
        text::brief(&line.data, room(width).saturating_sub(40).max(40))
    )
}

fn stderr(value: &str, width: usize) -> Row {
    if value.trim().is_empty() {
        return Row::new("stderr", "(empty)".to_owned());
    }
    let all: Vec<&str> = value.trim_end().lines().collect();
    let end = &all[all.len().saturating_sub(MOST_LINES)..];
    Row::of_lines("stderr", end.iter().map(|line| text::brief(line, room(width).max(40))).collect())
}

fn room(width: usize) -> usize {
    width.saturating_sub(COLUMN)
}
