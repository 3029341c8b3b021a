//! Whatever a server says, every report stays well-formed and inert: for programs that parse it, for terminals, and for the
//! log of a CI job.

mod command;
mod recorded;

use std::fs;
use std::path::Path;
use std::time::Duration;

use command::Folder;
use mcp_conform::catalogue::yaml;
use mcp_conform::report::{Detail, Format, Look, Progress, Report, Screen, Terminal, read, snapshot};
use mcp_conform::runner::{Baseline, Event, Profile};
use proptest::prelude::*;
use recorded::extreme::{CHARMS, FORMATS, many, stream};
use recorded::{recorded, told, unreachable, written};
use serde_json::Value;

fn hostile() -> impl Strategy<Value = String> {
    let charm = prop_oneof![
        3 => prop::sample::select(CHARMS.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => prop::collection::vec(any::<char>(), 0..4).prop_map(String::from_iter),
        1 => Just("x".repeat(97)),
    ];
    prop::collection::vec(charm, 0..8).prop_map(|parts| parts.concat())
}

/// No control character, no escape sequence, no override of direction; and in a log of a CI job no command but ours.
fn assert_inert(name: &str, report: &str) {
    let bad = |c: &char| (c.is_control() && *c != '\n') || "\u{202e}\u{2028}\u{fffe}".contains(*c);
    assert_eq!(report.chars().find(bad), None, "{name}: {report}");
    for line in report.lines() {
        assert!(!line.trim_start().starts_with("::"), "{name}: {line}");
        assert!(!line.contains("##[") && !line.contains("##vso["), "{name}: {line}");
    }
}

fn assert_all_well_formed(events: &[Event]) {
    for format in FORMATS {
        let report = written(format, events, false);
        match format {
            Format::Json => drop(serde_json::from_str::<Value>(&report).expect("JSON")),
            Format::Junit => drop(junit_parser::from_reader(report.as_bytes()).expect("JUnit")),
            Format::Sarif => assert_sarif(&serde_json::from_str(&report).expect("JSON")),
            Format::Tap => assert_tap(&report),
            Format::Markdown => assert_markdown(&report),
            Format::Html => assert_html(&report),
            Format::Annotations => {
                assert_annotations(&report);
                continue;
            }
        }
        assert_inert(&format!("{format:?}"), &report);
    }
    for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
        let look = Look { colour: false, width: 80, detail };
        assert_inert("terminal", &told(events, |sink| Terminal::new(sink, look)));
    }
    assert_inert("lines of progress", &told(events, |sink| Progress::new(sink, None)));
    let rewritten = told(events, |sink| Progress::new(sink, Some(Screen { width: 80, height: 9 })));
    let ours = ["\u{1b}[?7l", "\u{1b}[?7h", "\u{1b}[A", "\u{1b}[J", "\r"];
    assert_inert("progress", &ours.iter().fold(rewritten, |told, ours| told.replace(ours, "")));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_server_breaks_a_report_or_gives_commands(text in hostile()) {
        assert_all_well_formed(&stream(&text));
    }
}

#[test]
fn ordinary_streams_are_well_formed() {
    [recorded(), unreachable()].iter().for_each(|events| assert_all_well_formed(events));
}

