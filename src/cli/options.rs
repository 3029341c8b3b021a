//! The options that all judging commands share, and their validation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use globset::{Glob, GlobMatcher};

use super::Usage;
use super::accept::Acceptance;
use super::shard::shard;
use super::work::Again;
use crate::case::{self, Case};
use crate::catalogue::{did_you_mean, requirements};
use crate::protocol::Revision;
use crate::runner::{Choice, Filter, Plan, Policy, Profile, Rerun, Secrets, Shard, TargetInfo, Tools};
use crate::session::Options;
use crate::transport::Target;

/// What every conversation with a server needs.
#[derive(Args, Debug, Clone)]
pub struct Basics {
    /// Revision to judge: `auto` (the newest of each era that the server speaks), `all` (every one that it accepts), or a
    /// date, which is a hard pin; may be repeated
    #[arg(long, value_name = "auto|all|DATE", default_value = "auto", help_heading = "What is judged")]
    pub revision: Vec<String>,
    /// Which tools may be called with arguments that fit: `read-only` means annotated with readOnlyHint, or
    /// part of the fixture that the official conformance suite expects, where a server offers three such tools
    #[arg(
        long,
        value_name = "none|read-only|all|GLOB",
        default_value = "read-only",
        help_heading = "What is judged"
    )]
    pub tools: String,
    /// What you tell about the server: arguments for tools and prompts, tools that may be called, tokens for tests
    #[arg(long, value_name = "FILE", help_heading = "What is judged")]
    pub profile: Option<PathBuf>,
    #[command(flatten)]
    pub patience: Patience,
    /// Seed of everything random
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "What is judged")]
    pub seed: u64,
}

/// How long a server may take.
#[derive(Args, Debug, Clone, Copy)]
pub struct Patience {
    /// How long the server may take to start
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration, help_heading = "Patience")]
    startup_timeout: Duration,
    /// How long a reply may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, help_heading = "Patience")]
    timeout: Duration,
}

impl Patience {
    fn session(self) -> Options {
        Options { timeout: self.timeout, startup_timeout: self.startup_timeout, ..Options::default() }
    }

    /// Options that a rerun needs to be as patient.
    pub fn options(self) -> String {
        let usual = Options::default();
        let all = [
            ("--startup-timeout", self.startup_timeout, usual.startup_timeout),
            ("--timeout", self.timeout, usual.timeout),
        ];
        let own = all.into_iter().filter(|(_, own, usual)| own != usual);
        let shown = |time: Duration| match time.subsec_millis() {
            0 => format!("{}s", time.as_secs()),
            _ => format!("{}ms", time.as_millis()),
        };
        own.map(|(option, own, _)| format!(" {option} {}", shown(own))).collect()
    }
}

impl Basics {
    /// With everything but the patience as usual.
    pub fn of(patience: Patience) -> Self {
        let (revision, tools) = (vec!["auto".to_owned()], "read-only".to_owned());
        Self { revision, tools, profile: None, patience, seed: 1 }
    }
}

/// What is judged, and how.
#[derive(Args, Debug)]
pub struct Judging {
    #[command(flatten)]
    pub basics: Basics,
    /// Judge only these: requirement or case ids, `*` stands for anything; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "What is judged")]
    pub only: Vec<String>,
    /// Do not judge these; may be repeated
    #[arg(long, value_name = "GLOB", help_heading = "What is judged")]
    pub skip: Vec<String>,
    /// Lowest level to judge
    #[arg(long, value_name = "LEVEL", default_value = "should", help_heading = "What is judged")]
    pub level: LevelName,
    /// A violated SHOULD (warn) fails the run, too
    #[arg(long, help_heading = "What is judged")]
    pub strict: bool,
    /// More cases, from a folder of yours; may be repeated
    #[arg(long, value_name = "DIR", help_heading = "What is judged")]
    pub cases: Vec<PathBuf>,
    #[command(flatten)]
    pub acceptance: Acceptance,
    /// Run only a part of the cases: part I of N, from 1; `auto/N` takes I from JOB_COMPLETION_INDEX and its like. `merge`
    /// joins the reports
    #[arg(long, value_name = "I/N", value_parser = shard, help_heading = "What is judged")]
    pub shard: Option<Shard>,
    #[command(flatten)]
    pub again: Again,
    /// How many servers of a case of their own may run at once [default: number of processors, 2 to 8]
    #[arg(long, value_name = "N", help_heading = "Patience")]
    pub jobs: Option<usize>,
    /// Cases of the fuzz pass after the judging, in each era; 0 = none (see `mcp-conform fuzz` for campaigns)
    #[arg(long, value_name = "N", default_value_t = 200, help_heading = "What is judged")]
    pub fuzz_cases: u64,
    /// Write the whole wire log there, one JSON Lines file per connection
    #[arg(long, value_name = "DIR", help_heading = "Reports")]
    pub transcript: Option<PathBuf>,
}

/// The lowest level that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LevelName {
    /// MUST and MUST NOT.
    Must,
    /// SHOULD and SHOULD NOT, too.
    #[default]
    Should,
    /// MAY, too.
    May,
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    case::duration(text).ok_or_else(|| format!("`{text}` is not a time such as 500ms, 10s or 2m"))
}

