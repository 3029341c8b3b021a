//! What makes every day easier: baselines that write themselves, shards, the last failures again.

mod command;

use std::path::Path;

use command::{Folder, SELF, code, expect_in, json, run_in, text};
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
