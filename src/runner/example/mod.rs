//! Examples of right and wrong messages: what the reference server says without and with a fault.

mod answer;
mod place;

pub use place::in_memory;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::check::{Check, WireLine};
use super::event::Event;
use super::plan::{Choice, Filter, Plan};
use super::policy::{Policy, Tools};
use super::run::run;
use crate::case::Case;
use crate::catalogue::{Requirement, Verdict};
use crate::protocol::Revision;
use crate::reference::{self, Fault, Settings, Transport};
use crate::session::Options;
use crate::session::transcript;
use crate::transport::Target;

/// A violation of a requirement as it looks on the wire, and what is right in its place.
#[derive(Debug, Clone)]
pub struct Example {
    /// The fault that makes the reference server do it.
    pub fault: &'static str,
    /// What the fault does.
    pub about: &'static str,
    /// The revision that is spoken.
    pub revision: Revision,
    /// How it is spoken.
    pub transport: Transport,
    /// What we sent.
    pub request: Option<String>,
    /// What the server says with the fault, if that is one message.
    pub wrong: Option<String>,
    /// What is wrong, if no message shows it.
    pub found: Option<String>,
    /// What was expected.
    pub expected: Option<String>,
    /// What it says without the fault.
    pub right: Option<String>,
}

/// How long an example may take: a fault may be silence.
const PATIENCE: Duration = Duration::from_secs(4);

/// An example for one requirement, from the first of its faults that shows a message: over stdio if it can be, from its
/// main fault if that does.
pub async fn example(requirement: &Requirement, cases: &[Case]) -> Option<Example> {
    let own = |fault: &&Fault| fault.requirement.as_deref() == Some(requirement.id.as_str());
    let mut faults: Vec<&Fault> = reference::faults().iter().filter(own).collect();
    faults.sort_by_key(|fault| (place::of(fault), fault.id != requirement.id));
    faults.truncate(3);
    let tries: Vec<_> =
        faults.into_iter().map(|fault| (fault, occasions(requirement, fault, cases))).collect();
    for depth in 0..2 {
        for (fault, occasions) in &tries {
            let Some(cases) = occasions.get(depth) else { continue };
            if let Ok(Some(example)) = timeout(PATIENCE, of_fault(requirement, fault, cases)).await {
                return Some(example);
            }
        }
    }
    None
}

/// The cases in which it may show: those that judge it; of what a rule or a schema judges those of its area, then all.
fn occasions(requirement: &Requirement, fault: &Fault, cases: &[Case]) -> Vec<Vec<Case>> {
    let has_fixture = fault.options.fixture == Some(true);
    let possible = || cases.iter().filter(|case| has_fixture || !case.id.starts_with("fixture/"));
    let judges = |case: &&Case| case.requirements().iter().any(|judged| judged.id == requirement.id);
    let area = requirement.id.split('.').next();
    let is_near = |case: &&Case| case.id.split('/').next() == area;
    match possible().any(|case| judges(&case)) {
        true => vec![possible().filter(judges).cloned().collect()],
        false => vec![possible().filter(is_near).cloned().collect(), possible().cloned().collect()],
    }
}

async fn of_fault(requirement: &Requirement, fault: &'static Fault, cases: &[Case]) -> Option<Example> {
    let mut settings = Settings::default();
    settings.add(fault);
    let in_force =
        requirement.revisions().iter().filter(|r| fault.revisions.contains(*r) && settings.speaks(*r));
    let revision = in_force.max()?;
    let mut plain = Settings::default();
    // A fault that only the fixture shows is nothing without it, nor what is wrong about tokens where none are asked for.
    plain.options.fixture = fault.options.fixture;
    plain.options.authorization = fault.options.authorization;
    let transport = place::of(fault);
    let plan = plan(requirement, cases, revision, place::serve(plain, transport).await?);
    let checks = judge(&Plan { target: place::serve(settings, transport).await?, ..plan.clone() }).await;
    let check = checks.iter().find(|check| matches!(check.verdict, Verdict::Fail | Verdict::Warn))?;
    let wrong = wrong(check);
    let request = request(&check.wire, wrong).map(|line| line.data.as_str());
    let right = match wrong {
        Some(wrong) => right(plan, request, &wrong.data).await,
        None => None,
    };
    let wrong = wrong.map(|line| plainly(&line.data));
    Some(Example {
        fault: &fault.id,
        about: &fault.about,
        revision,
        transport,
        request: request.map(str::to_owned),
        expected: check.expected.clone(),
        // Where the wrong is in the number or the order of messages, each alone is right.
        right: right.map(|right| plainly(&right)).filter(|right| Some(right) != wrong.as_ref()),
        found: wrong.is_none().then(|| check.got.clone().unwrap_or_else(|| check.message.clone())),
        wrong,
    })
}

