//! The real binary, as a user runs it: what it prints, what it returns, what it leaves behind.

mod command;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use command::{Folder, SELF, code, json, root, says, text};
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    command::run_in(root(), args)
}

/// Runs, and expects this exit code and these words.
fn expect(args: &[&str], exit: i32, words: &[&str]) -> String {
    command::expect_in(root(), args, exit, words)
}

#[test]
fn the_built_in_server_is_clean() {
    expect(&["stdio"], 0, &["2026-07-28 · stdio", "2025-11-25 · stdio", "judged, and nothing at or above"]);
}

#[test]
fn a_faulty_server_is_red_for_its_reason_and_the_rerun_line_works() {
    let folder = Folder::new("faulty");
    let report = folder.file("report.json");
    let server = ["--", SELF, "serve", "--fault", "resources.read.text-or-blob"];
    let shown = expect(
        &[&["stdio", "--revision", "2025-11-25", "--json", &report][..], &server].concat(),
        1,
        &["FAIL schema › resources.read.text-or-blob", "rerun", "explain resources.read.text-or-blob"],
    );
    assert!(shown.contains("https://modelcontextprotocol.io/specification/2025-11-25/"), "{shown}");
    let report = json(&report);
    let failing: Vec<&Value> = report["runs"][0]["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|check| check["verdict"] == "fail")
        .collect();
    assert_eq!(failing.len(), 1);
    let line = failing[0]["rerun"].as_str().expect("a rerun line");
    let pasted =
        Command::new("sh").arg("-c").arg(line.replacen("mcp-conform", SELF, 1)).output().expect("sh runs");
    assert_eq!(pasted.status.code(), Some(1), "{line}: {}", text(&pasted));
}

#[test]
fn the_culprit_is_the_message_that_was_judged() {
    let folder = Folder::new("culprit");
    let report = folder.file("report.json");
    let fault = "tools.call.malformed-request-error";
    let options = ["stdio", "--revision", "2025-11-25", "--only", fault, "--json", &report];
    run(&[&options[..], &["--", SELF, "serve", "--fault", fault]].concat());
    let checks = json(&report)["runs"][0]["checks"].as_array().cloned().unwrap_or_default();
    let found = checks.iter().find(|check| check["verdict"] == "warn").expect("the fault is found");
    let wire = found["wire"].as_array().cloned().unwrap_or_default();
    let culprits: Vec<&str> = wire
        .iter()
        .filter(|frame| frame["culprit"] == true)
        .filter_map(|frame| frame["data"].as_str())
        .collect();
    assert!(matches!(culprits.as_slice(), [one] if one.contains("\"content\"")), "{wire:#?}");
}

#[test]
fn targets_that_cannot_be_judged_are_explained() {
    expect(&["stdio", "--", "mcp-conform-no-such-program"], 3, &["command not found"]);
    let folder = Folder::new("plain");
    let plain = folder.write("plain.txt", "not a program");
    expect(&["stdio", "--", &plain], 3, &["permission denied", "chmod +x"]);
    expect(&["stdio", "--", "sh", "-c", "echo oops >&2; exit 3"], 3, &["exit code 3", "oops"]);
    expect(
        &["stdio", "--startup-timeout", "1s", "--", "sleep", "77"],
        3,
        &["did not answer", "--startup-timeout"],
    );
    expect(
        &["stdio", "--startup-timeout", "1s", "--", "sh", "-c", "yes garbage | head -n 50; sleep 77"],
        3,
        &["garbage"],
    );
    expect(&["http", "http://127.0.0.1:9/mcp"], 3, &["Connection refused"]);
    expect(
        &["http", "--startup-timeout", "1s", "http://127.0.0.1:{port}/mcp", "--", "sleep", "77"],
        3,
        &["does not listen"],
    );
}

#[test]
fn a_server_that_does_not_speak_tls_is_no_https_server() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/mcp", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().take(8).flatten() {
            use std::io::Write;
            (&stream).write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
        }
    });
    expect(&["http", &url], 3, &["cannot be judged"]);
}

