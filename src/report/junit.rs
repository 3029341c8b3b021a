//! The JUnit report: one suite per revision and transport, one test case per check.

use std::collections::HashMap;
use std::io::{self, Write};

use junit_report::{Duration, OffsetDateTime, ReportBuilder, TestCase, TestResult, TestSuite};
use time::{Date, Month};

use super::diagnostic::{Block, Bounds};
use super::paint::Paint;
use super::{Report, Run, Snapshot, text};
use crate::catalogue::Verdict;
use crate::runner::{Check, Fuzzed};

/// The width of the diagnostic blocks in a report file.
const WIDTH: usize = 160;
const MOST_DIFF_LINES: usize = 1_000;

/// Writes a report as JUnit XML; with `strict`, a warning is a failure.
pub fn write(report: &Report, strict: bool, out: &mut dyn Write) -> io::Result<()> {
    let runs = report.runs.iter().map(|run| suite(run, strict));
    let suites = runs
        .chain(report.fuzz.iter().map(campaign))
        .chain(snapshots(&report.snapshots))
        .chain(problem(report))
        .map(|mut suite| {
            suite.set_timestamp(timestamp(&report.started));
            suite
        });
    let xml = ReportBuilder::new().add_testsuites(suites).build();
    xml.write_xml(&mut *out).map_err(io::Error::other)?;
    writeln!(out)
}

fn suite(run: &Run, strict: bool) -> TestSuite {
    let name = format!("mcp-conform {}{} {}", server(run.name.as_ref()), run.revision, run.transport);
    let mut suite = TestSuite::new(&name);
    let mut seen = HashMap::new();
    suite.add_testcases(run.checks.iter().map(|check| {
        let times = seen.entry((&check.id, &check.requirement)).and_modify(|n| *n += 1).or_insert(1);
        test_case(check, run, *times, strict)
    }));
    suite.set_system_out(&text::cdata(&about(run)));
    suite
}

/// A campaign: one test case per finding, or one that passed.
fn campaign(fuzzed: &Fuzzed) -> TestSuite {
    let name = format!("mcp-conform {}{} fuzz", server(fuzzed.name.as_ref()), fuzzed.revision);
    let mut suite = TestSuite::new(&name);
    let class = format!("{}fuzz.{}", package(fuzzed.name.as_ref()), fuzzed.revision);
    if fuzzed.findings.is_empty() {
        let mut case = TestCase::success(&format!("{} cases", fuzzed.executed), Duration::ZERO);
        case.set_classname(&class);
        suite.add_testcase(case);
    }
    suite.add_testcases(fuzzed.findings.iter().map(|finding| {
        let mut case =
            TestCase::success(&text::escape(&format!("{} {}", finding.kind, finding.id)), Duration::ZERO);
        case.set_classname(&class);
        let details = Block::of_fuzz(finding, Bounds::of_width(WIDTH)).render(Paint::default(), WIDTH);
        if finding.is_advice() {
            case.system_out = Some(text::cdata(&details));
            return case;
        }
        case.result = TestResult::Failure {
            type_: finding.kind.to_owned(),
            message: text::brief(&finding.message, 500),
            cause: Some(text::cdata(&details)),
        };
        case
    }));
    suite
}

fn about(run: &Run) -> String {
    format!(
        "server {}\nfirst reply after {} ms\n{} launches\n{} ms\n",
        run.server_label(),
        run.startup_ms,
        run.spawns,
        run.duration_ms
    )
}

/// `times` tells apart checks that judge the same requirement in the same case.
fn test_case(check: &Check, run: &Run, times: u32, strict: bool) -> TestCase {
    let name = match times {
        1 => text::escape(&check.requirement),
        times => format!("{} ({times})", text::escape(&check.requirement)),
    };
    let details = || Block::new(check, run, Bounds::of_width(WIDTH)).render(Paint::default(), WIDTH);
    let mut case = TestCase::success(&name, Duration::ZERO);
    case.set_classname(&class(check, run));
    case.result = result(check, &details, strict);
    case.system_out = output(check, &details, strict).map(|text| text::cdata(&text));
    case
}

