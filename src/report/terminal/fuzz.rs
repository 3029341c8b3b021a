//! What a fuzzing campaign found.

use super::Look;
use crate::report::paint::Tone;
use crate::report::text;
use crate::runner::{FuzzFinding, Fuzzed};

const MOST_ACTIONS: usize = 12;
const LONGEST_ACTION: usize = 300;

/// Every finding with its smallest script.
pub fn findings(fuzzed: &Fuzzed, look: Look) -> String {
    fuzzed.findings.iter().map(|finding| block(finding, look)).collect()
}

/// The campaign in one line.
pub fn line(fuzzed: &Fuzzed) -> String {
    let seconds = fuzzed.duration_ms as f64 / 1000.0;
    let is_advice = |finding: &&FuzzFinding| finding.severity == "advice";
    let advice = fuzzed.findings.iter().filter(is_advice).count();
    let count = match fuzzed.findings.len() - advice {
        0 => "no findings".to_owned(),
        1 => "1 finding".to_owned(),
        several => format!("{several} findings"),
    };
    let more = if advice > 0 { format!(", {advice} worth a look") } else { String::new() };
    format!("{} with {} cases in {seconds:.1} s: {count}{more}", fuzzed.revision, fuzzed.executed)
}

fn block(finding: &FuzzFinding, look: Look) -> String {
    let paint = look.paint();
    let requirement =
        finding.requirement.iter().map(|id| format!(" › {}", text::escape(id))).collect::<String>();
    let mut out = format!(
        "{} {}{requirement}  ({}, {} steps)\n     {}\n",
        match finding.severity {
            "advice" => paint.paint(Tone::Caution, "LOOK"),
            _ => paint.paint(Tone::Bad, "FOUND"),
        },
        finding.kind,
        finding.stability,
        finding.steps,
        text::brief(&finding.message, 500)
    );
    let mut entry = |name: &str, value: &str| out.push_str(&format!("{name:>10}  {value}\n"));
    if !finding.operators.is_empty() {
        entry("done", &text::brief(&finding.operators.join("; "), 500));
    }
    for (n, action) in finding.script.iter().take(MOST_ACTIONS).enumerate() {
        entry(if n == 0 { "script" } else { "" }, &text::brief(action, LONGEST_ACTION));
    }
    if finding.script.len() > MOST_ACTIONS {
        entry("", &format!("… {} more", finding.script.len() - MOST_ACTIONS));
    }
    finding.replay.iter().for_each(|file| entry("saved", &text::escape(file)));
    finding.rerun.iter().for_each(|line| entry("rerun", &text::escape(line)));
    finding.requirement.iter().for_each(|id| entry("more", &format!("mcp-conform explain {id}")));
    out.push('\n');
    out
}
