//! The proof of the suite: the clean reference server and its quirks draw no finding, each fault draws the finding that it
//! was made for. What each fault draws is committed: `snapshots/matrix__faults.snap`.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use std::time::Duration;

use common::{
    Scope, cases as builtin, findings, in_threads, judge_in_memory, judge_over_http, judge_over_sse,
    judge_process,
};
use mcp_conform::catalogue::{Verdict, requirement, requirements};
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{Fault, Settings, Transport, faults, parse, quirks};
use mcp_conform::runner::Check;
use mcp_conform::runner::coverage::{self, Place};

const STDIO: Transport = Transport::Stdio;
const HTTP: Transport = Transport::Http;
const SSE: Transport = Transport::Sse;

/// Most of the time a server with a fault is waited for.
const THREADS: usize = 8;

/// One judged server: with a fault, a quirk, or clean.
#[derive(Clone, Copy)]
struct Cell {
    fault: Option<&'static Fault>,
    revision: Revision,
    transport: Transport,
}

impl Cell {
    fn name(&self) -> String {
        let transport = match self.transport {
            Transport::Stdio => "stdio",
            Transport::Http => "http",
            Transport::Sse => "sse",
        };
        format!("{} {transport}", self.revision)
    }

    fn judge(&self, settings: Settings, scope: Scope) -> Vec<Check> {
        let process = self.fault.filter(|fault| self.transport == STDIO && fault.needs_process());
        // Over HTTP time passes. What a fault leaves out is not awaited for long; what is right may be late on a busy machine.
        let is_right = self.fault.is_none_or(|fault| fault.requirement.is_none());
        let patience = Duration::from_millis(if is_right { 5000 } else { 1500 });
        let patience = self.fault.map_or(patience, |fault| patience.max(fault.delay() * 2));
        let (checks, finished) = match (process, self.transport) {
            (Some(fault), _) => judge_process(fault, self.revision, scope),
            (None, Transport::Stdio) => judge_in_memory(settings, self.revision, scope),
            (None, Transport::Http) => judge_over_http(settings, self.revision, scope, patience),
            (None, Transport::Sse) => judge_over_sse(settings, self.revision, scope, patience),
        };
        if let Some(problem) = finished.problem {
            eprintln!(
                "{}, {}: {problem}",
                self.fault.map_or("clean", |fault| fault.id.as_str()),
                self.name()
            );
        }
        checks
    }

    /// Runs the cases of the fault's requirement; if they do not catch it, those of its area, then those that make the server
    /// show what it offers; if what the fault does is seen only elsewhere, all.
    fn judge_fault(&self) -> Vec<Check> {
        let requirement = self.fault.and_then(|fault| fault.requirement.as_deref()).unwrap_or_default();
        let scopes =
            [Scope::Requirement(requirement), Scope::Area(requirement), Scope::Surface, Scope::Whole];
        let useful = scopes.into_iter().filter(|scope| builtin().iter().any(|case| scope.includes(case)));
        let mut last = Vec::new();
        for scope in useful {
            last = self.judge(settings(self.fault), scope);
            if self.is_caught(&last) {
                break;
            }
        }
        last
    }

    /// Whether the fault was caught for its reason.
    fn is_caught(&self, checks: &[Check]) -> bool {
        let wanted = self.fault.and_then(|fault| fault.requirement.as_deref());
        checks.iter().any(|check| {
            Some(check.requirement.as_str()) == wanted
                && matches!(check.verdict, Verdict::Fail | Verdict::Warn)
        })
    }
}

/// Streamable HTTP begins with 2025-03-26, when HTTP+SSE ends.
fn revisions(transport: Transport) -> impl Iterator<Item = Revision> {
    Revision::ALL.into_iter().filter(move |revision| match transport {
        Transport::Stdio => true,
        Transport::Http => *revision > Revision::V2024_11_05,
        Transport::Sse => *revision == Revision::V2024_11_05,
    })
}

fn settings(add: Option<&Fault>) -> Settings {
    let mut settings = Settings::default();
    if let Some(fault) = add {
        settings.add(fault);
    }
    settings
}

/// What asks for the client's input cannot be a quirk: not every client of a run declares that it gives any.
#[test]
fn a_task_that_says_that_it_waits_for_the_client_is_right() {
    const ID: &str = "tasks.input-required-used";
    let honest = "
- id: honest
  about: Says that it waits, while it does.
  rewrite: [{ on: reply tasks/get, after: 2, times: 2, match: { result: { status: working } }, do: [{ set: /result/status, to: input_required }] }]
";
    let mut settings = Settings::with(&[ID.to_owned()], &[]).expect("the fault");
    parse("honest.yaml", honest).expect("a quirk").iter().for_each(|quirk| settings.add(quirk));
    let (checks, _) = judge_in_memory(settings, Revision::V2025_11_25, Scope::Requirement(ID));
    assert!(findings(&checks).is_empty(), "{:?}", findings(&checks));
    assert!(checks.iter().any(|check| check.requirement == ID && check.verdict == Verdict::Pass));
}

