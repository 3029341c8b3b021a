//! The fuzzer finds planted bugs, makes them small, says the same again for the same seed, and stays silent on servers
//! that have none.

mod command;
mod common;
mod planted;

use std::collections::HashSet;

use common::in_memory;
use mcp_conform::fuzz::{
    self, Action, Budget, Campaign, Finding, Kind, Probe, Replayed, Script, Severity, Shard, Stability,
    Summary, replay,
};
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{Fault, Settings, Transport, parse, quirks};
use mcp_conform::runner::{Policy, Profile, Secrets, Tools};
use mcp_conform::session::Options;
use mcp_conform::transport::Target;
use planted::{BUGS, Deed, Planted};
use serde_json::json;

/// A bug in the language of faults.
const MALFORMED: &str = "{ on: receive *, where: { malformed: true }, do: [{ exit: 1 }] }";

fn target(rewrite: Option<&str>) -> Target {
    let mut settings = Settings::default();
    if let Some(rewrite) = rewrite {
        let text = format!("- {{ id: planted, about: Planted., rewrite: [{rewrite}] }}\n");
        parse("planted", &text).expect("a fault").iter().for_each(|fault| settings.add(fault));
    }
    in_memory(settings)
}

fn campaign(target: &Target, revision: Revision, seed: u64, cases: u64) -> Summary {
    guided(target, revision, seed, cases, true)
}

fn guided(target: &Target, revision: Revision, seed: u64, cases: u64, guided: bool) -> Summary {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(hunt(target, revision, seed, cases, guided))
}

async fn hunt(target: &Target, revision: Revision, seed: u64, cases: u64, guided: bool) -> Summary {
    let policy = Policy { tools: Tools::ReadOnly, profile: Profile::default() };
    let options = Options { timeout: std::time::Duration::from_secs(2), ..Options::default() };
    let campaign = Campaign {
        target,
        revision,
        options,
        policy: &policy,
        secrets: &Secrets::default(),
        seed,
        budget: Budget::Cases(cases),
        shard: Shard::WHOLE,
        guided,
        corpus: None,
        stopped: &std::sync::atomic::AtomicBool::new(false),
        known: &HashSet::new(),
        max_findings: 5,
        minimize: true,
        folder: None,
    };
    fuzz::run(&campaign, &|_| ()).await.expect("the server starts")
}

fn of_kind(summary: &Summary, kind: Kind) -> Option<&Finding> {
    // A lost reply is one, whatever came before it.
    let like = |found: Kind| found == kind || (kind, found) == (Kind::NoReply, Kind::Desync);
    summary.findings.iter().find(|finding| like(finding.kind) && finding.severity == Severity::Finding)
}

/// What became of a planted bug: the script that shows it, or what was found in its place.
fn hunted(bug: &Planted, seed: u64, is_guided: bool) -> Result<Vec<String>, Vec<String>> {
    let summary = guided(&bug.target(), Revision::V2025_11_25, seed, 2000, is_guided);
    match of_kind(&summary, bug.kind) {
        Some(finding) => Ok(finding.script.lines().collect()),
        None => Err(summary
            .findings
            .iter()
            .map(|finding| format!("{:?}: {}", finding.kind, finding.message))
            .collect()),
    }
}

#[test]
fn planted_bugs_are_found_and_made_small() {
    let hunted = common::in_parallel(BUGS, |bug| (bug.name, bug.minimum, hunted(bug, 1, true)));
    let missed: Vec<_> =
        hunted.iter().filter_map(|(name, _, found)| Some((name, found.as_ref().err()?))).collect();
    let large: Vec<_> = hunted
        .iter()
        .filter_map(|(name, minimum, found)| Some((name, minimum, found.as_ref().ok()?)))
        .filter(|(_, minimum, found)| found.len() > **minimum * 2)
        .collect();
    // 95 of 100 are to be found.
    assert!(missed.len() * 20 <= BUGS.len(), "missed: {missed:#?}");
    assert!(large.is_empty(), "too large (minimum, found): {large:#?}");
}

