//! The line that tells a waiting person what goes on.

use crate::catalogue::Verdict;
use crate::report::text;
use crate::runner::Event;

/// Goes back to the beginning of the line and clears it.
pub const CLEAR: &str = "\r\u{1b}[2K";

/// What goes on.
#[derive(Debug, Default)]
pub struct Progress {
    run: String,
    planned: usize,
    done: usize,
    bad: usize,
    now: String,
}

impl Progress {
    /// Takes in what an event tells.
    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Progress(now) => self.now = text::brief(now, 200),
            Event::RunStarted(run) => {
                self.run = format!("{} · {}", run.revision.as_str(), run.transport);
                (self.planned, self.done) = (run.planned, 0);
            }
            Event::Checked(check) => {
                self.done += 1;
                self.bad +=
                    usize::from(matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error));
                self.now = text::brief(&check.id, 200);
            }
            Event::RunFinished(_) => self.run.clear(),
            Event::Started(_)
            | Event::Surface(_)
            | Event::Snapshot(_)
            | Event::Fuzzed(_)
            | Event::Finished(_) => {}
        }
    }

    /// The line, never wider than the terminal.
    pub fn line(&self, width: usize) -> String {
        let line = match (self.run.is_empty(), self.bad) {
            (true, _) => format!("  {}", self.now),
            (false, 0) => format!("  {}  {}  {}", self.run, self.count(), self.now),
            (false, bad) => format!("  {}  {}  {bad} found  {}", self.run, self.count(), self.now),
        };
        line.chars().take(width.saturating_sub(1)).collect()
    }

    /// A plan may turn out to be too small: then only what is done counts.
    fn count(&self) -> String {
        match self.done <= self.planned {
            true => format!("{}/{}", self.done, self.planned),
            false => self.done.to_string(),
        }
    }
}
