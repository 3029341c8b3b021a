//! Judging from a test of your own: a Rust server in the same process, or any other target, in a few lines.
//!
//! ```
//! use mcp_conform::judge::Judge;
//! use mcp_conform::protocol::Revision;
//! use mcp_conform::transport::MemoryServer;
//! # use mcp_conform::reference::{Settings, serve_stream};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! // A server is a function of its input, its output and its standard error; its result is the exit code. With rmcp, the
//! // body is `my_server().serve((input, output)).await` and waiting for its end.
//! let server = MemoryServer::new(|input, output, stderr| async move {
//! #   let settings = std::sync::Arc::new(Settings::default());
//! #   let (my_server, log) = (settings, move |text: &str| stderr.push(text.as_bytes()));
//!     serve_stream(my_server, input, output, log).await
//! });
//!
//! let judged = Judge::new(server).revision(Revision::V2025_11_25).only("tools.list.*").run().await?;
//!
//! assert!(judged.is_clean(), "{judged}");
//! assert!(judged.checks().any(|check| check.requirement == "tools.list.result-shape"));
//! // What the server offers and how it was judged, without what changes from run to run:
//! // insta::assert_snapshot!(judged.snapshot());
//! assert!(judged.snapshot().contains("name: \"mcp-conform-reference\""));
//! # Ok::<(), mcp_conform::judge::JudgeError>(())
//! # }).unwrap();
//! ```

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use globset::{Glob, GlobMatcher};
use tokio::sync::mpsc::unbounded_channel;

use crate::case::{self, CaseError};
use crate::catalogue::Verdict;
use crate::pattern::Mask;
use crate::protocol::Revision;
use crate::report::{Format, Report, snapshot};
use crate::runner::{Check, Choice, Event, ExitCode, Filter, Plan, Policy, Profile, Surface, Tools, run};
use crate::session::Options;
use crate::transport::{MemoryServer, Target};

/// What is judged, and how; everything has a default.
pub struct Judge {
    target: Target,
    revisions: Vec<Revision>,
    only: Vec<String>,
    skip: Vec<String>,
    policy: Policy,
    timeout: Duration,
    strict: bool,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// A name that is no pattern.
    #[error("not a pattern: {0}")]
    Pattern(#[from] globset::Error),
    /// The built-in cases are broken: a bug of this crate.
    #[error("the cases cannot be read: {0}")]
    Cases(#[from] CaseError),
}

impl Judge {
    /// Judges a server in this process.
    pub fn new(server: MemoryServer) -> Self {
        Self::of(Target::Memory(server))
    }

    /// Judges any target.
    pub fn of(target: Target) -> Self {
        Self {
            target,
            revisions: Vec::new(),
            only: Vec::new(),
            skip: Vec::new(),
            policy: Policy::default(),
            timeout: Duration::from_secs(10),
            strict: false,
        }
    }

    /// Judges this revision; may be repeated. Without it, the newest of each era that the server speaks.
    #[must_use]
    pub fn revision(mut self, revision: Revision) -> Self {
        self.revisions.push(revision);
        self
    }

    /// Judges only these requirements or cases; `*` stands for anything. May be repeated.
    #[must_use]
    pub fn only(mut self, glob: &str) -> Self {
        self.only.push(glob.to_owned());
        self
    }

    /// Does not judge these; may be repeated.
    #[must_use]
    pub fn skip(mut self, glob: &str) -> Self {
        self.skip.push(glob.to_owned());
        self
    }

    /// Which tools may be called with arguments made up from their schemas. Without it, those that are annotated read-only.
    #[must_use]
    pub fn tools(mut self, tools: Tools) -> Self {
        self.policy.tools = tools;
        self
    }

    /// What a profile (`mcp-conform.toml`) tells: arguments and permissions of tools, masks of snapshots.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.policy.profile = profile;
        self
    }

    /// How long a reply may take.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// A violated SHOULD is no success either.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Judges, inside of the runtime of the caller. A server that cannot be reached is a [`Judged`] that is not clean.
    pub async fn run(self) -> Result<Judged, JudgeError> {
        let plan = self.plan()?;
        let (events, mut incoming) = unbounded_channel();
        let (finished, _) = run(&plan, &events).await;
        drop(events);
        let masks = plan.policy.profile.snapshot.mask;
        let mut judged =
            Judged { report: Report::default(), surfaces: Vec::new(), masks, strict: plan.strict };
        while let Some(event) = incoming.recv().await {
            judged.report.on_event(&event);
            if let Event::Surface(surface) = event {
                judged.surfaces.push(surface);
            }
        }
        judged.report.on_event(&Event::Finished(finished));
        Ok(judged)
    }

    fn plan(self) -> Result<Plan, JudgeError> {
        Ok(Plan {
            options: Options { timeout: self.timeout, ..Options::default() },
            revisions: match self.revisions.is_empty() {
                true => Choice::Auto,
                false => Choice::Pinned(self.revisions),
            },
            filter: Filter { only: globs(&self.only)?, skip: globs(&self.skip)?, weight: 1 },
            policy: self.policy,
            strict: self.strict,
            jobs: 2,
            ..Plan::of(self.target, case::builtin()?)
        })
    }
}

fn globs(texts: &[String]) -> Result<Vec<GlobMatcher>, globset::Error> {
    texts.iter().map(|text| Ok(Glob::new(text)?.compile_matcher())).collect()
}

/// What came out. Its text tells the findings as the terminal does.
#[derive(Debug, Clone)]
pub struct Judged {
    report: Report,
    surfaces: Vec<Surface>,
    masks: Vec<Mask>,
    strict: bool,
}

impl Judged {
    /// Whether something was judged, and nothing violates a MUST; with [`Judge::strict`], nor a SHOULD.
    pub fn is_clean(&self) -> bool {
        self.report.exit == ExitCode::Clean
    }