/// Everything that the program prints and writes about a server that says such a text everywhere.
#[test]
fn a_hostile_server_leaves_every_output_inert() {
    let folder = Folder::new("hostile");
    let script = command::root().join("tests/data/hostile.py").display().to_string();
    let run = |args: &[&str], variables: &[(&str, &str)]| {
        let mut command = command::command(&folder.0, &[args, &["--", "python3", &script]].concat());
        command.env("HOSTILE", serde_json::to_string(&CHARMS.concat()).expect("JSON"));
        let output = command.envs(variables.iter().copied()).output().expect("it runs");
        let out = String::from_utf8(output.stdout).expect("text");
        assert_inert(&format!("{args:?}"), &String::from_utf8(output.stderr).expect("text"));
        out
    };
    let inert = |args: &[&str]| {
        let out = run(args, &[]);
        assert_inert(&format!("{args:?}"), &out);
        assert!(out.len() > 100, "{args:?} tells nothing: {out}");
        out
    };
    let kinds = ["html", "junit", "markdown", "tap", "sarif", "json"];
    let reports: Vec<String> =
        kinds.iter().flat_map(|kind| [format!("--{kind}"), format!("r.{kind}")]).collect();
    let reports: Vec<&str> = reports.iter().map(String::as_str).collect();
    let judged =
        ["stdio", "--tools", "all", "--revision", "2025-11-25", "--timeout", "2s", "--fuzz-cases", "5", "-v"];
    let kept = ["--snapshot", "snapshots", "--write-baseline", "r.baseline", "--transcript", "wire"];
    let log = run(&[&judged[..], &reports, &kept].concat(), &[("GITHUB_ACTIONS", "true")]);
    let (annotations, told): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| line.starts_with("::"));
    assert!(annotations.len() > 5, "{log}");
    assert_annotations(&annotations.join("\n"));
    assert_inert("the log of a job", &told.join("\n"));
    let snapshot = folder.read("snapshots/2025-11-25-stdio.snap.yaml");
    assert_inert("the snapshot", &snapshot);
    for kind in kinds.into_iter().chain(["baseline"]) {
        assert_inert(kind, &folder.read(&format!("r.{kind}")));
    }
    assert_html(&folder.read("r.html"));
    assert_tap(&folder.read("r.tap"));
    assert_markdown(&folder.read("r.markdown"));
    assert_sarif(&serde_json::from_str(&folder.read("r.sarif")).expect("JSON"));
    Baseline::parse(&folder.read("r.baseline")).expect("a baseline");
    assert_eq!(yaml::<Value>(&snapshot).expect("YAML")["tools"].as_array().map(Vec::len), Some(2));
    inert(&["inspect", "stdio", "--verbose"]);
    inert(&["inspect", "stdio", "--json", "--verbose"]);
    let profile = inert(&["init", "stdio", "--output", "-"]);
    Profile::parse(&profile).expect("a profile");
    inert(&["list", "--observe"]);
    inert(&["list", "--observe", "--json"]);
    // What is read again.
    let shared = "wire/2025-11-25-stdio-shared.jsonl";
    assert_inert("the transcript", &folder.read(shared));
    folder.write(
        "old/2025-11-25-stdio.snap.yaml",
        "# mcp-conform snapshot of 2025-11-25 · stdio\n\ntools: []\n",
    );
    for args in [&["judge", shared][..], &["merge", "r.json", "-v"], &["diff", "old", "snapshots"]] {
        let output = command::run_in(&folder.0, args);
        let told = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
        assert_inert(&format!("{args:?}"), &told);
        assert!(told.len() > 1_000, "{args:?} tells nothing: {told}");
    }
    // What a server says that ends at once.
    for args in [&["stdio"][..], &["inspect", "stdio"], &["list", "--observe"]] {
        assert_inert(&format!("{args:?}"), &run(args, &[("DIE", "1")]));
    }
    assert_eq!(run(&["init", "stdio", "--output", "-"], &[("DIE", "1")]), "");
}

fn assert_annotations(report: &str) {
    for line in report.lines() {
        let rest = ["::error title=", "::warning title=", "::notice title="]
            .iter()
            .find_map(|head| line.strip_prefix(head));
        let (title, _) =
            rest.and_then(|rest| rest.split_once("::")).unwrap_or_else(|| panic!("no command: {line}"));
        assert!(!title.contains([',', ':']), "{line}");
        assert_eq!(line.chars().find(|c| c.is_control()), None, "{line}");
    }
}

/// TAP 14, read by its own grammar: version, plan, numbered points, each with at most one block of YAML.
fn assert_tap(report: &str) {
    let mut lines = report.lines().peekable();
    assert_eq!(lines.next(), Some("TAP version 14"));
    assert!(lines.next().is_some_and(|line| line.starts_with("# mcp-conform ")));
    let plan = lines
        .next()
        .and_then(|line| line.strip_prefix("1.."))
        .expect("a plan")
        .parse::<usize>()
        .expect("a number");
    let mut points = 0;
    while let Some(line) = lines.next() {
        points += 1;
        let rest = line.strip_prefix("not ").unwrap_or(line);
        let rest =
            rest.strip_prefix(&format!("ok {points} - ")).unwrap_or_else(|| panic!("no test point: {line}"));
        let directive = rest.replace("\\\\", "").replace("\\#", "");
        let mut parts = directive.split('#').skip(1);
        assert!(
            parts.next().is_none_or(|part| part.starts_with(" SKIP ") || part.starts_with(" TODO ")),
            "{line}"
        );
        assert_eq!(parts.next(), None, "{line}");
        if lines.next_if_eq(&"  ---").is_some() {
            let yaml: Vec<&str> = std::iter::from_fn(|| lines.next_if(|line| *line != "  ...")).collect();
            assert_eq!(lines.next(), Some("  ..."));
            let read: Value =
                mcp_conform::catalogue::yaml(&yaml.join("\n")).unwrap_or_else(|e| panic!("{e}: {yaml:#?}"));
            assert!(
                read["message"].is_string() && read["report"].is_string() && read["severity"].is_string()
            );
        }
    }
    assert_eq!(points, plan);
}

/// Outside of code there is nothing that the server said.
fn assert_markdown(report: &str) {
    let mut fence: Option<String> = None;
    for line in report.lines() {
        match &fence {
            Some(end) if line == end => fence = None,
            Some(_) => {}
            None if line.ends_with("text") && line.starts_with("```") => {
                fence = Some(line.trim_end_matches("text").to_owned())
            }
            None => {
                let plain = without_code(line);
                for charm in
                    ["evil.example", "onerror", "<script", "<img", "@everyone", "not ok", "| a |", "<!--"]
                {
                    assert!(!plain.contains(charm), "{plain}");
                }
            }
        }
    }
    assert_eq!(fence, None, "{report}");
}

