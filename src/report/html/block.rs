//! A diagnostic block as HTML: what came and what was expected, the wire as a sequence, the rule, the way to run it again.

use super::{area, escape};
use crate::catalogue::{Requirement, requirement};
use crate::report::diagnostic::{Block, Frame, Row, Value};

/// Lines and characters of a message that is unfolded.
const MOST_LINES: usize = 120;
const LONGEST_LINE: usize = 1_200;

/// The whole block; `n` is its number on the page.
pub fn full(block: &Block, n: usize, is_open: bool) -> String {
    let rows: String = block.rows.iter().map(row).collect();
    let rule = requirement(&block.rule).map(rule).unwrap_or_default();
    let open = if is_open || n == 0 { " open" } else { "" };
    let message = message(block);
    format!(
        "<details class=\"block {}\"{}{open}>\n<summary>{}</summary>\n{message}\n<dl class=\"rows\">{rows}</dl>\n{rule}</details>\n",
        block.verdict,
        marks(block),
        heading(block)
    )
}

/// Only what it is, where there are too many.
pub fn brief(block: &Block) -> String {
    let first = block.message.first().map(|line| format!("<p class=\"message\">{}</p>", escape(line)));
    format!(
        "<div class=\"block {}\"{}><p class=\"summary\">{}</p>{}</div>\n",
        block.verdict,
        marks(block),
        heading(block),
        first.unwrap_or_default()
    )
}

/// What the filter looks at.
fn marks(block: &Block) -> String {
    let level = ["MUST", "SHOULD", "MAY"].into_iter().find(|level| block.tags.starts_with(level));
    let level = level.unwrap_or("MUST");
    format!(
        " data-verdict=\"{}\" data-level=\"{level}\" data-area=\"{}\"",
        block.verdict,
        escape(area(&block.rule))
    )
}

fn heading(block: &Block) -> String {
    let title = escape(&block.title).replace(" › ", " <span class=\"dim\">›</span> ");
    format!(
        "<span class=\"word\">{}</span> <span class=\"title\">{title}</span> <span class=\"tags\">{}</span>",
        block.word,
        escape(&block.tags)
    )
}

fn message(block: &Block) -> String {
    block.message.iter().map(|line| format!("<p class=\"message\">{}</p>", escape(line))).collect()
}

fn row(row: &Row) -> String {
    let value = match &row.value {
        Value::Lines(lines) => format!("<pre>{}</pre>", escape(&lines.join("\n"))),
        Value::Wire(frames) => sequence(frames),
        Value::Link(url) => {
            format!("<a href=\"{0}\" rel=\"noopener noreferrer\">{0}</a>", escape(url))
        }
        Value::Command(line) => format!(
            "<span class=\"command\"><code>{}</code><button type=\"button\" class=\"copy\" hidden>copy</button></span>",
            escape(line)
        ),
        Value::Diff(lines) => format!(
            "<pre class=\"diff\">{}</pre>",
            lines.iter().map(|line| diff_line(line)).collect::<String>()
        ),
    };
    format!("<dt>{}</dt><dd>{value}</dd>\n", row.label)
}

fn diff_line(line: &str) -> String {
    let class = match line.as_bytes().first() {
        Some(b'+') => "added",
        Some(b'-') => "removed",
        Some(b'@') => "dim",
        Some(_) | None => return format!("{}\n", escape(line)),
    };
    format!("<span class=\"{class}\">{}</span>\n", escape(line))
}

/// The wire as a sequence: the client on the left, the server on the right.
fn sequence(frames: &[Frame]) -> String {
    let lines: String = frames.iter().map(frame).collect();
    format!(
        "<div class=\"sequence\"><div class=\"ends\"><span>mcp-conform</span><span>server</span></div><ol>{lines}</ol></div>"
    )
}

fn frame(frame: &Frame) -> String {
    let direction = match frame.dir {
        "->" => "out",
        "<-" => "in",
        _ => "event",
    };
    let (culprit, open) = if frame.culprit { (" culprit", " open") } else { ("", "") };
    let data = escape(&frame.lines(MOST_LINES, LONGEST_LINE).join("\n"));
    format!(
        "<li class=\"{direction}{culprit}\"><span class=\"at\">{} {}</span><details{open}><summary>{}</summary><pre>{data}</pre></details></li>\n",
        escape(&frame.number),
        escape(&frame.at),
        escape(&frame.label())
    )
}

/// The requirement, as the catalogue tells it.
fn rule(requirement: &Requirement) -> String {
    let parts = [
        ("How it is tested", &requirement.test),
        ("What is right", &requirement.pass),
        ("What is wrong", &requirement.violation),
        ("Beware", &requirement.caution),
    ];
    let parts = parts.into_iter().filter_map(|(title, text)| Some((title, text.as_ref()?)));
    let parts: String =
        parts.map(|(title, text)| format!("<dt>{title}</dt><dd>{}</dd>", escape(text))).collect();
    format!(
        "<details class=\"rule\"><summary>The rule: {}</summary><dl>{parts}</dl></details>\n",
        escape(&requirement.statement)
    )
}
