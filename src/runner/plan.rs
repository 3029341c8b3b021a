//! The plan: what is judged, and why the rest is not.

use globset::GlobMatcher;

use super::baseline::Baseline;
use super::coverage::Place;
use super::event::TargetInfo;
use super::evidence::Secrets;
use super::policy::Policy;
use super::shard::Shard;
use crate::case::Case;
use crate::catalogue::{Level, Requirement, Verdict, requirement};
use crate::protocol::{Revision, method};
use crate::rule;
use crate::session::{Options, Session};
use crate::transport::Target;

/// Which revisions are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The newest revision of each era that the server speaks.
    Auto,
    /// Every revision that it accepts.
    All,
    /// Exactly these.
    Pinned(Vec<Revision>),
}

/// Which checks are reported.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only these, if any are given.
    pub only: Vec<GlobMatcher>,
    /// Not these.
    pub skip: Vec<GlobMatcher>,
    /// The lowest level: 2 = MUST, 1 = SHOULD, 0 = MAY.
    pub weight: u8,
}

impl Filter {
    /// Whether nothing was left out by name.
    pub fn is_whole(&self) -> bool {
        self.only.is_empty() && self.skip.is_empty()
    }

    /// Whether a check is wanted.
    pub fn wants(&self, check: &str, requirement: &str, level: Level) -> bool {
        let matches =
            |globs: &[GlobMatcher]| globs.iter().any(|g| g.is_match(check) || g.is_match(requirement));
        level.weight() >= self.weight && (self.only.is_empty() || matches(&self.only)) && !matches(&self.skip)
    }
}

/// Everything that a run needs to know, validated.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name of the server in the report, where a file names several.
    pub name: Option<String>,
    /// What is judged.
    pub target: Target,
    /// The same, for reports.
    pub info: TargetInfo,
    /// How patient sessions are.
    pub options: Options,
    /// Which revisions.
    pub revisions: Choice,
    /// Which checks.
    pub filter: Filter,
    /// Which tools may be called.
    pub policy: Policy,
    /// Findings that the user accepts.
    pub baseline: Baseline,
    /// The cases.
    pub cases: Vec<Case>,
    /// What must not be shown.
    pub secrets: Secrets,
    /// Whether a SHOULD violation fails the run.
    pub strict: bool,
    /// How many fresh connections may be open at once.
    pub jobs: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Cases of the fuzz pass after the judging; 0 = none. Whoever performs the plan runs it.
    pub fuzz_cases: u64,
    /// Where transcripts are written, if anywhere.
    pub transcripts: Option<std::path::PathBuf>,
    /// Which part of the cases.
    pub shard: Shard,
    /// Where a baseline that accepts every failure is written, if anywhere. Whoever performs the plan writes it.
    pub write_baseline: Option<std::path::PathBuf>,
    /// Options that a rerun needs to repeat, ready to paste.
    pub rerun: Rerun,
}

