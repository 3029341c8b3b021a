//! `mcp-conform fuzz`: a campaign of malformed messages.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::Usage;
use super::options::{Basics, Judging, duration};
use super::output::Output;
use super::over::Over;
use super::perform::{Audience, interrupted, nothing, unreachable};
use super::shard::shard;
use super::signals::{unless_ended, wish};
use crate::fuzz::{self, Budget, Campaign, Finding, Severity, Summary};
use crate::protocol::Revision;
use crate::report::text::shell_word;
use crate::runner::{
    self, Choice, Event, ExitCode, Finished, FuzzFinding, Fuzzed, Plan, Policy, Shard, Tools, started,
};
use crate::session::detect;

/// Arguments of `fuzz`.
#[derive(clap::Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_required = false, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    target: Option<Over<Fuzzing>>,
    /// Copy every script of these corpora that --into does not hold, and stop
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "into")]
    merge: Vec<PathBuf>,
    /// The corpus that --merge adds to
    #[arg(long, value_name = "DIR", requires = "merge")]
    into: Option<PathBuf>,
}

/// How a campaign goes.
#[derive(clap::Args, Debug)]
struct Fuzzing {
    #[command(flatten)]
    basics: Basics,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    limits: Limits,
}

/// When a campaign ends, and what becomes of findings.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "The campaign")]
pub struct Limits {
    /// How many cases are run, in each revision
    #[arg(long = "cases", value_name = "N", default_value_t = 2000, conflicts_with = "time")]
    cases_to_run: u64,
    /// How long the campaign goes on, such as 30m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// Where scripts that show new behaviour are kept, to go on from there next time; campaigns may share it
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Run only a part of the cases: part I of N, from 1; `auto/N` takes I from JOB_COMPLETION_INDEX and its like
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Generate every case anew: new behaviour is not followed up
    #[arg(long)]
    blind: bool,
    /// Where findings are saved, one file each
    #[arg(long, value_name = "DIR")]
    findings_dir: Option<PathBuf>,
    /// Look for the smallest script of each finding (the default)
    #[arg(long, overrides_with = "no_minimize")]
    minimize: bool,
    /// Do not look for the smallest script of a finding
    #[arg(long, overrides_with = "minimize")]
    no_minimize: bool,
    /// Stop after so many findings
    #[arg(long, value_name = "N", default_value_t = 20)]
    max_findings: usize,
    #[arg(skip)]
    without_tools: bool,
    #[arg(skip)]
    stopped: Arc<AtomicBool>,
}

impl Limits {
    /// Those of a short pass: findings are not saved, and no tool is called, as each call may cost time and money.
    pub fn brief(max_findings: usize, shard: Shard) -> Self {
        Self { max_findings, shard: Some(shard), without_tools: true, ..Self::default() }
    }
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Some(target) = args.target else { return merge(&args.merge, args.into.as_deref()) };
    let (fuzzing, part) = target.part(|fuzzing| Judging::of(fuzzing.basics.clone()))?;
    let (plan, output) = (&part.plan, &fuzzing.output);
    match unless_ended(part.start()).await {
        Some(Ok(_host)) => campaign(plan, output, &fuzzing.limits).await,
        Some(Err(error)) => unreachable(plan, output, &error.to_string()),
        None => nothing(plan, output, interrupted(Instant::now())),
    }
}

/// Merges corpora.
fn merge(from: &[PathBuf], into: Option<&Path>) -> anyhow::Result<ExitCode> {
    let Some(into) = into else {
        return Err(Usage("--merge needs --into DIR, the corpus to add to".to_owned()).into());
    };
    let added = fuzz::merge_corpora(into, from).map_err(|error| Usage(format!("--merge: {error}")))?;
    writeln!(std::io::stdout(), "{added} scripts were added to {}", into.display())?;
    Ok(ExitCode::Clean)
}

/// How long a campaign may take to end of itself once it should.
const GRACE: Duration = Duration::from_secs(3);

/// Waits until somebody wants an end; then lets the campaign end of itself, which tells what it found, or else gives it up.
async fn stop(stopped: &AtomicBool) {
    wish().await;
    stopped.store(true, Relaxed);
    tokio::time::sleep(GRACE).await;
}