#[test]
fn the_clean_server_draws_no_finding() {
    let cells: Vec<Cell> = [STDIO, HTTP, SSE]
        .into_iter()
        .flat_map(|transport| {
            revisions(transport).map(move |revision| Cell { fault: None, revision, transport })
        })
        .collect();
    let found = in_threads(THREADS, &cells, |cell| {
        (cell.name(), findings(&cell.judge(settings(None), Scope::Whole)))
    });
    let wrong: Vec<_> = found.into_iter().filter(|(_, findings)| !findings.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// In the newest revision of each era, over HTTP+SSE only if it is about that.
#[test]
fn quirks_draw_no_finding() {
    let is_told = |quirk: &Fault, transport: Transport| transport != SSE || quirk.transports == [SSE];
    quirks_are_silent(is_told, newest_of_each_era);
}

#[test]
#[ignore = "takes some minutes"]
fn quirks_draw_no_finding_in_any_place() {
    quirks_are_silent(|_, _| true, |revisions| revisions);
}

fn newest_of_each_era(revisions: Vec<Revision>) -> Vec<Revision> {
    let newest =
        |is_stateless| revisions.iter().rfind(|revision| revision.is_stateless() == is_stateless).copied();
    [newest(false), newest(true)].into_iter().flatten().collect()
}

fn quirks_are_silent(
    is_tried: impl Fn(&Fault, Transport) -> bool,
    chosen: impl Fn(Vec<Revision>) -> Vec<Revision>,
) {
    let mut cells = Vec::new();
    for quirk in quirks() {
        for transport in quirk.transports.iter().copied().filter(|transport| is_tried(quirk, *transport)) {
            let spoken = revisions(transport).filter(|revision| quirk.revisions.contains(*revision));
            let speaks = |revision: &Revision| settings(Some(quirk)).speaks(*revision);
            let cell = |revision| Cell { fault: Some(quirk), revision, transport };
            cells.extend(chosen(spoken.filter(speaks).collect()).into_iter().map(cell));
        }
    }
    let cells = named(cells);
    let found = in_threads(THREADS, &cells, |cell| {
        let quirk = cell.fault.map_or("", |quirk| quirk.id.as_str());
        (format!("{quirk}, {}", cell.name()), findings(&cell.judge(settings(cell.fault), Scope::Whole)))
    });
    let wrong: Vec<_> = found.into_iter().filter(|(_, findings)| !findings.is_empty()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where something judges each requirement.
fn judged() -> &'static BTreeMap<&'static str, BTreeSet<Place>> {
    static JUDGED: LazyLock<BTreeMap<&str, BTreeSet<Place>>> = LazyLock::new(|| {
        let covered = requirements().iter().zip(coverage::all(builtin()));
        covered.map(|(requirement, covering)| (requirement.id.as_str(), covering.judged_on)).collect()
    });
    &JUDGED
}

/// Where a fault can be seen: on its transports, in the revisions that its requirement knows, and where something judges that.
fn places(fault: &'static Fault) -> Vec<Cell> {
    let id = fault.requirement.as_deref().unwrap_or_default();
    let requirement = requirement(id).unwrap_or_else(|| panic!("{}: unknown requirement {id}", fault.source));
    let holds = |revision: &Revision| {
        requirement.revisions().contains(*revision)
            && fault.revisions.contains(*revision)
            && settings(Some(fault)).speaks(*revision)
    };
    let judged = judged().get(id);
    let on = |transport: Transport| {
        let is_judged = move |revision: &Revision| {
            judged.is_some_and(|on| on.contains(&Place { revision: *revision, transport }))
        };
        let held = revisions(transport).filter(holds).filter(is_judged);
        held.map(move |revision| Cell { fault: Some(fault), revision, transport })
    };
    [STDIO, HTTP, SSE].into_iter().filter(|known| fault.transports.contains(known)).flat_map(on).collect()
}

/// The cells that `MCP_CONFORM_FAULTS` names by words of their names, or all.
fn named(cells: Vec<Cell>) -> Vec<Cell> {
    let words = std::env::var("MCP_CONFORM_FAULTS").unwrap_or_default();
    let is_named = |cell: &Cell| {
        let name = format!("{} {}", cell.fault.map_or("", |fault| &fault.id), cell.name());
        words.split_whitespace().all(|word| name.contains(word))
    };
    cells.into_iter().filter(is_named).collect()
}

/// In the newest revision of each fault, on stdio if it can be seen there.
#[test]
fn each_fault_is_caught_for_its_reason() {
    let newest = |fault: &'static Fault| {
        let places = places(fault);
        let first = places.first()?.transport;
        places.into_iter().rfind(|cell| cell.transport == first)
    };
    let all: Vec<Cell> = faults().iter().filter_map(newest).collect();
    let count = all.len();
    let cells = named(all);
    let matrix = matrix(&cells);
    match cells.len() == count {
        true => insta::assert_snapshot!("faults", matrix),
        false => println!("{matrix}"),
    }
}

#[test]
#[ignore = "takes some minutes"]
fn each_fault_is_caught_in_each_place() {
    matrix(&named(faults().iter().flat_map(places).collect()));
}

/// What catches each fault; a fault that nothing catches is a failure.
fn matrix(cells: &[Cell]) -> String {
    let judged = in_threads(THREADS, cells, |cell| cell.judge_fault());
    let (mut matrix, mut missed) = (String::new(), Vec::new());
    for (cell, checks) in cells.iter().zip(judged) {
        let fault = cell.fault.expect("a fault");
        let wanted = fault.requirement.as_deref().unwrap_or_default();
        matrix.push_str(&format!("{}\n  {}\n", fault.id, cell.name()));
        let caught = findings(&checks).into_iter().filter(|line| line.ends_with(&format!(" {wanted}")));
        caught.for_each(|line| matrix.push_str(&format!("    {line}\n")));
        if !cell.is_caught(&checks) {
            let seen: Vec<String> = checks
                .iter()
                .filter(|check| check.requirement == wanted)
                .map(|check| format!("{} {}: {}", check.verdict.as_str(), check.id, check.message))
                .collect();
            missed.push(format!("{}, {}: {seen:?} among {:?}", fault.id, cell.name(), findings(&checks)));
        }
    }
    assert!(missed.is_empty(), "{} faults missed:\n{}", missed.len(), missed.join("\n"));
    matrix
}
