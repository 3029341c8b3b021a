//! Streams of events that reporters must survive: hostile texts in every place, and very many checks.

use mcp_conform::catalogue::{Level, Verdict};
use mcp_conform::protocol::Revision;
use mcp_conform::report::Format;
use mcp_conform::runner::{
    Beside, Change, Check, Difference, Event, ExitCode, Finished, FuzzFinding, Fuzzed, Judgement,
    RunFinished, RunStarted, SnapshotChange, SnapshotOutcome, Started, TargetInfo, WireLine,
};
use serde_json::json;

use super::{campaign, frame, recorded};

/// The formats of report files.
pub const FORMATS: [Format; 7] = [
    Format::Json,
    Format::Junit,
    Format::Html,
    Format::Sarif,
    Format::Markdown,
    Format::Tap,
    Format::Annotations,
];

/// What would do harm somewhere.
pub const CHARMS: [&str; 30] = [
    "\u{1b}[2J",
    "\u{9b}31m",
    "\0",
    "\u{fffe}",
    "\u{202e}",
    "\u{2028}",
    "\r\n",
    "\n",
    "::error::x",
    "::set-output name=a::b",
    "##[error]x",
    "##vso[task.complete]",
    "]]>",
    "<!--",
    "-->",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\" onload=\"alert(1)",
    "' autofocus onfocus='alert(1)",
    "&lt;b&gt;",
    "](http://evil.example) [x",
    "| a | b |",
    "```\n# head\n",
    "`",
    "\\",
    "@everyone #1 www.evil.example",
    "# SKIP",
    "# TODO",
    "\nnot ok 1 - x\n  ...\n",
    "{0} {{",
];

/// A stream of events in which every text of the server, and of its command, is this one.
pub fn stream(text: &str) -> Vec<Event> {
    let owned = || text.to_owned();
    let target =
        TargetInfo { transport: "stdio", command: vec![owned(), owned()], url: Some(owned()), config: None };
    let server = json!({"name": text, "version": text, text: [text]});
    let begin = RunStarted {
        // It comes from a file of the user's.
        name: None,
        revision: Revision::V2025_11_25,
        transport: "stdio",
        capabilities: server.clone(),
        server,
        startup_ms: 1,
        planned: 8,
    };
    let end = Finished { duration_ms: 1, exit: ExitCode::Findings, problem: Some(owned()) };
    let beside = |event| Event::Beside(Box::new(Beside { server: text.to_owned(), event }));
    let mut events = vec![
        Event::Started(Started { seed: 1, at: "2026-08-01T10:20:30Z".to_owned(), target }),
        Event::Progress(owned()),
        beside(Event::Progress(owned())),
        beside(Event::Finished(end.clone())),
        Event::RunStarted(begin),
    ];
    events.extend(Verdict::ALL.map(|verdict| Event::Checked(Box::new(hostile_check(verdict, text)))));
    events.push(Event::RunFinished(RunFinished { spawns: 1, duration_ms: 1 }));
    let mut fuzzed = campaign();
    for finding in &mut fuzzed.findings {
        (finding.message, finding.stderr, finding.id) = (owned(), owned(), owned());
        (finding.operators, finding.script, finding.wire) = (vec![owned()], vec![owned()], vec![owned()]);
        (finding.replay, finding.rerun) = (Some(owned()), Some(owned()));
    }
    events.push(Event::Fuzzed(Box::new(fuzzed)));
    let changes = Judgement::ALL.map(|judgement| Change { judgement, what: owned() }).to_vec();
    let diff = format!("--- a\n+++ b\n-{text}\n+{text}\n");
    let change = SnapshotChange::Changed(Difference { changes, text: diff });
    events.push(Event::Snapshot(SnapshotOutcome { file: owned(), change }));
    events.push(Event::Finished(end));
    events
}

fn hostile_check(verdict: Verdict, text: &str) -> Check {
    let wire = |seq, dir, culprit| WireLine { seq, at_ms: seq, dir, data: text.to_owned(), culprit };
    Check {
        id: text.to_owned(),
        requirement: text.to_owned(),
        level: Level::Must,
        verdict,
        observations: 1,
        message: text.to_owned(),
        expected: Some(text.to_owned()),
        got: Some(text.to_owned()),
        spec: format!("https://example.org/{text}"),
        case: Some(text.to_owned()),
        wire: vec![wire(1, "->", false), wire(2, "<-", true), wire(3, "!!", false)],
        stderr: Some(text.to_owned()),
        blocked_by: Some(text.to_owned()),
        rerun: format!("mcp-conform stdio -- {text}"),
    }
}

/// A run with many checks: every fifth is a finding with a wire log as long as they get. And a campaign that found much.
pub fn many(checks: usize) -> Vec<Event> {
    let mut events = recorded();
    let end = events.iter().position(|event| matches!(event, Event::RunFinished(_))).expect("a run");
    events
        .splice(end..end, (0..checks).map(|n| Event::Checked(Box::new(one_of_many(n)))).collect::<Vec<_>>());
    let finding = &campaign().findings[0];
    let found = |n: usize| FuzzFinding {
        id: format!("{n:06x}"),
        wire: vec![format!("0.100s -> {}", long_message(n)); 40],
        ..finding.clone()
    };
    let fuzzed = Fuzzed { findings: (0..checks / 50).map(found).collect(), ..campaign() };
    events.insert(events.len() - 1, Event::Fuzzed(Box::new(fuzzed)));
    events
}

fn one_of_many(n: usize) -> Check {
    let verdict =
        [Verdict::Pass, Verdict::Pass, Verdict::NotObserved, Verdict::NotApplicable, Verdict::Fail][n % 5];
    let text = format!("a message about number {n} that is as long as such messages are, more or less");
    let check = Check {
        id: format!("area{}/case-{n}", n % 17),
        requirement: format!("area{}.topic.rule-{n}", n % 17),
        ..hostile_check(verdict, &text)
    };
    let wire = (0..12).map(|seq| frame(seq, "<-", &long_message(n), seq == 11));
    match verdict {
        Verdict::Fail => Check { wire: wire.collect(), ..check },
        _ => Check { wire: Vec::new(), stderr: None, got: None, expected: None, ..check },
    }
}

fn long_message(n: usize) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{n},"result":{{"content":[{{"type":"text","text":"{}"}}]}}}}"#,
        "words & <words> ".repeat(60)
    )
}
