//! Reports: the one stream of events, told to people and to programs.
//!
//! [`Report`] collects the events; [`AtEnd`] writes it in a [`Format`] when the run is over, [`Terminal`] for a
//! person, and [`Progress`] tells who waits. [`diagnostic::Block`] is the one way in which a finding is told, and [`text`] makes safe what the server said. [`read`] reads
//! JSON reports back. [`snapshot`] keeps the server's surface and the verdicts as text to be committed, and [`change`] judges what
//! changed in it.

mod annotations;
pub mod change;
mod collect;
mod counts;
pub mod diagnostic;
mod findings;
mod format;
mod html;
mod inspect;
mod json;
mod junit;
mod markdown;
pub mod paint;
mod profile;
mod progress;
pub mod read;
mod sarif;
pub mod snapshot;
mod tap;
mod terminal;
pub mod text;
mod words;

use std::io;

use crate::runner::Event;

pub use collect::{Report, Run, Snapshot, Tool};
pub use counts::{Counts, Coverage};
pub use format::{AtEnd, Format};
pub use inspect::Inspection;
pub use json::safe;
pub use profile::{suggest, tool_entry};
pub use progress::{Progress, Screen};
pub use terminal::{Detail, Look, Terminal};

/// Somebody who is told what happens.
pub trait Reporter: Send {
    /// Takes one event; they come in order, from [`Event::Started`] to [`Event::Finished`].
    fn on_event(&mut self, event: &Event) -> io::Result<()>;
}

/// All reporters of a run.
#[derive(Default)]
pub struct Reporters {
    all: Vec<Box<dyn Reporter>>,
    failed: Option<io::Error>,
}

impl Reporters {
    /// Adds one.
    pub fn add(&mut self, reporter: impl Reporter + 'static) {
        self.all.push(Box::new(reporter));
    }
}

impl Reporter for Reporters {
    /// Tells everybody. One that fails is told nothing more, and the others are told everything; at the end the first failure
    /// is returned.
    fn on_event(&mut self, event: &Event) -> io::Result<()> {
        self.all.retain_mut(|reporter| match reporter.on_event(event) {
            Ok(()) => true,
            Err(error) => {
                // Whoever closed our output does not want to be told, and that is no failure.
                if error.kind() != io::ErrorKind::BrokenPipe {
                    self.failed.get_or_insert(error);
                }
                false
            }
        });
        match (event, self.failed.take()) {
            (Event::Finished(_), Some(error)) => Err(error),
            (_, failed) => {
                self.failed = failed;
                Ok(())
            }
        }
    }
}
