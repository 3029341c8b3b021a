//! `mcp-conform list`: what exists, and what covers what.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::options::{Basics, Judging, load_cases};
use super::stdio::{self, Launch};
use super::{complain, observe};
use crate::case::Case;
use crate::catalogue::{Observable, Requirement, requirements};
use crate::protocol::Revision;
use crate::reference;
use crate::report;
use crate::runner::coverage::{Covering, Place};
use crate::runner::{self, ExitCode, coverage};

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
    /// Judge the server after `--`, and tell which profile entries would show what this does not see
    #[arg(long)]
    observe: bool,
    #[command(flatten)]
    basics: Basics,
    #[command(flatten)]
    launch: Launch,
    /// The server for --observe. Without one, the built-in reference server
    #[arg(last = true, value_name = "COMMAND", requires = "observe")]
    command: Vec<OsString>,
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
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.observe {
        return observed(&args).await;
    }
    if args.what == What::Requirements {
        coverage::prepare();
    }
    let cases = load_cases(&args.cases)?;
    let (json, text) = match args.what {
        What::Requirements => list_requirements(&cases),
        What::Cases => list_cases(&cases),
        What::Faults => list_faults(),
    };
    write(args.json.then_some(json), text)
}

async fn observed(args: &Args) -> anyhow::Result<ExitCode> {
    let judging = Judging { cases: args.cases.clone(), ..Judging::of(args.basics.clone()) };
    let plan = stdio::plan(&judging, &args.launch, &args.command, "mcp-conform stdio")?;
    let sight = runner::observe(&plan).await;
    if let Some(problem) = &sight.problem {
        complain(problem);
        return Ok(ExitCode::Unreachable);
    }
    write(args.json.then(|| observe::as_json(&sight, &plan)), observe::as_text(&sight, &plan))
}

/// Writes the JSON, if that is wanted, else the text.
fn write(json: Option<Value>, text: String) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    match json {
        Some(json) => report::safe(&json, &mut out)?,
        None => out.write_all(text.as_bytes())?,
    }
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
            "judged_on": names(&covering.judged_on), "proven_on": names(&covering.proven_on),
        }));
    }
    text += &totals(&coverage);
    text += &places(&coverage);
    text += &format!(
        "\n{} requirements, {observable} observable at least partly, {judged} judged, {proven} proven by a fault\n",
        rows.len()
    );
    (Value::Array(rows), text)
}

fn names(places: &BTreeSet<Place>) -> Vec<String> {
    places.iter().map(|place| format!("{} {}", place.revision, place.over())).collect()
}

/// How many requirements can be observed, are judged and are proven by a fault in each revision over each transport.
fn places(coverage: &[Covering]) -> String {
    let count = |is_it: &dyn Fn(&Requirement, &Covering) -> bool| {
        let all = requirements().iter().zip(coverage);
        all.filter(|(requirement, covering)| is_it(requirement, covering)).count()
    };
    let row = |place: Place| {
        let observable = count(&|r, _| place.knows(r) && r.observable != Observable::No);
        let judged =
            count(&|r, covering| r.observable != Observable::No && covering.judged_on.contains(&place));
        let proven =
            count(&|r, covering| r.observable != Observable::No && covering.proven_on.contains(&place));
        let (revision, transport) = (place.revision.as_str(), place.over());
        format!("{revision:<12}{transport:<8}{observable:>12}{judged:>12}{proven:>12}\n")
    };
    let head =
        format!("\n{:<12}{:<8}{:>12}{:>12}{:>12}\n", "revision", "over", "observable", "judged", "proven");
    head + &Place::all().map(row).collect::<String>()
}

/// How many observable requirements of each area are judged, by revision: `judged/observable`, and those proven.
fn totals(coverage: &[Covering]) -> String {
    let observable: Vec<(&Requirement, &Covering)> = requirements()
        .iter()
        .zip(coverage)
        .filter(|(requirement, _)| requirement.observable != Observable::No)
        .collect();
    let area = |requirement: &Requirement| requirement.id.split('.').next().unwrap_or_default().to_owned();
    let areas: BTreeSet<String> = observable.iter().map(|(requirement, _)| area(requirement)).collect();
    let line = |name: &str, of: &dyn Fn(&Requirement) -> bool| {
        let all: Vec<_> = observable.iter().filter(|(requirement, _)| of(requirement)).collect();
        let is_judged = |(_, covering): &&&(&Requirement, &Covering)| !covering.judged_by.is_empty();
        let is_proven = |one: &&&(&Requirement, &Covering)| is_judged(one) && !one.1.faults.is_empty();
        let cell = |revision: Option<Revision>| {
            let in_force: Vec<_> = all
                .iter()
                .filter(|(r, _)| revision.is_none_or(|revision| r.revisions().contains(revision)))
                .collect();
            let judged = in_force.iter().copied().filter(is_judged).count();
            if in_force.is_empty() { "-".to_owned() } else { format!("{judged}/{}", in_force.len()) }
        };
        let cells: String =
            Revision::ALL.iter().map(|revision| format!("{:>12}", cell(Some(*revision)))).collect();
        let proven = all.iter().filter(is_proven).count();
        format!("{name:<20}{cells}{:>12}{proven:>8}\n", cell(None))
    };
    let heads: String = Revision::ALL.iter().map(|revision| format!("{:>12}", revision.as_str())).collect();
    let head = format!("\n{:<20}{heads}{:>12}{:>8}\n", "judged/observable", "all", "proven");
    let rows: String =
        areas.iter().map(|name| line(name, &|requirement| area(requirement) == *name)).collect();
    head + &rows + &line("all", &|_| true)
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
