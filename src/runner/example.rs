//! Examples of right and wrong messages: what the reference server says without and with a fault.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

use super::check::{Check, WireLine};
use super::event::{Event, TargetInfo};
use super::plan::{Choice, Filter, Plan, Rerun};
use super::policy::{Policy, Tools};
use super::run::run;
use super::{Baseline, Secrets, Shard};
use crate::case::Case;
use crate::catalogue::{Requirement, Verdict};
use crate::protocol::Revision;
use crate::reference::{self, Fault, Settings, Transport};
use crate::session::transcript::{self, What};
use crate::session::{Options, Transcript};
use crate::transport::{MemoryServer, Target};

/// A violation of a requirement as it looks on the wire, and what is right in its place.
#[derive(Debug, Clone)]
pub struct Example {
    /// The fault that makes the reference server do it.
    pub fault: &'static str,
    /// What the fault does.
    pub about: &'static str,
    /// The revision that is spoken.
    pub revision: Revision,
    /// What we sent.
    pub request: Option<String>,
    /// What the server says with the fault.
    pub wrong: String,
    /// What was expected.
    pub expected: Option<String>,
    /// What it says without the fault.
    pub right: Option<String>,
}

/// How long an example may take: a fault may be silence.
const PATIENCE: Duration = Duration::from_secs(4);

/// An example for one requirement, from the first of its faults that shows a message: its main fault if that does.
pub async fn example(requirement: &Requirement, cases: &[Case]) -> Option<Example> {
    let own = |fault: &&Fault| fault.requirement.as_deref() == Some(requirement.id.as_str());
    let over_stdio = |fault: &&Fault| fault.transports.contains(&Transport::Stdio);
    let mut faults: Vec<&Fault> = reference::faults().iter().filter(own).filter(over_stdio).collect();
    faults.sort_by_key(|fault| fault.id != requirement.id);
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
    // A fault that only the fixture shows is nothing without it.
    plain.options.fixture = fault.options.fixture;
    let plan = plan(requirement, cases, revision, plain);
    let checks = judge(&Plan { target: in_memory(settings), ..plan.clone() }).await;
    let is_wrong =
        |check: &&Check| matches!(check.verdict, Verdict::Fail | Verdict::Warn) && !check.wire.is_empty();
    let check = checks.iter().find(is_wrong)?;
    let came = |line: &&WireLine| line.dir == "<-";
    let wrong = check.wire.iter().filter(came).find(|line| line.culprit);
    let wrong = wrong.or_else(|| check.wire.iter().rfind(came))?;
    let request = request(&check.wire, wrong);
    Some(Example {
        fault: &fault.id,
        about: &fault.about,
        revision,
        request: request.map(|line| line.data.clone()),
        wrong: wrong.data.clone(),
        expected: check.expected.clone(),
        // Where the wrong is in the number or the order of messages, each alone is right.
        right: right(plan, request?).await.filter(|right| *right != wrong.data),
    })
}

/// What the message answers, else the last that was sent before it.
fn request<'w>(wire: &'w [WireLine], answer: &WireLine) -> Option<&'w WireLine> {
    let id = |line: &WireLine| Some(serde_json::from_str::<Value>(&line.data).ok()?.get("id")?.clone());
    let sent = || wire.iter().filter(|line| line.dir == "->" && line.seq < answer.seq);
    let answered = id(answer).and_then(|wanted| sent().find(|line| id(line).as_ref() == Some(&wanted)));
    answered.or_else(|| sent().next_back())
}

/// What the reference server answers to the same request without the fault.
async fn right(plan: Plan, request: &WireLine) -> Option<String> {
    let folder = Folder::new();
    judge(&Plan { transcripts: Some(folder.0.clone()), ..plan }).await;
    let files = std::fs::read_dir(&folder.0).ok()?.flatten();
    let transcripts =
        files.filter_map(|file| transcript::read(&std::fs::read_to_string(file.path()).ok()?, None).ok());
    transcripts.filter_map(|transcript| answer(&transcript, &request.data)).next()
}

/// The first message with the id of that request that came after it.
fn answer(transcript: &Transcript, request: &str) -> Option<String> {
    let is_request = |what: &What| matches!(what, What::Sent { frame, .. } if frame.text() == request);
    let sent = transcript.entries.iter().find(|entry| is_request(&entry.what))?;
    let id = serde_json::from_str::<Value>(request).ok()?["id"].clone();
    let mut later = transcript.received().filter(|(entry, _)| entry.seq > sent.seq);
    let (entry, _) = later.find(|(_, message)| message.get("id") == Some(&id))?;
    Some(entry.text())
}

/// Judges nothing but the requirement, on a server that is right.
fn plan(requirement: &Requirement, cases: &[Case], revision: Revision, plain: Settings) -> Plan {
    let only = globset::Glob::new(&globset::escape(&requirement.id)).map(|glob| glob.compile_matcher());
    Plan {
        name: None,
        target: in_memory(plain),
        info: TargetInfo { transport: "stdio", command: Vec::new(), url: None, config: None },
        options: Options { timeout: Duration::from_millis(700), ..Options::default() },
        revisions: Choice::Pinned(vec![revision]),
        filter: Filter { only: only.into_iter().collect(), skip: Vec::new(), weight: 0 },
        policy: Policy { tools: Tools::All, ..Policy::default() },
        baseline: Baseline::default(),
        cases: cases.to_vec(),
        secrets: Secrets::default(),
        strict: false,
        jobs: 4,
        seed: 1,
        fuzz_cases: 0,
        transcripts: None,
        shard: Shard::WHOLE,
        write_baseline: None,
        rerun: Rerun::default(),
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

fn in_memory(settings: Settings) -> Target {
    let settings = Arc::new(settings);
    Target::Memory(MemoryServer::new(move |input, output, stderr| {
        let settings = settings.clone();
        async move { reference::serve_stream(settings, input, output, |text| stderr.push(text.as_bytes())).await }
    }))
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