    /// Every check, in every revision.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.report.runs.iter().flat_map(|run| &run.checks)
    }

    /// The checks that somebody should look at.
    pub fn findings(&self) -> impl Iterator<Item = &Check> {
        self.checks().filter(|check| matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error))
    }

    /// What the server offers and how it was judged, as text that stays the same until the server changes.
    pub fn snapshot(&self) -> String {
        let surface = |run: &crate::report::Run| {
            self.surfaces.iter().find(|it| (it.revision, it.transport) == (run.revision, run.transport))
        };
        let runs: Vec<String> =
            self.report.runs.iter().map(|run| snapshot::render(run, surface(run), &self.masks)).collect();
        runs.join("\n")
    }

    /// Everything that was found out.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Writes a report file.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        format.write(&self.report, self.strict, out)
    }
}

impl fmt::Display for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report.told(110))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::reference::{Settings, serve_stream};

    fn server(fault: &str) -> MemoryServer {
        let settings = Arc::new(Settings::with(&[fault], &[]).unwrap());
        MemoryServer::new(move |input, output, stderr| {
            let settings = settings.clone();
            async move { serve_stream(settings, input, output, |text| stderr.push(text.as_bytes())).await }
        })
    }

    #[tokio::test]
    async fn a_broken_server_is_told_and_keeps_its_snapshot() {
        let judge = || {
            Judge::new(server("resources.read.text-or-blob"))
                .revision(Revision::V2025_11_25)
                .only("resources.*")
        };
        let judged = judge().run().await.unwrap();
        assert!(!judged.is_clean());
        assert_eq!(
            judged.findings().map(|check| check.requirement.as_str()).collect::<Vec<_>>(),
            ["resources.read.text-or-blob"]
        );
        let told = judged.to_string();
        assert!(
            told.contains("FAIL schema › resources.read.text-or-blob") && !told.contains("rerun"),
            "{told}"
        );
        assert_eq!(judged.snapshot(), judge().run().await.unwrap().snapshot());
        let mut page = Vec::new();
        judged.write(Format::Html, &mut page).unwrap();
        assert!(page.starts_with(b"<!doctype html>"));
    }

    #[tokio::test]
    async fn a_server_that_does_not_speak_is_not_clean() {
        let judged = Judge::new(MemoryServer::new(|_, _, _| async { 1 })).run().await.unwrap();
        assert!(!judged.is_clean() && judged.to_string().starts_with("STOPPED"), "{judged}");
        assert!(Judge::new(server("resources.read.text-or-blob")).only("[").run().await.is_err());
    }
}
