//! The campaign: generate, run, judge, attribute, shrink, save.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use tokio::time::Instant;

use super::context::Context;
use super::execute::{Bench, perform};
use super::oracle::{Bug, Kind};
use super::script::{Finding, Script, Stability};
use super::shrink::Search;
use super::strategy::scripts;
use crate::case::List;
use crate::protocol::Revision;
use crate::runner::{Policy, Survey};
use crate::session::{OpenFailure, Options, Session};
use crate::transport::{Command, Target};

/// How long a campaign goes on.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// So many cases.
    Cases(u64),
    /// So long.
    Time(Duration),
}

/// What to fuzz, and how.
pub struct Campaign<'c> {
    /// The server.
    pub target: &'c Target,
    /// The revision to speak.
    pub revision: Revision,
    /// How patient to be.
    pub options: Options,
    /// Which tools may be called.
    pub policy: &'c Policy,
    /// The seed of everything random.
    pub seed: u64,
    /// When to stop.
    pub budget: Budget,
    /// Requirements whose violation is no news.
    pub known: &'c HashSet<String>,
    /// After so many findings the campaign stops.
    pub max_findings: usize,
    /// Whether findings are shrunk.
    pub minimize: bool,
    /// Where findings are saved.
    pub folder: Option<PathBuf>,
}

/// What came of a campaign.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Cases that were run.
    pub executed: u64,
    /// How long it took.
    pub duration: Duration,
    /// Connections that were opened to run cases.
    pub connections: usize,
    /// The bugs, each once.
    pub findings: Vec<Finding>,
}

/// How many cases share a connection before the rules judge it.
const BATCH: usize = 50;

type Tree = Box<dyn ValueTree<Value = Script>>;

/// A case that was run on the current connection.
struct Ran {
    case: u64,
    tree: Tree,
    script: Script,
    /// Its first entry in the transcript.
    from: u64,
}

