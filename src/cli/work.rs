//! What a judging command does in the end: one server or several, once, again for the failures, or on every change.

use std::time::Instant;

use super::part::Part;
use super::perform::{interrupted, nothing, perform, unreachable};
use super::several::Servers;
use super::signals::unless_ended;
use super::snapshots::Telling;
use super::state::State;
use super::{several, watch};
use crate::runner::{ExitCode, Filter};

/// The servers that a command judges.
pub enum Work {
    /// One.
    One(Box<Part>),
    /// Several of one file.
    Several {
        /// The servers.
        parts: Vec<Part>,
        /// The file.
        file: Servers,
    },
}

/// How often, and how much of it.
#[derive(clap::Args, Debug, Clone, Copy, Default)]
#[command(next_help_heading = "Again")]
pub struct Again {
    /// Judge only what failed in the last run here; everything, if nothing did
    #[arg(long, conflicts_with_all = ["only", "skip", "shard", "snapshot"])]
    pub failed: bool,
    /// Judge again whenever a file changes: first what failed, then everything
    #[arg(long, conflicts_with_all = ["shard"])]
    pub watch: bool,
}

impl Work {
    /// Does it.
    pub async fn perform(mut self, again: Again, telling: &Telling) -> anyhow::Result<ExitCode> {
        match (again.watch, again.failed) {
            (true, _) => watch::watch(self, again.failed, telling).await,
            (false, true) => {
                if !self.only_failed() {
                    eprintln!("mcp-conform: nothing failed in the last run here: everything is judged");
                }
                self.once(telling).await
            }
            (false, false) => self.once(telling).await,
        }
    }

    /// Judges once.
    pub async fn once(&self, telling: &Telling) -> anyhow::Result<ExitCode> {
        match self {
            Self::One(part) => match unless_ended(part.start()).await {
                Some(Ok(_host)) => perform(part, telling).await,
                Some(Err(error)) => unreachable(&part.plan, &telling.reports, &error.to_string()),
                None => nothing(&part.plan, &telling.reports, interrupted(Instant::now())),
            },
            Self::Several { parts, file } => several::perform(parts, file, telling).await,
        }
    }

    /// Narrows to what failed in the last run, of what is wanted at all; false if nothing did.
    pub fn only_failed(&mut self) -> bool {
        let state = State::read();
        let failed = self.parts().iter().map(|part| state.failed(&part.label(), |id| part.plan.wants(id)));
        let failed: Vec<_> = failed.collect();
        if failed.iter().all(Vec::is_empty) {
            return false;
        }
        for (part, failed) in self.parts_mut().iter_mut().zip(failed) {
            part.idle = failed.is_empty();
            part.plan.filter = Filter { only: failed, ..part.plan.filter.clone() };
        }
        true
    }

    /// The servers.
    pub fn parts(&self) -> &[Part] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Several { parts, .. } => parts,
        }
    }

    /// Judges again as much as at first.
    pub fn widen(&mut self, whole: &[Filter]) {
        for (part, filter) in self.parts_mut().iter_mut().zip(whole) {
            part.idle = false;
            part.plan.filter = filter.clone();
        }
    }

    fn parts_mut(&mut self) -> &mut [Part] {
        match self {
            Self::One(part) => std::slice::from_mut(part),
            Self::Several { parts, .. } => parts,
        }
    }
}
