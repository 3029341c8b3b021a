//! The formats in which a report is written when the run is over.

use std::io::{self, Write};

use super::{Report, Reporter, annotations, html, json, junit, markdown, sarif, tap};
use crate::runner::Event;

/// A form of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Everything, `mcp-conform/report/v1`.
    Json,
    /// One test case per check.
    Junit,
    /// One page for people.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// For comments and summaries.
    Markdown,
    /// TAP 14.
    Tap,
    /// Commands to the log of a GitHub job.
    Annotations,
}

impl Format {
    /// Writes a report; with `strict`, a warning counts as a failure.
    pub fn write(self, report: &Report, strict: bool, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Json => json::write(report, out)?,
            Self::Junit => junit::write(report, strict, out)?,
            Self::Html => out.write_all(html::page(report).as_bytes())?,
            Self::Sarif => sarif::write(report, strict, out)?,
            Self::Markdown => out.write_all(markdown::document(report).as_bytes())?,
            Self::Tap => out.write_all(tap::stream(report, strict).as_bytes())?,
            Self::Annotations => out.write_all(annotations::lines(report, strict).as_bytes())?,
        }
        out.flush()
    }
}

/// Collects the events and writes a report when the run is over.
pub struct AtEnd<W> {
    report: Report,
    format: Format,
    strict: bool,
    out: W,
}

impl<W: Write> AtEnd<W> {
    /// A reporter that writes to `out`; with `strict`, a warning counts as a failure.
    pub fn new(format: Format, strict: bool, out: W) -> Self {
        Self { report: Report::default(), format, strict, out }
    }
}

impl<W: Write + Send> Reporter for AtEnd<W> {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        self.report.on_event(event);
        match event {
            Event::Finished(_) => self.format.write(&self.report, self.strict, &mut self.out),
            Event::Started(_)
            | Event::Beside(_)
            | Event::Progress(_)
            | Event::RunStarted(_)
            | Event::Surface(_)
            | Event::Checked(_)
            | Event::RunFinished(_)
            | Event::Snapshot(_)
            | Event::Fuzzed(_) => Ok(()),
        }
    }
}
