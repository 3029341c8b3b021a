//! Several servers in one report: judged side by side, told one after the other.

use std::path::Path;
use std::time::Instant;

use futures_util::stream::{self, StreamExt};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::output::Output;
use super::perform::{Audience, elapsed, interrupted, judge_and_fuzz};
use crate::runner::{Event, ExitCode, Finished, Plan, Started, TargetInfo, started};
use crate::transport::{Command, Host};

/// One server of several.
pub struct Part {
    /// What is judged, with the name of the server.
    pub plan: Plan,
    /// The command that has to run first, and the address at which it then listens.
    pub host: Option<(Command, url::Url)>,
}

impl Part {
    fn name(&self) -> &str {
        self.plan.name.as_deref().unwrap_or_default()
    }
}

/// Judges all servers, `jobs` at once, and tells every reporter.
pub async fn perform(parts: &[Part], file: &Path, jobs: usize, output: &Output) -> anyhow::Result<ExitCode> {
    let Some(first) = parts.first() else { return Ok(ExitCode::Inconclusive) };
    let mut audience = Audience::new(output.reporters(first.plan.strict)?);
    audience.tell(&Event::Started(whole(first, file)))?;
    let (events, incoming) = unbounded_channel();
    let began = Instant::now();
    let judging = async {
        let finished = tokio::select! {
            finished = all(parts, jobs, &events) => finished,
            _ = tokio::signal::ctrl_c() => interrupted(began),
        };
        drop(events);
        Finished { duration_ms: elapsed(began), ..finished }
    };
    let (finished, told) = tokio::join!(judging, audience.listen(incoming));
    told?;
    audience.close(finished, output)
}

/// The beginning of the whole report: the file stands for the servers.
fn whole(first: &Part, file: &Path) -> Started {
    let config = Some(file.display().to_string());
    let target = TargetInfo { transport: first.plan.info.transport, command: Vec::new(), url: None, config };
    Started { target, ..started(&first.plan) }
}

/// Judges all, and tells what each came to in the order of the file.
async fn all(parts: &[Part], jobs: usize, events: &UnboundedSender<Event>) -> Finished {
    let judging = parts.iter().map(|part| judge(part, events));
    let mut done = stream::iter(judging).buffered(jobs.clamp(1, parts.len().max(1)));
    let mut ends = Vec::new();
    while let Some((told, finished)) = done.next().await {
        told.into_iter().for_each(|event| drop(events.send(event)));
        ends.push(finished);
        let left = parts.len() - ends.len();
        drop(events.send(Event::Progress(format!(
            "{} of {} servers judged",
            parts.len() - left,
            parts.len()
        ))));
    }
    together(parts, &ends)
}

/// The end of all: the gravest exit, and every problem with the name of its server.
fn together(parts: &[Part], ends: &[Finished]) -> Finished {
    let problems: Vec<String> = parts
        .iter()
        .zip(ends)
        .filter_map(|(part, end)| Some(format!("{}: {}", part.name(), end.problem.as_ref()?)))
        .collect();
    Finished {
        duration_ms: 0,
        exit: ends.iter().map(|end| end.exit).reduce(ExitCode::worse).unwrap_or(ExitCode::Inconclusive),
        problem: (!problems.is_empty()).then(|| problems.join("\n")),
    }
}

/// Judges one. What it is doing is told at once, the rest when it is over, so that servers do not mix in a report.
async fn judge(part: &Part, live: &UnboundedSender<Event>) -> (Vec<Event>, Finished) {
    let _host = match start(part).await {
        Ok(host) => host,
        Err(problem) => {
            let problem = Some(part.plan.secrets.mask(&problem));
            return (Vec::new(), Finished { duration_ms: 0, exit: ExitCode::Unreachable, problem });
        }
    };
    let (events, mut incoming) = unbounded_channel();
    let judging = async {
        let finished = judge_and_fuzz(&part.plan, &events).await;
        drop(events);
        finished
    };
    let hearing = async {
        let mut kept = Vec::new();
        while let Some(event) = incoming.recv().await {
            match event {
                Event::Progress(now) => drop(live.send(Event::Progress(format!("{}: {now}", part.name())))),
                Event::Started(_) => {}
                other => kept.push(other),
            }
        }
        kept
    };
    let (finished, told) = tokio::join!(judging, hearing);
    (told, finished)
}

async fn start(part: &Part) -> Result<Option<Host>, String> {
    let Some((command, url)) = &part.host else { return Ok(None) };
    let host = Host::start(command, url, part.plan.options.startup_timeout).await;
    host.map(Some).map_err(|error| error.to_string())
}
