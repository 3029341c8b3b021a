//! Several servers in one report: judged side by side, told one after the other.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Instant;

use futures_util::StreamExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::part::Part;
use super::perform::{Audience, close, elapsed, interrupted, judge_and_fuzz};
use super::signals::unless_ended;
use super::snapshots::Telling;
use crate::runner::{
    Baseline, Beside, Event, ExitCode, Finished, Judged, Started, TargetInfo, side_by_side, started,
};

/// The file that names the servers.
pub struct Servers {
    /// The file.
    pub path: PathBuf,
    /// Whether all of its servers are judged.
    pub is_whole: bool,
    /// How many are judged at once.
    pub jobs: usize,
}

/// Judges all servers, `jobs` at once, and tells every reporter.
pub async fn perform(parts: &[Part], file: &Servers, telling: &Telling) -> anyhow::Result<ExitCode> {
    let parts: Vec<&Part> = parts.iter().filter(|part| !part.idle).collect();
    let Some(first) = parts.first() else { return Ok(ExitCode::Inconclusive) };
    telling.snapshots.allow(&first.plan)?;
    let mut audience = Audience::new(telling.reports.reporters(first.plan.strict)?);
    audience.tell(&Event::Started(whole(first, &file.path)))?;
    let (events, incoming) = unbounded_channel();
    let began = Instant::now();
    let judging = async {
        let done = unless_ended(all(&parts, file, &events)).await;
        drop(events);
        done.unwrap_or_else(|| (interrupted(began), Vec::new()))
    };
    let ((finished, baselines), told) = tokio::join!(judging, audience.listen(incoming));
    told?;
    let finished = Finished { duration_ms: elapsed(began), ..finished };
    close(audience, &parts, &baselines, finished, telling)
}

/// The beginning of the whole report: the file stands for the servers.
fn whole(first: &Part, file: &Path) -> Started {
    let config = Some(file.display().to_string());
    let target = TargetInfo { transport: first.plan.info.transport, command: Vec::new(), url: None, config };
    Started { target, ..started(&first.plan) }
}

/// Judges all, and tells what each came to in the order of the file. The baselines know what they were used for.
async fn all(parts: &[&Part], file: &Servers, events: &UnboundedSender<Event>) -> (Finished, Vec<Baseline>) {
    let judging = parts.iter().map(|part| judge(part, events));
    let mut done = pin!(side_by_side(judging, file.jobs.min(parts.len())));
    let (mut ends, mut baselines) = (Vec::new(), Vec::new());
    while let Some((told, finished, judged)) = done.next().await {
        told.into_iter().for_each(|event| drop(events.send(event)));
        ends.push(finished);
        baselines.extend(judged.map(|judged| judged.baseline));
    }
    let names: Vec<&str> = parts.iter().map(|part| part.name()).collect();
    // Whether an entry is stale can only be told when every server was judged, and wholly.
    let is_all =
        file.is_whole && baselines.len() == parts.len() && parts.iter().all(|part| part.plan.is_whole());
    let stale = if is_all { Baseline::stale(&baselines, &names) } else { None };
    (together(parts, &ends, stale), baselines)
}

/// The end of all: the gravest exit, and every problem with the name of its server.
fn together(parts: &[&Part], ends: &[Finished], stale: Option<String>) -> Finished {
    let named =
        |(part, end): (&&Part, &Finished)| Some(format!("{}: {}", part.name(), end.problem.as_ref()?));
    let problems: Vec<String> = parts.iter().zip(ends).filter_map(named).chain(stale.clone()).collect();
    let stale = stale.map(|_| ExitCode::Findings);
    Finished {
        duration_ms: 0,
        exit: ends
            .iter()
            .map(|end| end.exit)
            .chain(stale)
            .reduce(ExitCode::worse)
            .unwrap_or(ExitCode::Inconclusive),
        problem: (!problems.is_empty()).then(|| problems.join("\n")),
    }
}

/// Judges one. What it is doing is told at once, the rest when it is over, so that servers do not mix in a report.
async fn judge(part: &Part, events: &UnboundedSender<Event>) -> (Vec<Event>, Finished, Option<Judged>) {
    let live = |event| {
        let server = part.name().to_owned();
        drop(events.send(Event::Beside(Box::new(Beside { server, event }))));
    };
    live(Event::Progress("starting the server".to_owned()));
    let (told, finished, judged) = heard(part, &live).await;
    live(Event::Finished(finished.clone()));
    (told, finished, judged)
}

async fn heard(part: &Part, live: &impl Fn(Event)) -> (Vec<Event>, Finished, Option<Judged>) {
    let _host = match part.start().await {
        Ok(host) => host,
        Err(problem) => {
            let problem = Some(part.plan.secrets.mask(&problem.to_string()));
            let finished = Finished { duration_ms: 0, exit: ExitCode::Unreachable, problem };
            return (Vec::new(), finished, None);
        }
    };
    let (events, mut incoming) = unbounded_channel();
    let judging = async {
        let done = judge_and_fuzz(&part.plan, &events).await;
        drop(events);
        done
    };
    let hearing = async {
        let mut kept = Vec::new();
        while let Some(event) = incoming.recv().await {
            match event {
                Event::Progress(_) => live(event),
                Event::Started(_) => {}
                other => {
                    live(other.clone());
                    kept.push(other);
                }
            }
        }
        kept
    };
    let ((finished, judged), told) = tokio::join!(judging, hearing);
    (told, finished, Some(judged))
}
