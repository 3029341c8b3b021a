//! `mcp-conform list`: what exists, and what covers what.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Usage;
use crate::case::{self, Case};
use crate::catalogue::{Observable, requirements};
use crate::reference;
use crate::runner::{ExitCode, coverage};

/// Arguments of `list`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// What to list
    #[arg(default_value = "requirements")]
    what: What,
    /// As JSON
    #[arg(long)]
    json: bool,
    /// More cases, from a folder of yours: they are checked, too
    #[arg(long, value_name = "DIR")]
    cases: Vec<PathBuf>,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// What the specification demands of a server, and what judges it
    Requirements,
    /// The scripted scenarios
    Cases,
    /// How the reference server can be made to violate a requirement
    Faults,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if args.what == What::Requirements {
        coverage::prepare();
    }
    let mut cases = case::builtin()?;
    for folder in &args.cases {
        cases.extend(case::load(folder).map_err(|error| Usage(format!("--cases: {error}")))?);
    }
    let (json, text) = match args.what {
        What::Requirements => list_requirements(&cases),
        What::Cases => list_cases(&cases),
        What::Faults => list_faults(),
    };
    let out = if args.json { serde_json::to_string_pretty(&json)? + "\n" } else { text };
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(ExitCode::Clean)
}

fn list_requirements(cases: &[Case]) -> (Value, String) {
    let coverage = coverage::all(cases);
    let mut rows = Vec::new();
    let mut text = String::new();
    let (mut judged, mut proven, mut observable) = (0, 0, 0);
    for (requirement, covering) in requirements().iter().zip(&coverage) {
        let by = if covering.judged_by.is_empty() { "-".to_owned() } else { covering.judged_by.join(" ") };
        let proof = if covering.faults.is_empty() { "not proven" } else { "proven" };
        let seen = match requirement.observable {
            Observable::Yes => "observable",
            Observable::Partly => "partly",
            Observable::No => "not observable",
        };
        let (id, level, range) = (&requirement.id, requirement.level, requirement.revisions().to_string());
        text += &format!("{level:10} {id:56} {range:24} {seen:14} {proof:10} {by}\n");
        judged += usize::from(!covering.judged_by.is_empty());
        proven += usize::from(!covering.judged_by.is_empty() && !covering.faults.is_empty());
        observable += usize::from(requirement.observable != Observable::No);
        rows.push(json!({
            "id": requirement.id, "level": requirement.level, "since": requirement.since, "until": requirement.until,
            "transport": requirement.transport, "needs": requirement.needs, "observable": requirement.observable,
            "judged_by": covering.judged_by, "faults": covering.faults,
        }));
    }
    text += &format!(
        "\n{} requirements, {observable} observable at least partly, {judged} judged, {proven} proven by a fault\n",
        rows.len()
    );
    (Value::Array(rows), text)
}

fn list_cases(cases: &[Case]) -> (Value, String) {
    let mut text = String::new();
    let mut rows = Vec::new();
    for case in cases {
        let ids: Vec<&str> = case.requirements().iter().map(|r| r.id.as_str()).collect();
        text += &format!("{:44} {:24} {}\n", case.id, case.revisions.to_string(), case.title);
        rows.push(json!({
            "id": case.id, "title": case.title, "revisions": case.revisions.to_string(),
            "transports": case.transports, "requirements": ids,
        }));
    }
    text += &format!("\n{} cases\n", cases.len());
    (Value::Array(rows), text)
}

fn list_faults() -> (Value, String) {
    let mut text = String::new();
    let mut rows = Vec::new();
    for fault in reference::faults() {
        text += &format!("{:60} {}\n", fault.id, fault.about);
        rows.push(json!({"id": fault.id, "requirement": fault.requirement}));
    }
    text += &format!("\n{} faults\n", rows.len());
    (Value::Array(rows), text)
}