/// A line without its spans of code and its `<code>` elements.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '<']) {
        out += &rest[..at];
        rest = &rest[at..];
        let (skip, mark) = match rest.strip_prefix("<code>") {
            Some(_) => ("<code>".len(), "</code>".to_owned()),
            None if rest.starts_with('<') => {
                out.push('<');
                rest = &rest[1..];
                continue;
            }
            None => {
                let ticks = rest.len() - rest.trim_start_matches('`').len();
                (ticks, "`".repeat(ticks))
            }
        };
        let body = &rest[skip..];
        let end = body.find(&mark).unwrap_or_else(|| panic!("code that does not end: {line}"));
        rest = &body[end + mark.len()..];
    }
    out + rest
}

/// The only tags are ours, and none has an attribute that the page does not know.
fn assert_html(report: &str) {
    let body = report.split_once("<body>").expect("a body").1;
    let body = body.rsplit_once("<script>").expect("the script").0;
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
        let name: String =
            tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        let known = [
            "a", "b", "button", "code", "dd", "details", "div", "dl", "dt", "footer", "h1", "h2", "header",
            "i", "input", "li", "nav", "ol", "output", "p", "pre", "section", "span", "summary", "table",
            "tbody", "td", "tfoot", "th", "thead", "tr",
        ];
        assert!(known.contains(&name.as_str()), "<{tag}>");
        let attributes =
            tag.split('"').step_by(2).map(|part| part.trim_start_matches('/')).collect::<String>();
        assert!(!attributes.contains(" on"), "<{tag}>");
    }
}

/// The constraints of the SARIF 2.1.0 schema on what we write, in our own words.
fn assert_sarif(log: &Value) {
    let schema = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sarif.json"))
        .expect("the schema");
    assert_valid(log, &serde_json::from_str(&schema).expect("JSON"));
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for result in run["results"].as_array().expect("results") {
        let index = result["ruleIndex"].as_u64().and_then(|n| usize::try_from(n).ok()).expect("an index");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place.get("region").is_none(), "a finding about a server is at no line");
        let text = result["message"]["text"].as_str().expect("a text");
        assert!(!text.contains("](") && !text.contains("{0"), "{text}");
    }
}

fn assert_valid(log: &Value, schema: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let problems: Vec<String> =
        validator.iter_errors(log).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The official schema, as a package of the fixtures carries it.
const OFFICIAL_SARIF: &str =
    "fixtures/node/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json";

#[test]
fn sarif_is_valid_against_the_official_schema() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(OFFICIAL_SARIF);
    let text = fs::read_to_string(file);
    let text = text.expect("the official schema; `fixtures/install.sh` installs it");
    // One of its patterns, about languages, is no regular expression.
    let text = text.replace("{2}]?$", "{2}$");
    let schema = serde_json::from_str(&text).expect("JSON");
    for events in [recorded(), unreachable(), stream(&CHARMS.concat())] {
        assert_valid(&serde_json::from_str(&written(Format::Sarif, &events, true)).expect("JSON"), &schema);
    }
}

/// A debug build is slower than what people install.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

/// `cargo test --release --test hostile five_thousand -- --nocapture` prints the figures of the README.
#[test]
fn five_thousand_checks_are_written_in_a_second_and_the_page_stays_small() {
    let events = many(5_000);
    let in_time = |name: &str, write: &dyn Fn() -> String| {
        let began = busy();
        let report = write();
        let took = busy() - began;
        println!("{name:<12} {:>6} kB {:>5} ms", report.len() / 1000, took.as_millis());
        assert!(took < PATIENCE, "{name} takes {took:?}");
        report
    };
    for format in FORMATS {
        let report = in_time(&format!("{format:?}"), &|| written(format, &events, false));
        match format {
            Format::Html => assert!(report.len() < 3_000_000, "{} bytes", report.len()),
            Format::Markdown => assert!(report.len() < 1_000_000, "GitHub takes no longer summary"),
            Format::Json | Format::Junit | Format::Sarif | Format::Tap | Format::Annotations => {}
        }
    }
    let look = Look { colour: true, width: 110, detail: Detail::Verbose };
    in_time("terminal", &|| told(&events, |sink| Terminal::new(sink, look)));
    let mut report = Report::default();
    events.iter().for_each(|event| report.on_event(event));
    in_time("snapshot", &|| snapshot::render(&report.runs[0], None, &[]));
    let json = written(Format::Json, &events, false);
    in_time("read again", &|| format!("{:?}", read::read(&json).expect("a report").exit));
}

/// How long this thread has worked: other tests run beside it.
#[cfg(target_os = "linux")]
fn busy() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeValLike;
    let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("the usage of this thread");
    let micros = |time: nix::sys::time::TimeVal| u64::try_from(time.num_microseconds()).unwrap_or(0);
    Duration::from_micros(micros(usage.user_time()) + micros(usage.system_time()))
}

#[cfg(not(target_os = "linux"))]
fn busy() -> Duration {
    static BEGAN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGAN.elapsed()
}
