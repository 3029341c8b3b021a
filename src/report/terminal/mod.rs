//! The report for a person: findings and a summary at the end.

mod summary;

use std::io::{self, Write};

use super::paint::Paint;
use super::{Report, Reporter};
use crate::runner::Event;

/// How much to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Findings, and one line of summary.
    Quiet,
    /// Findings and a summary.
    Normal,
    /// Every check with its verdict, too.
    Verbose,
}

/// What the terminal can show, and what the user wants to see.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether colours are wanted.
    pub colour: bool,
    /// Columns.
    pub width: usize,
    /// How much to tell.
    pub detail: Detail,
}

impl Look {
    fn paint(self) -> Paint {
        Paint { colour: self.colour }
    }
}

/// Tells a person.
pub struct Terminal<W> {
    report: Report,
    look: Look,
    out: W,
}

impl<W: Write> Terminal<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, look: Look) -> Self {
        Self { report: Report::default(), look, out }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.write_all(summary::whole(&self.report, self.look).as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write + Send> Reporter for Terminal<W> {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        self.report.on_event(event);
        match event {
            Event::Finished(_) => self.finish(),
            Event::Started(_)
            | Event::Beside(_)
            | Event::Progress(_)
            | Event::RunStarted(_)
            | Event::Checked(_)
            | Event::Surface(_)
            | Event::RunFinished(_)
            | Event::Snapshot(_)
            | Event::Fuzzed(_) => Ok(()),
        }
    }
}
