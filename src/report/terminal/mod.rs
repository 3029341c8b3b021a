//! The report for a person: progress while it runs, findings and a summary at the end.

mod progress;
mod summary;

use std::io::{self, Write};

use super::paint::Paint;
use super::{Report, Reporter};
use crate::runner::Event;
use progress::Progress;

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
    /// Whether to show one line of progress that is rewritten: only when a person watches.
    pub progress: bool,
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
    progress: Progress,
    look: Look,
    out: W,
}

impl<W: Write> Terminal<W> {
    /// A reporter that writes to `out`.
    pub fn new(out: W, look: Look) -> Self {
        Self { report: Report::default(), progress: Progress::default(), look, out }
    }

    fn show_progress(&mut self, event: &Event) -> io::Result<()> {
        self.progress.on_event(event);
        if self.look.progress {
            write!(self.out, "{}{}", progress::CLEAR, self.progress.line(self.look.width))?;
            self.out.flush()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.look.progress {
            self.out.write_all(progress::CLEAR.as_bytes())?;
        }
        self.out.write_all(summary::whole(&self.report, self.look).as_bytes())?;
        self.out.flush()
    }
}

impl<W: Write + Send> Reporter for Terminal<W> {
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        self.report.on_event(event);
        match event {
            Event::Progress(_) | Event::RunStarted(_) | Event::Checked(_) => self.show_progress(event),
            Event::Finished(_) => self.finish(),
            Event::Started(_)
            | Event::Surface(_)
            | Event::RunFinished(_)
            | Event::Snapshot(_)
            | Event::Fuzzed(_) => Ok(()),
        }
    }
}
