//! The JSON report.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;

use super::{Report, text};
use crate::protocol::inert;
use crate::runner::Check;

/// How many characters of one text a report keeps.
const LONGEST_TEXT: usize = 8_000;

/// Writes a report as JSON that is also safe to look at in a terminal.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    safe(&bounded(report.clone()), out)
}

/// Writes anything as JSON that is also safe to look at in a terminal.
pub fn safe(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", inert::json(&serde_json::to_string_pretty(value)?))?;
    out.flush()
}

fn bounded(mut report: Report) -> Report {
    for run in &mut report.runs {
        bound_value(&mut run.server);
        bound_value(&mut run.capabilities);
        run.checks.iter_mut().for_each(bound_check);
    }
    report
}

fn bound_check(check: &mut Check) {
    let texts =
        [Some(&mut check.message), check.expected.as_mut(), check.got.as_mut(), check.stderr.as_mut()];
    texts.into_iter().flatten().for_each(bound);
}

fn bound_value(value: &mut Value) {
    match value {
        Value::String(text) => bound(text),
        Value::Array(items) => items.iter_mut().for_each(bound_value),
        Value::Object(fields) => fields.values_mut().for_each(bound_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn bound(text: &mut String) {
    *text = text::cut(text, LONGEST_TEXT);
}
