//! `inspect`: what a server offers, as text and as JSON, one call on request.

mod command;

use command::{SELF, expect_in, root, run_in};
use serde_json::Value;

fn inspect(args: &[&str], exit: i32, words: &[&str]) -> String {
    expect_in(root(), &[&["inspect"][..], args].concat(), exit, words)
}

#[test]
fn a_server_is_shown_at_a_glance() {
    let shown = inspect(
        &["stdio"],
        0,
        &[
            "2026-07-28 · stdio mcp-conform-reference",
            "versions 2024-11-05",
            "declares tools (listChanged)",
            "echo read-only",
            "text string, required",
            "memo://greeting greeting, text/plain, 32 bytes",
            "memo://notes/{name}",
            "name required: The name.",
            "2025-11-25 · stdio mcp-conform-reference",
        ],
    );
    assert!(!shown.contains("jsonrpc"), "{shown}");
    inspect(
        &["stdio", "--revision", "all", "--", SELF, "serve"],
        0,
        &["2024-11-05 · stdio", "2025-03-26 · stdio"],
    );
}

#[test]
fn requests_are_made_on_request() {
    let shown = inspect(
        &[
            "stdio",
            "-v",
            "--call",
            "echo",
            r#"{"text": "hi"}"#,
            "--read",
            "memo://greeting",
            "--get",
            "plain",
            "{}",
        ],
        0,
        &[
            r#"tools/call {"name":"echo","arguments":{"text":"hi"}} hi"#,
            "Hello from the reference server.",
            "prompts/get",
        ],
    );
    assert!(shown.contains(r#"-> {"jsonrpc":"2.0""#), "{shown}");
    inspect(&["stdio", "--call", "fail", "{}"], 1, &[]);
    inspect(&["stdio", "--call", "no-such-tool", "{}"], 1, &["error"]);
    inspect(&["stdio", "--call", "echo", "[]"], 2, &["--call echo", "JSON object"]);
    let deaf =
        ["--", SELF, "serve", "--revision", "2025-11-25", "--fault", "base.response.every-request-answered"];
    inspect(&[&["stdio", "--timeout", "300ms", "--get", "plain", "{}"][..], &deaf].concat(), 0, &["plain"]);
    inspect(&["stdio", "--", "sh", "-c", "exit 7"], 3, &["exit code 7"]);
}

#[test]
fn everything_is_there_as_json() {
    let args = [
        "inspect",
        "stdio",
        "--revision",
        "2025-11-25",
        "--json",
        "-v",
        "--call",
        "echo",
        r#"{"text":"hi"}"#,
    ];
    let seen: Value = serde_json::from_slice(&run_in(root(), &args).stdout).expect("JSON");
    assert_eq!(seen["schema"], "mcp-conform/inspect/v1");
    assert_eq!(seen["answers"][0]["result"]["content"][0]["text"], "hi");
    let offer = &seen["offers"][0];
    assert_eq!(offer["server"]["name"], "mcp-conform-reference");
    for list in ["tools", "resources", "resourceTemplates", "prompts", "wire"] {
        assert!(offer[list].as_array().is_some_and(|list| !list.is_empty()), "{list}");
    }
}

#[test]
fn what_a_server_says_is_no_command_to_a_terminal() {
    let evil = r#"import json,sys
for line in sys.stdin:
    m = json.loads(line)
    if "id" not in m: continue
    evil = "\x1b[2J\x1b]0;owned\x07\u202e::error::x\n::error::y"
    if m["method"] == "initialize":
        r = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {evil: True}}, "serverInfo": {"name": evil, "version": evil}, "instructions": evil}
    elif m["method"] == "tools/list":
        r = {"tools": [{"name": evil, "description": evil, "inputSchema": {"type": "object", "properties": {evil: {"type": evil, "description": evil, "default": evil, "enum": [evil]}}}}]}
    else:
        r = {"content": [{"type": "text", "text": evil}]}
    print(json.dumps({"jsonrpc": "2.0", "id": m["id"], "result": r}), flush=True)
"#;
    for form in [&["-v"][..], &["--json", "-v"]] {
        let server = ["--revision", "2025-11-25", "--call", "x", "{}", "--", "python3", "-c", evil];
        let output = run_in(root(), &[&["inspect", "stdio"], form, &server].concat());
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("owned"), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{shown}");
        assert!(!shown.lines().any(|line| line.trim_start().starts_with("::error")), "{shown}");
    }
}
