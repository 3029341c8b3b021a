//! The profile: options, tools, several servers; and `init`, which writes one.

mod command;

use std::path::Path;

use command::{Folder, SELF, expect_in, json, run_in, text};

fn judge(folder: &Path, args: &[&str], exit: i32, words: &[&str]) -> String {
    expect_in(
        folder,
        &[&["stdio", "--fuzz-cases", "0", "--profile", "p.toml"][..], args].concat(),
        exit,
        words,
    )
}

#[test]
fn options_come_from_the_profile_and_the_command_line_goes_before_it() {
    let folder = Folder::new("options");
    folder.write(
        "p.toml",
        "[options]\nrevision = ['2025-06-18', '2025-11-25']\nskip = 'stdio/*'\nseed = 7\nstrict = true\njson = 'report.json'\nenv = { MODE = 'x${UNSET_HERE:-y}' }\n",
    );
    let shown = judge(&folder.0, &[], 0, &["2025-06-18 · stdio", "2025-11-25 · stdio", "seed 7"]);
    assert!(!shown.contains("2026-07-28 · stdio"), "{shown}");
    assert_eq!(json(&folder.file("report.json"))["seed"], 7);
    let shown =
        judge(&folder.0, &["--revision", "2025-03-26", "--seed", "8"], 0, &["2025-03-26 · stdio", "seed 8"]);
    assert!(!shown.contains("2025-06-18 · stdio"), "{shown}");
    expect_in(&folder.0, &["inspect", "stdio", "--profile", "p.toml"], 0, &["2025-06-18 · stdio"]);
}

#[test]
fn mistakes_are_told_with_line_and_suggestion() {
    let folder = Folder::new("mistakes");
    let wrong = |text: &str, words: &[&str]| {
        folder.write("p.toml", text);
        judge(&folder.0, &[], 2, words);
    };
    wrong(
        "[options]\nseed = 1\nrevison = 'all'\n",
        &["p.toml:3:", "no option `revison`", "did you mean revision"],
    );
    wrong("[options]\n\ntimeout = 'soon'\n", &["p.toml:3:", "soon", "500ms"]);
    wrong("[options]\nstrict = 'yes'\n", &["p.toml:2:", "`strict` is true or false"]);
    wrong("[options]\njunit = [[1]]\n", &["p.toml:2:"]);
    wrong("[options]\nenv = { KEY = '${UNSET_HERE}' }\n", &["p.toml:2:", "UNSET_HERE is not set"]);
    wrong("[tools.x]\nalow = true\n", &["line 2", "did you mean allow"]);
    wrong("[servers.x]\nurl = 1\n", &["line 2"]);
    wrong("[[accepted]]\nrequirement = 'ping.nope'\nreason = 'x'\n", &["no requirement `ping.nope`"]);
    wrong("[options]\nprofile = 'q.toml'\n", &["no option `profile`"]);
    expect_in(&folder.0, &["stdio", "--profile", "q.toml"], 2, &["q.toml cannot be read"]);
    // What only the server knows is told after it was asked.
    folder.write("p.toml", "[tools.ecko]\nallow = true\n");
    judge(
        &folder.0,
        &["--only", "ping.*"],
        0,
        &["tool `ecko`, which the server does not offer (did you mean echo?)"],
    );
}

