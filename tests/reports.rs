//! Every report from one recorded stream of events, so that no server is needed.
//!
//! `verdicts_agree_everywhere` holds all reporters against one model: the events themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use mcp_conform::catalogue::{Level, Verdict};
use mcp_conform::protocol::Revision;
use mcp_conform::report::{Detail, Json, Junit, Look, Report, Reporter, Reporters, Terminal, snapshot};
use mcp_conform::runner::{
    Check, Event, ExitCode, Finished, RunFinished, RunStarted, SnapshotChange, SnapshotOutcome, Started,
    Surface, TargetInfo, WireLine,
};
use serde_json::{Value, json};

const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}]]> <b>&\0\u{fffe}\u{202e}txt.exe\u{9b}31m\r\n::error::fooled\n##[error]fooled";

fn check(verdict: Verdict, id: &str, requirement: &str, message: &str) -> Check {
    Check {
        id: id.to_owned(),
        requirement: requirement.to_owned(),
        level: if verdict == Verdict::Warn { Level::Should } else { Level::Must },
        verdict,
        observations: 1,
        message: message.to_owned(),
        expected: None,
        got: None,
        spec: "https://modelcontextprotocol.io/specification/2025-11-25/server/tools#calling-tools"
            .to_owned(),
        case: None,
        wire: Vec::new(),
        stderr: None,
        blocked_by: None,
        rerun: format!("mcp-conform stdio --only {id} -- ./server --stdio"),
    }
}

fn frame(seq: u64, dir: &'static str, data: &str, culprit: bool) -> WireLine {
    WireLine { seq, at_ms: 400 + seq * 53, dir, data: data.to_owned(), culprit }
}

fn goes_backwards() -> Check {
    let progress = |n: u32| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":7,"progress":{n},"message":"working on it, step by step, one after the other"}}}}"#
        )
    };
    Check {
        expected: Some("/params/progress greater than 40".to_owned()),
        got: Some("30".to_owned()),
        case: Some("cases/utilities/progress.yaml:22".to_owned()),
        wire: vec![frame(11, "<-", &progress(40), false), frame(12, "<-", &progress(30), true)],
        stderr: Some(String::new()),
        ..check(
            Verdict::Fail,
            "utilities/progress",
            "progress.increases",
            "The progress value went backwards.",
        )
    }
}

