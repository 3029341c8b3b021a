//! The main loop: detect, survey, run the cases, judge the transcripts, report.

use std::collections::HashSet;
use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::baseline::Baseline;
use super::check::Check;
use super::event::{Event, Finished, RunFinished, RunStarted, Started, Surface};
use super::evidence;
use super::exit::ExitCode;
use super::interpret::{DEATH, Surroundings};
use super::plan::{Choice, Plan, Planned, fails, planned};
use super::revision::Scene;
use super::survey::Survey;
use super::tally::{Observed, Tally};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::session::transcript::Transcript;
use crate::session::{FLOOD, OpenFailure, Session, detect};
use crate::transport::Target;

/// Judges the target and tells every event, `Started` first; the caller adds what belongs after the last run, then
/// tells `Finished` with the returned end.
pub async fn run(plan: &Plan, events: &UnboundedSender<Event>) -> (Finished, Judged) {
    let began = Instant::now();
    plan.options.quota.renew();
    // A reporter that is gone is no reason to stop judging.
    let tell = |event| drop(events.send(event));
    tell(Event::Started(started(plan)));
    tell(Event::Progress("starting the server".to_owned()));
    let mut counts = Counts { baseline: plan.baseline.clone(), ..Counts::default() };
    let (older, sessions, failures) = reach(plan).await;
    let plan = older.as_ref().unwrap_or(plan);
    counts.done.over_sse = matches!(plan.target, Target::Sse(_));
    let problem = problem(plan, &sessions, &failures);
    for session in sessions {
        judge_revision(plan, session, &tell, &mut counts).await;
    }
    // Of several servers, whoever judges them all knows what is stale.
    let is_all = plan.is_whole() && plan.name.is_none() && counts.runs > 0;
    let stale = if is_all { Baseline::stale(std::slice::from_ref(&counts.baseline), &[]) } else { None };
    let exit = counts.exit(plan.strict, problem.is_some(), stale.is_some());
    let flood = counts.flooded.then(|| format!("the run was cut short: {FLOOD}"));
    let finished = Finished { duration_ms: elapsed(began), exit, problem: problem.or(stale).or(flood) };
    (finished, Judged { baseline: counts.baseline, ..counts.done })
}

/// The first event of a run.
pub fn started(plan: &Plan) -> Started {
    Started { seed: plan.seed, at: now(), target: plan.info.clone() }
}

#[derive(Default)]
struct Counts {
    judged: usize,
    failing: usize,
    warnings: usize,
    errors: usize,
    runs: usize,
    flooded: bool,
    baseline: Baseline,
    done: Judged,
}

/// What was judged, for whoever goes on from there.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// The revisions, in the order of the runs.
    pub revisions: Vec<Revision>,
    /// Whether the older transport, HTTP+SSE, had to be used.
    pub over_sse: bool,
    /// Requirements that do not hold, accepted or not.
    pub violated: HashSet<String>,
    /// The baseline, which knows what it was used for.
    pub baseline: Baseline,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        self.judged += usize::from(verdict.is_judged());
        self.failing += usize::from(fails(verdict, false));
        self.warnings += usize::from(verdict == Verdict::Warn);
        self.errors += usize::from(verdict == Verdict::Error);
    }

    fn exit(&self, strict: bool, problem: bool, stale: bool) -> ExitCode {
        match self {
            _ if self.runs == 0 => ExitCode::Unreachable,
            _ if self.failing > 0 || (strict && self.warnings > 0) => ExitCode::Findings,
            _ if stale => ExitCode::Findings,
            _ if self.errors > 0 => ExitCode::Bug,
            _ if problem => ExitCode::Unreachable,
            _ if self.judged == 0 || self.flooded => ExitCode::Inconclusive,
            _ => ExitCode::Clean,
        }
    }
}

pub(crate) type Failures = Vec<(Revision, Box<OpenFailure>)>;

/// The same plan over HTTP+SSE, as a client goes on whose first POST was refused (backwards compatibility).
fn older(plan: &Plan) -> Option<Plan> {
    match &plan.target {
        Target::Http(endpoint) => Some(Plan { target: Target::Sse(endpoint.clone()), ..plan.clone() }),
        Target::Sse(_) | Target::Command(_) | Target::Memory(_) => None,
    }
}

/// Opens what the plan wants; over HTTP+SSE, as the returned plan then says, where nothing else is spoken.
pub(super) async fn reach(plan: &Plan) -> (Option<Plan>, Vec<Session>, Failures) {
    let (sessions, failures) = open(plan).await;
    let Some(older) = older(plan).filter(|_| sessions.is_empty()) else { return (None, sessions, failures) };
    match open(&older).await {
        (found, _) if found.is_empty() => (None, sessions, failures),
        (found, others) => (Some(older), found, others),
    }
}

/// Opens what the plan wants, over its own transport.
pub(crate) async fn open(plan: &Plan) -> (Vec<Session>, Failures) {
    let (target, options) = (&plan.target, &plan.options);
    match &plan.revisions {
        // The transport of 2024-11-05, spoken in that revision.
        Choice::Auto if matches!(target, Target::Sse(_)) => pinned(plan, &[Revision::V2024_11_05]).await,
        Choice::All if matches!(target, Target::Sse(_)) => {
            let known = Revision::ALL.into_iter().rev().filter(|revision| revision.is_handshake());
            pinned(plan, &known.collect::<Vec<_>>()).await
        }
        Choice::Auto => {
            let detection = detect(target, options).await;
            (detection.sessions, detection.failures)
        }
        Choice::All => {
            let mut detection = detect(target, options).await;
            let known: Vec<Revision> = detection.sessions.iter().map(|session| session.revision).collect();
            if known.iter().any(|revision| revision.is_handshake()) {
                let others = Revision::ALL.into_iter().filter(|r| r.is_handshake() && !known.contains(r));
                for revision in others.filter(|revision| offered(plan, *revision)) {
                    // A refusal means that the server does not accept the revision: nothing to report.
                    detection.sessions.extend(Session::open(target, revision, options).await);
                }
            }
            detection.sessions.sort_by_key(|session| std::cmp::Reverse(session.revision));
            (detection.sessions, detection.failures)
        }
        Choice::Pinned(revisions) => pinned(plan, revisions).await,
    }
}

