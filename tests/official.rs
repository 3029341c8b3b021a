//! The scenarios of the official conformance suite and what judges the same here: `fixtures/official-suite.yaml` and
//! `docs/official-suite.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mcp_conform::case;
use mcp_conform::catalogue::requirement;
use serde::Deserialize;
use serde_json::Value;

/// The revisions that the table shows.
const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    scenario: String,
    /// Requirements, or `case requirement`.
    ours: Vec<String>,
    #[serde(default)]
    remark: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn scenarios() -> Vec<Scenario> {
    let text = std::fs::read_to_string(root().join("fixtures/official-suite.yaml")).expect("the mapping");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("fixtures/official-suite.yaml: {error}"))
}

/// The case, if one is named, and the requirement.
fn parts(counterpart: &str) -> (Option<&str>, &str) {
    match counterpart.split_once(' ') {
        Some((case, requirement)) => (Some(case), requirement),
        None => (None, counterpart),
    }
}

#[test]
fn every_counterpart_exists() {
    let cases = case::builtin().expect("built-in cases load");
    for scenario in scenarios() {
        assert!(!scenario.ours.is_empty(), "{} has no counterpart", scenario.scenario);
        for counterpart in &scenario.ours {
            let (case, id) = parts(counterpart);
            assert!(requirement(id).is_some(), "{}: unknown requirement `{id}`", scenario.scenario);
            let Some(case) = case else { continue };
            let case = cases.iter().find(|known| known.id == case);
            let case =
                case.unwrap_or_else(|| panic!("{}: unknown case in `{counterpart}`", scenario.scenario));
            let judges = case.requirements().iter().any(|judged| judged.id == id);
            assert!(judges, "{}: `{}` does not judge `{id}`", scenario.scenario, case.id);
        }
    }
}

#[test]
fn the_table_has_every_scenario() {
    let table = std::fs::read_to_string(root().join("docs/official-suite.md")).expect("the table");
    for scenario in scenarios() {
        let is_there = table.contains(&format!("| {} |", scenario.scenario));
        assert!(is_there, "docs/official-suite.md lacks {}", scenario.scenario);
    }
}

/// The checks of `fixture/content` on the built-in server with the fixture.
fn content_with(tools: &str) -> Vec<String> {
    let binary = env!("CARGO_BIN_EXE_mcp-conform");
    let mut command = std::process::Command::new(binary);
    command.args([
        "stdio",
        "--quiet",
        "--fuzz-cases",
        "0",
        "--revision",
        "2025-11-25",
        "--only",
        "fixture/content",
    ]);
    command.args(["--tools", tools, "--json", "-", "--", binary, "serve", "--quirk", "fixture"]);
    let output = command.output().expect("the binary runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let checks = report["runs"][0]["checks"].as_array().cloned().unwrap_or_default();
    checks.iter().map(|check| check["verdict"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn fixture_tools_are_called_unless_told_otherwise() {
    assert_eq!(content_with("read-only"), ["pass"; 5]);
    assert_eq!(content_with("none"), ["not_observed"; 5]);
}

/// Prints the table from the results that `benches/compare.sh` left in the folder `OFFICIAL_RESULTS`.
#[test]
#[ignore = "needs the results of benches/compare.sh"]
fn table() {
    let results = PathBuf::from(std::env::var("OFFICIAL_RESULTS").expect("OFFICIAL_RESULTS"));
    let there: BTreeMap<&str, BTreeMap<String, Value>> =
        ["2025-11-25", "2026-07-28", "extensions"].map(|name| (name, checks(&results.join(name)))).into();
    let here: BTreeMap<&str, Value> =
        REVISIONS.map(|name| (name, read(&results.join(format!("{name}.json"))))).into();
    println!(
        "| scenario | counterparts | there | here | there | here | remark |\n|---|---|---|---|---|---|---|"
    );
    for scenario in scenarios() {
        let name = scenario.scenario.as_str();
        let counterparts: Vec<String> = scenario.ours.iter().map(|id| format!("`{id}`")).collect();
        print!("| {name} | {} |", counterparts.join(", "));
        for revision in REVISIONS {
            let is_extension = name.starts_with("tasks-") && revision == "2026-07-28";
            let theirs = if is_extension { &there["extensions"] } else { &there[revision] }.get(name);
            match theirs {
                Some(theirs) => {
                    print!(" {} | {} |", verdict_there(theirs), verdict_here(&here[revision], &scenario))
                }
                None => print!(" | |"),
            }
        }
        println!(" {} |", scenario.remark.trim());
    }
}

fn read(file: &Path) -> Value {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// The checks of each scenario: the folders are named `server-SCENARIO-TIME`.
fn checks(folder: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name.strip_prefix("server-").unwrap_or(&name);
        let scenario = &name[..name.len() - "-2026-01-01T00-00-00-000Z".len()];
        found.insert(scenario.to_owned(), read(&path.join("checks.json")));
    }
    found
}

fn verdict_there(checks: &Value) -> String {
    let count = |status: &str| {
        checks.as_array().into_iter().flatten().filter(|check| check["status"] == status).count()
    };
    match [("FAILURE", "fail"), ("WARNING", "warn"), ("SUCCESS", "pass")]
        .map(|(status, word)| (count(status), word))
    {
        [(0, _), (0, _), (0, _)] => "skipped".to_owned(),
        [(0, _), (0, _), (_, word)] | [(0, _), (_, word), _] => word.to_owned(),
        [(failed, word), _, (passed, _)] => format!("{word} ({failed} of {})", failed + passed),
    }
}

/// The worst verdict of the counterparts, and which have it.
fn verdict_here(report: &Value, scenario: &Scenario) -> String {
    let all: Vec<&Value> = report["runs"][0]["checks"].as_array().into_iter().flatten().collect();
    let verdicts = |verdict: &str| -> Vec<&str> {
        let has = |counterpart: &&String| {
            let (case, id) = parts(counterpart);
            let is_it =
                |check: &&&Value| check["requirement"] == id && case.is_none_or(|case| check["id"] == case);
            all.iter().filter(is_it).any(|check| check["verdict"] == verdict)
        };
        scenario.ours.iter().filter(has).map(|counterpart| parts(counterpart).1).collect()
    };
    for verdict in ["fail", "warn", "pass", "not_observed", "not_applicable"] {
        let found = verdicts(verdict);
        match verdict {
            "fail" | "warn" if !found.is_empty() => {
                let names: Vec<String> = found.iter().map(|id| format!("`{id}`")).collect();
                return format!("{verdict}: {}", names.join(", "));
            }
            _ if !found.is_empty() => return verdict.to_owned(),
            _ => {}
        }
    }
    "–".to_owned()
}
