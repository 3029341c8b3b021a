//! What is told at the end.

use super::{Detail, Look};
use crate::catalogue::{Verdict, requirement};
use crate::report::diagnostic::{Block, Bounds};
use crate::report::paint::Tone;
use crate::report::{Report, Run, findings, text, words};

/// The whole text.
pub fn whole(report: &Report, look: Look) -> String {
    let found = findings::blocks(report, Bounds::of_width(look.width));
    let blocks = found.iter().map(|block| format!("{}\n", block.render(look.paint(), look.width))).collect();
    let problem = problem(report, look);
    let parts = match look.detail {
        Detail::Quiet => vec![problem, blocks, quiet_line(report)],
        Detail::Normal => vec![header(report, look), problem, blocks, summary(report, &found, look)],
        Detail::Verbose => {
            let every = every_check(report, look);
            let unseen =
                reasons(report, Verdict::NotObserved, "Not observed: what would make it visible", look);
            let blocked = reasons(report, Verdict::Blocked, "Blocked", look);
            let end = summary(report, &found, look);
            vec![header(report, look), problem, every, blocks, unseen, blocked, end]
        }
    };
    parts.concat()
}

fn header(report: &Report, look: Look) -> String {
    let paint = look.paint();
    let title = paint.paint(Tone::Strong, &format!("{} {}", report.tool.name, report.tool.version));
    let mut out = format!("{title}\n{}", entry("target", &words::target(report), look));
    for run in &report.runs {
        out.push_str(&entry("server", &server(run, look), look));
    }
    format!("{out}{}\n", entry("seed", &report.seed.to_string(), look))
}

fn server(run: &Run, look: Look) -> String {
    let name = Some(run.server_label()).filter(|label| !label.is_empty());
    let name = name.unwrap_or_else(|| "(unnamed)".to_owned());
    let spawns = match (run.transport, run.spawns) {
        ("http", 1) => "1 connection".to_owned(),
        ("http", n) => format!("{n} connections"),
        (_, 1) => "1 launch".to_owned(),
        (_, n) => format!("{n} launches"),
    };
    let cost = format!(
        "first reply {}, {spawns}, {}",
        words::seconds(run.startup_ms),
        words::seconds(run.duration_ms)
    );
    format!("{}  {name}  {}", run.label(), look.paint().paint(Tone::Dim, &cost))
}

fn problem(report: &Report, look: Look) -> String {
    let Some(problem) = &report.problem else { return String::new() };
    let lines = text::lines(problem, 40, 1_000);
    let mut lines = lines.iter().flat_map(|line| text::wrap(line, look.width.saturating_sub(5).min(110)));
    let first = lines.next().unwrap_or_default();
    let rest: String = lines.map(|line| format!("     {line}\n")).collect();
    format!("{} {first}\n{rest}\n", look.paint().paint(Tone::Bad, words::trouble(report.exit)))
}

fn every_check(report: &Report, look: Look) -> String {
    report.runs.iter().map(|run| checks_of(run, look)).collect()
}

fn checks_of(run: &Run, look: Look) -> String {
    let paint = look.paint();
    let mut out = format!("{}\n", paint.paint(Tone::Strong, &format!("Checks in {}", run.label())));
    let longest = run.checks.iter().map(|check| check.id.chars().count()).max().unwrap_or(0).min(48);
    for check in &run.checks {
        let verdict = paint.paint(Tone::of(check.verdict), &format!("{:<14}", check.verdict));
        let id = text::brief(&check.id, 120);
        out.push_str(&format!("  {verdict}  {id:<longest$}  {}\n", text::brief(&check.requirement, 120)));
    }
    out.push('\n');
    out
}

/// The checks of a verdict, grouped by what they say.
fn reasons(report: &Report, verdict: Verdict, title: &str, look: Look) -> String {
    let groups = grouped(report, verdict);
    if groups.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", look.paint().paint(Tone::Strong, title));
    for (reason, requirements) in groups {
        text::wrap(&reason, look.width.saturating_sub(2).min(110))
            .iter()
            .for_each(|line| out.push_str(&format!("  {line}\n")));
        text::wrap(&requirements.join(" "), look.width.saturating_sub(6).min(106))
            .iter()
            .for_each(|line| out.push_str(&format!("      {}\n", look.paint().paint(Tone::Dim, line))));
    }
    out.push('\n');
    out
}

