//! The report as one page of HTML: no network, no other file, light and dark, also without JavaScript. All text goes through
//! [`escape`]; the policy in the head lets the page's own script run and nothing else.

mod block;
mod checks;
mod overview;

use super::diagnostic::{Block, Bounds};
use super::{Report, Run, findings, text, words};
use crate::catalogue::Verdict;
use crate::runner::ExitCode;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// SHA-256 of the script, in base64; the test with a browser tells when it is another.
const SCRIPT_HASH: &str = "mKiZ7+ff+v77G/CO8Dngav5Jh9f16iKzRd4alMQCCkg=";
/// Bytes for everything that is told in full, and for what is told in brief when they are used up. With the table of 5,000
/// checks the page stays below 3 MB.
const MOST_BYTES: [usize; 2] = [1_000_000, 400_000];
/// With less room than this, telling in full is not tried.
const LEAST_BYTES: usize = 20_000;
/// Up to so many findings are shown unfolded.
const FEW: usize = 12;

/// The whole page.
pub fn page(report: &Report) -> String {
    let title = format!("mcp-conform: {}", escape(&words::outcome(report)));
    let problem: String = Block::of_problem(report).iter().map(|it| block::full(it, 0, true)).collect();
    let body = [
        header(report),
        problem,
        overview::section(report),
        filter(report),
        sections(report),
        checks::section(report),
        footer(report),
    ];
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{}<script>{SCRIPT}</script>\n</body>\n</html>\n",
        body.concat()
    )
}

/// Text as the content of an element or of an attribute in quotes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// The area of a requirement: the first part of its id.
fn area(requirement: &str) -> &str {
    requirement.split(['.', '/']).next().unwrap_or_default()
}

/// The mark of a verdict in tables.
const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Warn => "!",
        Verdict::Error => "⚡",
        Verdict::Known => "≈",
        Verdict::Blocked => "⊘",
        Verdict::NotObserved => "?",
        Verdict::NotApplicable => "–",
    }
}

fn header(report: &Report) -> String {
    let (tone, sign) = if report.exit == ExitCode::Clean { ("pass", "✓") } else { ("fail", "✗") };
    let servers = report.runs.iter().map(|run| term(&run.label(), &server(run)));
    let fuzzed = report.fuzz.iter().map(|fuzzed| term("Fuzzed", &escape(&words::campaign(fuzzed))));
    let judged = if report.runs.is_empty() { "nothing".to_owned() } else { words::coverage(report) };
    let terms: String = [term("Target", &format!("<code>{}</code>", escape(&words::target(report))))]
        .into_iter()
        .chain(servers)
        .chain([term("Judged", &escape(&judged))])
        .chain(fuzzed)
        .chain([term("Exit code", &format!("{}, {}", report.exit.code(), escape(report.meaning())))])
        .collect();
    format!(
        "<header class=\"{tone}\">\n<p class=\"tool\">mcp-conform</p>\n<h1><span aria-hidden=\"true\">{sign}</span> {}</h1>\n<dl>{terms}</dl>\n</header>\n",
        escape(&words::outcome(report))
    )
}

fn term(name: &str, value: &str) -> String {
    format!("<dt>{}</dt><dd>{value}</dd>", escape(name))
}

fn server(run: &Run) -> String {
    let name = Some(run.server_label()).filter(|label| !label.is_empty());
    let name = name.map_or_else(|| "<i>unnamed</i>".to_owned(), |label| format!("<b>{}</b>", escape(&label)));
    format!("{name} <span class=\"dim\">first reply after {}</span>", words::seconds(run.startup_ms))
}

