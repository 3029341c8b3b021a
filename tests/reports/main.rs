//! Every report from one recorded stream of events, so that no server is needed.
//!
//! `verdicts_agree_everywhere` holds all reporters against one model: the events themselves.

#[path = "../recorded/mod.rs"]
mod recorded;
mod snapshot;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mcp_conform::catalogue::Verdict;
use mcp_conform::protocol::Revision;
use mcp_conform::report::{Detail, Format, Look, Progress, Report, Screen, Terminal};
use mcp_conform::runner::{Beside, Event, ExitCode, Finished};
use recorded::{campaign, clean, first_run, recorded, run, started, stdio, told, unreachable, written};
use serde_json::Value;

const LOOK: Look = Look { colour: false, width: 100, detail: Detail::Normal };

fn terminal(events: &[Event], look: Look) -> String {
    told(events, |sink| Terminal::new(sink, look))
}

fn json(events: &[Event]) -> String {
    written(Format::Json, events, false)
}

fn junit(events: &[Event], strict: bool) -> String {
    written(Format::Junit, events, strict)
}

fn report(events: &[Event]) -> Report {
    let mut report = Report::default();
    events.iter().for_each(|event| report.on_event(event));
    report
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"mcp-conform \d+\.\d+\.\d+", "mcp-conform [version]");
    settings.add_filter(r#"("name": "mcp-conform",\s+"version": )"[^"]+""#, r#"$1"[version]""#);
    settings.add_filter("A{200,}", "[many A]");
    settings.add_filter(r#""catalogue": "[0-9a-f]{16}""#, r#""catalogue": "[digest]""#);
    settings
}

/// A fresh folder below the target directory.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn terminal_tells_findings_and_a_summary() {
    settings().bind(|| insta::assert_snapshot!("terminal", terminal(&recorded(), LOOK)));
}

#[test]
fn terminal_lists_every_check_when_verbose() {
    let look = Look { detail: Detail::Verbose, ..LOOK };
    settings().bind(|| insta::assert_snapshot!("terminal_verbose", terminal(&recorded(), look)));
}

#[test]
fn terminal_tells_only_findings_when_quiet() {
    let look = Look { detail: Detail::Quiet, width: 80, ..LOOK };
    settings().bind(|| insta::assert_snapshot!("terminal_quiet", terminal(&recorded(), look)));
}

#[test]
fn terminal_is_calm_when_all_is_well() {
    settings().bind(|| insta::assert_snapshot!("terminal_clean", terminal(&clean(), LOOK)));
}

#[test]
fn terminal_says_why_a_target_could_not_be_judged() {
    settings().bind(|| insta::assert_snapshot!("terminal_unreachable", terminal(&unreachable(), LOOK)));
}

#[test]
fn terminal_paints_when_a_person_watches() {
    let shown = terminal(&recorded(), Look { colour: true, ..LOOK }).replace('\u{1b}', "␛");
    settings().bind(|| insta::assert_snapshot!("terminal_colours", shown));
}

/// Progress as a terminal gets it, one rewriting a line.
fn progress(events: &[Event], screen: Option<Screen>) -> String {
    let rewritten = told(events, |sink| Progress::new(sink, screen)).replace("\u{1b}[?7l", "⟲");
    rewritten.replace("\u{1b}[?7h", "\n").replace("\r\n", " ⏎ ").replace('\r', "").replace('\u{1b}', "␛")
}

#[test]
fn progress_of_one_server_is_a_line_that_is_rewritten() {
    let shown = progress(&recorded(), Some(Screen { width: 40, height: 5 }));
    settings().bind(|| insta::assert_snapshot!("progress", shown));
    assert_eq!(progress(&recorded(), None), "", "nobody can rewrite a line of a file");
}

/// Two servers side by side, of which one is not there.
fn side_by_side() -> Vec<Event> {
    let beside = |server: &str, event| Event::Beside(Box::new(Beside { server: server.to_owned(), event }));
    let starting = || Event::Progress("starting the server".to_owned());
    let mut events = vec![started(stdio()), beside("one", starting()), beside("t\u{1b}[2Jwo", starting())];
    let run = run(Revision::V2025_11_25, "stdio", first_run());
    events.extend(run.iter().map(|event| beside("one", event.clone())));
    let gone = Finished {
        duration_ms: 1,
        exit: ExitCode::Unreachable,
        problem: Some("cannot start it\nfirst output: ::error::x".to_owned()),
    };
    events.push(beside("t\u{1b}[2Jwo", Event::Finished(gone)));
    events.push(beside("one", Event::Progress("2025-11-25 tools/call".to_owned())));
    events.push(beside("one", Event::Fuzzed(Box::new(campaign()))));
    let end = Finished { duration_ms: 2_500, exit: ExitCode::Findings, problem: None };
    events.push(beside("one", Event::Finished(end.clone())));
    events.extend(run);
    events.push(Event::Finished(end));
    events
}