async fn campaign(plan: &Plan, output: &Output, limits: &Limits) -> anyhow::Result<ExitCode> {
    let mut audience = Audience::new(output.reporters(plan.strict)?);
    audience.tell(&Event::Started(started(plan)))?;
    let (events, incoming) = unbounded_channel();
    let began = Instant::now();
    let working = async {
        let fuzzing = async {
            let (revisions, silence) = revisions(plan).await;
            let budget = limits.time.map_or(Budget::Cases(limits.cases_to_run), Budget::Time);
            let hunted = hunt(plan, limits, budget, &revisions, &HashSet::new(), &events).await;
            (revisions, silence, hunted)
        };
        let done = tokio::select! {
            done = fuzzing => Some(done),
            () = stop(&limits.stopped) => None,
        };
        drop(events);
        done
    };
    let (done, told) = tokio::join!(working, audience.listen(incoming));
    told?;
    let (revisions, silence, (found, problem)) = match done {
        Some(done) if !limits.stopped.load(Relaxed) => done,
        Some(_) | None => return audience.close(interrupted(began)),
    };
    let exit = match (found, &problem, revisions.is_empty()) {
        (1.., ..) => ExitCode::Findings,
        (0, Some(_), _) | (0, None, true) => ExitCode::Unreachable,
        (0, None, false) => ExitCode::Clean,
    };
    let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    audience.close(Finished { duration_ms, exit, problem: problem.or(silence) })
}

/// Fuzzes the server in each revision, side by side: how many bugs were found, and what went wrong. Violations of `known`
/// requirements are no news.
pub async fn hunt(
    plan: &Plan,
    limits: &Limits,
    budget: Budget,
    revisions: &[Revision],
    known: &HashSet<String>,
    events: &UnboundedSender<Event>,
) -> (usize, Option<String>) {
    // A reporter that is gone is no reason to stop.
    let tell = |event| drop(events.send(event));
    let no_tools = Policy { tools: Tools::None, ..Policy::default() };
    let campaigns = revisions.iter().map(|revision| async {
        let campaign = Campaign {
            target: &plan.target,
            revision: *revision,
            options: plan.options.clone(),
            policy: if limits.without_tools { &no_tools } else { &plan.policy },
            seed: plan.seed,
            budget,
            known,
            max_findings: limits.max_findings,
            shard: limits.shard.unwrap_or(Shard::WHOLE),
            minimize: !limits.no_minimize,
            guided: !limits.blind,
            folder: limits.findings_dir.clone(),
            corpus: limits.corpus.clone(),
            stopped: &limits.stopped,
        };
        fuzz::run(&campaign, &|line| tell(Event::Progress(line))).await
    });
    let (mut found, mut problem) = (0, None);
    for (revision, summary) in revisions.iter().zip(join_all(campaigns).await) {
        match summary {
            Ok(summary) => {
                found += summary.findings.iter().filter(|f| f.severity == Severity::Finding).count();
                problem = problem.or(summary.problems.first().cloned());
                let fuzzed = fuzzed(plan, *revision, summary, limits.findings_dir.as_deref());
                tell(Event::Fuzzed(Box::new(fuzzed)));
            }
            Err(failure) => problem = Some(plan.secrets.mask(&failure.error.to_string())),
        }
    }
    (found, problem)
}

/// What to speak: what the user pinned, else the newest of each era; and why there is nothing to speak. Campaigns know
/// no HTTP+SSE.
async fn revisions(plan: &Plan) -> (Vec<Revision>, Option<String>) {
    match &plan.revisions {
        Choice::Pinned(revisions) => (revisions.clone(), None),
        Choice::Auto | Choice::All => {
            let detection = detect(&plan.target, &plan.options).await;
            let silence = runner::problem(plan, &detection.sessions, &detection.failures);
            (detection.sessions.iter().map(|session| session.revision).collect(), silence)
        }
    }
}

fn fuzzed(plan: &Plan, revision: Revision, summary: Summary, folder: Option<&Path>) -> Fuzzed {
    Fuzzed {
        name: plan.name.clone(),
        seed: plan.seed,
        revision,
        executed: summary.executed,
        duration_ms: u64::try_from(summary.duration.as_millis()).unwrap_or(u64::MAX),
        skipped: summary.skipped,
        findings: summary.findings.iter().map(|finding| shown(plan, finding, folder)).collect(),
    }
}

fn shown(plan: &Plan, finding: &Finding, folder: Option<&Path>) -> FuzzFinding {
    let file = folder.map(|folder| folder.join(finding.file_name()).display().to_string());
    let rerun =
        file.as_ref().map(|file| format!("mcp-conform replay {}{}", shell_word(file), plan.rerun.replay));
    FuzzFinding {
        name: plan.name.clone(),
        id: finding.finding.clone(),
        revision: finding.revision,
        kind: finding.kind.as_str(),
        requirement: finding.requirement.clone(),
        message: plan.secrets.mask(&finding.message),
        steps: finding.script.actions.len(),
        stability: finding.stability.as_str(),
        severity: finding.severity.as_str(),
        replay: file,
        operators: finding.operators.clone(),
        script: finding.script.lines().map(|line| plan.secrets.mask(&line)).collect(),
        wire: finding.wire.iter().map(|line| plan.secrets.mask(line)).collect(),
        stderr: plan.secrets.mask(&finding.stderr),
        rerun,
    }
}
