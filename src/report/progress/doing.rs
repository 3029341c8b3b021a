//! What one server is doing, in a line.

use crate::catalogue::Verdict;
use crate::report::{text, words};
use crate::runner::{Event, Finished};

/// Longest text of a line.
const LONG: usize = 200;

/// What goes on.
#[derive(Debug, Default)]
pub struct Doing {
    now: String,
    judged: usize,
    found: usize,
    end: Option<String>,
}

impl Doing {
    /// Takes in what an event tells; whether the line is another one.
    pub fn on_event(&mut self, event: &Event) -> bool {
        match event {
            Event::Progress(now) => self.now = text::brief(now, LONG),
            Event::RunStarted(run) => self.now = format!("{} · {}", run.revision.as_str(), run.transport),
            Event::Fuzzed(fuzzed) => {
                self.found += fuzzed.findings.iter().filter(|finding| !finding.is_advice()).count();
            }
            Event::Finished(finished) => self.end = Some(self.ended(finished)),
            // They come all at once, when a revision is done.
            Event::Checked(check) => {
                self.judged += usize::from(check.verdict.is_judged());
                self.found +=
                    usize::from(matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error));
                return false;
            }
            Event::Started(_)
            | Event::Beside(_)
            | Event::Surface(_)
            | Event::RunFinished(_)
            | Event::Snapshot(_) => return false,
        }
        true
    }

    fn ended(&self, finished: &Finished) -> String {
        let time = words::seconds(finished.duration_ms);
        match finished.problem.as_deref().and_then(|problem| problem.lines().next()) {
            Some(problem) => text::brief(problem, LONG),
            None if self.found == 0 => format!("{} checks judged, nothing found, {time}", self.judged),
            None => format!("{} checks judged, {} found, {time}", self.judged, self.found),
        }
    }

    /// What goes on now.
    pub fn line(&self) -> String {
        match self.found {
            0 => self.now.clone(),
            found => format!("{}  {found} found", self.now),
        }
    }

    /// What it came to, when it is over.
    pub fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }
}