#[test]
fn progress_of_several_servers_has_a_line_for_each() {
    let (wide, low) = (Screen { width: 60, height: 9 }, Screen { width: 20, height: 2 });
    settings().bind(|| insta::assert_snapshot!("progress_of_several", progress(&side_by_side(), Some(wide))));
    settings().bind(|| insta::assert_snapshot!("progress_in_a_file", progress(&side_by_side(), None)));
    let shown = progress(&side_by_side(), Some(low));
    assert!(!shown.contains('⏎') && shown.contains("one: starting the\n"), "{shown}");
}

#[test]
fn json_follows_the_schema() {
    settings().bind(|| insta::assert_snapshot!("json", json(&recorded())));
    settings().bind(|| insta::assert_snapshot!("json_unreachable", json(&unreachable())));
}

#[test]
fn junit_has_a_test_case_per_check() {
    settings().bind(|| insta::assert_snapshot!("junit", junit(&recorded(), false)));
    settings().bind(|| insta::assert_snapshot!("junit_unreachable", junit(&unreachable(), false)));
}

#[test]
fn verdicts_agree_everywhere() {
    let events = recorded();
    let count = |verdict| {
        let is = |event: &&Event| matches!(event, Event::Checked(check) if check.verdict == verdict);
        events.iter().filter(is).count()
    };
    let json: Value = serde_json::from_str(&json(&events)).unwrap();
    let verbose = terminal(&events, Look { detail: Detail::Verbose, ..LOOK });
    for verdict in Verdict::ALL {
        let name = verdict.as_str();
        assert!(count(verdict) > 0, "{name} is missing in the events");
        assert_eq!(json["summary"][name], count(verdict), "{name} in JSON");
        let line = format!("  {name:<14}  ");
        assert_eq!(verbose.matches(&line).count(), count(verdict), "{name} in the terminal");
    }
    let xml = junit_parser::from_reader(junit(&events, true).as_bytes()).unwrap();
    let (snapshot_changes, bugs) = (1, 1);
    let failures = count(Verdict::Fail) + count(Verdict::Warn) + snapshot_changes + bugs;
    let tests = events.iter().filter(is_test).count() + campaign().findings.len();
    assert_eq!(totals(&xml), (tests, failures, count(Verdict::Error)));
}

fn is_test(event: &&Event) -> bool {
    matches!(event, Event::Checked(_) | Event::Snapshot(_))
}

/// Tests, failures and errors of all suites.
fn totals(xml: &junit_parser::TestSuites) -> (usize, usize, usize) {
    let sum = |count: fn(&junit_parser::TestSuite) -> u64| xml.suites.iter().map(count).sum::<u64>() as usize;
    (sum(|suite| suite.tests), sum(|suite| suite.failures), sum(|suite| suite.errors))
}

#[test]
fn junit_keeps_every_detail_for_a_real_reader() {
    let xml = junit_parser::from_reader(junit(&recorded(), false).as_bytes()).unwrap();
    let names: Vec<&str> = xml.suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "mcp-conform 2025-11-25 stdio",
            "mcp-conform 2025-06-18 stdio",
            "mcp-conform 2025-11-25 fuzz",
            "mcp-conform snapshots"
        ]
    );
    let cases = &xml.suites[0].cases;
    assert_eq!(cases.len(), first_run().len());

    let failed = cases.iter().find(|case| case.original_name == "tools.call.unknown-tool").unwrap();
    let failure = failed.status.failure_as_ref();
    assert_eq!(failure.failure_type, "fail");
    assert!(failure.text.contains("]]\\u003e <b>&"), "{}", failure.text);
    assert!(failure.text.contains("rerun  mcp-conform stdio --only tools/unknown -- ./server --stdio"));
    assert!(failure.text.contains("spec  https://modelcontextprotocol.io/"));

    for (verdict, detail) in [
        (Verdict::Warn, "has a space in it"),
        (Verdict::NotObserved, "allow one with --tools all"),
        (Verdict::Blocked, "blocked by  tools/unknown"),
        (Verdict::Known, "Accepted: fixed in 2.0."),
        (Verdict::NotApplicable, "not_applicable: The server declares no prompts."),
    ] {
        let check = first_run().into_iter().find(|check| check.verdict == verdict).unwrap();
        let case = cases.iter().find(|case| case.original_name == check.requirement).unwrap();
        assert!(case.system_out.as_deref().unwrap().contains(detail), "{verdict}: {case:?}");
    }
}

