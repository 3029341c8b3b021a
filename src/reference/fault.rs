//! Faults and quirks: deliberate deviations of the reference server, described by data.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::options::Options;
use super::rule::{Edit, On, Rule};
use super::spec::{self, FaultSpec};
use crate::protocol::RevisionRange;

static FAULTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cases/faults");
static QUIRKS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/cases/quirks");

/// A deviation of the reference server: a fault violates one requirement, a quirk is odd but legal.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Its name; that of a fault is the id of its requirement, with `~variant` for further ones.
    pub id: String,
    /// The requirement that it violates; `None` for a quirk.
    pub requirement: Option<String>,
    /// The revisions for which it is meant. The requirement may narrow them further.
    pub revisions: RevisionRange,
    /// The transports on which it can be seen.
    pub transports: Vec<Transport>,
    /// What it does; for a quirk, why that is legal.
    pub about: String,
    /// Settings that it changes.
    pub options: Options,
    /// How it rewrites messages. Shared, because a server keeps one per fault that is switched on.
    pub rewrite: Vec<Arc<Rule>>,
    /// Where it is written, such as `cases/faults/tools.yaml:12`.
    pub source: String,
}

impl Fault {
    /// Whether it shows over stdio only in a process of its own: one that can be signalled, or that has a network.
    pub fn needs_process(&self) -> bool {
        let is_signalled = self.rewrite.iter().any(|rule| rule.on == On::Sigterm);
        is_signalled || self.options.icons.is_some()
    }

    /// How late the latest of what it delays comes.
    pub fn delay(&self) -> Duration {
        let edits = self.rewrite.iter().flat_map(|rule| &rule.edits);
        let delays = edits.map(|edit| match edit {
            Edit::Delay(time) => *time,
            _ => Duration::ZERO,
        });
        delays.max().unwrap_or_default()
    }
}

/// A transport that a fault applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Lines over standard input and output.
    Stdio,
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE.
    Sse,
}

/// A file of faults that cannot be read; the place leads the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct FaultError {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 if unknown.
    pub line: u64,
    /// What is wrong.
    pub problem: String,
}

/// Reads one file of faults or quirks.
pub fn parse(file: &str, text: &str) -> Result<Vec<Fault>, FaultError> {
    spec::read(file, text)?.into_iter().map(|(line, fault)| compile(file, line, fault)).collect()
}

fn compile(file: &str, line: u64, spec: FaultSpec) -> Result<Fault, FaultError> {
    let rules = spec.rewrite.into_iter().map(|rule| {
        let line = rule.referenced.line();
        Rule::compile(rule.value, spec.revisions).map(Arc::new).map_err(|problem| FaultError {
            file: file.to_owned(),
            line,
            problem: format!("in `{}`: {problem}", spec.id),
        })
    });
    Ok(Fault {
        rewrite: rules.collect::<Result<_, _>>()?,
        source: format!("{file}:{line}"),
        requirement: spec.requirement,
        revisions: spec.revisions,
        transports: spec
            .transports
            .unwrap_or_else(|| vec![Transport::Stdio, Transport::Http, Transport::Sse]),
        about: spec.about,
        options: spec.options,
        id: spec.id,
    })
}

/// Every embedded fault, or why the embedded files cannot be read.
pub fn try_faults() -> Result<&'static [Fault], &'static FaultError> {
    static LOADED: OnceLock<Result<Vec<Fault>, FaultError>> = OnceLock::new();
    LOADED.get_or_init(|| load(&FAULTS, "cases/faults")).as_deref()
}

/// Every embedded quirk, or why the embedded files cannot be read.
pub fn try_quirks() -> Result<&'static [Fault], &'static FaultError> {
    static LOADED: OnceLock<Result<Vec<Fault>, FaultError>> = OnceLock::new();
    LOADED.get_or_init(|| load(&QUIRKS, "cases/quirks")).as_deref()
}

/// Every embedded fault. A broken embedded file is a bug of this build, which a unit test finds first.
pub fn faults() -> &'static [Fault] {
    try_faults().unwrap_or_else(|error| panic!("{error}"))
}

/// Every embedded quirk. A broken embedded file is a bug of this build, which a unit test finds first.
pub fn quirks() -> &'static [Fault] {
    try_quirks().unwrap_or_else(|error| panic!("{error}"))
}

fn load(dir: &'static Dir<'static>, folder: &str) -> Result<Vec<Fault>, FaultError> {
    let mut files: Vec<_> =
        dir.files().filter(|file| file.path().extension().is_some_and(|e| e == "yaml")).collect();
    files.sort_by_key(|file| file.path());
    let mut faults: Vec<Fault> = Vec::new();
    for file in files {
        let path = format!("{folder}/{}", file.path().display());
        let text = file.contents_utf8().ok_or_else(|| FaultError {
            file: path.clone(),
            line: 0,
            problem: "not UTF-8".into(),
        })?;
        for mut fault in parse(&path, text)? {
            refuse_twin(&faults, &fault)?;
            if folder == "cases/faults" {
                let own = fault.id.split('~').next().unwrap_or_default().to_owned();
                fault.requirement.get_or_insert(own);
            }
            faults.push(fault);
        }
    }
    Ok(faults)
}

fn refuse_twin(known: &[Fault], fault: &Fault) -> Result<(), FaultError> {
    match known.iter().find(|other| other.id == fault.id) {
        None => Ok(()),
        Some(other) => {
            let (file, line) = fault.source.rsplit_once(':').unwrap_or((&fault.source, "0"));
            Err(FaultError {
                file: file.to_owned(),
                line: line.parse().unwrap_or(0),
                problem: format!("`{}` is already at {}", fault.id, other.source),
            })
        }
    }
}
