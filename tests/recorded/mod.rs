//! One recorded stream of events, and what each reporter makes of it.

#![allow(dead_code)]

pub mod extreme;

use std::sync::{Arc, Mutex};

use mcp_conform::catalogue::{Level, Verdict};
use mcp_conform::protocol::Revision;
use mcp_conform::report::{AtEnd, Format, Reporter, Reporters};
use mcp_conform::runner::{
    Change, Check, Difference, Event, ExitCode, Finished, FuzzFinding, Fuzzed, Judgement, RunFinished,
    RunStarted, SnapshotChange, SnapshotOutcome, Started, Surface, TargetInfo, WireLine,
};
use serde_json::{Value, json};

pub const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}]]> <b>&\0\u{fffe}\u{202e}txt.exe\u{9b}31m\r\n::error::fooled\n##[error]fooled";

pub fn check(verdict: Verdict, id: &str, requirement: &str, message: &str) -> Check {
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

pub fn frame(seq: u64, dir: &'static str, data: &str, culprit: bool) -> WireLine {
    WireLine { seq, at_ms: 400 + seq * 53, dir, data: data.to_owned(), culprit }
}

pub fn goes_backwards() -> Check {
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

pub fn hostile() -> Check {
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

pub fn first_run() -> Vec<Check> {
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

pub fn surface() -> Value {
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

pub fn started(target: TargetInfo) -> Event {
    Event::Started(Started { seed: 7, at: "2026-08-01T10:20:30Z".to_owned(), target })
}

pub fn stdio() -> TargetInfo {
    let command = ["./server", "--stdio", "--name", "a b"].map(str::to_owned).to_vec();
    TargetInfo { transport: "stdio", command, url: None, config: None }
}

pub fn run(revision: Revision, transport: &'static str, checks: Vec<Check>) -> Vec<Event> {
    let begin = RunStarted {
        name: None,
        revision,
        transport,
        server: json!({"name": "demo\u{1b}[31m", "version": "1.2.3"}),
        capabilities: json!({"tools": {}}),
        startup_ms: 412,
        planned: checks.len(),
    };
    let surface = Surface { revision, transport, value: surface().into() };
    let mut events = vec![Event::RunStarted(begin), Event::Surface(surface)];
    events.extend(checks.into_iter().map(|check| Event::Checked(Box::new(check))));
    events.push(Event::RunFinished(RunFinished { spawns: 3, duration_ms: 1_234 }));
    events
}

/// Two runs with every verdict, hostile texts, and a snapshot that changed.
pub fn recorded() -> Vec<Event> {
    let diff = "--- committed\n+++ this run\n@@ -1,3 +1,3 @@\n tools:\n-  - name: \"read\"\n+  - name: \"reed\u{1b}[2J\"\n ::error::fooled\n";
    let changes = vec![
        Change { judgement: Judgement::Breaking, what: "tool `read` is gone".to_owned() },
        Change { judgement: Judgement::Compatible, what: format!("tool `reed{HOSTILE}` is new") },
    ];
    let changed = SnapshotChange::Changed(Difference { changes, text: diff.to_owned() });
    let mut events = vec![started(stdio()), Event::Progress("launching ./server\u{1b}[2J".to_owned())];
    events.extend(run(Revision::V2025_11_25, "stdio", first_run()));
    let second = vec![
        goes_backwards(),
        check(Verdict::Pass, "tools/list", "tools.list.array", ""),
        check(Verdict::NotApplicable, "batch/reply", "batch.reply", "This revision has no batches."),
    ];
    events.extend(run(Revision::V2025_06_18, "stdio", second));
    events.push(Event::Fuzzed(Box::new(campaign())));
    let outcome = |file: &str, change| Event::Snapshot(SnapshotOutcome { file: file.to_owned(), change });
    events.push(outcome("snapshots/2025-11-25-stdio.snap.yaml", changed));
    events.push(outcome("snapshots/2025-06-18-stdio.snap.yaml", SnapshotChange::Created));
    events.push(Event::Finished(Finished { duration_ms: 2_500, exit: ExitCode::Findings, problem: None }));
    events
}

/// A campaign with a bug and with advice.
pub fn campaign() -> Fuzzed {
    let finding = FuzzFinding {
        name: None,
        id: "0f3a9c".to_owned(),
        revision: Revision::V2025_11_25,
        kind: "crash",
        requirement: Some("base.response.every-request-answered".to_owned()),
        message: format!("the server process ended (exit code 1): {HOSTILE}"),
        steps: 2,
        stability: "stable",
        severity: "finding",
        replay: Some("findings/crash-0f3a9c.jsonl".to_owned()),
        operators: vec!["a response that nobody asked for".to_owned(), HOSTILE.to_owned()],
        script: vec![
            r#"{"message":{"jsonrpc":"2.0","id":"mcp-conform-none","result":{}}}"#.to_owned(),
            r#"{"fence":{}}"#.to_owned(),
        ],
        rerun: Some("mcp-conform replay findings/crash-0f3a9c.jsonl -- ./server --stdio".to_owned()),
        wire: vec![
            r#"0.100s -> {"jsonrpc":"2.0","id":"mcp-conform-none","result":{}}"#.to_owned(),
            format!("0.104s <- {HOSTILE}"),
            "0.105s !! the process ended: exit code 1".to_owned(),
        ],
        stderr: format!("TypeError: cannot read properties of undefined\n{HOSTILE}"),
    };
    let advice = FuzzFinding {
        id: "77aa".to_owned(),
        kind: "disclosure",
        requirement: None,
        message: "an error text tells the path of a source file".to_owned(),
        severity: "advice",
        replay: None,
        rerun: None,
        ..finding.clone()
    };
    Fuzzed {
        name: None,
        seed: 7,
        revision: Revision::V2025_11_25,
        executed: 200,
        duration_ms: 900,
        skipped: 0,
        findings: vec![finding, advice],
    }
}

/// A server that never said a word of MCP.
pub fn unreachable() -> Vec<Event> {
    let problem = "The server never answered `initialize`: it exited with code 1 after 0.031 s.\n\
        ::error::fooled\nError: Cannot find module './dist/index.js'\nStart it by hand to see more, or raise --startup-timeout.";
    let end = Finished { duration_ms: 31, exit: ExitCode::Unreachable, problem: Some(problem.to_owned()) };
    vec![started(stdio()), Event::Finished(end)]
}

pub fn clean() -> Vec<Event> {
    let mut events =
        vec![started(TargetInfo { transport: "stdio", command: Vec::new(), url: None, config: None })];
    let checks = vec![check(Verdict::Pass, "tools/list", "tools.list.array", "")];
    events.extend(run(Revision::V2026_07_28, "stdio", checks));
    events.push(Event::Finished(Finished { duration_ms: 9, exit: ExitCode::Clean, problem: None }));
    events
}

/// What a reporter writes, kept where the test can see it.
#[derive(Clone, Default)]
pub struct Sink(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn told<R: Reporter + 'static>(events: &[Event], reporter: impl FnOnce(Sink) -> R) -> String {
    let sink = Sink::default();
    let mut reporters = Reporters::default();
    reporters.add(reporter(sink.clone()));
    events.iter().for_each(|event| reporters.on_event(event).unwrap());
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

/// A report file of the stream.
pub fn written(format: Format, events: &[Event], strict: bool) -> String {
    told(events, |sink| AtEnd::new(format, strict, sink))
}
