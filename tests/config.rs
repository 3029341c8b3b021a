//! `config`: the configuration files that people already have, several servers in one report.

mod command;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use command::{Folder, SELF, code, json, root, says, text};
use serde_json::Value;

fn data(name: &str) -> String {
    root().join("tests/data/configs").join(name).display().to_string()
}

fn config(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = command::command(folder, &[&["config", "--fuzz-cases", "0"][..], args].concat());
    command.env("MCP_CONFORM", SELF).env_remove("TEST_API_KEY").envs(variables.iter().copied());
    command.output().expect("the binary runs")
}

#[test]
fn several_servers_make_one_report() {
    let folder = Folder::new("several");
    let (report, snapshots, junit) =
        (folder.file("report.json"), folder.file("snapshots"), folder.file("junit.xml"));
    let file = data("claude.json");
    let args = [
        "--json",
        &report,
        "--junit",
        &junit,
        "--snapshot",
        &snapshots,
        "--transcript",
        &folder.file("wire"),
        &file,
    ];
    let key = [("TEST_API_KEY", "k3y-that-is-secret")];
    let shown = says(
        &config(&folder.0, &args, &key),
        1,
        &[
            "clean · 2025-11-25 · stdio",
            "faulty · 2025-11-25 · stdio",
            "missing: `mcp-conform-no-such-program` cannot be judged",
            "--server faulty",
        ],
    );
    assert!(!shown.contains("off ·"), "switched off: {shown}");
    let whole = json(&report);
    assert_eq!(whole["schema"], "mcp-conform/report/v1");
    assert_eq!(whole["target"]["config"], file.as_str());
    let failing = |name: &str| -> usize {
        let runs = whole["runs"].as_array().into_iter().flatten().filter(|run| run["name"] == name);
        runs.flat_map(|run| run["checks"].as_array().cloned().unwrap_or_default())
            .filter(|check| check["verdict"] == "fail")
            .count()
    };
    assert_eq!((failing("clean"), failing("faulty")), (0, 1));
    assert!(folder.0.join("wire/faulty").is_dir() && folder.0.join("wire/clean").is_dir());
    assert!(!std::fs::read_to_string(&report).expect("a report").contains("k3y-that-is-secret"));
    rerun_line_works(&whole);
    let suites = std::fs::read_to_string(&junit).expect("a report");
    for name in ["mcp-conform clean · 2025-11-25 stdio", "mcp-conform faulty · 2025-11-25 stdio"] {
        assert_eq!(suites.matches(&format!("name=\"{name}\"")).count(), 1, "{name}");
    }
    assert!(suites.contains("classname=\"clean.stdio.") && suites.contains("classname=\"faulty.stdio."));
    each_server_is_compared_with_itself(&folder, whole);
}

fn each_server_is_compared_with_itself(folder: &Folder, mut report: Value) {
    let old = folder.file("report.json");
    says(&command::run_in(&folder.0, &["diff", &old, &old]), 0, &["nothing changed"]);
    let runs = report["runs"].as_array_mut().expect("runs");
    let clean = runs.iter_mut().find(|run| run["name"] == "clean").expect("a run");
    let checks = clean["checks"].as_array_mut().expect("checks");
    checks.iter_mut().find(|check| check["verdict"] == "pass").expect("a check")["verdict"] = "fail".into();
    let new = folder.write("new.json", &report.to_string());
    let shown =
        says(&command::run_in(&folder.0, &["diff", &old, &new]), 1, &["clean · 2025-11-25 · stdio: "]);
    assert!(!shown.contains("faulty"), "{shown}");
}

fn rerun_line_works(report: &Value) {
    let checks =
        report["runs"].as_array().into_iter().flatten().flat_map(|run| run["checks"].as_array()).flatten();
    let failing: Vec<&Value> = checks.filter(|check| check["verdict"] == "fail").collect();
    let line = failing[0]["rerun"].as_str().expect("a rerun line").replacen("mcp-conform", SELF, 1);
    let pasted = Command::new("sh").arg("-c").arg(&line).env("MCP_CONFORM", SELF).output().expect("sh runs");
    says(&pasted, 1, &["resources.read.text-or-blob"]);
    assert!(!text(&pasted).contains("clean ·"), "{line}");
}