/// Runs a campaign. `tell` hears of progress.
pub async fn run(campaign: &Campaign<'_>, tell: &dyn Fn(String)) -> Result<Summary, Box<OpenFailure>> {
    let canary = format!("mcp-conform-canary-{:016x}", campaign.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let target = with_canary(campaign.target, &canary);
    let (revision, options) = (campaign.revision, &campaign.options);
    let mut bench = Bench { target: &target, revision, options, canary: &canary, first: None };
    let mut session = bench.open().await?;
    let survey = Survey::take(&mut session, campaign.policy).await;
    let lists = survey.things(List::Lists);
    let first = lists.first().and_then(|list| list["method"].as_str()).filter(|_| revision.is_stateless());
    bench.first = first.map(str::to_owned);
    let context = Arc::new(Context::new(&session, &survey));
    let capabilities = session.server.capabilities.clone();
    let mut hunt = Hunt {
        campaign,
        bench: &bench,
        capabilities,
        strategy: scripts(context).boxed(),
        runner: seeded(campaign.seed),
        known: HashSet::new(),
        summary: Summary { connections: 1, ..Summary::default() },
        began: Instant::now(),
    };
    hunt.go(session, tell).await;
    hunt.summary.duration = hunt.began.elapsed();
    Ok(hunt.summary)
}

/// The command with a secret in its environment, which must never come back.
fn with_canary(target: &Target, canary: &str) -> Target {
    match target {
        Target::Command(command) => {
            let mut env = command.env.clone();
            env.push(("MCP_CONFORM_CANARY".to_owned(), canary.to_owned()));
            Target::Command(Command { env, ..command.clone() })
        }
        other => other.clone(),
    }
}

fn seeded(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

struct Hunt<'h> {
    campaign: &'h Campaign<'h>,
    bench: &'h Bench<'h>,
    capabilities: Value,
    strategy: proptest::strategy::BoxedStrategy<Script>,
    runner: TestRunner,
    known: HashSet<String>,
    summary: Summary,
    began: Instant,
}

impl Hunt<'_> {
    fn is_over(&self) -> bool {
        let spent = match self.campaign.budget {
            Budget::Cases(cases) => self.summary.executed >= cases,
            Budget::Time(time) => self.began.elapsed() >= time,
        };
        spent || self.summary.findings.len() >= self.campaign.max_findings
    }

    async fn go(&mut self, session: Session, tell: &dyn Fn(String)) {
        let mut open = Some(session);
        while !self.is_over() {
            let session = match open.take() {
                Some(session) => session,
                None => match self.bench.open().await {
                    Ok(session) => {
                        self.summary.connections += 1;
                        session
                    }
                    // A server that does not start again has told all that it can.
                    Err(_) => return,
                },
            };
            self.batch(session, tell).await;
        }
    }

    /// Runs cases on one connection, then judges it.
    async fn batch(&mut self, mut session: Session, tell: &dyn Fn(String)) {
        let mut ran: Vec<Ran> = Vec::new();
        let mut bugs: Vec<Bug> = Vec::new();
        while ran.len() < BATCH && session.dead().is_none() && !self.is_over() {
            let Ok(tree) = self.strategy.new_tree(&mut self.runner) else { break };
            let (script, from) = (tree.current(), session.transcript.last() + 1);
            bugs.extend(perform(&mut session, &script).await);
            ran.push(Ran { case: self.summary.executed, tree: Box::new(tree), script, from });
            self.summary.executed += 1;
            if ran.last().is_some_and(|ran| ran.script.ends()) {
                break;
            }
        }
        tell(format!("fuzzing: {} cases, {} findings", self.summary.executed, self.summary.findings.len()));
        let transcript = session.finish().await;
        let died = bugs.iter().any(|bug| matches!(bug.kind, Kind::Crash | Kind::Hang));
        let judged = self.bench.judge(&transcript, &self.capabilities);
        // One cause, one finding: what a dead server leaves unanswered is its death.
        bugs.extend(judged.into_iter().filter(|bug| !(died && bug.kind == Kind::NoReply)));
        for bug in bugs {
            let is_news = bug.requirement.as_ref().is_none_or(|id| !self.campaign.known.contains(id));
            if is_news
                && self.known.insert(bug.fingerprint())
                && self.summary.findings.len() < self.campaign.max_findings
            {
                tell(format!("found: {}; looking for the smallest script", bug.message));
                let finding = self.investigate(&bug, &mut ran).await;
                self.save(&finding);
                self.summary.findings.push(finding);
            }
        }
    }

    /// Finds the culprit among the cases of a connection, and makes it small.
    async fn investigate(&self, bug: &Bug, ran: &mut [Ran]) -> Finding {
        let mut search = Search::new(self.bench, bug.fingerprint());
        let last = ran.iter().rposition(|ran| ran.from <= bug.at).unwrap_or(ran.len().saturating_sub(1));
        let suspect = &mut ran[last];
        let (case, alone) = (suspect.case, suspect.script.clone());
        let script = match search.shows(&[&alone]).await {
            true if self.campaign.minimize => search.smallest(suspect.tree.as_mut()).await,
            true => alone,
            false => {
                let all: Vec<Script> = ran[..=last].iter().map(|ran| ran.script.clone()).collect();
                match search.shows(&all.iter().collect::<Vec<_>>()).await {
                    true => search.fewest(&all).await,
                    false => alone,
                }
            }
        };
        let mut confirmed = 0;
        for _ in 0..3 {
            confirmed += usize::from(search.shows(&[&script]).await);
        }
        Finding {
            finding: bug.fingerprint(),
            kind: bug.kind,
            requirement: bug.requirement.clone(),
            message: bug.message.clone(),
            revision: self.campaign.revision,
            seed: self.campaign.seed,
            case,
            operators: script.operators.concat(),
            stability: if confirmed == 3 { Stability::Stable } else { Stability::Flaky },
            script,
        }
    }

    fn save(&self, finding: &Finding) {
        let Some(folder) = &self.campaign.folder else { return };
        let file = folder.join(finding.file_name());
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&file, finding.write()));
        if let Err(error) = written {
            eprintln!("cannot save the finding {}: {error}", file.display());
        }
    }
}
