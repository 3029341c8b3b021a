//! A campaign: what is fuzzed, how long, and what came of it.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde_json::Value;

use super::bench::Bench;
use super::corpus::Corpus;
use super::finding::Finding;
use super::generate::{Context, Hostile};
use super::hunt::Hunt;
use super::laid::Laid;
use crate::case::List;
use crate::protocol::Revision;
use crate::runner::{Policy, Secrets, Shard, Survey, call_of};
use crate::session::{Begun, Learned, OpenFailure, Options, Session};
use crate::transport::Target;

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
    /// What must not be shown, nor saved with findings.
    pub secrets: &'c Secrets,
    /// The seed of everything random.
    pub seed: u64,
    /// When to stop.
    pub budget: Budget,
    /// Which of the cases are run.
    pub shard: Shard,
    /// Requirements whose violation is no news.
    pub known: &'c HashSet<String>,
    /// After so many findings the campaign stops.
    pub max_findings: usize,
    /// Whether findings are shrunk.
    pub minimize: bool,
    /// Whether scripts that show new behaviour are mutated further.
    pub guided: bool,
    /// Where findings are saved.
    pub folder: Option<PathBuf>,
    /// Where scripts that show new behaviour are kept.
    pub corpus: Option<PathBuf>,
    /// Whether the campaign should end now.
    pub stopped: &'c AtomicBool,
}

impl Campaign<'_> {
    /// The same for every campaign that goes through the same cases.
    pub(super) fn name(&self) -> String {
        let Shard { index, count } = self.shard;
        format!("{}-seed-{}-part-{}-of-{count}", self.revision, self.seed, index + 1)
    }
}

/// What came of a campaign.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Cases that were run.
    pub executed: u64,
    /// Cases that were lost with a server that died, and did not come again.
    pub skipped: u64,
    /// How long it took.
    pub duration: Duration,
    /// Connections that were opened to run cases.
    pub connections: usize,
    /// Kinds of behaviour that were seen.
    pub behaviours: usize,
    /// Scripts in the corpus at the end.
    pub corpus: usize,
    /// The bugs, each once.
    pub findings: Vec<Finding>,
    /// Why the server let it end before its time, if it did.
    pub ended: Option<String>,
    /// What did not work on this side: files that could not be read or written.
    pub problems: Vec<String>,
}

/// Tools that take longer than this to answer are left alone.
const QUICK: Duration = Duration::from_secs(2);

/// Runs a campaign. `tell` hears of progress.
pub async fn run(campaign: &Campaign<'_>, tell: &dyn Fn(String)) -> Result<Summary, Box<OpenFailure>> {
    let laid = Laid::new(campaign.seed, campaign.revision)?;
    let target = laid.before(campaign.target);
    let mut bench = Bench {
        target: &target,
        revision: campaign.revision,
        options: campaign.options.clone(),
        canaries: laid.canaries.clone(),
        secrets: campaign.secrets.clone(),
        first: None,
        learned: Learned::default(),
    };
    let mut session = bench.open().await?;
    let survey = bench.look(&mut session, campaign.policy).await;
    bench.canaries.offers_files = offers_files(&survey);
    let tools = quick_tools(&mut session, &survey).await;
    let context = Context::new(&session, &survey, &tools, Hostile::new(Some(&laid.file)));
    let (corpus, problems) = match Corpus::open(campaign.corpus.as_deref()) {
        Ok(opened) => opened,
        Err(error) => (Corpus::default(), vec![unusable(campaign, &error)]),
    };
    let mut hunt = Hunt::new(campaign, &bench, context, corpus);
    hunt.summary.problems = problems;
    if let Some(next) = hunt.resumes_at() {
        tell(format!("going on at case {next} of {}", campaign.name()));
    }
    hunt.go(session, tell).await;
    Ok(hunt.into_summary())
}

fn unusable(campaign: &Campaign<'_>, error: &io::Error) -> String {
    let folder = campaign.corpus.as_deref().unwrap_or(std::path::Path::new(""));
    format!("the corpus {} cannot be used: {error}", folder.display())
}

/// Whether the server says that it serves files of the whole disk.
fn offers_files(survey: &Survey) -> bool {
    let templates = survey.things(List::Templates);
    templates
        .iter()
        .any(|template| template["uriTemplate"].as_str().is_some_and(|uri| uri.starts_with("file://")))
}

/// The tools that may be called and answer soon. What does not is cancelled.
async fn quick_tools(session: &mut Session, survey: &Survey) -> Vec<Value> {
    let mut quick = Vec::new();
    for tool in survey.things(List::CallableTools) {
        let call = call_of(&tool);
        let begun: Begun = session.begin("tools/call", Some(call));
        if session.is_answered(&begun, QUICK).await {
            quick.push(tool);
        } else if session.dead().is_none() {
            session.cancel(&begun).await;
        }
    }
    quick
}