#[test]
fn junit_of_a_strict_run_fails_on_warnings() {
    let failures =
        |strict| totals(&junit_parser::from_reader(junit(&recorded(), strict).as_bytes()).unwrap()).1;
    assert_eq!(failures(true), failures(false) + 1);
    assert!(junit(&recorded(), true).contains(r#"<failure type="warn""#));
}

#[test]
fn junit_of_a_run_that_could_not_be_done_is_an_error() {
    let xml = junit_parser::from_reader(junit(&unreachable(), false).as_bytes()).unwrap();
    assert_eq!(totals(&xml), (1, 0, 1));
    assert!(xml.suites[0].cases[0].status.error_as_ref().text.contains("Cannot find module"));
}

/// Needs `xmllint` (Debian: libxml2-utils; macOS has it).
#[cfg(unix)]
#[test]
fn junit_is_valid_against_the_schema() {
    let folder = folder("junit");
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/junit.xsd");
    for (name, events, strict) in [
        ("recorded", recorded(), false),
        ("strict", recorded(), true),
        ("unreachable", unreachable(), false),
        ("clean", clean(), false),
    ] {
        let file = folder.join(format!("{name}.xml"));
        fs::write(&file, junit(&events, strict)).unwrap();
        let lint =
            Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(&schema).arg(&file).output();
        let lint = lint.expect("xmllint is missing: install libxml2-utils");
        assert!(lint.status.success(), "{name}: {}", String::from_utf8_lossy(&lint.stderr));
    }
}

#[test]
fn no_report_lets_a_server_give_commands() {
    let verbose = Look { detail: Detail::Verbose, ..LOOK };
    let terminals =
        [LOOK, verbose, Look { detail: Detail::Quiet, ..LOOK }].map(|look| terminal(&recorded(), look));
    let files = [json(&recorded()), junit(&recorded(), false), junit(&unreachable(), false)];
    let surfaces = report(&recorded())
        .runs
        .iter()
        .map(|run| mcp_conform::report::snapshot::render(run, Some(&snapshot::offered()), &[]))
        .collect::<Vec<_>>();
    for text in terminals.iter().chain(&files).chain(&surfaces).chain([&terminal(&unreachable(), LOOK)]) {
        let bad = |c: &char| (c.is_control() && *c != '\n') || "\u{202e}\u{fffe}".contains(*c);
        assert_eq!(text.chars().find(bad), None, "{text}");
        assert!(
            text.lines().all(|line| !line.trim_start().starts_with("::") && !line.contains("##[")),
            "{text}"
        );
    }
}

/// The binary on the built-in server with a fault, in a job of GitHub's or not.
fn judged(args: &[&str], variables: &[(&str, &str)]) -> std::process::Output {
    const SELF: &str = env!("CARGO_BIN_EXE_mcp-conform");
    let server = ["--", SELF, "serve", "--fault", "resources.read.text-or-blob"];
    let mut command = Command::new(SELF);
    command.args(["stdio", "--revision", "2025-11-25", "--fuzz-cases", "0"]).args(args).args(server);
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    command.envs(variables.iter().copied()).output().expect("the binary runs")
}

#[test]
fn one_run_writes_every_report_and_merge_writes_the_same() {
    let folder = folder("every");
    let file = |name: &str| folder.join(name).display().to_string();
    let formats = ["json", "junit", "html", "sarif", "markdown", "tap"];
    let options = |prefix: &str| -> Vec<String> {
        formats
            .iter()
            .flat_map(|format| [format!("--{format}"), file(&format!("{prefix}.{format}"))])
            .collect()
    };
    let asked = options("run");
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    assert_eq!(judged(&asked, &[]).status.code(), Some(1));
    let merged = Command::new(env!("CARGO_BIN_EXE_mcp-conform"))
        .args(["merge", &file("run.json")])
        .args(options("merged"))
        .env_remove("GITHUB_STEP_SUMMARY")
        .output()
        .expect("the binary runs");
    assert_eq!(merged.status.code(), Some(1));
    for format in formats {
        let text = |prefix: &str| fs::read_to_string(file(&format!("{prefix}.{format}"))).expect("a report");
        let (run, merged) = (text("run"), text("merged"));
        assert!(run.contains("resources.read.text-or-blob"), "{format}");
        // How long a run took is not in the JSON report.
        if format != "junit" {
            assert_eq!(run, merged, "{format}");
        }
    }
}

#[test]
fn a_job_of_github_is_told_on_its_page() {
    let folder = folder("github");
    let summary = folder.join("summary.md");
    fs::write(&summary, "what an earlier step wrote\n").unwrap();
    let summary_path = summary.display().to_string();
    let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", summary_path.as_str())];
    let output = String::from_utf8_lossy(&judged(&[], &variables).stdout).into_owned();
    let annotations: Vec<&str> = output.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(annotations.len(), 1, "{output}");
    assert!(annotations[0].starts_with("::error title=FAIL schema › resources.read.text-or-blob::MUST"));
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("what an earlier step wrote\n## ❌ mcp-conform: 1 violation\n"), "{text}");
    let to_stdout = judged(&["--tap", "-"], &variables[..1]);
    assert!(to_stdout.stdout.starts_with(b"TAP version 14\n"));
    assert!(!String::from_utf8_lossy(&to_stdout.stdout).contains("::error"), "a report goes there");
}