impl Judging {
    /// Everything that these basics leave open, as usual.
    pub fn of(basics: Basics) -> Self {
        Self {
            basics,
            only: Vec::new(),
            skip: Vec::new(),
            level: LevelName::default(),
            strict: false,
            cases: Vec::new(),
            acceptance: Acceptance::default(),
            shard: None,
            again: Again::default(),
            jobs: None,
            fuzz_cases: 0,
            transcript: None,
        }
    }

    /// Validates everything and makes the plan.
    pub fn plan(
        &self,
        target: Target,
        info: TargetInfo,
        rerun: Rerun,
        secrets: Secrets,
    ) -> anyhow::Result<Plan> {
        let mut cases = load_cases(&self.cases)?;
        let filter = self.filter(&cases)?;
        let shard = self.shard.unwrap_or(Shard::WHOLE);
        cases.retain(|case| shard.holds(&case.id));
        let policy = self.policy()?;
        Ok(Plan {
            name: None,
            target,
            info,
            options: self.basics.patience.session(),
            revisions: self.choice()?,
            filter,
            baseline: self.acceptance.read()?.with(policy.profile.accepted.clone()),
            secrets: secrets.and(policy.profile.authorization.secrets()),
            policy,
            shard,
            write_baseline: self.acceptance.write_baseline.clone(),
            cases,
            strict: self.strict,
            jobs: self.jobs(),
            seed: self.basics.seed,
            fuzz_cases: self.fuzz_cases,
            transcripts: self.transcript.clone(),
            rerun,
        })
    }

    /// How many servers may run at once.
    pub fn jobs(&self) -> usize {
        self.jobs.unwrap_or_else(processors).max(1)
    }

    fn choice(&self) -> Result<Choice, Usage> {
        match self.basics.revision.as_slice() {
            [only] if only == "auto" => Ok(Choice::Auto),
            [only] if only == "all" => Ok(Choice::All),
            several => several
                .iter()
                .map(|text| {
                    text.parse::<Revision>().map_err(|error| Usage(format!("--revision: {error}, auto, all")))
                })
                .collect::<Result<_, _>>()
                .map(Choice::Pinned),
        }
    }

    fn filter(&self, cases: &[Case]) -> Result<Filter, Usage> {
        let filter = Filter {
            only: globs("--only", &self.only)?,
            skip: globs("--skip", &self.skip)?,
            weight: match self.level {
                LevelName::Must => 2,
                LevelName::Should => 1,
                LevelName::May => 0,
            },
        };
        let ids: Vec<&str> = requirements()
            .iter()
            .map(|requirement| requirement.id.as_str())
            .chain(cases.iter().map(|case| case.id.as_str()))
            .chain(crate::rule::RULES.iter().map(|rule| rule.id))
            .collect();
        known("--only", &self.only, &filter.only, &ids)?;
        known("--skip", &self.skip, &filter.skip, &ids)?;
        Ok(filter)
    }

    fn policy(&self) -> anyhow::Result<Policy> {
        let tools = match self.basics.tools.as_str() {
            "none" => Tools::None,
            "read-only" => Tools::ReadOnly,
            "all" => Tools::All,
            glob => Tools::Named(self::glob("--tools", glob)?),
        };
        let profile: Profile = file("--profile", self.basics.profile.as_deref(), Profile::parse)?;
        Ok(Policy { tools, profile })
    }
}

/// Our cases and those of the user's folders: one with the id of another stands in for it.
pub fn load_cases(folders: &[PathBuf]) -> anyhow::Result<Vec<Case>> {
    let mut cases = case::builtin()?;
    for folder in folders {
        let own = case::load(folder).map_err(|error| Usage(format!("--cases: {error}")))?;
        for case in own {
            cases.retain(|known| known.id != case.id);
            cases.push(case);
        }
    }
    Ok(cases)
}

/// Refuses a pattern that fits nothing, with what may be meant.
fn known(option: &str, texts: &[String], globs: &[GlobMatcher], ids: &[&str]) -> Result<(), Usage> {
    let fits = |glob: &GlobMatcher| glob.is_match("schema") || ids.iter().any(|id| glob.is_match(id));
    let Some((text, _)) = texts.iter().zip(globs).find(|(_, glob)| !fits(glob)) else { return Ok(()) };
    let hint = did_you_mean(text, ids.iter().copied());
    Err(Usage(format!(
        "{option} {text}: no requirement and no case has such an id{hint}; see `mcp-conform list requirements`"
    )))
}

/// Reads a file of the user's; without one, the default.
pub(super) fn file<T: Default>(
    option: &str,
    path: Option<&Path>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, Usage> {
    let Some(path) = path else { return Ok(T::default()) };
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Usage(format!("{option} {shown} cannot be read: {error}")))?;
    parse(&text).map_err(|error| Usage(format!("{option} {shown}: {error}")))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, 8)
}

fn globs(option: &str, texts: &[String]) -> Result<Vec<GlobMatcher>, Usage> {
    texts.iter().map(|text| glob(option, text)).collect()
}

fn glob(option: &str, text: &str) -> Result<GlobMatcher, Usage> {
    Glob::new(text)
        .map(|glob| glob.compile_matcher())
        .map_err(|error| Usage(format!("{option} {text}: not a pattern: {error}")))
}