#[test]
fn wrong_usage_says_what_where_and_what_to_do() {
    expect(&["stdio", "--revision", "2024-01-01"], 2, &["unknown revision `2024-01-01`", "2026-07-28"]);
    expect(&["stdio", "--only", "tools/cal"], 2, &["did you mean tools/call"]);
    expect(&["explain", "tools.cal"], 2, &["did you mean"]);
    expect(&["http", "ftp://example.com"], 2, &["http or https"]);
    expect(&["judge", "no-such-file.jsonl"], 2, &["no-such-file.jsonl"]);
    expect(&["serve", "--fault", "nope"], 2, &["unknown fault"]);
    let folder = Folder::new("usage");
    let profile = folder.write("profile.toml", "[tools.echo]\nallow = \"yes\"\n");
    expect(&["stdio", "--profile", &profile], 2, &["profile.toml", "2"]);
    let baseline = folder.write("baseline.toml", "[[accepted]]\nwhat = 1\n");
    expect(&["stdio", "--baseline", &baseline], 2, &["baseline.toml"]);
    folder.write("cases/wrong.yaml", "title: Wrong\nsteps:\n  - request: ping\n    checks:\n      - requirement: ping.nope\n        expect: { result: $object }\n");
    expect(&["stdio", "--cases", &folder.file("cases")], 2, &["wrong.yaml:5:", "ping.nope", "did you mean"]);
}

