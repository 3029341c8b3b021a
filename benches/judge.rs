//! What judging costs: `cargo bench` judges the built-in server (and the Node fixture, if it is installed) and prints
//! wall time, launches, checks judged, and the CPU time of this tool alone, without that of the servers.

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../tests/common/usage.rs"]
mod usage;

use std::path::Path;
use std::time::Instant;

use common::plan;
use mcp_conform::protocol::Revision;
use mcp_conform::runner::{Choice, Event, Plan, Tools, run};
use mcp_conform::transport::{Command, Target};
use tokio::sync::mpsc::unbounded_channel;
use usage::usage;

const ROUNDS: usize = 5;

fn main() {
    let node = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/node/github-issues.mjs");
    println!(
        "{:<24} {:>9} {:>8} {:>7} {:>9} {:>10} {:>13}",
        "server", "wall ms", "launches", "checks", "checks/s", "CPU ms", "CPU ms/check"
    );
    measure("built-in", &[env!("CARGO_BIN_EXE_mcp-conform"), "serve"]);
    if Path::new(node).with_file_name("node_modules").exists() {
        measure("github-issues (Node)", &["node", node]);
    }
    [2, 4, 8].into_iter().for_each(start_slowly);
}

/// What a server costs that takes a second to start, in cold starts: with so many at once, each connection but the shared
/// one is a launch of its own, and that one comes first.
fn start_slowly(jobs: usize) {
    let slowly = format!("sleep 1; exec {} serve", env!("CARGO_BIN_EXE_mcp-conform"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (wall, launches, ..) = runtime.block_on(judge(&["sh", "-c", &slowly], |plan| {
        plan.revisions = Choice::Pinned(vec![Revision::NEWEST_HANDSHAKE]);
        plan.jobs = jobs;
    }));
    let least = 1 + (launches - 1).div_ceil(jobs);
    let starts = wall / 1000.0;
    println!("a start of 1 s, {jobs} jobs, {launches} launches: {starts:.1} cold starts; at least {least}");
}

/// Judges the server a few times and prints the median.
fn measure(name: &str, command: &[&str]) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut rounds: Vec<(f64, usize, usize, f64)> =
        (0..ROUNDS).map(|_| runtime.block_on(judge(command, |_| ()))).collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (wall, launches, checks, cpu) = rounds[ROUNDS / 2];
    let each = cpu / checks.max(1) as f64;
    let speed = checks as f64 * 1000.0 / wall;
    println!("{name:<24} {wall:>9.0} {launches:>8} {checks:>7} {speed:>9.0} {cpu:>10.0} {each:>13.3}");
}

/// Wall time in milliseconds, launches, checks judged, CPU time of this process in milliseconds.
async fn judge(command: &[&str], change: impl Fn(&mut Plan)) -> (f64, usize, usize, f64) {
    let target = Target::Command(Command {
        program: command[0].into(),
        args: command[1..].iter().map(Into::into).collect(),
        ..Command::default()
    });
    let mut plan = plan(target, Revision::NEWEST_HANDSHAKE);
    plan.revisions = Choice::Auto;
    plan.policy.tools = Tools::ReadOnly;
    // Nobody waits until the server gives up on a client.
    plan.policy.profile.tools.remove("ask-roots");
    change(&mut plan);
    let (events, mut incoming) = unbounded_channel();
    let (began, before) = (Instant::now(), usage().0);
    run(&plan, &events).await;
    let (wall, used) = (began.elapsed().as_secs_f64() * 1000.0, usage().0 - before);
    drop(events);
    let (mut launches, mut checks) = (0, 0);
    while let Some(event) = incoming.recv().await {
        match event {
            Event::RunFinished(finished) => launches += finished.spawns,
            Event::Checked(check) if check.verdict.is_judged() => checks += 1,
            _ => {}
        }
    }
    (wall, launches, checks, used)
}