#[test]
fn a_death_that_never_comes_again_shows_what_was_sent_last() {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    static LINES: AtomicUsize = AtomicUsize::new(0);
    const FATAL: usize = 100;
    let once = Planted {
        name: "once",
        kind: Kind::Crash,
        minimum: 1,
        deep: false,
        act: |_, line| match line {
            planted::Line::In(..) if LINES.fetch_add(1, Relaxed) == FATAL => Deed::Die,
            _ => Deed::Pass,
        },
    };
    let summary = campaign(&once.target(), Revision::V2025_11_25, 1, 500);
    let [finding] = summary.findings.as_slice() else { panic!("{:?}", summary.findings) };
    assert_eq!((finding.kind, finding.stability), (Kind::Crash, Stability::Flaky));
    assert!(finding.message.contains("it did not come again"), "{}", finding.message);
    assert!(finding.script.actions.len() > 4 && !finding.wire.is_empty(), "{finding:?}");
}

/// Prints how many planted bugs each of three seeds finds, with and without guidance:
/// `cargo test --release --test fuzz -- --ignored --nocapture table`.
#[test]
#[ignore = "takes minutes"]
fn table_of_planted_bugs() {
    for is_guided in [true, false] {
        for seed in 1..=3 {
            let hunted = common::in_parallel(BUGS, |bug| (bug.name, bug.deep, hunted(bug, seed, is_guided)));
            let found = |deep: bool| {
                hunted.iter().filter(|(_, is_deep, found)| *is_deep == deep && found.is_ok()).count()
            };
            let all = |deep: bool| BUGS.iter().filter(|bug| bug.deep == deep).count();
            let missed: Vec<_> =
                hunted.iter().filter(|(_, _, found)| found.is_err()).map(|(name, ..)| name).collect();
            println!(
                "guided {is_guided:<5} seed {seed}: shallow {}/{}, deep {}/{}, missed {missed:?}",
                found(false),
                all(false),
                found(true),
                all(true)
            );
        }
    }
}

/// `CASES` tells how many cases each server gets in each era, `SEED` which:
/// `CASES=10000 cargo test --release --test fuzz -- --exact servers_without_bugs_draw_no_finding`.
#[test]
fn servers_without_bugs_draw_no_finding() {
    let (cases, seed) = (told("CASES").unwrap_or(300), told("SEED").unwrap_or(7));
    draw_no_finding(&without_bugs(|_| true), |settings, revision| {
        campaign(&in_memory(settings), revision, seed, cases)
    });
}

/// Over HTTP each case takes longer: without `CASES` two servers are enough.
#[test]
fn servers_without_bugs_draw_no_finding_over_http() {
    let over_http = |quirk: &Fault| quirk.transports.contains(&Transport::Http);
    let usual = |quirk: &Fault| told("CASES").is_some() || quirk.id == "authorization";
    draw_no_finding(&without_bugs(|quirk| over_http(quirk) && usual(quirk)), |settings, revision| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let target = common::over_http(settings).await;
            hunt(&target, revision, told("SEED").unwrap_or(7), told("CASES").unwrap_or(600), true).await
        })
    });
}

fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

/// The clean server, and those with a quirk.
fn without_bugs(is_wanted: impl Fn(&Fault) -> bool) -> Vec<Option<&'static Fault>> {
    let legal = quirks().iter().filter(|quirk| quirk.options.eras.is_none() && is_wanted(quirk));
    std::iter::once(None).chain(legal.map(Some)).collect()
}