fn hostile() -> Check {
    Check {
        expected: Some("an error with one of these codes:\n-32602\n-32601".to_owned()),
        got: Some(format!("{HOSTILE} {}", "A".repeat(10_000))),
        wire: vec![
            frame(3, "->", r#"{"id":1}"#, false),
            frame(4, "<-", HOSTILE, true),
            frame(5, "!!", "exit code 1", false),
        ],
        stderr: Some(format!("Traceback\n{HOSTILE}")),
        ..check(
            Verdict::Fail,
            "tools/unknown",
            "tools.call.unknown-tool",
            &format!("The error says: {HOSTILE}"),
        )
    }
}

fn first_run() -> Vec<Check> {
    let unseen = "No tool may be called: allow one with --tools all, or name it in the profile.";
    let blocked = Check {
        blocked_by: Some("tools/unknown".to_owned()),
        ..check(Verdict::Blocked, "tools/call", "tools.call.reply", "The process is dead.")
    };
    vec![
        check(Verdict::Pass, "lifecycle/initialize", "lifecycle.initialize.reply", "It offered 2025-11-25."),
        check(Verdict::Pass, "tools/list", "tools.list.array", ""),
        check(Verdict::Pass, "tools/list", "tools.list.array", ""),
        goes_backwards(),
        hostile(),
        check(Verdict::Warn, "tools/names", "tools.names.format", "`my tool` has a space in it."),
        check(
            Verdict::NotApplicable,
            "prompts/list",
            "prompts.list.array",
            "The server declares no prompts.",
        ),
        check(Verdict::NotObserved, "tools/call", "tools.call.content", unseen),
        check(Verdict::NotObserved, "tools/progress", "progress.stops", unseen),
        blocked,
        check(Verdict::Error, "logging/level", "logging.level.filter", "No memory for another process."),
        check(Verdict::Known, "resources/read", "resources.read.not-found", "Accepted: fixed in 2.0."),
    ]
}

fn surface() -> Value {
    json!({
        "tools": [
            {"name": "write", "inputSchema": {"type": "object", "required": ["text", "path"]}, "description": "Writes."},
            {"description": "Reads a file.\n\n::error::fooled\n\u{1b}[31mred", "name": "read", "inputSchema": {"type": "object"}},
        ],
        "server": {"version": "1.2.3", "name": "demo"},
        "instructions": "Started at 2026-01-02T03:04:05Z as pid 4711 on http://127.0.0.1:40123/ in /tmp/demo.x1",
        "capabilities": {"tools": {"listChanged": true}, "logging": {}},
    })
}

fn started(target: TargetInfo) -> Event {
    Event::Started(Started { seed: 7, at: "2026-08-01T10:20:30Z".to_owned(), target })
}

fn stdio() -> TargetInfo {
    let command = ["./server", "--stdio", "--name", "a b"].map(str::to_owned).to_vec();
    TargetInfo { transport: "stdio", command, url: None, config: None }
}

fn run(revision: Revision, transport: &'static str, checks: Vec<Check>) -> Vec<Event> {
    let begin = RunStarted {
        name: None,
        revision,
        transport,
        server: json!({"name": "demo\u{1b}[31m", "version": "1.2.3"}),
        capabilities: json!({"tools": {}}),
        startup_ms: 412,
        planned: checks.len(),
    };
    let surface = Surface { revision, transport, value: surface() };
    let mut events = vec![Event::RunStarted(begin), Event::Surface(surface)];
    events.extend(checks.into_iter().map(|check| Event::Checked(Box::new(check))));
    events.push(Event::RunFinished(RunFinished { spawns: 3, duration_ms: 1_234 }));
    events
}

/// Two runs with every verdict, hostile texts, and a snapshot that changed.
fn recorded() -> Vec<Event> {
    let diff = "--- committed\n+++ this run\n@@ -1,3 +1,3 @@\n tools:\n-  - name: \"read\"\n+  - name: \"reed\u{1b}[2J\"\n ::error::fooled\n";
    let changed = SnapshotChange::Changed(diff.to_owned());
    let mut events = vec![started(stdio()), Event::Progress("launching ./server\u{1b}[2J".to_owned())];
    events.extend(run(Revision::V2025_11_25, "stdio", first_run()));
    let second = vec![
        goes_backwards(),
        check(Verdict::Pass, "tools/list", "tools.list.array", ""),
        check(Verdict::NotApplicable, "batch/reply", "batch.reply", "This revision has no batches."),
    ];
    events.extend(run(Revision::V2025_06_18, "stdio", second));
    let outcome = |file: &str, change| Event::Snapshot(SnapshotOutcome { file: file.to_owned(), change });
    events.push(outcome("snapshots/2025-11-25-stdio.snap.txt", changed));
    events.push(outcome("snapshots/2025-06-18-stdio.snap.txt", SnapshotChange::Created));
    events.push(Event::Finished(Finished { duration_ms: 2_500, exit: ExitCode::Findings, problem: None }));
    events
}

/// A server that never said a word of MCP.
fn unreachable() -> Vec<Event> {
    let problem = "The server never answered `initialize`: it exited with code 1 after 0.031 s.\n\
        ::error::fooled\nError: Cannot find module './dist/index.js'\nStart it by hand to see more, or raise --startup-timeout.";
    let end = Finished { duration_ms: 31, exit: ExitCode::Unreachable, problem: Some(problem.to_owned()) };
    vec![started(stdio()), Event::Finished(end)]
}

fn clean() -> Vec<Event> {
    let mut events =
        vec![started(TargetInfo { transport: "stdio", command: Vec::new(), url: None, config: None })];
    let checks = vec![check(Verdict::Pass, "tools/list", "tools.list.array", "")];
    events.extend(run(Revision::V2026_07_28, "stdio", checks));
    events.push(Event::Finished(Finished { duration_ms: 9, exit: ExitCode::Clean, problem: None }));
    events
}

/// What a reporter writes, kept where the test can see it.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn told<R: Reporter + 'static>(events: &[Event], reporter: impl FnOnce(Sink) -> R) -> String {
    let sink = Sink::default();
    let mut reporters = Reporters::default();
    reporters.add(reporter(sink.clone()));
    events.iter().for_each(|event| reporters.on_event(event).unwrap());
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const LOOK: Look = Look { colour: false, progress: false, width: 100, detail: Detail::Normal };

fn terminal(events: &[Event], look: Look) -> String {
    told(events, |sink| Terminal::new(sink, look))
}

fn json(events: &[Event]) -> String {
    told(events, Json::new)
}

fn junit(events: &[Event], strict: bool) -> String {
    told(events, |sink| Junit::new(sink, strict))
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
fn terminal_paints_and_rewrites_its_progress_when_a_person_watches() {
    let look = Look { colour: true, progress: true, ..LOOK };
    let shown = terminal(&recorded(), look).replace("\r\u{1b}[2K", "\n⟲").replace('\u{1b}', "␛");
    settings().bind(|| insta::assert_snapshot!("terminal_progress", shown));
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
    let snapshot_changes = 1;
    let failures = count(Verdict::Fail) + count(Verdict::Warn) + snapshot_changes;
    assert_eq!(totals(&xml), (events.iter().filter(is_test).count(), failures, count(Verdict::Error)));
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
        ["mcp-conform 2025-11-25 stdio", "mcp-conform 2025-06-18 stdio", "mcp-conform snapshots"]
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
        .map(|run| snapshot::render(run, Some(&offered())))
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

fn offered() -> Surface {
    Surface { revision: Revision::V2025_11_25, transport: "stdio", value: surface() }
}

#[test]
fn snapshot_is_stable_text_of_the_surface_and_the_verdicts() {
    let report = report(&recorded());
    insta::assert_snapshot!("snapshot", snapshot::render(&report.runs[0], Some(&offered())));
    insta::assert_snapshot!("snapshot_without_surface", snapshot::render(&report.runs[1], None));
}

#[test]
fn snapshot_is_created_then_compared_and_only_updated_when_asked() {
    let dir = folder("snapshots").join("new");
    let report = report(&clean());
    let offered = |name: &str| {
        [Surface {
            revision: Revision::V2026_07_28,
            transport: "stdio",
            value: json!({"tools": [{"name": name}]}),
        }]
    };
    let compare = |name, update| {
        let outcomes = snapshot::compare(&dir, &report, &offered(name), update).unwrap();
        outcomes.into_iter().map(|outcome| outcome.change).collect::<Vec<_>>()
    };
    assert_eq!(compare("read", false), [SnapshotChange::Created]);
    assert_eq!(compare("read", false), [SnapshotChange::Same]);
    assert_eq!(compare("read", true), [SnapshotChange::Same]);
    let changed = compare("reed", false);
    let [SnapshotChange::Changed(diff)] = &changed[..] else { panic!("{changed:?}") };
    insta::assert_snapshot!("snapshot_diff", diff);
    assert_eq!(compare("reed", false), changed, "a difference stays until it is accepted");
    assert_eq!(compare("reed", true), [SnapshotChange::Updated]);
    assert_eq!(compare("reed", false), [SnapshotChange::Same]);
}

#[test]
fn snapshot_does_not_care_about_line_ends() {
    let dir = folder("line-ends");
    let report = report(&clean());
    snapshot::compare(&dir, &report, &[], false).unwrap();
    let file = dir.join("2026-07-28-stdio.snap.txt");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(snapshot::compare(&dir, &report, &[], false).unwrap()[0].change, SnapshotChange::Same);
}
