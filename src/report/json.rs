//! The JSON report.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};

use super::{Report, text};
use crate::runner::Check;

/// How many characters of one text a report keeps.
const LONGEST_TEXT: usize = 8_000;

/// Writes a report as JSON that is also safe to look at in a terminal.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    safe(&bounded(report.clone()), out)
}

/// Writes anything as JSON that is also safe to look at in a terminal.
pub fn safe(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Safe(PrettyFormatter::new())))?;
    writeln!(out)?;
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

/// Pretty JSON in which also bidirectional overrides and the marks of CI commands are escaped.
struct Safe(PrettyFormatter<'static>);

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let fragment = text::disarm_marks(fragment);
        for part in fragment.split_inclusive(text::is_unsafe) {
            let last = part.chars().next_back().filter(|&c| text::is_unsafe(c));
            let safe = part.len() - last.map_or(0, char::len_utf8);
            out.write_all(&part.as_bytes()[..safe])?;
            for unit in last.iter().flat_map(|c| c.encode_utf16(&mut [0; 2]).to_vec()) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
        Ok(())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_array(out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array(out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_array_value(out)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object(out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object(out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.begin_object_value(out)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.end_object_value(out)
    }
}
