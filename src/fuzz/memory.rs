//! Whether memory grows with the input, and is not given back. Linux only: elsewhere nothing is seen.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::Bench;
use super::oracle::{Bug, Kind};
use super::player::Player;
use super::script::Script;

/// From here on growth is suspicious, in bytes. Runtimes that collect garbage grow at first.
const SUSPICIOUS: u64 = 64 << 20;
/// Growth that is enough to see, in bytes, and what nobody needs to wait on for: by then any collector has run.
const PLAIN: u64 = 48 << 20;
const ENOUGH: u64 = 4 * PLAIN;
/// How long one suspicion may be followed, and how often memory is looked at meanwhile.
const PATIENCE: Duration = Duration::from_secs(15);
const LOOKS: usize = 40;

/// Resident memory of all processes of a group, in bytes.
pub(super) fn resident(group: u32) -> Option<u64> {
    let group = group.to_string();
    let processes = std::fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let kilobytes: u64 = processes.filter_map(|process| kilobytes(&process.path(), &group)).sum();
    (kilobytes > 0).then_some(kilobytes << 10)
}

/// Resident memory of a process, if it is of the group.
fn kilobytes(process: &std::path::Path, group: &str) -> Option<u64> {
    process.file_name()?.to_str()?.parse::<u32>().ok()?;
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if *fields.get(2)? != group {
        return None;
    }
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    resident.trim().trim_end_matches(" kB").parse().ok()
}

/// A watch over the memory of a server while it is fuzzed.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Memory and bytes sent at the beginning.
    from: Option<(u64, usize)>,
    looked: Option<Instant>,
}

impl Watch {
    /// Looks from time to time. True when memory has grown suspiciously, measured by what was sent.
    pub(super) fn look(&mut self, player: &Player<'_>) -> bool {
        if self.looked.is_some_and(|at| at.elapsed() < Duration::from_millis(400)) {
            return false;
        }
        self.looked = Some(Instant::now());
        let Some(now) = player.session.process_group().and_then(resident) else { return false };
        let (memory, bytes) = *self.from.get_or_insert((now, player.bytes));
        let grown = now.saturating_sub(memory);
        let sent = player.bytes.saturating_sub(bytes) as u64;
        let is_suspicious = grown > SUSPICIOUS && grown > sent / 2;
        if is_suspicious {
            // The next suspicion needs as much again.
            self.from = Some((now, player.bytes));
        }
        is_suspicious
    }
}

/// Whether playing scripts over and over makes the server grow without end.
pub(super) async fn show(bench: &Bench<'_>, scripts: &[&Script]) -> Vec<Bug> {
    let Ok(mut player) = Player::open(bench).await else { return Vec::new() };
    let end = Instant::now() + PATIENCE;
    let mut looks: Vec<u64> = Vec::new();
    let mut sent_before = 0;
    while looks.len() < LOOKS && Instant::now() < end && player.is_alive() {
        let until = Instant::now() + PATIENCE / (2 * LOOKS as u32);
        while Instant::now() < until && player.is_alive() {
            for (place, script) in scripts.iter().enumerate() {
                player.play(script, place).await;
            }
            player.land().await;
        }
        let Some(memory) = player.session.process_group().and_then(resident) else { return Vec::new() };
        if looks.is_empty() {
            sent_before = player.bytes;
        }
        looks.push(memory);
        let grown = memory.saturating_sub(looks[0]);
        let is_plain = looks.len() > LOOKS / 4 && grown > ENOUGH;
        let is_nothing = looks.len() > LOOKS / 4 && grown < PLAIN / 8;
        if is_plain || is_nothing {
            break;
        }
    }
    let sent = (player.bytes - sent_before) as u64;
    match grows(&looks, sent) {
        true => vec![bug()],
        false => Vec::new(),
    }
}

/// A bug that says so.
pub(super) fn bug() -> Bug {
    let what = "memory grows with what is sent, and is not given back";
    Bug::new(Kind::Leak, "", what.to_owned(), u64::MAX)
}

/// Whether growth goes on to the end, and follows what was sent.
fn grows(looks: &[u64], sent: u64) -> bool {
    let (Some(first), Some(last)) = (looks.first(), looks.last()) else { return false };
    let middle = looks[looks.len() / 2];
    let (grown, later) = (last.saturating_sub(*first), last.saturating_sub(middle));
    grown > PLAIN && later * 10 > grown * 3 && grown > sent / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_growth_without_end_counts() {
        let mega = |values: &[u64]| values.iter().map(|value| value << 20).collect::<Vec<_>>();
        assert!(grows(&mega(&[10, 40, 70, 100]), 1 << 20));
        // A heap that found its size.
        assert!(!grows(&mega(&[10, 90, 91, 92]), 1 << 20));
        // Far more was sent than was kept.
        assert!(!grows(&mega(&[10, 40, 70, 100]), 1 << 30));
        assert!(!grows(&[], 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_memory_of_a_group_is_known() {
        let group = nix::unistd::getpgrp().as_raw();
        assert!(resident(u32::try_from(group).unwrap()).unwrap() > 1 << 20);
    }
}
