//! The fuzzer finds planted bugs, makes them small, says the same again for the same seed, and stays silent on servers
//! that have none.

mod common;

use std::collections::HashSet;

use common::in_memory;
use mcp_conform::fuzz::{self, Budget, Campaign, Finding, Kind, Replayed, Shard, Stability, Summary, replay};
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{Settings, parse, quirks};
use mcp_conform::runner::{Policy, Profile, Tools};
use mcp_conform::session::Options;
use mcp_conform::transport::Target;

/// Bugs as the fault language says them: name, how the server misbehaves, what kind of finding that is.
const BUGS: &[(&str, &str, Kind)] = &[
    (
        "a malformed line ends the process",
        "{ on: receive *, where: { malformed: true }, do: [{ exit: 1 }] }",
        Kind::Crash,
    ),
    (
        "a malformed line makes it deaf",
        "{ on: receive *, where: { malformed: true }, do: [{ deaf: true }] }",
        Kind::Hang,
    ),
    (
        "a number as method ends the process",
        "{ on: receive *, where: { method: $number }, do: [{ exit: 101 }] }",
        Kind::Crash,
    ),
    (
        "null params make it deaf",
        "{ on: receive *, where: { params: $null }, do: [{ deaf: true }] }",
        Kind::Hang,
    ),
    (
        "an id that is an object ends the process",
        "{ on: receive *, where: { id: $object }, do: [{ exit: 2 }] }",
        Kind::Crash,
    ),
    (
        "a long id ends the process",
        "{ on: receive *, where: { id: { $size: { min: 5000 } } }, do: [{ exit: 3 }] }",
        Kind::Crash,
    ),
    (
        "an extra parameter ends the process",
        "{ on: receive *, where: { params: { extra: $any } }, do: [{ exit: 4 }] }",
        Kind::Crash,
    ),
    (
        "a notification is answered",
        "{ on: receive notifications/progress, do: [{ answer: { id: 1000077, result: {} } }] }",
        Kind::WrongId,
    ),
    (
        "forbidden arguments are accepted",
        "{ on: receive tools/call, where: { params: { name: echo, arguments: { text: $absent } } }, do: [{ set: /params/arguments/text, to: x }] }",
        Kind::AcceptedInvalid,
    ),
    (
        "the tenth list is never answered",
        "{ on: reply prompts/list, after: 9, times: 1, do: [{ drop: true }] }",
        Kind::NoReply,
    ),
    (
        "an error without a code",
        "{ on: reply *, match: { error: { code: -32600 } }, do: [{ remove: /error/code }] }",
        Kind::InvalidReply,
    ),
    (
        "errors go to an id that nobody used",
        "{ on: reply *, match: { error: { code: -32602 } }, do: [{ set: /id, to: 1000001 }] }",
        Kind::NoReply,
    ),
];

fn target(rewrite: Option<&str>) -> Target {
    let mut settings = Settings::default();
    if let Some(rewrite) = rewrite {
        let text = format!("- {{ id: planted, about: Planted., rewrite: [{rewrite}] }}\n");
        parse("planted", &text).expect("a fault").iter().for_each(|fault| settings.add(fault));
    }
    in_memory(settings)
}

fn campaign(target: &Target, revision: Revision, seed: u64, cases: u64) -> Summary {
    let policy = Policy { tools: Tools::All, profile: Profile::default() };
    let options = Options { timeout: std::time::Duration::from_secs(2), ..Options::default() };
    let campaign = Campaign {
        target,
        revision,
        options,
        policy: &policy,
        seed,
        budget: Budget::Cases(cases),
        shard: Shard::WHOLE,
        guided: true,
        corpus: None,
        known: &HashSet::new(),
        max_findings: 5,
        minimize: true,
        folder: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(fuzz::run(&campaign, &|_| ())).expect("the server starts")
}

fn of_kind(summary: &Summary, kind: Kind) -> Option<&Finding> {
    summary.findings.iter().find(|finding| finding.kind == kind)
}

#[test]
fn planted_bugs_are_found_and_made_small() {
    let missed: Vec<String> = common::in_parallel(BUGS, |(name, rewrite, kind)| {
        let target = target(Some(rewrite));
        let summary = campaign(&target, Revision::V2025_11_25, 1, 2000);
        match of_kind(&summary, *kind) {
            Some(finding) if finding.script.actions.len() <= 12 => None,
            Some(finding) => Some(format!("{name}: {} steps", finding.script.actions.len())),
            None => {
                Some(format!("{name}: {:?}", summary.findings.iter().map(|f| &f.message).collect::<Vec<_>>()))
            }
        }
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn servers_without_bugs_draw_no_finding() {
    let legal: Vec<_> = quirks().iter().filter(|quirk| quirk.options.eras.is_none()).collect();
    let mut servers = vec![None];
    servers.extend(legal.iter().map(|quirk| Some(*quirk)));
    let found: Vec<String> = common::in_parallel(&servers, |quirk| {
        let mut settings = Settings::default();
        if let Some(quirk) = quirk {
            settings.add(quirk);
        }
        let target = in_memory(settings);
        let mut lines = Vec::new();
        let revisions = [Revision::V2025_11_25, Revision::V2026_07_28];
        for revision in
            revisions.into_iter().filter(|r| quirk.is_none_or(|quirk| quirk.revisions.contains(*r)))
        {
            for finding in campaign(&target, revision, 7, 300).findings {
                let name = quirk.map_or("clean", |quirk| quirk.id.as_str());
                lines.push(format!("{name} in {revision}: {}: {}", finding.message, finding.write()));
            }
        }
        lines
    })
    .into_iter()
    .flatten()
    .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_same_seed_gives_the_same_findings() {
    let target = target(Some(BUGS[0].1));
    let once = campaign(&target, Revision::V2026_07_28, 3, 400);
    let again = campaign(&target, Revision::V2026_07_28, 3, 400);
    assert!(!once.findings.is_empty());
    assert_eq!(once.findings, again.findings);
    assert_eq!(once.executed, again.executed);
}

#[test]
fn a_saved_finding_is_reproduced_until_it_is_fixed() {
    let broken = target(Some(BUGS[0].1));
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