#[test]
fn a_case_of_the_user_is_judged_like_ours() {
    let folder = Folder::new("cases");
    folder.write(
        "mine.yaml",
        "title: The greeting\nneeds: [resources]\nsteps:\n  - request: resources/read\n    params: { uri: 'memo://greeting' }\n    checks:\n      - requirement: resources.read.listed-readable\n        expect: { result: { contents: [{ text: Goodbye }] } }\n",
    );
    let cases = folder.file("");
    expect(
        &["stdio", "--cases", &cases, "--only", "mine"],
        1,
        &["FAIL mine › resources.read.listed-readable", "mine.yaml:7"],
    );
    let listed = |more: &[&str]| -> Vec<Value> {
        let output = run(&[&["list", "cases", "--json"][..], more].concat());
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let (ours, both) = (listed(&[]).len(), listed(&["--cases", &cases]).len());
    fs::create_dir(folder.0.join("tools")).expect("a folder");
    fs::rename(folder.file("mine.yaml"), folder.file("tools/call.yaml")).expect("a case");
    assert_eq!((both, listed(&["--cases", &cases]).len()), (ours + 1, ours), "one stands in for ours");
}

#[test]
fn reports_are_written_side_by_side() {
    let folder = Folder::new("reports");
    let (junit, report) = (folder.file("junit.xml"), folder.file("report.json"));
    expect(&["stdio", "--quiet", "--junit", &junit, "--json", &report], 0, &["judged"]);
    assert_eq!(json(&report)["schema"], "mcp-conform/report/v1");
    assert!(fs::read_to_string(&junit).expect("a report").contains("<testsuites"));
    let output = run(&["stdio", "--revision", "2025-11-25", "--json", "-"]);
    let parsed: Value = serde_json::from_slice(&output.stdout).expect("only JSON on standard output");
    assert_eq!(parsed["exit_code"], 0);
}

#[test]
fn an_unreachable_target_still_gets_complete_reports() {
    let folder = Folder::new("unreachable");
    let (junit, report) = (folder.file("junit.xml"), folder.file("report.json"));
    expect(&["stdio", "--junit", &junit, "--json", &report, "--", "sh", "-c", "exit 1"], 3, &[]);
    assert_eq!(json(&report)["exit_code"], 3);
    assert!(fs::read_to_string(&junit).expect("a report").trim_end().ends_with("</testsuites>"));
}

#[test]
fn the_same_seed_gives_the_same_report_apart_from_times() {
    let folder = Folder::new("same");
    let verdicts = |name: &str| -> Vec<String> {
        let path = folder.file(name);
        // Revisions without tasks: whether one runs long enough to be watched depends on the machine.
        expect(
            &["stdio", "--quiet", "--revision", "2025-03-26", "--revision", "2025-06-18", "--json", &path],
            0,
            &[],
        );
        let report = json(&path);
        let runs = report["runs"].as_array().cloned().unwrap_or_default();
        runs.iter()
            .flat_map(|run| run["checks"].as_array().cloned().unwrap_or_default())
            .map(|check| {
                format!("{} {} {} {}", check["id"], check["requirement"], check["verdict"], check["message"])
            })
            .collect()
    };
    let (one, two) = (verdicts("one.json"), verdicts("two.json"));
    let others: Vec<_> = one.iter().zip(&two).filter(|(one, two)| one != two).collect();
    assert!(others.is_empty() && one.len() == two.len(), "{others:#?}");
}

#[test]
fn a_snapshot_is_kept_compared_and_updated() {
    let folder = Folder::new("snapshot");
    let snapshots = folder.file("snapshots");
    let with = |fault: &[&str], options: &[&str]| {
        // A revision without tasks: whether one runs long enough to be cancelled depends on the machine.
        let head = ["stdio", "--revision", "2025-06-18", "--fuzz-cases", "0", "--snapshot", &snapshots];
        let server = [&["--", SELF, "serve"][..], fault].concat();
        run(&[&head[..], options, &server].concat())
    };
    assert_eq!(code(&with(&[], &[])), 0, "the first run writes it");
    let second = with(&[], &[]);
    assert_eq!(code(&second), 0, "the second finds nothing new: {}", text(&second));
    let changed = with(&["--quirk", "no-instructions"], &[]);
    assert_eq!(code(&changed), 1, "{}", text(&changed));
    assert!(text(&changed).contains("instructions"), "{}", text(&changed));
    assert_eq!(code(&with(&["--quirk", "no-instructions"], &["--update-snapshots"])), 0);
    assert_eq!(code(&with(&["--quirk", "no-instructions"], &[])), 0);
}

#[test]
fn a_baseline_accepts_findings_and_notices_stale_ones() {
    let folder = Folder::new("baseline");
    let baseline = folder.write(
        "baseline.toml",
        "[[accepted]]\nrequirement = \"resources.read.text-or-blob\"\nreason = \"known, will be mended\"\n",
    );
    let head = ["stdio", "--revision", "2025-11-25", "--baseline", &baseline, "--", SELF, "serve"];
    expect(&[&head[..], &["--fault", "resources.read.text-or-blob"]].concat(), 0, &["known"]);
    expect(&head, 1, &["resources.read.text-or-blob"]);
}

#[test]
fn a_recorded_transcript_is_judged_offline() {
    let folder = Folder::new("judge");
    let transcripts = folder.file("wire");
    let server = ["--", SELF, "serve", "--fault", "resources.read.text-or-blob"];
    expect(
        &[&["stdio", "--revision", "2025-11-25", "--transcript", &transcripts][..], &server].concat(),
        1,
        &[],
    );
    let shared = format!("{transcripts}/2025-11-25-stdio-shared.jsonl");
    expect(&["judge", &shared], 1, &["FAIL schema › resources.read.text-or-blob"]);
}

#[test]
fn a_finding_of_the_fuzzer_is_saved_and_replayed() {
    let folder = Folder::new("fuzz");
    let (findings, report) = (folder.file("findings"), folder.file("report.json"));
    let fault = ["serve", "--revision", "2025-11-25", "--fault", "tools.call.validates-input"];
    let broken = [&["--", SELF][..], &fault].concat();
    let args = [
        "fuzz",
        "stdio",
        "--revision",
        "2025-11-25",
        "--cases",
        "1500",
        "--seed",
        "2",
        "--findings-dir",
        &findings,
        "--json",
        &report,
        "--timeout",
        "9s",
        "--env",
        "TOKEN=t0ken-of-the-user",
    ];
    expect(&[&args[..], &broken].concat(), 1, &["FOUND accepted_invalid", "mcp-conform replay"]);
    let found = json(&report)["fuzz"]["findings"].as_array().cloned().unwrap_or_default();
    let accepted =
        found.iter().find(|finding| finding["kind"] == "accepted_invalid").expect("the planted bug");
    let file = accepted["replay"].as_str().expect("a file");
    let line = accepted["rerun"].as_str().expect("a line").replacen("mcp-conform", SELF, 1);
    assert!(line.contains(" --timeout 9s --env TOKEN=\"$TOKEN\" -- "), "{line}");
    let again = Command::new("sh").args(["-c", &line]).env("TOKEN", "t0ken-of-the-user").output();
    says(&again.expect("sh runs"), 1, &["reproduced"]);
    expect(&["replay", file], 0, &["fixed"]);
    let broken_file = folder.write("broken.jsonl", "{}\n");
    expect(&["replay", &broken_file], 2, &["broken.jsonl", "line 1"]);
}

/// Over HTTP a server dies without a word; it is started again, and its last words are kept. Nothing shows the token.
#[test]
fn a_server_that_dies_over_http_is_a_finding_and_is_started_again() {
    let folder = Folder::new("dies");
    let (findings, report) = (folder.file("findings"), folder.file("report.json"));
    let script = format!(
        "echo \"last words for $TOKEN\" >&2; exec {SELF} serve --http 127.0.0.1:{{port}} --fault base.response.every-request-answered~exit"
    );
    let server = ["http://127.0.0.1:{port}/mcp", "--", "sh", "-c", &script];
    let limits =
        ["--revision", "2025-11-25", "--cases", "120", "--findings-dir", &findings, "--json", &report];
    let secrets = ["--env", "TOKEN=s3cr3t-t0k3n", "--header", "Authorization: Bearer s3cr3t-h34d3r"];
    expect(&[&["fuzz", "http"][..], &limits, &secrets, &server].concat(), 1, &["the server process ended"]);
    let found = json(&report)["fuzz"].clone();
    assert_eq!(
        (&found["executed"], &found["findings"][0]["kind"]),
        (&120.into(), &"crash".into()),
        "{found}"
    );
    assert_eq!(found["findings"][0]["stability"], "stable", "{found}");
    let files = walk(Path::new(&folder.0));
    let saved: String = files.iter().map(|file| fs::read_to_string(file).expect("text")).collect();
    assert!(saved.contains("last words for ***") && saved.contains("Authorization: ***"), "{saved}");
    assert!(!saved.contains("s3cr3t"), "{saved}");
}

#[test]
fn secrets_of_the_user_are_masked_everywhere() {
    let folder = Folder::new("secrets");
    let (report, transcripts) = (folder.file("report.json"), folder.file("wire"));
    let script = format!("echo \"$TOKEN\" >&2; exec {SELF} serve --fault resources.read.text-or-blob");
    let args = ["stdio", "--env", "TOKEN=s3cr3t-t0k3n", "--json", &report, "--transcript", &transcripts];
    let shown = expect(&[&args[..], &["--", "sh", "-c", &script]].concat(), 1, &[]);
    assert!(!shown.contains("s3cr3t-t0k3n"), "{shown}");
    for file in walk(Path::new(&folder.0)) {
        assert!(!fs::read_to_string(&file).expect("text").contains("s3cr3t-t0k3n"), "{}", file.display());
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn lists_and_explanations_tell_what_covers_what() {
    let place = ["revision", "over", "observable", "2026-07-28 stdio", "2024-11-05 sse"];
    expect(&["list", "requirements"], 0, &place);
    expect(&["list", "cases"], 0, &["tools/call"]);
    let shown = expect(
        &["explain", "tools.call.unknown-tool-error"],
        0,
        &["tools/unknown-tool", "modelcontextprotocol.io", "or result"],
    );
    assert!(!shown.contains("\\n"), "{shown}");
    expect(&["explain", "schema"], 0, &["schema: the shape of every message", "tools.list.result-shape"]);
    let output = run(&["list", "requirements", "--json"]);
    let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    for member in ["id", "level", "since", "until", "transport", "needs", "observable", "judged_by", "faults"]
    {
        assert!(all.iter().all(|requirement| requirement.get(member).is_some()), "{member}");
    }
    let named = |id: &str| all.iter().find(|requirement| requirement["id"] == id).expect("a requirement");
    assert_eq!(named("stdio.shutdown.exit-on-eof.legacy")["judged_on"][0], "2024-11-05 stdio");
    assert_eq!(
        named("tasks.tool-forbidden-error")["proven_on"],
        serde_json::json!(["2025-11-25 stdio", "2025-11-25 http"])
    );
    assert!(!run(&["completions", "bash"]).stdout.is_empty());
}

#[test]
fn an_interrupted_run_ends_cleanly_and_leaves_nothing_behind() {
    let folder = Folder::new("interrupted");
    let report = folder.file("report.json");
    let marker = format!("3{}", std::process::id());
    let mut child = Command::new(SELF)
        .args(["stdio", "--json", &report, "--", "sh", "-c", &format!("sleep {marker}; true")])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the binary runs");
    // Once the server runs, whoever launched it listens for signals.
    wait_until(|| is_running(&format!("sleep {marker}")), "the server does not start");
    std::thread::sleep(Duration::from_millis(200));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(interrupt.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(json(&report)["exit_code"], 130);
    wait_until(|| !is_running(&format!("sleep {marker}")), "a process was left behind");
}

fn wait_until(is_so: impl Fn() -> bool, otherwise: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "{otherwise}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a process with exactly this command line runs (Linux).
fn is_running(command: &str) -> bool {
    let wanted = command.replace(' ', "\0") + "\0";
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().join("cmdline"))
        .any(|file| fs::read_to_string(file).is_ok_and(|line| line == wanted))
}

#[test]
fn manual_pages_are_written() {
    let folder = Folder::new("man");
    command::expect_in(&folder.0, &["man"], 0, &[".TH mcp-conform 1"]);
    command::expect_in(&folder.0, &["man", "--dir", "pages"], 0, &[]);
    assert!(folder.read("pages/mcp-conform-config.1").contains(".mcp.json"));
}
