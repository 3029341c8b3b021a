//! Every check of every run in one table: a row per check, a column per run.

use std::collections::HashMap;

use super::{area, escape, mark};
use crate::catalogue::Verdict;
use crate::report::{Report, text};
use crate::runner::Check;

/// A check, and what became of it in each run.
struct Line<'r> {
    check: &'r Check,
    cells: Vec<Option<&'r Check>>,
}

/// The section; empty without runs.
pub fn section(report: &Report) -> String {
    if report.runs.is_empty() {
        return String::new();
    }
    let heads: String =
        report.runs.iter().map(|run| format!("<th scope=\"col\">{}</th>", escape(&run.label()))).collect();
    let lines: String = lines(report).iter().map(row).collect();
    format!(
        "<section id=\"checks\">\n<h2>All checks</h2>\n<table>\n<thead><tr><th scope=\"col\">requirement and check</th><th scope=\"col\">level</th>{heads}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table>\n</section>\n"
    )
}

/// The same check of several runs in one line; a check that a run has twice has two.
fn lines(report: &Report) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut places: HashMap<(&str, &str, usize), usize> = HashMap::new();
    for (column, run) in report.runs.iter().enumerate() {
        let mut seen: HashMap<(&str, &str), usize> = HashMap::new();
        for check in &run.checks {
            let name = (check.id.as_str(), check.requirement.as_str());
            let nth = seen.entry(name).and_modify(|n| *n += 1).or_default();
            let at = *places.entry((name.0, name.1, *nth)).or_insert_with(|| {
                lines.push(Line { check, cells: vec![None; report.runs.len()] });
                lines.len() - 1
            });
            lines[at].cells[column] = Some(check);
        }
    }
    lines
}

fn row(line: &Line<'_>) -> String {
    let check = line.check;
    let verdicts: Vec<&str> =
        line.cells.iter().map(|cell| cell.map_or("none", |check| check.verdict.as_str())).collect();
    let level = check.level.as_str().split(' ').next().unwrap_or_default();
    let cells: String = line.cells.iter().map(|cell| cell.map_or_else(|| "<td>".to_owned(), td)).collect();
    format!(
        "<tr data-verdict=\"{}\" data-level=\"{level}\" data-area=\"{}\"><td>{} <i>{}</i>{}<td>{}{cells}\n",
        verdicts.join(" "),
        escape(&text::brief(area(&check.requirement), 60)),
        escape(&text::brief(&check.requirement, 120)),
        escape(&text::brief(&check.id, 120)),
        reason(line),
        check.level
    )
}

fn td(check: &Check) -> String {
    format!("<td class=\"{0}\" title=\"{0}\">{1}", check.verdict, mark(check.verdict))
}

/// Why a check was not judged, said once: findings have blocks of their own.
fn reason(line: &Line<'_>) -> String {
    let open = line.cells.iter().flatten().find(|check| match check.verdict {
        Verdict::NotObserved | Verdict::Blocked | Verdict::Known => true,
        Verdict::Pass | Verdict::Fail | Verdict::Warn | Verdict::NotApplicable | Verdict::Error => false,
    });
    let said = open.map(|check| match &check.blocked_by {
        Some(cause) => format!("blocked by {}", text::brief(cause, 120)),
        None => text::brief(&check.message, 200),
    });
    said.filter(|said| !said.is_empty()).map_or_else(String::new, |said| format!("<p>{}</p>", escape(&said)))
}
