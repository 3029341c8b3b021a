//! Snapshots of what a server offers, and how two of them are compared.

use std::fs;
use std::process::Command;

use mcp_conform::catalogue::Verdict;
use mcp_conform::protocol::Revision;
use mcp_conform::report::diagnostic::Block;
use mcp_conform::report::paint::Paint;
use mcp_conform::report::{Format, snapshot};
use mcp_conform::runner::{Difference, SnapshotChange, Surface};
use serde_json::{Value, json};

use crate::recorded::{clean, recorded, surface, written};
use crate::{folder, report};

pub fn offered() -> Surface {
    Surface { revision: Revision::V2025_11_25, transport: "stdio", value: surface().into() }
}

#[test]
fn snapshot_is_stable_text_of_the_surface_and_the_verdicts() {
    let report = report(&recorded());
    insta::assert_snapshot!("snapshot", snapshot::render(&report.runs[0], Some(&offered()), &[]));
    insta::assert_snapshot!("snapshot_without_surface", snapshot::render(&report.runs[1], None, &[]));
}

#[test]
fn snapshot_is_created_then_compared_and_only_updated_when_asked() {
    let dir = folder("snapshots").join("new");
    let report = report(&clean());
    let offered = |name: &str| {
        [Surface {
            revision: Revision::V2026_07_28,
            transport: "stdio",
            value: json!({"tools": [{"name": name}]}).into(),
        }]
    };
    let compare = |name, update| {
        let outcomes = snapshot::compare(&dir, &report, &offered(name), &[], update).unwrap();
        outcomes.into_iter().map(|outcome| outcome.change).collect::<Vec<_>>()
    };
    assert_eq!(compare("read", false), [SnapshotChange::Created]);
    assert_eq!(compare("read", false), [SnapshotChange::Same]);
    assert_eq!(compare("read", true), [SnapshotChange::Same]);
    let changed = compare("reed", false);
    let [SnapshotChange::Changed(difference)] = &changed[..] else { panic!("{changed:?}") };
    insta::assert_snapshot!("snapshot_diff", told_as_text(difference));
    assert_eq!(compare("reed", false), changed, "a difference stays until it is accepted");
    assert_eq!(compare("reed", true), [SnapshotChange::Updated]);
    assert_eq!(compare("reed", false), [SnapshotChange::Same]);
}

fn told_as_text(difference: &Difference) -> String {
    Block::of_change("the snapshot", &difference.changes, &difference.text).render(Paint::default(), 100)
}

#[test]
fn snapshot_does_not_care_about_line_ends() {
    let dir = folder("line-ends");
    let report = report(&clean());
    snapshot::compare(&dir, &report, &[], &[], false).unwrap();
    let file = dir.join("2026-07-28-stdio.snap.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(snapshot::compare(&dir, &report, &[], &[], false).unwrap()[0].change, SnapshotChange::Same);
}

fn conform(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-conform"));
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY").env("NO_COLOR", "1");
    let output = command.args(args).output().expect("the binary runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn diff_judges_snapshots_and_reports() {
    let folder = folder("diff");
    let file = |name: &str| folder.join(name).display().to_string();
    let snapshot = |tools: Value, verdict: &str| {
        let surface = Surface { value: json!({"tools": tools}).into(), ..offered() };
        let mut report = report(&clean());
        report.runs[0].checks[0].verdict =
            Verdict::ALL.into_iter().find(|known| known.as_str() == verdict).expect("a verdict");
        snapshot::render(&report.runs[0], Some(&surface), &[])
    };
    let tool = |required: Value| json!([{"name": "read", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": required}}]);
    fs::write(file("lax"), snapshot(tool(json!([])), "pass")).unwrap();
    fs::write(file("strict"), snapshot(tool(json!(["path"])), "fail")).unwrap();
    let (code, worse) = conform(&["diff", &file("lax"), &file("strict")]);
    assert_eq!(code, Some(1), "{worse}");
    assert!(worse.contains("tool `read`: input /path: required now"), "{worse}");
    assert!(worse.contains("tools/list › tools.list.array: pass → fail"), "{worse}");
    let (code, better) = conform(&["diff", &file("strict"), &file("lax")]);
    assert_eq!(code, Some(0), "{better}");
    assert!(better.contains("compatible") && !better.contains("breaking"), "{better}");
    assert_eq!(conform(&["diff", &file("lax"), &file("lax")]), (Some(0), "nothing changed\n".to_owned()));

    fs::write(file("clean.json"), written(Format::Json, &clean(), false)).unwrap();
    fs::write(file("bad.json"), written(Format::Json, &recorded(), false)).unwrap();
    let (code, worse) = conform(&["diff", &file("clean.json"), &file("bad.json")]);
    assert_eq!(code, Some(1), "{worse}");
    assert!(worse.contains("2026-07-28 · stdio is not judged any more"), "{worse}");
    assert!(worse.contains("the fuzzer finds crash 0f3a9c"), "{worse}");

    fs::write(file("other"), "hello").unwrap();
    for wrong in ["other", "no-such-file", "bad.json"] {
        let (code, said) = conform(&["diff", &file("lax"), &file(wrong)]);
        assert_eq!(code, Some(2), "{said}");
    }
}

#[test]
fn snapshots_are_masked_as_the_profile_says() {
    let folder = folder("masks");
    let file = |name: &str| folder.join(name).display().to_string();
    fs::write(file("mask.toml"), "[[snapshot.mask]]\nat = \"/server/version\"\n\n[[snapshot.mask]]\npattern = \"memo\"\nwith = \"<what>\"\n").unwrap();
    let args = [
        "stdio",
        "--revision",
        "2025-11-25",
        "--fuzz-cases",
        "0",
        "--snapshot",
        &file("kept"),
        "--profile",
        &file("mask.toml"),
    ];
    let (code, said) = conform(&args);
    assert_eq!(code, Some(0), "{said}");
    let kept = fs::read_to_string(folder.join("kept/2025-11-25-stdio.snap.yaml")).unwrap();
    assert!(
        kept.contains("version: \"<masked>\"")
            && kept.contains("<what>://greeting")
            && !kept.contains("memo"),
        "{kept}"
    );
    assert_eq!(conform(&args).0, Some(0), "masked parts do not differ");
    fs::write(file("mask.toml"), "[[snapshot.mask]]\npattern = \"(\"\n").unwrap();
    let (code, said) = conform(&args);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("mask.toml"), "{said}");
}