#[test]
fn tools_are_allowed_and_findings_accepted() {
    let folder = Folder::new("tools");
    let transcripts = folder.file("wire");
    folder.write(
        "p.toml",
        "[tools.delete]\nallow = true\narguments = { id = 'from-the-profile' }\n[tools.echo]\nallow = false\n\
         [[accepted]]\nrequirement = 'resources.read.text-or-blob'\nreason = 'known'\n",
    );
    let fault = ["--", SELF, "serve", "--fault", "resources.read.text-or-blob"];
    let args = [&["--revision", "2025-11-25", "--transcript", &transcripts][..], &fault].concat();
    judge(&folder.0, &args, 0, &["1 known"]);
    let wire = folder.read("wire/2025-11-25-stdio-shared.jsonl");
    assert!(wire.contains("from-the-profile"));
    assert!(!wire.contains(r#"\"name\":\"echo\",\"arguments\":{\"text\""#), "echo was called");
}

#[test]
fn a_profile_names_several_servers_and_matrices_of_them() {
    let folder = Folder::new("servers");
    folder.write(
        "mcp-conform.toml",
        &format!(
            "[options]\nfuzz-cases = 0\nrevision = '2025-11-25'\n\
             [tools.delete]\nallow = true\n\
             [servers.old]\ncommand = ['{SELF}', 'serve', '--revision', '{{revision}}']\n\
             matrix = {{ revision = ['2025-03-26', '2025-06-18'] }}\noptions = {{ revision = 'auto' }}\n\
             [servers.web]\nurl = 'http://127.0.0.1:{{port}}/mcp'\ncommand = ['{SELF}', 'serve', '--http', '127.0.0.1:{{port}}']\n\
             [servers.web.tools.delete]\nallow = false\n"
        ),
    );
    let config = |args: &[&str], exit: i32, words: &[&str]| {
        expect_in(&folder.0, &[&["config", "mcp-conform.toml"][..], args].concat(), exit, words)
    };
    config(
        &[],
        0,
        &[
            "old-2025-03-26 · 2025-03-26 · stdio",
            "old-2025-06-18 · 2025-06-18 · stdio",
            "web · 2025-11-25 · http",
        ],
    );
    let shown = config(&["--server", "web", "--revision", "2025-06-18"], 0, &["web · 2025-06-18 · http"]);
    assert!(!shown.contains("old-"), "{shown}");
    config(&["--server", "wb"], 2, &["did you mean web?"]);
}

#[test]
fn init_writes_a_profile_that_works_and_overwrites_nothing() {
    let folder = Folder::new("init");
    expect_in(
        &folder.0,
        &["init", "stdio"],
        0,
        &["mcp-conform.toml is written", "--profile mcp-conform.toml"],
    );
    let profile = folder.read("mcp-conform.toml");
    for words in [
        "[tools.echo]",
        "# [tools.delete]",
        "# arguments = { text = ",
        "[prompts.greet]",
        "# The destructive",
    ]
    .iter()
    .take(4)
    {
        assert!(profile.contains(words), "{words}: {profile}");
    }
    expect_in(&folder.0, &["init", "stdio"], 2, &["is there already", "--force"]);
    expect_in(&folder.0, &["init", "stdio", "--force"], 0, &[]);
    expect_in(&folder.0, &["stdio", "--fuzz-cases", "0", "--profile", "mcp-conform.toml"], 0, &[]);
    // With every suggestion taken, it still works.
    let is_suggestion = |line: &str| {
        // Snapshots hold everything.
        let line = if line.starts_with("# skip") { "" } else { line };
        let rest = line.strip_prefix("# ")?;
        let key = rest.split([' ', '=']).next().unwrap_or_default();
        let is_key = rest.starts_with('[')
            || (rest.contains(" = ") && key.chars().all(|c| c.is_ascii_lowercase() || "-_".contains(c)));
        is_key.then(|| rest.to_owned())
    };
    let taken: String =
        profile.lines().map(|line| is_suggestion(line).unwrap_or_else(|| line.to_owned()) + "\n").collect();
    folder.write("all.toml", &taken);
    let output = command::command(
        &folder.0,
        &["stdio", "--profile", "all.toml", "--revision", "2025-11-25", "--env", "API_KEY=x"],
    )
    .env("API_KEY", "value")
    .output()
    .expect("it runs");
    assert!(!text(&output).contains("all.toml:"), "{}", text(&output));
    assert_ne!(output.status.code(), Some(2), "{}\n{taken}", text(&output));
    let printed = run_in(&folder.0, &["init", "stdio", "--output", "-"]);
    assert_eq!(String::from_utf8_lossy(&printed.stdout), profile);
}
