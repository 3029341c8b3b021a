//! Performing a plan: the run on one side, the reporters on the other.

use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::fuzz::{self, Limits};
use super::output::Output;
use super::part::Part;
use super::signals::unless_ended;
use super::snapshots::Telling;
use super::state::State;
use super::{Usage, accept, complain, mistaken};
use crate::fuzz::Budget;
use crate::pattern::Mask;
use crate::protocol::Revision;
use crate::report::{Report, Reporter, Reporters};
use crate::runner::{Baseline, Event, ExitCode, Finished, Judged, Plan, Surface, run};

/// Judges one server and tells every reporter.
pub async fn perform(part: &Part, telling: &Telling) -> anyhow::Result<ExitCode> {
    let plan = &part.plan;
    telling.snapshots.allow(plan)?;
    let mut audience = Audience::new(telling.reports.reporters(plan.strict)?);
    audience.masks.clone_from(&plan.policy.profile.snapshot.mask);
    let (events, incoming) = unbounded_channel();
    let began = Instant::now();
    let judging = async {
        let done = unless_ended(judge_and_fuzz(plan, &events)).await;
        drop(events);
        done.unwrap_or_else(|| (interrupted(began), Judged::default()))
    };
    let ((finished, judged), told) = tokio::join!(judging, audience.listen(incoming));
    told?;
    let surfaces: Vec<&Surface> = audience.surfaces.iter().map(|(_, surface)| surface).collect();
    let mistaken = mistaken::names(&plan.policy.profile, &surfaces);
    let exit = close(audience, &[part], &[judged.baseline], finished, telling);
    mistaken.iter().for_each(|told| complain(told));
    exit
}

/// Ends a run: what later runs need is kept, snapshots are compared, and the reports are complete.
pub fn close(
    mut audience: Audience,
    parts: &[&Part],
    baselines: &[Baseline],
    finished: Finished,
    telling: &Telling,
) -> anyhow::Result<ExitCode> {
    let kept = keep(&audience.report, parts, baselines, finished.exit);
    let finished = despite(telling.snapshots.compare(&mut audience, finished)?, kept);
    audience.close(finished)
}

/// Keeps what later runs need: which checks failed, and a baseline where one is asked for.
fn keep(report: &Report, parts: &[&Part], baselines: &[Baseline], exit: ExitCode) -> Result<(), Usage> {
    if exit == ExitCode::Interrupted || report.runs.is_empty() {
        return Ok(());
    }
    let mut state = State::read();
    for part in parts {
        let its = report.runs.iter().filter(|run| run.name == part.plan.name);
        if its.clone().next().is_some() {
            state.add(&part.label(), its.flat_map(|run| &run.checks), part.plan.is_whole());
        }
    }
    state.write();
    let Some(plan) = parts.first().map(|part| &part.plan) else { return Ok(()) };
    accept::write(plan.write_baseline.as_deref(), baselines, report, plan.strict)
}

/// The end of a run of which a file of the user's cannot be read or written. That is found out when everything is judged:
/// it is told in the reports, and none is lost for it.
pub fn despite(finished: Finished, kept: Result<(), Usage>) -> Finished {
    let Err(error) = kept else { return finished };
    let problems: Vec<String> = finished.problem.into_iter().chain([error.to_string()]).collect();
    Finished { exit: ExitCode::Usage, problem: Some(problems.join("\n")), ..finished }
}

/// The end of a run that the user ended.
pub fn interrupted(began: Instant) -> Finished {
    let problem = Some("interrupted: what was judged until then is in the report".to_owned());
    Finished { duration_ms: elapsed(began), exit: ExitCode::Interrupted, problem }
}

/// Milliseconds since then.
pub fn elapsed(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
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
pub async fn judge_and_fuzz(plan: &Plan, events: &UnboundedSender<Event>) -> (Finished, Judged) {
    let (mut finished, judged) = run(plan, events).await;
    let is_judged = matches!(finished.exit, ExitCode::Clean | ExitCode::Findings);
    // HTTP+SSE is judged, but not fuzzed.
    if plan.fuzz_cases == 0 || judged.over_sse || !is_judged || !plan.filter.is_whole() {
        return (finished, judged);
    }
    let limits = Limits::brief(MOST_FINDINGS, plan.shard);
    let revisions = newest(&judged.revisions);
    let budget = Budget::Cases(plan.fuzz_cases);
    let hunted = fuzz::hunt(plan, &limits, budget, &revisions, &judged.violated, events).await;
    if hunted.found > 0 {
        finished.exit = ExitCode::Findings;
    }
    finished.problem = finished.problem.or(hunted.problem());
    (finished, judged)
}

/// The reporters, and what the snapshots need.
pub struct Audience {
    reporters: Reporters,
    /// Everything so far.
    pub report: Report,
    /// With the name of the server, where there are several.
    pub surfaces: Vec<(Option<String>, Surface)>,
    /// What changes in a snapshot from run to run.
    pub masks: Vec<Mask>,
}

impl Audience {
    /// Nothing was told yet.
    pub fn new(reporters: Reporters) -> Self {
        Self { reporters, report: Report::default(), surfaces: Vec::new(), masks: Vec::new() }
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
            let name = self.report.runs.last().and_then(|run| run.name.clone());
            self.surfaces.push((name, surface.clone()));
        }
        self.report.on_event(event);
        self.reporters.on_event(event)
    }

    /// Tells the end.
    pub fn close(&mut self, finished: Finished) -> anyhow::Result<ExitCode> {
        let exit = finished.exit;
        self.tell(&Event::Finished(finished))?;
        Ok(exit)
    }
}

/// Tells every reporter that there is nothing to judge, and why.
pub fn unreachable(plan: &Plan, output: &Output, problem: &str) -> anyhow::Result<ExitCode> {
    let problem = Some(plan.secrets.mask(problem));
    nothing(plan, output, Finished { duration_ms: 0, exit: ExitCode::Unreachable, problem })
}

/// Tells every reporter that nothing was done.
pub fn nothing(plan: &Plan, output: &Output, finished: Finished) -> anyhow::Result<ExitCode> {
    let mut audience = Audience::new(output.reporters(plan.strict)?);
    audience.tell(&Event::Started(crate::runner::started(plan)))?;
    audience.close(finished)
}