/// The controls; the script shows them.
fn filter(report: &Report) -> String {
    let verdicts = words::VERDICTS.into_iter().filter(|&verdict| report.summary.get(verdict) > 0);
    let verdicts: String = verdicts
        .map(|verdict| {
            let label = format!("{} {verdict} <b>{}</b>", mark(verdict), report.summary.get(verdict));
            chip("verdict", verdict.as_str(), &label)
        })
        .collect();
    let levels: String = ["MUST", "SHOULD", "MAY"].iter().map(|level| chip("level", level, level)).collect();
    format!(
        "<nav id=\"filter\" hidden aria-label=\"Filter\">\n<input id=\"q\" type=\"search\" placeholder=\"Filter by any text: an id, a message, a tool …\" aria-label=\"Text\">\n\
         <div class=\"chips\">{verdicts}</div>\n<div class=\"chips\">{levels}</div>\n\
         <p><output id=\"shown\"></output> <span id=\"within\"></span> <button id=\"reset\" type=\"button\">show everything</button></p>\n</nav>\n"
    )
}

fn chip(kind: &str, value: &str, label: &str) -> String {
    format!(
        "<button type=\"button\" class=\"chip {value}\" data-kind=\"{kind}\" data-value=\"{value}\" aria-pressed=\"false\">{label}</button>"
    )
}

/// Everything to look at.
fn sections(report: &Report) -> String {
    let judged = findings::all(report);
    let judged: Vec<_> = judged.iter().map(|found| found.block(Bounds::AMPLE)).collect();
    let fuzzed = report.fuzz.iter().flat_map(|campaign| &campaign.findings);
    let fuzzed: Vec<_> = fuzzed.map(|finding| Block::of_fuzz(finding, Bounds::AMPLE)).collect();
    let changed: Vec<_> = report.snapshots.iter().filter_map(Block::of_snapshot).collect();
    let mut room = Room::default();
    [
        section("findings", "Findings", &judged, &mut room),
        section("fuzz", "Findings of the fuzzer", &fuzzed, &mut room),
        section("snapshots", "Snapshots that changed", &changed, &mut room),
    ]
    .concat()
}

/// How many bytes are left on the page.
struct Room {
    full: usize,
    brief: usize,
}

impl Default for Room {
    fn default() -> Self {
        let [full, brief] = MOST_BYTES;
        Self { full, brief }
    }
}

impl Room {
    /// The block in full or in brief, as far as there is room for it.
    fn take(&mut self, block: &Block, n: usize, is_open: bool) -> Option<String> {
        let fits = |told: String, left: &mut usize| {
            *left = left.checked_sub(told.len())?;
            Some(told)
        };
        let full = (self.full >= LEAST_BYTES).then(|| block::full(block, n, is_open));
        full.and_then(|told| fits(told, &mut self.full))
            .or_else(|| fits(block::brief(block), &mut self.brief))
    }
}

fn section(id: &str, title: &str, blocks: &[Block], room: &mut Room) -> String {
    if blocks.is_empty() {
        return String::new();
    }
    let is_open = blocks.len() <= FEW;
    let told: Vec<String> =
        blocks.iter().enumerate().map_while(|(n, block)| room.take(block, n, is_open)).collect();
    let rest = match blocks.len() - told.len() {
        0 => String::new(),
        rest => format!("<p class=\"dim\">… and {rest} more, in the other reports</p>\n"),
    };
    format!(
        "<section id=\"{id}\">\n<h2>{title} <span class=\"dim\">{}</span></h2>\n{}{rest}</section>\n",
        blocks.len(),
        told.concat()
    )
}

fn footer(report: &Report) -> String {
    let tool = &report.tool;
    format!(
        "<footer>mcp-conform {} · catalogue {} · seed {} · {} · took {}</footer>\n",
        tool.version,
        escape(&text::brief(&tool.catalogue, 40)),
        report.seed,
        escape(&text::brief(&report.started, 40)),
        words::seconds(report.duration_ms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_html_would_read() {
        assert_eq!(escape("<a href='x' b=\"y\">&"), "&lt;a href=&#39;x&#39; b=&quot;y&quot;&gt;&amp;");
    }
}
