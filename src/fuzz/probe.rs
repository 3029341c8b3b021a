//! One script against a server in memory: the entry for coverage-guided fuzzing of Rust servers.

use std::collections::HashSet;
use std::time::Duration;

use arbitrary::Unstructured;

use super::bench::Bench;
use super::generate::{Context, Hostile, from_bytes};
use super::oracle::{Bug, Canaries, Severity};
use super::script::Script;
use crate::case::List;
use crate::protocol::Revision;
use crate::runner::{Policy, Profile, Secrets, Survey, Tools};
use crate::session::{Learned, Options};
use crate::transport::{MemoryServer, Target};

/// A server that scripts are tried on, one after the other, each on a fresh instance.
pub struct Probe {
    target: Target,
    revision: Revision,
    context: Context,
    runtime: tokio::runtime::Runtime,
    /// Requirements whose violation is no news.
    pub known: HashSet<String>,
}

/// A server that cannot be probed.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It does not speak the revision.
    #[error("the server cannot be probed: {0}")]
    Unreachable(String),
    /// No runtime.
    #[error("no runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Probe {
    /// Starts the server once to learn what it offers. All of its tools are called.
    pub fn new(server: MemoryServer, revision: Revision) -> Result<Self, ProbeError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let target = Target::Memory(server);
        let context = {
            let bench = bench(&target, revision);
            let policy = Policy { tools: Tools::All, profile: Profile::default() };
            runtime.block_on(async {
                let mut session = bench
                    .open()
                    .await
                    .map_err(|failure| ProbeError::Unreachable(failure.error.to_string()))?;
                let survey = Survey::take(&mut session, &policy).await;
                let tools = survey.things(List::CallableTools);
                Ok::<_, ProbeError>(Context::new(&session, &survey, &tools, Hostile::new(None)))
            })?
        };
        Ok(Self { target, revision, context, runtime, known: HashSet::new() })
    }

    /// The script that bytes stand for: any bytes stand for one.
    pub fn script(&self, bytes: &[u8]) -> Script {
        from_bytes(&self.context, &mut Unstructured::new(bytes)).unwrap_or_default()
    }

    /// What a script shows.
    pub fn bugs(&self, script: &Script) -> Vec<Bug> {
        let bench = bench(&self.target, self.revision);
        let flight = self.runtime.block_on(bench.watch(&[script]));
        let mut bugs = flight.map(|flight| bench.judge(&flight)).unwrap_or_default();
        bugs.retain(|bug| bug.severity == Severity::Finding);
        bugs.retain(|bug| bug.requirement.as_ref().is_none_or(|id| !self.known.contains(id)));
        bugs
    }

    /// Panics with the script and the bug when bytes show one: what a fuzz target calls.
    pub fn check(&self, bytes: &[u8]) {
        let script = self.script(bytes);
        if let Some(bug) = self.bugs(&script).first() {
            let lines: Vec<String> = script.lines().collect();
            let requirement = bug.requirement.as_deref().unwrap_or("no requirement");
            panic!("{}: {} ({requirement})\n{}", bug.kind.as_str(), bug.message, lines.join("\n"));
        }
    }
}

pub(super) fn bench(target: &Target, revision: Revision) -> Bench<'_> {
    let options = Options { timeout: Duration::from_secs(2), ..Options::default() };
    let (canaries, secrets) = (Canaries::default(), Secrets::default());
    Bench { target, revision, options, canaries, secrets, first: None, learned: Learned::default() }
}
