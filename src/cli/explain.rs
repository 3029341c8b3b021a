//! `mcp-conform explain`: what a requirement or a case means.

use std::collections::BTreeSet;
use std::io::Write;

use super::Usage;
use crate::case::{self, Case};
use crate::catalogue::{Requirement, did_you_mean, requirement, requirements};
use crate::protocol::Revision;
use crate::reference::Transport;
use crate::report::text;
use crate::rule::{self, RULES};
use crate::runner::{self, Example, ExitCode, coverage};

/// Arguments of `explain`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A requirement (tools.list.result-shape), a case (tools/call), a rule (rule/replies) or `schema`
    #[arg(value_name = "ID")]
    id: String,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let cases = case::builtin()?;
    let told = if let Some(requirement) = requirement(&args.id) {
        let example = runner::example(requirement, &cases).await;
        tell_requirement(requirement, &cases, example.as_ref())
    } else if let Some(case) = cases.iter().find(|case| case.id == args.id) {
        tell_case(case)
    } else if let Some(rule) = RULES.iter().find(|rule| rule.id == args.id) {
        let about = "an always-on rule over everything that crosses the wire";
        tell_watching(rule.id, about, rule.judges.iter().copied())
    } else if args.id == SCHEMA {
        let all: Vec<_> = Revision::ALL.into_iter().flat_map(rule::checks).collect();
        let of_schemas = all.iter().filter(|it| it.check == SCHEMA).map(|it| it.requirement.as_str());
        let about = "the shape of every message that the server sends, as its revision defines it";
        tell_watching(SCHEMA, about, of_schemas.collect::<BTreeSet<_>>().into_iter())
    } else {
        return Err(unknown(&args.id, &cases).into());
    };
    std::io::stdout().write_all(told.as_bytes())?;
    Ok(ExitCode::Clean)
}

fn unknown(id: &str, cases: &[Case]) -> Usage {
    let known = requirements().iter().map(|r| r.id.as_str()).chain(cases.iter().map(|case| case.id.as_str()));
    let hint = did_you_mean(id, known.chain(RULES.iter().map(|rule| rule.id)));
    Usage(format!("there is no requirement, case or rule `{id}`{hint}; see `mcp-conform list requirements`"))
}

/// The check that holds every message against its shape.
const SCHEMA: &str = "schema";

const WIDTH: usize = 96;

fn section(title: &str, body: Option<&str>) -> String {
    let Some(body) = body else { return String::new() };
    let lines = text::wrap(body, WIDTH).into_iter().map(|line| format!("  {line}\n")).collect::<String>();
    format!("\n{title}\n{lines}")
}

fn tell_requirement(requirement: &Requirement, cases: &[Case], example: Option<&Example>) -> String {
    let mut told = format!("{} ({}, {})\n", requirement.id, requirement.level, requirement.revisions());
    let source = requirement.source.as_ref().map(|source| match source.as_str() {
        "derived" | "declarative" => "the specification states this as a fact, without a keyword".to_owned(),
        source => source.to_owned(),
    });
    told += &section("The rule", Some(&requirement.statement));
    told += &section("Where it comes from", source.as_deref());
    told += &section("How it is tested", requirement.test.as_deref());
    told += &section("What is right", requirement.pass.as_deref());
    told += &section("What is wrong", requirement.violation.as_deref());
    told += &example.map(tell_example).unwrap_or_default();
    told += &section("Beware", requirement.caution.as_deref());
    let covering = coverage::of(requirement, cases);
    let judged = match covering.judged_by.as_slice() {
        [] => "nothing yet".to_owned(),
        ids => ids.join(", "),
    };
    told += &section("Judged by", Some(&judged));
    let faults = covering.faults.join(", ");
    told += &section("Proven by the faults", (!faults.is_empty()).then_some(&faults));
    told += "\nSpecification\n";
    for link in &requirement.spec {
        told += &format!("  {}\n", link.url());
    }
    told
}

/// Longest message of an example that is shown.
const LONGEST: usize = 700;
const MOST_LINES: usize = 20;

/// A wrong message in place of a right one, as they look on the wire.
fn tell_example(example: &Example) -> String {
    let request = example.request.as_ref().map(|data| marked("->", data)).unwrap_or_default();
    let revision = example.revision;
    let right =
        example.right.as_ref().map(|data| format!("\nRight, in {revision}\n{request}{}", marked("<-", data)));
    let came = example.wrong.as_ref().map(|data| marked("<-", data)).unwrap_or_default();
    let wrong = format!("\nWrong, in {revision}: {}\n{request}{came}", example.about);
    let found = example.found.as_ref().map(|found| marked("found    ", found)).unwrap_or_default();
    let expected = example.expected.as_ref().map(|told| marked("expected ", told)).unwrap_or_default();
    let trial = format!("  try it    {}\n", trial(example));
    [right.unwrap_or_default(), wrong, found, expected, trial].concat()
}

/// The command that shows it.
fn trial(example: &Example) -> String {
    let over_http = |path: &str| {
        format!(
            "mcp-conform http 'http://127.0.0.1:{{port}}/{path}' -- mcp-conform serve --http '127.0.0.1:{{port}}' --fault {}",
            example.fault
        )
    };
    match example.transport {
        Transport::Stdio => format!("mcp-conform stdio -- mcp-conform serve --fault {}", example.fault),
        Transport::Http => over_http("mcp"),
        Transport::Sse => over_http("sse"),
    }
}

/// A text after its mark, in lines of the usual width.
fn marked(mark: &str, data: &str) -> String {
    let width = mark.len();
    let lines = text::lines(&text::cut(data, LONGEST), MOST_LINES, LONGEST);
    let lines: Vec<String> = lines.iter().flat_map(|line| text::fold(line, WIDTH)).collect();
    let marked = lines.iter().enumerate().map(|(n, line)| (if n == 0 { mark } else { "" }, line));
    marked.map(|(mark, line)| format!("  {mark:width$} {line}\n")).collect()
}

/// What watches everything that crosses the wire.
fn tell_watching<'j>(id: &str, about: &str, judges: impl Iterator<Item = &'j str>) -> String {
    let judges: String = judges.map(|id| format!("  {id}\n")).collect();
    format!("{id}: {about}. It judges:\n{judges}")
}

fn tell_case(case: &Case) -> String {
    let mut told = format!("{}: {}\n  {}\n", case.id, case.title, case.path);
    told += &format!("  revisions {}, over {}\n", case.revisions, case.transports.join(" and "));
    if !case.needs.is_empty() {
        told += &format!("  needs {}\n", case.needs.join(", "));
    }
    told += "\nIt judges\n";
    for requirement in case.requirements() {
        told += &format!("  {:10} {}\n", requirement.level, requirement.id);
        for line in text::wrap(&requirement.statement, WIDTH - 12) {
            told += &format!("             {line}\n");
        }
    }
    told
}