impl Plan {
    /// A plan that judges a target by these cases: all checks, read-only tools, nothing written.
    pub fn of(target: Target, cases: Vec<Case>) -> Self {
        Self {
            name: None,
            info: TargetInfo { transport: target.transport(), command: Vec::new(), url: None, config: None },
            target,
            options: Options::default(),
            revisions: Choice::Auto,
            filter: Filter { only: Vec::new(), skip: Vec::new(), weight: 0 },
            policy: Policy::default(),
            baseline: Baseline::default(),
            cases,
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

    /// Whether anything is wanted that an id stands for: a case, or a requirement that rules or schemas judge.
    pub fn wants(&self, id: &str) -> bool {
        if let Some(case) = self.cases.iter().find(|case| case.id == id) {
            return case.requirements().iter().any(|it| self.filter.wants(id, &it.id, it.level));
        }
        let Some(known) = requirement(id) else { return false };
        let mut watching = Revision::ALL.into_iter().flat_map(rule::checks).filter(|it| it.requirement == id);
        watching.any(|it| self.filter.wants(it.check, id, known.level))
    }

    /// Whether no check was left out by name or left to another shard.
    pub fn is_whole(&self) -> bool {
        self.filter.is_whole() && self.shard == Shard::WHOLE
    }
}

/// A command line that repeats a check: the words before and after `--only … --revision …`; and one that replays a finding.
#[derive(Debug, Clone, Default)]
pub struct Rerun {
    /// Up to the subcommand.
    pub head: String,
    /// Options and the target.
    pub tail: String,
    /// How a finding of the fuzzer is replayed: options and the target, after the file.
    pub replay: String,
}

impl Rerun {
    /// The command that runs one check again; empty if no command began the run.
    pub fn of(&self, only: &str, revision: Revision) -> String {
        if self.head.is_empty() {
            return String::new();
        }
        format!("{} --only '{only}' --revision {revision}{}", self.head, self.tail)
    }
}

/// A check that a run of one revision plans, with the reason when it does not apply.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The case or rule, or `schema`.
    pub check: String,
    /// The requirement.
    pub requirement: &'static Requirement,
    /// Why it does not apply, if so.
    pub excluded: Option<String>,
    /// What would make it visible when nothing was observed.
    pub hint: String,
}

/// Why a case does not apply to a conversation.
pub fn exclusion(case: &Case, session: &Session) -> Option<String> {
    let transport = Place::of(session).over();
    let declares = |path: &String| method::declares(&session.server.capabilities, path);
    if !case.revisions.contains(session.revision) {
        return Some(format!("not in {}", session.revision));
    }
    if !case.transports.iter().any(|t| t == transport) {
        return Some(format!("not over {transport}"));
    }
    let is_missing = |path: &&String| is_capability(path, session.revision) && !declares(path);
    if let Some(missing) = case.needs.iter().find(is_missing) {
        return Some(format!("the server does not declare `{missing}`"));
    }
    case.lacks
        .iter()
        .find(|path| declares(path))
        .map(|present| format!("only for servers that do not declare `{present}`"))
}

/// Every check of a revision, in the order of the report: cases, rules, schemas.
pub fn planned(plan: &Plan, session: &Session) -> Vec<Planned> {
    let mut all = Vec::new();
    for case in &plan.cases {
        let excluded = exclusion(case, session);
        for requirement in case.requirements() {
            let excluded = excluded.clone().or_else(|| outside(requirement, session));
            let hint = case.hint.clone().unwrap_or_else(|| "the situation did not arise".to_owned());
            all.push(Planned { check: case.id.clone(), requirement, excluded, hint });
        }
    }
    for possible in rule::checks(session.revision) {
        let Some(requirement) = requirement(&possible.requirement) else { continue };
        let excluded = outside(requirement, session);
        all.push(Planned { check: possible.check.to_owned(), requirement, excluded, hint: possible.hint });
    }
    all.retain(|planned| {
        plan.filter.wants(&planned.check, &planned.requirement.id, planned.requirement.level)
            && planned.requirement.revisions().contains(session.revision)
    });
    all
}

/// Why a requirement does not apply to a conversation.
fn outside(requirement: &Requirement, session: &Session) -> Option<String> {
    if !Place::of(session).knows(requirement) {
        return Some("only over another transport".to_owned());
    }
    const FAMILIES: [&str; 7] =
        ["tools", "resources", "prompts", "logging", "completions", "tasks", "extensions"];
    let is_family = |path: &&String| FAMILIES.contains(&path.split('.').next().unwrap_or_default());
    requirement
        .needs
        .iter()
        .filter(is_family)
        .filter(|path| is_capability(path, session.revision))
        .find(|path| !method::declares(&session.server.capabilities, path))
        .map(|path| format!("the server does not declare `{path}`"))
}

/// Whether there is such a capability: completion had none of its own before 2025-03-26.
fn is_capability(path: &str, revision: Revision) -> bool {
    !(path == "completions" && revision == Revision::V2024_11_05)
}

impl Planned {
    /// Whether a case judges it: rules and schemas judge whatever happens.
    pub fn is_scripted(&self) -> bool {
        !(self.check.starts_with("rule/") || self.check == "schema")
    }
}

/// Whether a verdict fails the run.
pub fn fails(verdict: Verdict, strict: bool) -> bool {
    match verdict {
        Verdict::Fail => true,
        Verdict::Warn => strict,
        Verdict::Pass
        | Verdict::NotApplicable
        | Verdict::NotObserved
        | Verdict::Known
        | Verdict::Blocked
        | Verdict::Error => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case;
    use globset::Glob;

    #[test]
    fn what_an_id_stands_for_is_wanted_as_the_filter_says() {
        let globs = |texts: &[&str]| -> Vec<GlobMatcher> {
            texts.iter().map(|text| Glob::new(text).unwrap().compile_matcher()).collect()
        };
        let mut plan = Plan::of(Target::Command(Default::default()), case::builtin().unwrap());
        let rule = rule::RULES.iter().find(|rule| rule.id == "rule/replies").unwrap();
        assert!(plan.wants("tools/call") && plan.wants(rule.judges[0]) && !plan.wants("no/such"));
        plan.filter.only = globs(&["tools.*"]);
        assert!(plan.wants("tools/call") && !plan.wants("resources/read") && !plan.wants(rule.judges[0]));
        plan.filter.only = globs(&["rule/replies"]);
        assert!(!plan.wants("tools/call") && plan.wants(rule.judges[0]));
        plan.filter = Filter { only: Vec::new(), skip: globs(&["tools/*"]), weight: 0 };
        assert!(!plan.wants("tools/call") && plan.wants("resources/read"));
    }
}