fn draw_no_finding(servers: &[Option<&Fault>], campaign: impl Fn(Settings, Revision) -> Summary + Sync) {
    let found = common::in_parallel(servers, |quirk| {
        let mut lines = Vec::new();
        let revisions = [Revision::V2025_11_25, Revision::V2026_07_28];
        for revision in
            revisions.into_iter().filter(|r| quirk.is_none_or(|quirk| quirk.revisions.contains(*r)))
        {
            let mut settings = Settings::default();
            quirk.iter().for_each(|quirk| settings.add(quirk));
            for finding in campaign(settings, revision).findings {
                let name = quirk.map_or("clean", |quirk| quirk.id.as_str());
                lines.push(format!("{name} in {revision}: {}: {}", finding.message, finding.write()));
            }
        }
        lines
    });
    let found: Vec<String> = found.into_iter().flatten().collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn progress_is_not_held_against_a_request_whose_id_something_malformed_had() {
    let server = Settings::default();
    let Target::Memory(server) = in_memory(server) else { panic!("in memory") };
    let probe = Probe::new(server, Revision::V2026_07_28).expect("the server starts");
    let id = 9_007_199_254_740_993_u64;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": -1,
    });
    let call = json!({"name": "slow", "arguments": {"steps": 1}, "_meta": meta});
    let script = Script::of(vec![
        Action::Message(json!({"id": id})),
        Action::Message(json!({"jsonrpc": "2.0", "method": "tools/call", "params": call, "id": id})),
    ]);
    let bugs: Vec<String> = probe.bugs(&script).into_iter().map(|bug| bug.message).collect();
    assert!(bugs.is_empty(), "{bugs:?}");
}

#[test]
fn who_is_told_too_soon_that_it_is_initialized_may_speak() {
    let news = "{ on: receive notifications/initialized, do: [{ answer: { method: notifications/tools/list_changed } }] }";
    let Target::Memory(server) = target(Some(news)) else { panic!("in memory") };
    let probe = Probe::new(server, Revision::V2025_11_25).expect("the server starts");
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let script = Script::of(vec![
        Action::Reconnect { handshake: false },
        Action::Message(initialized),
        Action::Handshake,
    ]);
    let bugs: Vec<String> = probe.bugs(&script).into_iter().map(|bug| bug.message).collect();
    assert!(bugs.is_empty(), "{bugs:?}");
}

#[test]
fn the_same_seed_gives_the_same_findings() {
    let target = target(Some(MALFORMED));
    let once = campaign(&target, Revision::V2026_07_28, 3, 400);
    let again = campaign(&target, Revision::V2026_07_28, 3, 400);
    assert!(!once.findings.is_empty());
    assert_eq!(once.findings, again.findings);
    assert_eq!(once.executed, again.executed);
}

#[test]
fn files_that_cannot_be_used_say_nothing_about_the_server() {
    let folder = command::Folder::new("campaign");
    folder.write("corpus/broken.jsonl", "?\n");
    folder.write("file", "");
    let fuzz = |options: &str, exit: i32, words: &[&str]| {
        let args = format!("fuzz stdio --json r.json {options}");
        let shown = command::expect_in(&folder.0, &args.split(' ').collect::<Vec<_>>(), exit, words);
        assert!(!shown.contains("STOPPED"), "{shown}");
        command::json(&folder.file("r.json"))["fuzz"]["campaigns"].as_array().map_or(0, Vec::len)
    };
    let one = "--revision 2025-11-25 --corpus";
    assert_eq!(fuzz(&format!("{one} corpus --cases 20"), 2, &["PROBLEM", "broken.jsonl"]), 1);
    assert_eq!(fuzz(&format!("{one} file --cases 20"), 2, &["PROBLEM", "cannot be used"]), 1);
    let broken = format!("-- {} serve --fault tools.call.validates-input", command::SELF);
    assert_eq!(
        fuzz(&format!("{one} corpus --cases 1500 --seed 2 {broken}"), 1, &["broken.jsonl", "FOUND"]),
        1
    );
    assert_eq!(fuzz("--revision all --cases 20", 0, &[]), Revision::ALL.len());
}

#[test]
fn a_saved_finding_is_reproduced_until_it_is_fixed() {
    let broken = target(Some(MALFORMED));
    let summary = campaign(&broken, Revision::V2025_11_25, 1, 500);
    let finding = of_kind(&summary, Kind::Crash).expect("the planted crash");
    assert_eq!((finding.stability, finding.script.actions.len()), (Stability::Stable, 1));
    let read = Finding::read(&finding.write()).expect("readable");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let options = Options::default();
    let replayed =
        |target: &Target| runtime.block_on(replay(&read, target, &options)).expect("the server starts");
    assert_eq!(replayed(&broken), Replayed::Reproduced);
    assert_eq!(replayed(&target(None)), Replayed::Fixed);
}