/// The message that is wrong: the head of the response where the status is, else what proves it, else the last that came.
fn wrong(check: &Check) -> Option<&WireLine> {
    let came = |line: &&WireLine| line.dir == "<-";
    let culprit = check.wire.iter().filter(came).find(|line| line.culprit);
    head(check).or(culprit).or_else(|| check.wire.iter().rfind(came))
}

/// The head of the response, where its status is wrong.
fn head(check: &Check) -> Option<&WireLine> {
    let is_status = |expected: &str| ["HTTP ", "status "].iter().any(|start| expected.starts_with(start));
    let before = check.wire.iter().position(|line| line.culprit)?;
    let is_head = |line: &&WireLine| line.dir == "<-" && line.data.starts_with("HTTP ");
    check.expected.as_deref().filter(|expected| is_status(expected))?;
    check.wire[..=before].iter().rfind(is_head)
}

/// A message as it was, or a head without what says nothing.
fn plainly(data: &str) -> String {
    let says_nothing = |part: &&str| ["date: ", "connection: "].iter().any(|start| part.starts_with(start));
    match data.strip_prefix("HTTP ").and_then(|rest| rest.split_once(' ')) {
        Some((status, headers)) => {
            let headers: Vec<_> = headers.split(" | ").filter(|part| !says_nothing(part)).collect();
            format!("HTTP {status} {}", headers.join(" | "))
        }
        None => data.to_owned(),
    }
}

/// What the message answers, else the last that was sent before it.
fn request<'w>(wire: &'w [WireLine], answer: Option<&WireLine>) -> Option<&'w WireLine> {
    let id = |line: &WireLine| Some(serde_json::from_str::<Value>(&line.data).ok()?.get("id")?.clone());
    let before = answer.map_or(u64::MAX, |answer| answer.seq);
    let sent = || wire.iter().filter(|line| line.dir == "->" && line.seq < before);
    let answered =
        answer.and_then(id).and_then(|wanted| sent().find(|line| id(line).as_ref() == Some(&wanted)));
    answered.or_else(|| sent().next_back())
}

/// What the reference server says in the place of what is wrong without the fault.
async fn right(plan: Plan, request: Option<&str>, wrong: &str) -> Option<String> {
    let folder = Folder::new();
    judge(&Plan { transcripts: Some(folder.0.clone()), ..plan }).await;
    let files = std::fs::read_dir(&folder.0).ok()?.flatten();
    let transcripts =
        files.filter_map(|file| transcript::read(&std::fs::read_to_string(file.path()).ok()?, None).ok());
    transcripts.filter_map(|transcript| answer::find(&transcript, request, wrong)).next()
}

/// Judges nothing but the requirement, on a server that is right.
fn plan(requirement: &Requirement, cases: &[Case], revision: Revision, target: Target) -> Plan {
    let only = globset::Glob::new(&globset::escape(&requirement.id)).map(|glob| glob.compile_matcher());
    Plan {
        options: Options { timeout: Duration::from_millis(700), ..Options::default() },
        revisions: Choice::Pinned(vec![revision]),
        filter: Filter { only: only.into_iter().collect(), skip: Vec::new(), weight: 0 },
        policy: Policy { tools: Tools::All, ..Policy::default() },
        ..Plan::of(target, cases.to_vec())
    }
}

async fn judge(plan: &Plan) -> Vec<Check> {
    let (events, mut incoming) = unbounded_channel();
    let (_, checks) = tokio::join!(
        async {
            let done = run(plan, &events).await;
            drop(events);
            done
        },
        async {
            let mut checks = Vec::new();
            while let Some(event) = incoming.recv().await {
                if let Event::Checked(check) = event {
                    checks.push(*check);
                }
            }
            checks
        }
    );
    checks
}

/// A temporary folder.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("mcp-conform-example-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all::<&Path>(&self.0));
    }
}
