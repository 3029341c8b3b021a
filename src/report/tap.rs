//! The report as TAP 14: one test point per check.

use super::diagnostic::{Block, Bounds};
use super::paint::Paint;
use super::{Report, Run, Snapshot, text, words};
use crate::catalogue::Verdict;
use crate::runner::{Check, Fuzzed};

/// The width of the diagnostic blocks.
const WIDTH: usize = 110;

/// The whole stream; with `strict`, a warning is a failure.
pub fn stream(report: &Report, strict: bool) -> String {
    let checks =
        report.runs.iter().flat_map(|run| run.checks.iter().map(move |check| point(check, run, strict)));
    let snapshots = report.snapshots.iter().map(snapshot);
    let points: Vec<Point> =
        checks.chain(snapshots).chain(report.fuzz.iter().flat_map(campaign)).chain(problem(report)).collect();
    let numbered = points.iter().zip(1..).map(|(point, number)| point.render(number));
    let head = format!(
        "TAP version 14\n# mcp-conform {} on {}\n1..{}\n",
        report.tool.version,
        words::target(report),
        points.len()
    );
    head + &numbered.collect::<String>()
}

/// A test point.
struct Point {
    is_ok: bool,
    name: String,
    directive: Option<String>,
    details: Option<Block>,
}

impl Point {
    fn render(&self, number: usize) -> String {
        let word = if self.is_ok { "ok" } else { "not ok" };
        let directive = self.directive.as_ref().map(|text| format!(" # {text}")).unwrap_or_default();
        let details = self.details.as_ref().map(yaml).unwrap_or_default();
        format!("{word} {number} - {}{directive}\n{details}", escape(&self.name))
    }
}

fn point(check: &Check, run: &Run, strict: bool) -> Point {
    let reason = || text::brief(&check.message, 200);
    let is_shown = matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error | Verdict::Known);
    // A failure that is to be mended one day fails nothing: TAP calls it TODO.
    let (is_ok, directive) = match check.verdict {
        Verdict::Pass => (true, None),
        Verdict::Fail | Verdict::Error => (false, None),
        Verdict::Warn if strict => (false, None),
        Verdict::Warn | Verdict::Known => (false, Some(format!("TODO {}: {}", check.verdict, reason()))),
        Verdict::NotApplicable | Verdict::NotObserved | Verdict::Blocked => {
            (true, Some(format!("SKIP {}: {}", check.verdict, reason())))
        }
    };
    let block = Block::new(check, run, Bounds::of_width(WIDTH));
    let name = format!("{} ({})", block.title, run.label());
    Point { is_ok, name, directive: directive.map(|text| escape(&text)), details: is_shown.then_some(block) }
}

fn snapshot(snapshot: &Snapshot) -> Point {
    let details = Block::of_snapshot(snapshot);
    let name = format!("snapshot {} is {}", text::escape(&snapshot.file), snapshot.change);
    Point { is_ok: details.is_none(), name, directive: None, details }
}

/// A campaign: one point per finding, or one that is well.
fn campaign(fuzzed: &Fuzzed) -> Vec<Point> {
    let name = format!("fuzzed {}", words::campaign(fuzzed));
    let all = Point { is_ok: true, name, directive: None, details: None };
    let found = fuzzed.findings.iter().map(|finding| {
        let block = Block::of_fuzz(finding, Bounds::of_width(WIDTH));
        let server = words::server(finding.name.as_deref());
        let name =
            format!("fuzz {} {} ({server}{})", block.title, text::escape(&finding.id), fuzzed.revision);
        let directive = block.is_advice.then(|| "TODO worth a look".to_owned());
        Point { is_ok: false, name, directive, details: Some(block) }
    });
    std::iter::once(all).chain(found).collect()
}

fn problem(report: &Report) -> Option<Point> {
    let block = Block::of_problem(report)?;
    let name = format!("{} {}", block.title, block.tags);
    Some(Point { is_ok: false, name, directive: None, details: Some(block) })
}

/// Descriptions end where an unescaped `#` begins a directive.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('#', "\\#")
}

fn yaml(block: &Block) -> String {
    let report: String =
        block.render(Paint::default(), WIDTH).lines().map(|line| format!("    {line}\n")).collect();
    let message = serde_json::Value::String(block.message.join(" "));
    format!("  ---\n  message: {message}\n  severity: {}\n  report: |\n{report}  ...\n", block.verdict)
}
