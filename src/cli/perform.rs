//! Performing a plan: the run on one side, the reporters on the other.

use std::path::Path;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Usage;
use super::fuzz::{self, Limits};
use super::output::Output;
use crate::fuzz::Budget;
use crate::protocol::Revision;
use crate::report::{Report, Reporter, Reporters, snapshot};
use crate::runner::{Event, ExitCode, Finished, Plan, SnapshotChange, Surface, run};

/// Runs the plan and tells every reporter.
pub async fn perform(plan: &Plan, output: &Output) -> anyhow::Result<ExitCode> {
    if !plan.filter.is_whole() && output.snapshot.is_some() {
        return Err(
            Usage("--snapshot keeps everything: it cannot be used with --only or --skip".to_owned()).into()
        );
    }
    let mut audience = Audience::new(output.reporters(plan.strict)?);
    let (events, incoming) = unbounded_channel();
    let began = std::time::Instant::now();
    let judging = async {
        let finished = tokio::select! {
            finished = judge_and_fuzz(plan, &events) => finished,
            _ = tokio::signal::ctrl_c() => Finished {
                duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
                exit: ExitCode::Interrupted,
                problem: Some("interrupted: what was judged until then is in the report".to_owned()),
            },
        };
        drop(events);
        finished
    };
    let (finished, told) = tokio::join!(judging, audience.listen(incoming));
    told?;
    audience.close(finished, output)
}

/// The newest revision of each era.
fn newest(revisions: &[Revision]) -> Vec<Revision> {
    let of = |is_stateless: bool| {
        revisions.iter().copied().filter(move |r| r.is_stateless() == is_stateless).max()
    };
    [of(true), of(false)].into_iter().flatten().collect()
}

/// Findings of the fuzz pass of a normal run; a campaign finds the rest.
const MOST_FINDINGS: usize = 5;

/// Judges, and then fuzzes a little in each revision that was judged.
async fn judge_and_fuzz(plan: &Plan, events: &UnboundedSender<Event>) -> Finished {
    let (mut finished, judged) = run(plan, events).await;
    let is_judged = matches!(finished.exit, ExitCode::Clean | ExitCode::Findings);
    // HTTP+SSE is judged, but not fuzzed.
    if plan.fuzz_cases == 0 || judged.over_sse || !is_judged || !plan.filter.is_whole() {
        return finished;
    }
    let limits = Limits::brief(MOST_FINDINGS);
    let revisions = newest(&judged.revisions);
    let budget = Budget::Cases(plan.fuzz_cases);
    let (found, problem) = fuzz::hunt(plan, &limits, budget, &revisions, &judged.violated, events).await;
    if found > 0 {
        finished.exit = ExitCode::Findings;
    }
    finished.problem = finished.problem.or(problem);
    finished
}

/// The reporters, and what the snapshots need.
pub struct Audience {
    reporters: Reporters,
    report: Report,
    surfaces: Vec<Surface>,
}

impl Audience {
    /// Nothing was told yet.
    pub fn new(reporters: Reporters) -> Self {
        Self { reporters, report: Report::default(), surfaces: Vec::new() }
    }

    /// Hears everything to the end.
    pub async fn listen(&mut self, mut events: UnboundedReceiver<Event>) -> std::io::Result<()> {
        while let Some(event) = events.recv().await {
            self.tell(&event)?;
        }
        Ok(())
    }

    /// Tells one event.
    pub fn tell(&mut self, event: &Event) -> std::io::Result<()> {
        if let Event::Surface(surface) = event {
            self.surfaces.push(surface.clone());
        }
        self.report.on_event(event);
        self.reporters.on_event(event)
    }

    /// Compares the snapshots and tells the end.
    pub fn close(&mut self, mut finished: Finished, output: &Output) -> anyhow::Result<ExitCode> {
        if let Some(folder) = &output.snapshot
            && finished.exit != ExitCode::Interrupted
            && finished.problem.is_none()
        {
            let changed = self.compare(folder, output.update_snapshots)?;
            if changed && finished.exit == ExitCode::Clean {
                finished.exit = ExitCode::Findings;
            }
        }
        let exit = finished.exit;
        self.tell(&Event::Finished(finished))?;
        Ok(exit)
    }

    fn compare(&mut self, folder: &Path, update: bool) -> anyhow::Result<bool> {
        let outcomes = snapshot::compare(folder, &self.report, &self.surfaces, update)
            .map_err(|error| Usage(format!("--snapshot {}: {error}", folder.display())))?;
        let mut changed = false;
        for outcome in outcomes {
            changed |= matches!(outcome.change, SnapshotChange::Changed(_));
            self.tell(&Event::Snapshot(outcome))?;
        }
        Ok(changed)
    }
}

/// Tells every reporter that there is nothing to judge, and why.
pub fn unreachable(plan: &Plan, output: &Output, problem: String) -> anyhow::Result<ExitCode> {
    let mut audience = Audience::new(output.reporters(plan.strict)?);
    audience.tell(&Event::Started(crate::runner::started(plan)))?;
    let finished =
        Finished { duration_ms: 0, exit: ExitCode::Unreachable, problem: Some(plan.secrets.mask(&problem)) };
    audience.close(finished, output)
}