async fn pinned(plan: &Plan, revisions: &[Revision]) -> (Vec<Session>, Failures) {
    let mut found = (Vec::new(), Vec::new());
    for revision in revisions {
        match Session::open(&plan.target, *revision, &plan.options).await {
            Ok(session) => found.0.push(session),
            Err(failure) => found.1.push((*revision, failure)),
        }
    }
    found
}

/// Streamable HTTP begins with 2025-03-26.
fn offered(plan: &Plan, revision: Revision) -> bool {
    plan.target.transport() == "stdio" || revision > Revision::V2024_11_05
}

/// Why something that was asked for could not be judged.
pub(crate) fn problem(plan: &Plan, sessions: &[Session], failures: &Failures) -> Option<String> {
    if !(sessions.is_empty() || matches!(plan.revisions, Choice::Pinned(_))) {
        return None;
    }
    // When no era answers, the failure of the older era is the one that everybody understands.
    let (revision, failure) = failures.last()?;
    let what = match &plan.info.url {
        Some(url) => url.clone(),
        None => plan.info.command.join(" "),
    };
    let error = plan.secrets.mask(&failure.error.to_string());
    let mut text = format!("`{what}` cannot be judged in {revision}: {error}");
    if let Some(line) = first_output(&failure.transcript) {
        text.push_str(&format!("\nfirst output: {}", plan.secrets.mask(&line)));
    }
    if !failure.stderr.trim().is_empty() {
        text.push_str(&format!("\nstandard error:\n{}", plan.secrets.mask(failure.stderr.trim_end())));
    }
    Some(text)
}

fn first_output(transcript: &Transcript) -> Option<String> {
    use crate::session::transcript::What;
    let received = transcript.entries.iter().find(|entry| matches!(entry.what, What::Received { .. }));
    received.map(|entry| evidence::bounded(&entry.text()).chars().take(300).collect())
}

async fn judge_revision(plan: &Plan, mut session: Session, tell: &impl Fn(Event), counts: &mut Counts) {
    let began = Instant::now();
    counts.runs += 1;
    counts.done.revisions.push(session.revision);
    let transport = plan.target.transport();
    let revision = session.revision;
    let all = planned(plan, &session);
    tell(Event::RunStarted(RunStarted {
        name: plan.name.clone(),
        revision,
        transport,
        server: session.server.info.clone(),
        capabilities: session.server.capabilities.clone(),
        startup_ms: session.transcript.startup_ms(),
        planned: all.len(),
    }));
    let survey = Survey::take(&mut session, &plan.policy).await;
    tell(Event::Surface(Surface { revision, transport, value: survey.surface().clone() }));
    let tokens = &plan.policy.profile.authorization;
    let (secrets, policy) = (&plan.secrets, &plan.policy);
    let around = Surroundings { survey: &survey, plain: &survey, secrets, tokens, policy };
    let capabilities = session.server.capabilities.clone();
    let mut scene = Scene::new(plan, &around, capabilities, &all);
    scene.perform(session, tell).await;
    let (mut tally, spawns, flooded) = scene.finish();
    counts.flooded |= flooded;
    let has_cause = tally.has_failed(DEATH);
    for planned in &all {
        let mut check = conclude(plan, planned, &mut tally, revision);
        if check.blocked_by.as_deref() == Some(DEATH) && !has_cause && !flooded {
            // The reply came, but late: that is no failure, and there is no cause to name.
            check.verdict = Verdict::NotObserved;
            check.blocked_by = None;
            check.message = "no reply came in time".to_owned();
        }
        counts.baseline.apply(plan.name.as_deref(), &mut check, &now()[..10]);
        counts.add(check.verdict);
        if matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Known) {
            counts.done.violated.insert(check.requirement.clone());
        }
        tell(Event::Checked(Box::new(check)));
    }
    tell(Event::RunFinished(RunFinished { spawns, duration_ms: elapsed(began) }));
}

/// The verdict of a planned check, observed or not.
fn conclude(plan: &Plan, planned: &Planned, tally: &mut Tally, revision: Revision) -> Check {
    let id = &planned.requirement.id;
    let observed = match &planned.excluded {
        Some(why) => Observed::plain(&planned.check, id, Verdict::NotApplicable, why.clone()),
        None => tally.take(&planned.check, id).unwrap_or_else(|| {
            Observed::plain(&planned.check, id, Verdict::NotObserved, planned.hint.clone())
        }),
    };
    let only = if planned.is_scripted() { &planned.check } else { id };
    Check {
        id: planned.check.clone(),
        requirement: id.clone(),
        level: planned.requirement.level,
        verdict: observed.verdict,
        observations: if observed.verdict.is_judged() { observed.times } else { 0 },
        message: observed.message,
        expected: observed.expected,
        got: observed.got,
        spec: planned.requirement.link(revision).map(crate::catalogue::SpecLink::url).unwrap_or_default(),
        case: observed.case,
        wire: observed.wire,
        stderr: observed.stderr,
        blocked_by: observed.blocked_by,
        rerun: plan.rerun.of(only, revision),
    }
}

fn elapsed(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The time, as RFC 3339 in UTC.
pub fn now() -> String {
    time::OffsetDateTime::now_utc().format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
