//! `mcp-conform fuzz`: a campaign of malformed messages.

use std::collections::{BTreeSet, HashSet};
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
use super::perform::{Audience, elapsed, interrupted, nothing, unreachable};
use super::shard::shard;
use super::signals::{unless_ended, wish};
use crate::fuzz::{self, Budget, Campaign, Finding, Severity, Summary};
use crate::protocol::Revision;
use crate::report::text::shell_word;
use crate::runner::{
    self, Choice, Event, ExitCode, Finished, FuzzFinding, Fuzzed, Plan, Policy, Shard, Tools, started,
};

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
    let (revisions, silence, hunted) = match done {
        Some(done) if !limits.stopped.load(Relaxed) => done,
        Some(_) | None => return audience.close(interrupted(began)),
    };
    let exit = if revisions.is_empty() { ExitCode::Unreachable } else { hunted.exit() };
    let problem = hunted.problem().or(silence);
    audience.close(Finished { duration_ms: elapsed(began), exit, problem })
}

/// What campaigns came to.
#[derive(Debug, Default)]
pub struct Hunted {
    /// How many bugs were found.
    pub found: usize,
    /// Why the server could not be spoken to.
    failure: Option<String>,
    /// Why it was not spoken to as long as it should have been.
    ended: Option<String>,
    /// Files that could not be read or written.
    files: BTreeSet<String>,
}

impl Hunted {
    /// A bug is one whatever became of the files; they say nothing about the server.
    fn exit(&self) -> ExitCode {
        match self {
            Self { found: 1.., .. } => ExitCode::Findings,
            Self { failure: Some(_), .. } => ExitCode::Unreachable,
            Self { ended: Some(_), .. } => ExitCode::Inconclusive,
            Self { files, .. } if !files.is_empty() => ExitCode::Usage,
            _ => ExitCode::Clean,
        }
    }

    /// What went wrong.
    pub fn problem(self) -> Option<String> {
        let problems: Vec<String> = self.failure.into_iter().chain(self.ended).chain(self.files).collect();
        (!problems.is_empty()).then(|| problems.join("\n"))
    }
}

/// Fuzzes the server in each revision, side by side. Violations of `known` requirements are no news.
pub async fn hunt(
    plan: &Plan,
    limits: &Limits,
    budget: Budget,
    revisions: &[Revision],
    known: &HashSet<String>,
    events: &UnboundedSender<Event>,
) -> Hunted {
    // A reporter that is gone is no reason to stop.
    let tell = |event| drop(events.send(event));
    let no_tools = Policy { tools: Tools::None, ..Policy::default() };
    let campaigns = revisions.iter().map(|revision| async {
        let campaign = Campaign {
            target: &plan.target,
            revision: *revision,
            options: plan.options.clone(),
            policy: if limits.without_tools { &no_tools } else { &plan.policy },
            secrets: &plan.secrets,
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
    let mut hunted = Hunted::default();
    for (revision, summary) in revisions.iter().zip(join_all(campaigns).await) {
        match summary {
            Ok(summary) => {
                hunted.found += summary.findings.iter().filter(|f| f.severity == Severity::Finding).count();
                let ended = summary.ended.as_ref().map(|why| plan.secrets.mask(why));
                hunted.ended = hunted.ended.or(ended);
                hunted.files.extend(summary.problems.iter().map(|problem| plan.secrets.mask(problem)));
                let fuzzed = fuzzed(plan, *revision, summary, limits.findings_dir.as_deref());
                tell(Event::Fuzzed(Box::new(fuzzed)));
            }
            Err(failure) => hunted.failure = Some(plan.secrets.mask(&failure.error.to_string())),
        }
    }
    hunted
}

/// What to speak: what the user pinned, else what the server accepts of what is wanted; and why there is nothing to speak.
/// Campaigns know no HTTP+SSE.
async fn revisions(plan: &Plan) -> (Vec<Revision>, Option<String>) {
    match &plan.revisions {
        Choice::Pinned(revisions) => (revisions.clone(), None),
        Choice::Auto | Choice::All => {
            let (sessions, failures) = runner::open(plan).await;
            let silence = runner::problem(plan, &sessions, &failures);
            (sessions.iter().map(|session| session.revision).collect(), silence)
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
        // Masked before it was cut.
        wire: finding.wire.clone(),
        stderr: plan.secrets.mask(&finding.stderr),
        rerun,
    }
}
