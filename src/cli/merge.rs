//! `mcp-conform merge`: one report out of several.

use std::path::{Path, PathBuf};

use super::Usage;
use super::accept::{self, Acceptance, today};
use super::output::Output;
use super::perform::{Audience, despite};
use crate::catalogue::Verdict;
use crate::report::read::{Recorded, RecordedRun, read};
use crate::runner::{Baseline, Check, Event, ExitCode, Finished, Fuzzed, SnapshotChange, TargetInfo, fails};

/// Arguments of `merge`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// JSON reports of one server, as --json writes them; with --baseline, those of all shards
    #[arg(required = true, value_name = "REPORT")]
    reports: Vec<PathBuf>,
    /// Warnings are failures, as in runs with --strict
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    acceptance: Acceptance,
    #[command(flatten)]
    output: Output,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let mut baseline = args.acceptance.read()?;
    let mut whole: Option<Recorded> = None;
    for path in &args.reports {
        let mut report = open(path)?;
        accept(&mut report, &mut baseline, args.strict);
        whole = Some(match whole {
            None => report,
            Some(whole) => {
                join(whole, report).map_err(|problem| Usage(format!("{}: {problem}", path.display())))?
            }
        });
    }
    let Some(mut whole) = whole else { return Err(Usage("no report to merge".to_owned()).into()) };
    refuse_stale(&mut whole, &baseline);
    let mut audience = Audience::new(args.output.reporters(args.strict)?);
    tell(&mut audience, &whole)?;
    let written =
        accept::write(args.acceptance.write_baseline.as_deref(), &[baseline], &audience.report, args.strict);
    let finished = Finished { duration_ms: whole.duration_ms, exit: whole.exit, problem: whole.problem };
    audience.close(despite(finished, written))
}

/// Applies the baseline to a report, whose end may then be another one.
fn accept(report: &mut Recorded, baseline: &mut Baseline, strict: bool) {
    let mut accepted = 0;
    for run in &mut report.runs {
        for check in &mut run.checks {
            let before = check.verdict;
            baseline.apply(run.started.name.as_deref(), check, &today());
            accepted += usize::from(check.verdict != before);
        }
    }
    report.exit = match report.exit {
        ExitCode::Clean if is_failing(report, strict) => ExitCode::Findings,
        // A problem is a reason of its own, and so is what cannot be seen here.
        ExitCode::Findings if accepted > 0 && report.problem.is_none() && !is_failing(report, strict) => {
            let mut checks = report.runs.iter().flat_map(|run| &run.checks);
            let has_error = checks.any(|check| check.verdict == Verdict::Error);
            if has_error { ExitCode::Bug } else { ExitCode::Clean }
        }
        other => other,
    };
}

fn is_failing(report: &Recorded, strict: bool) -> bool {
    let mut checks = report.runs.iter().flat_map(|run| &run.checks);
    let mut fuzzed = report.fuzz.iter().flat_map(|campaign| &campaign.findings);
    let is_changed = |change: &SnapshotChange| matches!(change, SnapshotChange::Changed(_));
    checks.any(|check| fails(check.verdict, strict))
        || fuzzed.any(|finding| !finding.is_advice())
        || report.snapshots.iter().any(|snapshot| is_changed(&snapshot.change))
}

/// An entry that nothing needs any more is an error, unless something was not judged that may need it.
fn refuse_stale(whole: &mut Recorded, baseline: &Baseline) {
    if whole.problem.is_some() || !matches!(whole.exit, ExitCode::Clean | ExitCode::Findings) {
        return;
    }
    let names: Vec<&str> = whole.runs.iter().filter_map(|run| run.started.name.as_deref()).collect();
    if let Some(stale) = Baseline::stale(std::slice::from_ref(baseline), &names) {
        whole.problem = Some(stale);
        whole.exit = ExitCode::Findings;
    }
}

fn open(path: &Path) -> Result<Recorded, Usage> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Usage(format!("{}: {error}", path.display())))?;
    read(&text).map_err(|problem| Usage(format!("{}: {problem}", path.display())))
}

fn tell(audience: &mut Audience, whole: &Recorded) -> std::io::Result<()> {
    audience.tell(&Event::Started(whole.started.clone()))?;
    for run in &whole.runs {
        audience.tell(&Event::RunStarted(run.started.clone()))?;
        for check in &run.checks {
            audience.tell(&Event::Checked(Box::new(check.clone())))?;
        }
        audience.tell(&Event::RunFinished(run.finished.clone()))?;
    }
    for snapshot in &whole.snapshots {
        audience.tell(&Event::Snapshot(snapshot.clone()))?;
    }
    whole.fuzz.iter().try_for_each(|campaign| audience.tell(&Event::Fuzzed(Box::new(campaign.clone()))))
}

/// Both reports as one.
fn join(mut whole: Recorded, other: Recorded) -> Result<Recorded, String> {
    let (one, two) = (name(&whole.started.target), name(&other.started.target));
    if one != two {
        return Err(format!("it is about another server: `{two}`, not `{one}`"));
    }
    for run in other.runs {
        let is_same = |known: &&mut RecordedRun| {
            let key =
                |run: &RecordedRun| (run.started.name.clone(), run.started.revision, run.started.transport);
            key(known) == key(&run)
        };
        match whole.runs.iter_mut().find(is_same) {
            Some(known) => join_runs(known, run),
            None => whole.runs.push(run),
        }
    }
    for campaign in other.fuzz {
        match whole
            .fuzz
            .iter_mut()
            .find(|known| (&known.name, known.revision) == (&campaign.name, campaign.revision))
        {
            Some(known) => join_campaigns(known, campaign),
            None => whole.fuzz.push(campaign),
        }
    }
    let is_new = |file: &str| whole.snapshots.iter().all(|known| known.file != file);
    let snapshots: Vec<_> = other.snapshots.into_iter().filter(|snapshot| is_new(&snapshot.file)).collect();
    whole.snapshots.extend(snapshots);
    // As with runs: shards go side by side.
    whole.duration_ms = whole.duration_ms.max(other.duration_ms);
    whole.exit = whole.exit.worse(other.exit);
    whole.problem = whole.problem.or(other.problem);
    Ok(whole)
}

/// What a report is about: of a server that was started for it, the command. Its address may be another each time.
fn name(target: &TargetInfo) -> String {
    if let Some(config) = &target.config {
        return config.clone();
    }
    match &target.url {
        Some(url) if target.command.is_empty() => url.clone(),
        _ => format!("{} {}", target.transport, target.command.join(" ")),
    }
}

fn join_runs(known: &mut RecordedRun, other: RecordedRun) {
    for check in other.checks {
        let is_same = |one: &&mut Check| one.id == check.id && one.requirement == check.requirement;
        match known.checks.iter_mut().find(is_same) {
            Some(one) => join_checks(one, check),
            None => known.checks.push(check),
        }
    }
    known.started.planned = known.checks.len();
    known.finished.spawns += other.finished.spawns;
    known.finished.duration_ms = known.finished.duration_ms.max(other.finished.duration_ms);
}

/// What one report saw and the other did not counts, the worse of two that both saw.
fn join_checks(one: &mut Check, other: Check) {
    let observations = one.observations + other.observations;
    if other.verdict.weight() > one.verdict.weight() {
        *one = other;
    }
    one.observations = observations;
}

fn join_campaigns(known: &mut Fuzzed, other: Fuzzed) {
    known.executed += other.executed;
    known.skipped += other.skipped;
    known.duration_ms += other.duration_ms;
    for finding in other.findings {
        if known.findings.iter().all(|one| one.id != finding.id) {
            known.findings.push(finding);
        }
    }
}
