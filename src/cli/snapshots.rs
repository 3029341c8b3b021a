//! `--snapshot`: what a server offers and how it was judged, compared with what is committed.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Usage;
use super::config::file_name;
use super::output::Output;
use super::perform::{Audience, despite};
use crate::report::snapshot;
use crate::runner::{Event, ExitCode, Finished, Plan, SnapshotChange, SnapshotOutcome, Surface};

/// What a run that judges a server tells: its reports, and how it differs from what is committed.
#[derive(Args, Debug)]
pub struct Telling {
    #[command(flatten)]
    pub reports: Output,
    #[command(flatten)]
    pub snapshots: Snapshots,
}

/// The text that is committed.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reports")]
pub struct Snapshots {
    /// Compare the server's surface and the verdicts with the text committed there; a difference fails the run
    #[arg(long, value_name = "DIR")]
    snapshot: Option<PathBuf>,
    /// Accept the differences: write the snapshots anew
    #[arg(long, requires = "snapshot")]
    update_snapshots: bool,
}

impl Snapshots {
    /// Whether any are asked for.
    pub fn are_wanted(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Snapshots hold every verdict.
    pub fn allow(&self, plan: &Plan) -> Result<(), Usage> {
        match plan.is_whole() || !self.are_wanted() {
            true => Ok(()),
            false => Err(Usage(
                "--snapshot keeps everything: it cannot be used with --only, --skip or --shard".to_owned(),
            )),
        }
    }

    /// Compares what was judged, tells each snapshot, and returns the end as it is then.
    pub fn compare(&self, audience: &mut Audience, finished: Finished) -> std::io::Result<Finished> {
        let Some(folder) = &self.snapshot else { return Ok(finished) };
        if finished.exit == ExitCode::Interrupted || finished.problem.is_some() {
            return Ok(finished);
        }
        let mut names: Vec<Option<String>> =
            audience.report.runs.iter().map(|run| run.name.clone()).collect();
        names.dedup();
        let mut end = finished;
        for name in names {
            match self.of_server(folder, audience, name.as_deref()) {
                Ok(outcomes) => end = tell(audience, outcomes, end)?,
                Err(problem) => end = despite(end, Err(problem)),
            }
        }
        Ok(end)
    }

    /// Compares the snapshots of one server, which has a folder of its own where there are several.
    fn of_server(
        &self,
        folder: &Path,
        audience: &Audience,
        name: Option<&str>,
    ) -> Result<Vec<SnapshotOutcome>, Usage> {
        let folder = name.map_or_else(|| folder.to_owned(), |name| folder.join(file_name(name)));
        let mut report = audience.report.clone();
        report.runs.retain(|run| run.name.as_deref() == name);
        let its = audience.surfaces.iter().filter(|(of, _)| of.as_deref() == name);
        let surfaces: Vec<Surface> = its.map(|(_, surface)| surface.clone()).collect();
        snapshot::compare(&folder, &report, &surfaces, &audience.masks, self.update_snapshots)
            .map_err(|error| Usage(format!("--snapshot {}: {error}", folder.display())))
    }
}

/// Tells what became of snapshots; a clean run with one that changed is clean no more.
fn tell(
    audience: &mut Audience,
    outcomes: Vec<SnapshotOutcome>,
    mut end: Finished,
) -> std::io::Result<Finished> {
    for outcome in outcomes {
        let is_changed = matches!(outcome.change, SnapshotChange::Changed(_));
        if is_changed && end.exit == ExitCode::Clean {
            end.exit = ExitCode::Findings;
        }
        audience.tell(&Event::Snapshot(outcome))?;
    }
    Ok(end)
}