/// The runs have classes of their own, because some readers merge suites.
fn class(check: &Check, run: &Run) -> String {
    let id = text::escape(&check.id).replace('/', ".");
    format!("{}{}.{}.{id}", package(run.name.as_ref()), run.transport, run.revision)
}

/// The name of the server before a suite, where there are several. What a file calls them stays apart.
fn server(name: Option<&String>) -> String {
    name.map(|name| text::brief(name, 60) + " · ").unwrap_or_default()
}

/// The same before a class.
fn package(name: Option<&String>) -> String {
    name.map(|name| text::brief(name, 60).replace('/', ".") + ".").unwrap_or_default()
}

fn result(check: &Check, details: &dyn Fn() -> String, strict: bool) -> TestResult {
    let type_ = check.verdict.as_str().to_owned();
    let message = text::brief(check.message.trim_end(), 500);
    let cause = || Some(text::cdata(&details()));
    match check.verdict {
        Verdict::Pass => TestResult::Success,
        Verdict::Warn if !strict => TestResult::Success,
        Verdict::Fail | Verdict::Warn => TestResult::Failure { type_, message, cause: cause() },
        Verdict::Error => TestResult::Error { type_, message, cause: cause() },
        Verdict::Known | Verdict::Blocked | Verdict::NotObserved | Verdict::NotApplicable => {
            TestResult::Skipped
        }
    }
}

/// What the result itself does not say: several schemas in use allow `skipped` no message.
fn output(check: &Check, details: &dyn Fn() -> String, strict: bool) -> Option<String> {
    match check.verdict {
        Verdict::Warn => (!strict).then(details),
        Verdict::Known | Verdict::Blocked | Verdict::NotObserved => Some(details()),
        Verdict::NotApplicable => Some(format!("not_applicable: {}", text::brief(&check.message, 500))),
        Verdict::Pass => (!check.message.is_empty()).then(|| text::brief(&check.message, 500)),
        Verdict::Fail | Verdict::Error => None,
    }
}

fn snapshots(snapshots: &[Snapshot]) -> Option<TestSuite> {
    let mut suite = TestSuite::new("mcp-conform snapshots");
    suite.add_testcases(snapshots.iter().map(snapshot));
    (!snapshots.is_empty()).then_some(suite)
}

fn snapshot(snapshot: &Snapshot) -> TestCase {
    let mut case = TestCase::success(&text::escape(&snapshot.file), Duration::ZERO);
    case.set_classname("snapshot");
    match &snapshot.diff {
        Some(diff) => case.result = changed(diff),
        None => case.set_system_out(snapshot.change),
    }
    case
}

fn changed(diff: &str) -> TestResult {
    TestResult::Failure {
        type_: "snapshot".to_owned(),
        message: "the snapshot changed; --update-snapshots accepts it".to_owned(),
        cause: Some(text::cdata(&text::lines(diff, MOST_DIFF_LINES, 1_000).join("\n"))),
    }
}

/// A run that could not be done is one error, so that no reader takes silence for success.
fn problem(report: &Report) -> Option<TestSuite> {
    let problem = report.trouble()?;
    let mut suite = TestSuite::new(&format!("mcp-conform {}", report.target.transport));
    let message = text::brief(problem.lines().next().unwrap_or_default(), 500);
    let mut case = TestCase::error("run", Duration::ZERO, "error", &message);
    case.set_classname("mcp-conform");
    if let TestResult::Error { cause, .. } = &mut case.result {
        *cause = Some(text::cdata(&text::lines(problem, 100, 1_000).join("\n")));
    }
    suite.add_testcase(case);
    Some(suite)
}

/// The instant of an RFC 3339 text in UTC; 1970 if it is none.
fn timestamp(text: &str) -> OffsetDateTime {
    instant(text).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    let (year, rest) = text.split_once('-')?;
    let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u8>().ok());
    let mut next = || numbers.next().flatten();
    let month = Month::try_from(next()?).ok()?;
    let date = Date::from_calendar_date(year.parse().ok()?, month, next()?).ok()?;
    let time = date.with_hms(next()?, next()?, next()?).ok()?;
    Some(time.assume_utc())
}
