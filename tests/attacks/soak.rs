//! In the long run nothing grows: memory, descriptors, threads, temporary files. `SOAK` tells for how many seconds at most
//! each trial goes on: `SOAK=3600 cargo test --release --test attacks -- --ignored --nocapture`.

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use mcp_conform::judge::Judge;
use mcp_conform::protocol::Revision;
use mcp_conform::transport::{Command, Target};

use crate::tester::{Done, Place, Plain, SELF, ends};

pub const TRIALS: &[Plain] = &[("1,000 runs in one process", runs), ("fuzzing", fuzzing)];

fn patience() -> Duration {
    let told = std::env::var("SOAK").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(told.unwrap_or(600))
}

/// What a process holds at a moment.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// Resident memory, in kB.
    memory: u64,
    descriptors: u64,
    threads: u64,
    /// Files in its folder for temporary ones.
    files: u64,
}

impl Held {
    fn by(id: &str, temporary: &Path) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        let count = |folder: &Path| fs::read_dir(folder).map_or(0, |entries| entries.count() as u64);
        Some(Self {
            memory: field("VmRSS:")?,
            descriptors: count(Path::new(&format!("/proc/{id}/fd"))),
            threads: field("Threads:")?,
            files: count(temporary),
        })
    }
}

/// What must not grow, and by how much it may vary.
struct Kind {
    name: &'static str,
    of: fn(&Held) -> u64,
    tolerance: u64,
}

/// Whether the end is like the middle: what is cached fills up at first.
fn flat(name: &str, looks: &[Held]) -> Done {
    let quarter = looks.len() / 4;
    if quarter < 2 {
        return Err(format!("{name}: only {} looks", looks.len()));
    }
    let most = |part: &[Held], of: fn(&Held) -> u64| part.iter().map(of).max().unwrap_or(0);
    let (middle, end) = (&looks[quarter..2 * quarter], &looks[3 * quarter..]);
    let memory = most(middle, |held| held.memory) / 10 + 4_000;
    let kinds = [
        Kind { name: "kB", of: |held| held.memory, tolerance: memory },
        Kind { name: "descriptors", of: |held| held.descriptors, tolerance: 8 },
        Kind { name: "threads", of: |held| held.threads, tolerance: 4 },
        Kind { name: "temporary files", of: |held| held.files, tolerance: 2 },
    ];
    let mut wrong = Vec::new();
    for Kind { name: what, of, tolerance } in kinds {
        let (first, before, after) = (of(&looks[0]), most(middle, of), most(end, of));
        println!(
            "{name}: {what}: {first} at first, at most {before} in the second quarter, {after} in the last"
        );
        if after > before + tolerance {
            wrong.push(format!("{what} grew from {before} to {after}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn runs() -> Done {
    const RUNS: usize = 1_000;
    let target =
        Target::Command(Command { program: SELF.into(), args: vec!["serve".into()], ..Command::default() });
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let (began, mut looks, mut done) = (Instant::now(), Vec::new(), 0);
    while done < RUNS && began.elapsed() < patience() {
        let judge = Judge::of(target.clone()).revision(Revision::V2025_11_25);
        let judged = runtime.block_on(judge.run()).map_err(|error| error.to_string())?;
        if !judged.is_clean() {
            return Err(format!("run {done}: {judged}"));
        }
        done += 1;
        looks.extend(Held::by("self", &std::env::temp_dir()).filter(|_| done % 4 == 0));
    }
    println!("1,000 runs in one process: {done} runs in {:.0} s", began.elapsed().as_secs_f64());
    flat("1,000 runs in one process", &looks)
}

fn fuzzing() -> Done {
    let place = Place::new();
    let temporary = place.root.join("temporary");
    fs::create_dir_all(&temporary).map_err(|error| error.to_string())?;
    let mut tester = place.tester();
    let seconds = format!("{}s", patience().as_secs());
    tester.args(["fuzz", "stdio", "--time", &seconds, "--json", "report.json"]).env("TMPDIR", &temporary);
    let mut child = tester.spawn().map_err(|error| error.to_string())?;
    let (id, mut looks) = (child.id().to_string(), Vec::new());
    let end = Instant::now() + patience() + Duration::from_secs(60);
    while !ends(&mut child) && Instant::now() < end {
        looks.extend(Held::by(&id, &temporary));
        sleep(Duration::from_secs(1));
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    println!("fuzzing: {status}: {}", place.printed().lines().last().unwrap_or_default());
    let left = fs::read_dir(&temporary).map_or(0, Iterator::count);
    if left > 0 || status.code() != Some(0) {
        return Err(format!("{status}, {left} temporary files are left\n{}", place.printed()));
    }
    // The last look may fall into the end.
    looks.pop();
    flat("fuzzing", &looks)
}
