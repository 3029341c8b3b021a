//! The report as Markdown, for comments and for the summary of a CI job. What a server said stands in code only: there it
//! is no link, no HTML, no mention and no table.

use super::diagnostic::{Block, Bounds, Gravity, Value};
use super::html::escape;
use super::paint::Paint;
use super::{Report, findings, text, words};
use crate::catalogue::Verdict;
use crate::runner::ExitCode;

/// The width of the diagnostic blocks.
const WIDTH: usize = 110;
/// GitHub takes no summary of more than a mebibyte.
const MOST_BYTES: usize = 700_000;
/// Up to so many findings are shown unfolded.
const FEW: usize = 5;

/// The whole document.
pub fn document(report: &Report) -> String {
    let problem = Block::of_problem(report);
    let found = findings::blocks(report, Bounds::of_width(WIDTH));
    let mark = if report.exit == ExitCode::Clean { "✅" } else { "❌" };
    let mut out = format!("## {mark} mcp-conform: {}\n\n{}", words::outcome(report), about(report));
    if !report.runs.is_empty() {
        out += &table(report);
    }
    let all: Vec<Block> = problem.into_iter().chain(found).collect();
    for (n, block) in all.iter().enumerate() {
        if out.len() > MOST_BYTES {
            out += &format!("… and {} more, in the other reports.\n\n", all.len() - n);
            break;
        }
        out += &finding(block, all.len() <= FEW);
    }
    out + &footer(report)
}

fn about(report: &Report) -> String {
    let mut lines = vec![format!("Target: {}", code(&words::target(report)))];
    lines.extend(report.runs.iter().map(|run| {
        let name = Some(run.server_label()).filter(|name| !name.is_empty());
        format!(
            "Server in {}: {}",
            run.label(),
            name.map_or_else(|| "unnamed".to_owned(), |name| code(&name))
        )
    }));
    if !report.runs.is_empty() {
        lines.push(format!("Judged {}", words::coverage(report)));
    }
    lines.extend(report.fuzz.iter().map(|fuzzed| format!("Fuzzed {}", words::campaign(fuzzed))));
    let changed = report.snapshots.iter().filter(|snapshot| snapshot.diff.is_none());
    lines
        .extend(changed.map(|snapshot| {
            format!("Snapshot {}: {}", code(&text::escape(&snapshot.file)), snapshot.change)
        }));
    lines.iter().map(|line| format!("- {line}\n")).collect::<String>() + "\n"
}

fn table(report: &Report) -> String {
    let shown = |verdict| matches!(verdict, Verdict::Pass | Verdict::Fail) || report.summary.get(verdict) > 0;
    let columns: Vec<Verdict> = words::VERDICTS.into_iter().filter(|&verdict| shown(verdict)).collect();
    let heads: String = columns.iter().map(|verdict| format!(" {verdict} |")).collect();
    let rule: String = columns.iter().map(|_| " ---: |").collect();
    let rows = report.runs.iter().map(|run| {
        let counts = run.counts();
        let cells: String = columns.iter().map(|&verdict| format!(" {} |", counts.get(verdict))).collect();
        format!("| {} |{cells}\n", run.label())
    });
    format!("| |{heads}\n| --- |{rule}\n{}\n", rows.collect::<String>())
}

fn finding(block: &Block, is_open: bool) -> String {
    let mark = match block.gravity(false) {
        Gravity::Failure => "❌",
        Gravity::Warning => "⚠️",
        Gravity::Advice => "👀",
    };
    let open = if is_open { " open" } else { "" };
    let title =
        format!("{mark} <b>{}</b> <code>{}</code> {}", block.word, escape(&block.title), escape(&block.tags));
    let body = block.render(Paint::default(), WIDTH);
    let body = body.split_once('\n').map_or("", |(_, body)| body);
    format!("<details{open}><summary>{title}</summary>\n\n{}\n{}</details>\n\n", fenced(body), link(block))
}

/// The section of the specification.
fn link(block: &Block) -> String {
    let links = block.rows.iter().filter_map(|row| match &row.value {
        Value::Link(url) => Some(format!("[The specification]({url})\n\n")),
        Value::Lines(_) | Value::Wire(_) | Value::Command(_) | Value::Diff(_) => None,
    });
    links.collect()
}

fn footer(report: &Report) -> String {
    let tool = &report.tool;
    format!("mcp-conform {}, catalogue {}, seed {}\n", tool.version, tool.catalogue, report.seed)
}

/// Text as a code span, also inside a table.
fn code(text: &str) -> String {
    let text = text.replace('|', "\\u007c");
    let ticks = "`".repeat(longest_ticks(&text) + 1);
    let space = if text.starts_with('`') || text.ends_with('`') || text.trim().is_empty() { " " } else { "" };
    format!("{ticks}{space}{text}{space}{ticks}")
}

/// Text as a block of code that it cannot end.
fn fenced(text: &str) -> String {
    let ticks = "`".repeat(longest_ticks(text).max(2) + 1);
    format!("{ticks}text\n{}\n{ticks}\n", text.trim_end())
}

fn longest_ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("plain"), "`plain`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`|`"), "`` `\\u007c` ``");
        assert_eq!(fenced("```\nx"), "````text\n```\nx\n````\n");
    }
}