#[test]
fn progress_is_told_to_who_waits() {
    let folder = Folder::new("progress");
    let server = format!(r#"{{"command": "{SELF}", "args": ["serve", "--revision", "2025-11-25"]}}"#);
    let file =
        folder.write("mcp.json", &format!(r#"{{"mcpServers": {{"one": {server}, "two": {server}}}}}"#));
    let told = |options: &[&str]| {
        let output = config(&folder.0, &[options, &[&file]].concat(), &[]);
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let lines = told(&[]);
    for line in ["  one: begun\n", "  two: begun\n", "  two: ", " checks judged, nothing found, "] {
        assert!(lines.contains(line), "{lines}");
    }
    assert!(lines.lines().count() == 4 && !lines.contains('\u{1b}'), "{lines}");
    assert_eq!(told(&["--quiet"]) + &told(&["--progress", "never"]), "");
    // On a terminal, each server has a line, and none is left but the last.
    let on_terminal = |variables: &str| {
        let line = format!("stty rows 20 cols 70; {variables} '{SELF}' config --fuzz-cases 0 '{file}'");
        let shown = Command::new("script").args(["-qec", &line, "/dev/null"]).env("TERM", "xterm").output();
        shown.map(|shown| String::from_utf8_lossy(&shown.stdout).into_owned())
    };
    if let Ok(shown) = on_terminal("") {
        assert!(shown.contains("  one: ") && shown.contains("\u{1b}[A\u{1b}[J"), "{shown}");
        assert!(!shown.contains("begun"), "{shown}");
        let dumb = on_terminal("TERM=dumb").expect("script runs");
        assert!(dumb.contains("one: begun") && !dumb.contains('\u{1b}'), "{dumb}");
    }
}

#[test]
fn snapshots_of_several_servers_do_not_mix() {
    let folder = Folder::new("snapshots");
    let snapshots = folder.file("snapshots");
    // A revision without tasks: whether one runs long enough to be cancelled depends on the machine.
    let file = folder.write(
        ".mcp.json",
        r#"{"mcpServers": {"a": {"command": "${MCP_CONFORM}", "args": ["serve", "--revision", "2025-06-18"]},
            "b": {"command": "${MCP_CONFORM}", "args": ["serve", "--revision", "2025-06-18", "--quirk", "no-instructions"]}}}"#,
    );
    for _ in 0..2 {
        says(&config(&folder.0, &["--snapshot", &snapshots, &file], &[]), 0, &[]);
    }
    let read = |name: &str| -> String {
        let files = std::fs::read_dir(folder.0.join("snapshots").join(name)).expect("a folder").flatten();
        files.map(|file| std::fs::read_to_string(file.path()).expect("a snapshot")).collect()
    };
    assert!(read("a").contains("instructions:") && !read("b").contains("instructions:"));
}

/// A reference server that listens.
struct Listening(Child, String);

impl Listening {
    fn new() -> Self {
        let mut child = Command::new(SELF)
            .args(["serve", "--http", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        BufReader::new(child.stderr.take().expect("stderr")).read_line(&mut line).expect("a line");
        let url = line.trim().trim_start_matches("listening at ").trim_end_matches("/mcp").to_owned();
        Self(child, url)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn the_file_of_vs_code_reaches_servers_over_http_and_stdio() {
    let folder = Folder::new("vscode");
    let server = Listening::new();
    std::fs::create_dir(folder.0.join(".vscode")).expect("a folder");
    let file =
        folder.write(".vscode/mcp.json", &std::fs::read_to_string(data("vscode.json")).expect("the file"));
    let remote = [("REMOTE", server.1.as_str())];
    let args = ["--revision", "2025-11-25", "--input", "token=t0k3n-of-the-test", &file];
    let shown = says(
        &config(&folder.0, &args, &remote),
        0,
        &["remote · 2025-11-25 · http", "local · 2025-11-25 · stdio"],
    );
    assert!(!shown.contains("t0k3n-of-the-test"), "{shown}");
    let missing = config(&folder.0, &[&file], &remote);
    says(&missing, 2, &["server `remote`, header `Authorization`", "the API token", "--input token="]);
    says(&config(&folder.0, &["--server", "local", &file], &[]), 0, &["local · 2025-11-25"]);
}

#[test]
fn an_event_stream_is_spoken_to_as_the_file_says() {
    let folder = Folder::new("sse");
    let server = Listening::new();
    let file = |kind: &str, path: &str| {
        let text = format!(r#"{{"mcpServers": {{"old": {{{kind}"url": "{}{path}"}}}}}}"#, server.1);
        folder.write("mcp.json", &text)
    };
    for kind in [r#""type": "sse", "#, r#""transportType": "sse", "#] {
        says(&config(&folder.0, &[&file(kind, "/sse")], &[]), 0, &["old · 2024-11-05 · http"]);
    }
    // Streamable HTTP is not tried where the file says otherwise.
    let wrong = config(&folder.0, &[&file(r#""type": "sse", "#, "/mcp")], &[]);
    let shown = says(&wrong, 3, &["old: ", "cannot be judged in 2024-11-05", "and no event stream"]);
    assert!(!shown.contains("within 60s"), "{shown}");
    says(&config(&folder.0, &[&file("", "/sse")], &[]), 0, &["old · 2024-11-05 · http"]);
    let url = format!("{}/sse", server.1);
    says(&command::run_in(&folder.0, &["inspect", "http", &url]), 0, &["2024-11-05 · http", "Tools"]);
    says(
        &command::run_in(&folder.0, &["fuzz", "http", "--cases", "9", &url]),
        3,
        &["cannot be judged", "HTTP"],
    );
}

#[test]
fn the_file_of_smithery_is_run_by_node() {
    let folder = Folder::new("smithery");
    says(&config(&folder.0, &[&data("smithery.yaml")], &[]), 0, &["smithery · 2025-11-25 · stdio"]);
}

#[test]
fn mistakes_say_what_where_and_what_to_do() {
    let folder = Folder::new("mistakes");
    let wrong = |name: &str, text: &str, words: &[&str]| {
        let file = folder.write(name, text);
        says(&config(&folder.0, &[&file], &[]), 2, words);
    };
    wrong("a.json", "{\n  \"mcpServers\" {}\n}", &["a.json:2:", "not JSON"]);
    wrong("b.json", r#"{"dependencies": {}}"#, &["neither `mcpServers`", "`dependencies`"]);
    wrong("c.json", r#"{"mcpServers": {}}"#, &["names no server"]);
    wrong("d.json", r#"{"mcpServers": {"x": {"args": []}}}"#, &["server `x`", "neither `command` nor `url`"]);
    wrong("e.json", r#"{"servers": {"x": {"url": "ftp://x"}}}"#, &["server `x`", "http or https"]);
    wrong("f.yaml", "runtime: typescript\n", &["f.yaml", "mcp-conform http"]);
    wrong("g.json", r#"{"mcpServers": {"x": {"command": "x", "disabled": true}}}"#, &["--server"]);
    says(&config(&folder.0, &["no-such.json"], &[]), 2, &["no-such.json", "cannot be read"]);
    says(&config(&folder.0, &["--server", "clear", &data("claude.json")], &[]), 2, &["did you mean clean"]);
    let unset = config(&folder.0, &["--server", "clean", &data("claude.json")], &[]);
    says(
        &unset,
        2,
        &["server `clean`, the variable `API_KEY`", "TEST_API_KEY is not set", "--env TEST_API_KEY="],
    );
    let given =
        config(&folder.0, &["--server", "clean", "--env", "TEST_API_KEY=x", &data("claude.json")], &[]);
    assert_eq!(code(&given), 0, "{}", text(&given));
}
