//! Sentences that several reports say.

use super::{Report, text};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::runner::{ExitCode, Fuzzed};

/// The verdicts in the order in which a person reads them.
pub const VERDICTS: [Verdict; 8] = [
    Verdict::Pass,
    Verdict::Fail,
    Verdict::Warn,
    Verdict::Error,
    Verdict::Known,
    Verdict::Blocked,
    Verdict::NotObserved,
    Verdict::NotApplicable,
];

/// How it went, in a few words.
pub fn outcome(report: &Report) -> String {
    let fuzzed = report.fuzz.iter().flat_map(|fuzzed| &fuzzed.findings);
    let found: Vec<String> = [
        (report.summary.fail, "violation"),
        (report.summary.warn, "warning"),
        (fuzzed.filter(|finding| !finding.is_advice()).count(), "finding of the fuzzer"),
        (report.snapshots.iter().filter(|snapshot| snapshot.diff.is_some()).count(), "changed snapshot"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| counted(count, what))
    .collect();
    match (found.is_empty(), report.exit) {
        (false, _) => found.join(", "),
        (true, ExitCode::Clean) => "no violations".to_owned(),
        (true, _) => report.meaning().to_owned(),
    }
}

/// The word before a problem: a run that came to its end was not stopped.
pub const fn trouble(exit: ExitCode) -> &'static str {
    match exit {
        ExitCode::Clean | ExitCode::Findings | ExitCode::Usage => "PROBLEM",
        ExitCode::Unreachable | ExitCode::Inconclusive | ExitCode::Bug | ExitCode::Interrupted => "STOPPED",
    }
}

/// `1 warning`, `2 warnings`; of a phrase, the first word is counted.
fn counted(count: usize, what: &str) -> String {
    match (count, what.split_once(" of ")) {
        (1, _) => format!("1 {what}"),
        (_, Some((what, whose))) => format!("{count} {what}s of {whose}"),
        (_, None) => format!("{count} {what}s"),
    }
}

/// The name of a server before what is told about it; nothing where there is only one.
pub fn server(name: Option<&str>) -> String {
    // A name may stand anywhere in a report: nothing in it is markup.
    let plain = |c: char| if c.is_alphanumeric() || "-/".contains(c) { c } else { '-' };
    name.map(|name| name.chars().map(plain).take(60).collect::<String>() + " · ").unwrap_or_default()
}

/// `2025-11-25 · stdio`, as every report names a run; before it the name of the server, where there are several.
pub fn run(name: Option<&str>, revision: Revision, transport: &str) -> String {
    format!("{}{revision} · {transport}", server(name))
}

/// The campaign in one line.
pub fn campaign(fuzzed: &Fuzzed) -> String {
    let seconds = fuzzed.duration_ms as f64 / 1000.0;
    let advice = fuzzed.findings.iter().filter(|finding| finding.is_advice()).count();
    let count = match fuzzed.findings.len() - advice {
        0 => "no findings".to_owned(),
        1 => "1 finding".to_owned(),
        several => format!("{several} findings"),
    };
    let more = if advice > 0 { format!(", {advice} worth a look") } else { String::new() };
    let name = server(fuzzed.name.as_deref());
    format!("{name}{} with {} cases in {seconds:.1} s: {count}{more}", fuzzed.revision, fuzzed.executed)
}

/// What is judged: the command line, the address, or both.
pub fn target(report: &Report) -> String {
    let command =
        report.target.command.iter().map(|word| text::shell_word(word)).collect::<Vec<_>>().join(" ");
    let shown = match (&report.target.url, command.is_empty()) {
        _ if report.target.config.is_some() => report.target.config.clone().unwrap_or_default(),
        (Some(url), true) => url.clone(),
        (Some(url), false) => format!("{url} -- {command}"),
        (None, true) => "the built-in reference server".to_owned(),
        (None, false) => command,
    };
    text::brief(&shown, 300)
}

/// How much was judged, and what came out.
pub fn coverage(report: &Report) -> String {
    let list = |verdicts: &[Verdict]| {
        let counts = verdicts.iter().map(|&verdict| (report.summary.get(verdict), verdict));
        counts
            .filter(|(n, _)| *n > 0)
            .map(|(n, verdict)| format!("{n} {verdict}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let judged = list(&VERDICTS[..3]) + &prefixed(", ", &list(&[Verdict::Known]));
    let missed = prefixed("; ", &list(&[Verdict::NotObserved, Verdict::Blocked, Verdict::Error]));
    let total = report.coverage;
    if total.applicable == 0 {
        return "nothing".to_owned();
    }
    format!("{} of {} applicable checks{}{missed}", total.judged, total.applicable, prefixed(": ", &judged))
}

fn prefixed(prefix: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{prefix}{text}") }
}

/// Milliseconds as seconds.
pub fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}
