//! What makes every day easier: baselines that write themselves, shards, the last failures again.

mod command;

use std::io::Read;
use std::path::Path;
use std::process::Command;

use command::{Folder, SELF, code, expect_in, json, root, run_in, says, text};
use serde_json::Value;

const FAULT: &str = "resources.read.text-or-blob";

fn judge(folder: &Path, options: &[&str], fault: &[&str]) -> std::process::Output {
    let head = ["stdio", "--revision", "2025-11-25", "--fuzz-cases", "0"];
    run_in(folder, &[&head[..], options, &["--", SELF, "serve"], fault].concat())
}

#[test]
fn a_baseline_writes_itself_expires_and_goes_stale() {
    let folder = Folder::new("baseline");
    let written = judge(&folder.0, &["--write-baseline", "b.toml"], &["--fault", FAULT]);
    assert_eq!(code(&written), 1, "{}", text(&written));
    let baseline = folder.read("b.toml");
    assert!(
        baseline.contains(&format!("requirement = \"{FAULT}\"")) && baseline.contains("not looked at yet"),
        "{baseline}"
    );
    assert_eq!(code(&judge(&folder.0, &["--baseline", "b.toml"], &["--fault", FAULT])), 0);
    let stale = judge(&folder.0, &["--baseline", "b.toml"], &[]);
    assert!(code(&stale) == 1 && text(&stale).contains("no longer fails"), "{}", text(&stale));
    folder.write("b.toml", &format!("{baseline}expires = \"2020-01-01\"\n"));
    let expired = judge(&folder.0, &["--baseline", "b.toml"], &["--fault", FAULT]);
    assert!(
        code(&expired) == 1 && text(&expired).contains("accepted until 2020-01-01, which is over"),
        "{}",
        text(&expired)
    );
    // Written over itself: what is accepted rightly stays as it is, what no longer fails goes.
    folder.write("b.toml", &baseline.replace("not looked at yet", "our SDK; mended upstream"));
    let both = ["--baseline", "b.toml", "--write-baseline", "b.toml"];
    assert_eq!(
        code(&judge(&folder.0, &both, &["--fault", FAULT, "--fault", "prompts.list.result-shape"])),
        1
    );
    let again = folder.read("b.toml");
    assert!(
        again.contains("our SDK; mended upstream") && again.contains("prompts.list.result-shape"),
        "{again}"
    );
    assert_eq!(
        code(&judge(
            &folder.0,
            &["--baseline", "b.toml"],
            &["--fault", FAULT, "--fault", "prompts.list.result-shape"]
        )),
        0
    );
}

