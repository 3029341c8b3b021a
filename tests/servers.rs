//! Real servers: each is judged as a user would judge it, and every finding must be one that was examined by hand
//! (`fixtures/findings.yaml`). `fixtures/install.sh` installs them; without it this test fails.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::in_threads;
use mcp_conform::catalogue::requirement;
use serde::Deserialize;
use serde_json::{Value, json};

/// Half of the time a server is waited for.
const THREADS: usize = 4;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    name: String,
    sdk: String,
    command: Vec<String>,
    #[serde(default)]
    http: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    check: String,
    requirement: String,
    verdict: String,
    /// Whether it does not come every time: it hangs on which of two messages is faster.
    #[serde(default)]
    sometimes: bool,
    reason: String,
    seen: BTreeMap<String, Vec<String>>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read<T: serde::de::DeserializeOwned>(file: &str) -> T {
    let text = std::fs::read_to_string(root().join("fixtures").join(file)).expect(file);
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("fixtures/{file}: {error}"))
}

/// Where the servers that are built with the tests are.
fn bin() -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_mcp-conform"));
    binary.parent().unwrap_or(binary).display().to_string()
}

/// Judges a server with the real binary; the report is its JSON.
fn judge(server: &Server, over_http: bool, folder: &Path) -> Value {
    let transport = if over_http { "http" } else { "stdio" };
    let report: PathBuf = folder.join(format!("{}-{transport}.json", server.name));
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-conform"));
    command.current_dir(root()).env("GITHUB_API", "http://127.0.0.1:9");
    command.args([transport, "--quiet", "--fuzz-cases", "0", "--timeout", "30s", "--json"]).arg(&report);
    if over_http {
        command.arg("http://127.0.0.1:{port}/mcp");
    }
    command.arg("--").args(server.command.iter().map(|word| word.replace("{bin}", &bin())));
    command.args(server.http.iter().flatten().filter(|_| over_http));
    let output = command.output().expect("the binary runs");
    let code = output.status.code();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(code, Some(0 | 1)), "{} over {transport}: exit {code:?}: {shown}", server.name);
    serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON")
}

/// The findings of a report: server, run, check, requirement, verdict; and what each is about.
fn findings(server: &str, report: &Value) -> Vec<([String; 5], Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for run in report["runs"].as_array().into_iter().flatten() {
        let name = format!("{} {}", text(&run["revision"]), text(&run["transport"]));
        for check in run["checks"].as_array().into_iter().flatten() {
            if ["fail", "warn", "error", "blocked"].iter().any(|verdict| check["verdict"] == *verdict) {
                let [id, requirement, verdict] =
                    ["id", "requirement", "verdict"].map(|key| text(&check[key]));
                let about = ["message", "expected", "got"].map(|key| (key, &check[key]));
                found.push((
                    [server.to_owned(), name.clone(), id, requirement, verdict],
                    json!(BTreeMap::from(about)),
                ));
            }
        }
    }
    found
}

#[test]
fn every_finding_on_real_servers_is_known_and_explained() {
    let folder = std::env::temp_dir().join(format!("mcp-conform-servers-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let servers: Vec<Server> = read("servers.yaml");
    let runs: Vec<(&Server, bool)> = servers
        .iter()
        .flat_map(|server| [Some((server, false)), server.http.as_ref().map(|_| (server, true))])
        .flatten()
        .collect();
    let (mut known, mut sure) = (BTreeSet::new(), BTreeSet::new());
    for finding in read::<Vec<Finding>>("findings.yaml") {
        assert!(finding.reason.len() > 20, "{}: say why it is true", finding.requirement);
        for (server, runs) in &finding.seen {
            for run in runs {
                let [check, requirement, verdict] = [&finding.check, &finding.requirement, &finding.verdict];
                let seen = [server, run, check, requirement, verdict].map(ToString::to_string);
                if !finding.sometimes {
                    sure.insert(seen.clone());
                }
                known.insert(seen);
            }
        }
    }
    let found: BTreeMap<[String; 5], Value> = in_threads(THREADS, &runs, |(server, over_http)| {
        findings(&server.name, &judge(server, *over_http, &folder))
    })
    .into_iter()
    .flatten()
    .collect();
    let new: Vec<_> = found.iter().filter(|(finding, _)| !known.contains(*finding)).collect();
    let gone: Vec<_> = sure.iter().filter(|finding| !found.contains_key(*finding)).collect();
    assert!(new.is_empty() && gone.is_empty(), "new: {new:#?}\ngone: {gone:#?}");
    std::fs::remove_dir_all(&folder).ok();
}

/// `docs/findings.md` for people: what was found on which SDK, and where the specification says so.
#[test]
fn the_findings_are_told_as_they_are_known() {
    let sdks: BTreeMap<String, String> =
        read::<Vec<Server>>("servers.yaml").into_iter().map(|server| (server.name, server.sdk)).collect();
    let rows: Vec<String> =
        read::<Vec<Finding>>("findings.yaml").iter().map(|finding| row(finding, &sdks)).collect();
    let file = root().join("docs/findings.md");
    let told = std::fs::read_to_string(&file).expect("docs/findings.md");
    let (before, _) = told.split_once("|---|").expect("a table");
    let right = format!("{before}|---|---|---|---|---|\n{}\n", rows.join("\n"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &right).expect("a file that can be written");
    }
    assert!(
        told == right,
        "docs/findings.md is not what fixtures/findings.yaml knows: UPDATE=1 writes it anew"
    );
}

fn row(finding: &Finding, sdks: &BTreeMap<String, String>) -> String {
    let requirement = requirement(&finding.requirement).expect("a known requirement");
    let on: BTreeSet<&str> = finding.seen.keys().map(|server| sdks[server].as_str()).collect();
    let runs: BTreeSet<&str> = finding.seen.values().flatten().map(String::as_str).collect();
    let newest = runs.iter().filter_map(|run| run.split(' ').next()?.parse().ok()).max();
    let link = newest.and_then(|revision| requirement.link(revision)).expect("a link").url();
    let [on, runs] = [on, runs].map(|words| words.into_iter().collect::<Vec<_>>().join(", "));
    let (verdict, reason) = (&finding.verdict, finding.reason.trim());
    format!("| {verdict} | [{}]({link}) | {reason} | {on} | {runs} |", finding.requirement)
}