/// Reasons in the order of their first appearance, each with its requirements.
fn grouped(report: &Report, verdict: Verdict) -> Vec<(String, Vec<String>)> {
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for check in report.runs.iter().flat_map(|run| &run.checks).filter(|check| check.verdict == verdict) {
        let reason = match &check.blocked_by {
            Some(cause) => format!("by {}", text::brief(cause, 120)),
            None => text::brief(&check.message, 400),
        };
        let requirement = text::brief(&check.requirement, 120);
        match groups.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, requirements)) if requirements.contains(&requirement) => {}
            Some((_, requirements)) => requirements.push(requirement),
            None => groups.push((reason, vec![requirement])),
        }
    }
    groups
}

fn summary(report: &Report, found: &[Block], look: Look) -> String {
    let table = if report.runs.is_empty() { String::new() } else { format!("{}\n", table(report, look)) };
    let kept: String = kept_snapshots(report).iter().map(|line| entry("snapshot", line, look)).collect();
    let next: String = next_steps(report, found, look).iter().map(|step| entry("next", step, look)).collect();
    let exit = entry("exit", &format!("{} ({})", report.exit.code(), report.meaning()), look);
    let is_judged = !report.runs.is_empty() || report.fuzz.is_empty();
    let judged = if is_judged { entry("judged", &words::coverage(report), look) } else { String::new() };
    let fuzzed: String =
        report.fuzz.iter().map(|fuzzed| entry("fuzzed", &words::campaign(fuzzed), look)).collect();
    format!("{table}{judged}{fuzzed}{kept}{next}{exit}")
}

fn quiet_line(report: &Report) -> String {
    let is_judged = !report.runs.is_empty() || report.fuzz.is_empty();
    let judged = if is_judged { format!("judged {}; ", words::coverage(report)) } else { String::new() };
    let fuzzed: String =
        report.fuzz.iter().map(|fuzzed| format!("fuzzed {}; ", words::campaign(fuzzed))).collect();
    format!("{judged}{fuzzed}exit {}\n", report.exit.code())
}

/// Snapshots that were written.
fn kept_snapshots(report: &Report) -> Vec<String> {
    let kept = report.snapshots.iter().filter(|snapshot| matches!(snapshot.change, "created" | "updated"));
    kept.map(|snapshot| format!("{} {}", snapshot.change, text::escape(&snapshot.file))).collect()
}

fn next_steps(report: &Report, found: &[Block], look: Look) -> Vec<String> {
    let explain = found.iter().find(|block| requirement(&block.rule).is_some());
    let explain = explain
        .map(|block| format!("mcp-conform explain {}  tells the rule and how it is tested", block.rule));
    let changed = report.snapshots.iter().any(|snapshot| snapshot.diff.is_some());
    let accept = changed.then(|| "--update-snapshots  accepts what changed".to_owned());
    let unseen = report.summary.not_observed;
    let verbose = (unseen > 0 && look.detail != Detail::Verbose)
        .then(|| format!("-v  tells what would make the {unseen} not_observed visible"));
    [explain, accept, verbose].into_iter().flatten().collect()
}

/// A labelled line.
fn entry(label: &str, text: &str, look: Look) -> String {
    format!("  {}  {text}\n", look.paint().paint(Tone::Dim, &format!("{label:>8}")))
}

fn table(report: &Report, look: Look) -> String {
    let paint = look.paint();
    let shown = |verdict| matches!(verdict, Verdict::Pass | Verdict::Fail) || report.summary.get(verdict) > 0;
    let columns: Vec<Verdict> = words::VERDICTS.into_iter().filter(|&verdict| shown(verdict)).collect();
    let labels = report.runs.iter().map(|run| run.label().chars().count());
    let longest = labels.max().unwrap_or(0).max(18);
    let heads: String = columns.iter().map(|verdict| format!("  {verdict}")).collect();
    let mut out = format!(
        "{}{}\n",
        paint.paint(Tone::Strong, &format!("{:<width$}", "Summary", width = longest + 2)),
        paint.paint(Tone::Dim, &heads)
    );
    for run in &report.runs {
        let counts = run.counts();
        let cells: String = columns
            .iter()
            .map(|&verdict| {
                let cell = format!("{:>width$}", counts.get(verdict), width = verdict.as_str().len() + 2);
                let tone = if counts.get(verdict) == 0 { Tone::Dim } else { Tone::of(verdict) };
                paint.paint(tone, &cell)
            })
            .collect();
        out.push_str(&format!("  {:<longest$}{cells}\n", run.label()));
    }
    out
}