#[test]
fn a_file_that_fails_at_the_end_costs_no_report() {
    let folder = Folder::new("late");
    let told = |options: &[&str], fault: &[&str], words: &[&str]| {
        let reports = ["--json", "report.json", "--junit", "report.xml"];
        let output = judge(&folder.0, &[&reports[..], options].concat(), fault);
        says(&output, 2, &[&["PROBLEM", "Summary"][..], words].concat());
        let report = json(&folder.file("report.json"));
        assert_eq!(report["exit_code"], 2);
        assert!(report["summary"]["pass"].as_u64() > Some(50) && report["problem"].is_string(), "{report}");
        assert!(folder.read("report.xml").contains("</testsuites>"));
        for name in ["report.json", "report.xml"] {
            std::fs::remove_file(folder.file(name)).expect("a report");
        }
    };
    let conflict = "<<<<<<< HEAD\ntools: []\n=======\ntools: [1]\n>>>>>>> other\n";
    folder.write("snapshots/2025-11-25-stdio.snap.yaml", conflict);
    told(&["--snapshot", "snapshots"], &[], &["not a snapshot", "--update-snapshots writes it anew"]);
    told(&["--write-baseline", "snapshots"], &["--fault", FAULT], &["--write-baseline snapshots"]);
    judge(&folder.0, &["--json", "one.json"], &[]);
    let merge = ["merge", "one.json", "--json", "merged.json", "--write-baseline", "snapshots"];
    expect_in(&folder.0, &merge, 2, &["PROBLEM", "Summary"]);
    assert_eq!(json(&folder.file("merged.json"))["exit_code"], 2);
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_anything_is_judged() {
    let folder = Folder::new("early");
    for option in ["--json", "--junit", "--write-baseline"] {
        let words = ["stdio", option, "no/such/file"];
        expect_in(&folder.0, &words, 2, &[option, "the folder no/such does not exist"]);
    }
    assert!(!folder.0.join(".mcp-conform").exists(), "something was judged");
}

#[test]
fn snapshots_are_for_runs_that_judge_a_server() {
    let folder = Folder::new("no-snapshots");
    for command in [&["fuzz", "stdio"][..], &["merge", "r.json"], &["judge", "t.jsonl"]] {
        let words = [command, &["--snapshot", "snapshots"]].concat();
        expect_in(&folder.0, &words, 2, &["unexpected argument '--snapshot'"]);
    }
}

/// Every check with its verdict, once.
fn verdicts(report: &Value) -> Vec<String> {
    let checks =
        report["runs"].as_array().into_iter().flatten().flat_map(|run| run["checks"].as_array()).flatten();
    let mut all: Vec<String> = checks
        .map(|check| format!("{} {} {}", check["id"], check["requirement"], check["verdict"]))
        .collect();
    all.sort();
    all
}

#[test]
fn shards_together_are_the_whole() {
    let folder = Folder::new("shards");
    let fault = ["--fault", "lifecycle.version-negotiation.unsupported-version"];
    let whole = judge(&folder.0, &["--json", "whole.json"], &fault);
    let parts: Vec<i32> = ["1/3", "2/3", "3/3"]
        .iter()
        .map(|part| {
            code(&judge(&folder.0, &["--shard", part, "--json", &format!("{}.json", &part[..1])], &fault))
        })
        .collect();
    assert_eq!(
        (code(&whole), parts.iter().filter(|code| **code == 1).count()),
        (1, 1),
        "one shard finds it: {parts:?}"
    );
    expect_in(
        &folder.0,
        &["merge", "1.json", "2.json", "3.json", "--json", "all.json"],
        1,
        &["lifecycle.version-negotiation.unsupported-version"],
    );
    let (whole, all) =
        (verdicts(&json(&folder.file("whole.json"))), verdicts(&json(&folder.file("all.json"))));
    let of = |lines: &[String]| {
        lines.iter().map(|line| line.rsplit_once(' ').map(|(check, _)| check.to_owned())).collect::<Vec<_>>()
    };
    assert_eq!(of(&whole), of(&all), "the same checks");
    let failing = |lines: &[String]| {
        lines.iter().filter(|line| line.ends_with("\"fail\"")).cloned().collect::<Vec<_>>()
    };
    assert_eq!(failing(&whole), failing(&all));
    let output = command::command(
        &folder.0,
        &["stdio", "--fuzz-cases", "0", "--revision", "2025-11-25", "--shard", "auto", "--json", "auto.json"],
    )
    .env("CI_NODE_INDEX", "2")
    .env("CI_NODE_TOTAL", "3")
    .output()
    .expect("it runs");
    assert_eq!(code(&output), 0, "{}", text(&output));
    let ids = |name: &str| of(&verdicts(&json(&folder.file(name))));
    assert_eq!(ids("auto.json"), ids("2.json"));
}

#[test]
fn merged_reports_know_a_baseline() {
    let folder = Folder::new("merged");
    let fault = ["--fault", FAULT, "--fault", "lifecycle.version-negotiation.unsupported-version"];
    for part in ["1/2", "2/2"] {
        judge(&folder.0, &["--shard", part, "--json", &format!("{}.json", &part[..1])], &fault);
    }
    let merge = |options: &[&str]| {
        run_in(&folder.0, &[&["merge", "1.json", "2.json", "--json", "all.json"][..], options].concat())
    };
    assert_eq!(code(&merge(&["--write-baseline", "b.toml"])), 1);
    let written = folder.read("b.toml");
    let (one, two) = ("resources.read.text-or-blob", "lifecycle.version-negotiation.unsupported-version");
    assert!(written.contains(one) && written.contains(two), "{written}");
    let accepted = merge(&["--baseline", "b.toml"]);
    assert_eq!(code(&accepted), 0, "{}", text(&accepted));
    let report = json(&folder.file("all.json"));
    assert_eq!((report["summary"]["fail"].as_u64(), report["summary"]["known"].as_u64()), (Some(0), Some(2)));
    // What the runs accepted already needs its entry no less.
    let again = run_in(&folder.0, &["merge", "all.json", "--baseline", "b.toml"]);
    assert_eq!(code(&again), 0, "{}", text(&again));
    folder.write("b.toml", &format!("{written}expires = \"2020-01-01\"\n"));
    says(&merge(&["--baseline", "b.toml"]), 1, &["accepted until 2020-01-01, which is over"]);
    let stale = "[[accepted]]\nrequirement = \"prompts.list.result-shape\"\nreason = \"x\"\n";
    folder.write("b.toml", &format!("{written}{stale}"));
    says(&merge(&["--baseline", "b.toml"]), 1, &["no longer fails", "prompts.list.result-shape"]);
    folder.write("b.toml", "[[accepted]]\nwhat = 1\n");
    says(&merge(&["--baseline", "b.toml"]), 2, &["--baseline b.toml"]);
}

#[test]
fn only_the_last_failures_are_judged_again() {
    let folder = Folder::new("failed");
    // The same command line each time: a script that is mended between the runs.
    let server = |fault: &str| {
        folder.write("server.sh", &format!("exec {SELF} serve --revision 2025-11-25 {fault}\n"));
    };
    let run = |options: &[&str]| {
        run_in(
            &folder.0,
            &[&["stdio", "--fuzz-cases", "0", "--json", "r.json"][..], options, &["--", "sh", "server.sh"]]
                .concat(),
        )
    };
    let judged = || verdicts(&json(&folder.file("r.json"))).len();
    server(&format!("--fault {FAULT} --fault tools.call.unknown-tool-error"));
    assert!(text(&run(&["--failed"])).contains("nothing failed in the last run here"));
    let all = judged();
    assert_eq!(code(&run(&["--failed"])), 1);
    assert!(judged() < all / 10, "{} of {all}", judged());
    server(&format!("--fault {FAULT}"));
    let output = run(&["--failed"]);
    assert!(code(&output) == 1 && !text(&output).contains("FAIL tools/unknown-tool"), "{}", text(&output));
    server("");
    assert_eq!(code(&run(&["--failed"])), 0);
    assert!(judged() < all / 10);
    assert!(text(&run(&["--failed"])).contains("nothing failed in the last run here"));
    assert_eq!(folder.read(".mcp-conform/.gitignore"), "*\n");
}

#[test]
fn a_watched_server_is_judged_again_on_each_change_and_first_what_failed() {
    let folder = Folder::new("watch");
    let write = |fault: &str| {
        folder.write(
            "server.py",
            &format!("import os\nos.execv('{SELF}', ['x', 'serve', '--revision', '2025-11-25'{fault}])\n"),
        )
    };
    write(", '--fault', 'lifecycle.version-negotiation.unsupported-version'");
    let options = ["--fuzz-cases", "0", "--only", "lifecycle.*", "--watch", "--json", "r.json", "-q"];
    let args = [&["stdio"][..], &options, &["--", "python3", "server.py"]].concat();
    let mut child = command::command(&folder.0, &args)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let report = || {
        std::fs::read(folder.file("r.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
    };
    wait_until(|| report().is_some_and(|report| report["exit_code"] == 1), "the first run");
    let all = report().map(|report| verdicts(&report).len()).expect("a report");
    write("");
    // The failure alone is clean now; then everything is judged.
    wait_until(
        || report().is_some_and(|report| report["exit_code"] == 0 && verdicts(&report).len() == all),
        "the whole again",
    );
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let (mut out, mut errors) = (String::new(), String::new());
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    child.stderr.take().expect("piped").read_to_string(&mut errors).expect("text");
    assert_eq!(out.matches("; exit ").count(), 3, "failing, the failure alone, everything: {out}");
    assert!(errors.contains("watching ") && errors.contains("changed: ./server.py"), "{errors}");
}

fn wait_until(is_so: impl Fn() -> bool, what: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(90);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what} does not come");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

#[test]
fn explanations_show_a_right_and_a_wrong_message() {
    let shown = expect_in(
        root(),
        &["explain", "lifecycle.version-negotiation.unsupported-version"],
        0,
        &[
            "Right, in 2025-11-25 -> {",
            "\"protocolVersion\":\"2025-11-25\"",
            "Wrong, in 2025-11-25: Repeats any version. -> {",
            "serve --fault lifecycle.version-negotiation.unsupported-version",
        ],
    );
    assert!(shown.contains("1999-01-01"), "{shown}");
    expect_in(
        root(),
        &["explain", FAULT],
        0,
        &["Right, in 2026-07-28", "Wrong, in 2026-07-28: Contents with neither text nor blob."],
    );
    // What is shown is the message that was judged, not what followed it to see whether more comes.
    let shown = expect_in(
        root(),
        &["explain", "tools.call.malformed-request-error"],
        0,
        &[
            "\"method\":\"tools/call\"",
            "\"error\":{\"code\":-32602",
            "<- {\"jsonrpc\":\"2.0\",\"id\":11,\"result\"",
        ],
    );
    assert!(!shown.contains("server/discover"), "{shown}");
    // What only HTTP shows is shown over HTTP; what no message shows in words.
    expect_in(
        root(),
        &["explain", "http.session.terminated-404"],
        0,
        &[
            "Right, in 2025-11-25",
            "<- HTTP 404",
            "Wrong, in 2025-11-25",
            "<- HTTP 400",
            "--http '127.0.0.1:{port}' --fault",
        ],
    );
    expect_in(
        root(),
        &["explain", "tools.schema.valid"],
        0,
        &["Wrong, in 2026-07-28", "found {\"type\"", "expected a valid schema"],
    );
    expect_in(root(), &["stdio", "--skip", "tols/call"], 2, &["--skip tols/call", "did you mean tools/call"]);
}

#[test]
fn what_was_not_observed_is_told_with_entries_that_show_it() {
    let folder = Folder::new("observe");
    let observe = run_in(&folder.0, &["list", "--observe", "--revision", "2025-11-25", "--json"]);
    let rows: Vec<Value> = serde_json::from_slice(&observe.stdout).expect("JSON");
    let helped: Vec<&Value> = rows.iter().filter(|row| row["needs_tool"] == true).collect();
    let entries = helped[0]["entries"].as_array().expect("entries");
    let profile: String = entries.iter().filter_map(Value::as_str).collect();
    assert!(profile.contains("[tools.toggle]") && !profile.contains("[tools.echo]"), "{profile}");
    folder.write("p.toml", &profile);
    let args =
        ["stdio", "--fuzz-cases", "0", "--revision", "2025-11-25", "--profile", "p.toml", "--json", "r.json"];
    assert_eq!(code(&run_in(&folder.0, &args)), 0);
    let seen = verdicts(&json(&folder.file("r.json")));
    let is_seen = |row: &&&Value| {
        let check = format!("{} {} ", row["check"], row["requirement"]);
        seen.iter().any(|line| line.starts_with(&check) && line.ends_with("\"pass\""))
    };
    assert!(helped.iter().filter(is_seen).count() > 0, "the entries show nothing");
    expect_in(
        &folder.0,
        &["list", "--observe", "--revision", "2025-11-25"],
        0,
        &["[tools.delete] allow = true", "This may show", "Entries that only you can fill in", "gives_up"],
    );
    expect_in(root(), &["list", "requirements"], 0, &["judged/observable", "2024-11-05", "tools "]);
}

#[test]
fn a_reader_that_has_enough_is_no_bug() {
    for command in
        ["completions fish", "man", "list requirements --json", "init stdio --output -", "inspect stdio"]
    {
        let line = format!("'{SELF}' {command} | head -n 1");
        let output = Command::new("sh").args(["-c", &line]).output().expect("sh runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    }
}

#[test]
fn colours_follow_the_terminal_and_the_user() {
    let args = ["inspect", "stdio", "--revision", "2025-11-25"];
    let shown = |variables: &[(&str, &str)], more: &[&str]| {
        let mut command = command::command(root(), &[&args[..], more].concat());
        command.env_remove("NO_COLOR").envs(variables.iter().copied());
        String::from_utf8_lossy(&command.output().expect("it runs").stdout).into_owned()
    };
    assert!(!shown(&[], &[]).contains('\u{1b}'), "no terminal, no colour");
    assert!(
        shown(&[("NO_COLOR", "1")], &["--color", "always"]).contains('\u{1b}'),
        "the option goes before the variable"
    );
    let width = |columns: &str| {
        shown(&[("COLUMNS", columns)], &[]).lines().map(|line| line.chars().count()).max().unwrap_or_default()
    };
    assert!(width("60") <= 80 && width("160") > width("60"), "{} {}", width("60"), width("160"));
    // A terminal of its own: what a person sees.
    let on_terminal = |variables: &str| {
        let line = format!("stty cols 90; {variables} '{SELF}' {}", args.join(" "));
        Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env_remove("NO_COLOR")
            .env_remove("COLUMNS")
            .env("TERM", "xterm")
            .output()
    };
    if let Ok(output) = on_terminal("") {
        assert!(output.stdout.contains(&0x1b), "{}", String::from_utf8_lossy(&output.stdout));
        for variables in ["NO_COLOR=1", "TERM=dumb"] {
            assert!(!on_terminal(variables).expect("script runs").stdout.contains(&0x1b), "{variables}");
        }
    }
}
