//! Whether a reply takes far longer than it should.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::Bench;
use super::oracle::{Bug, Kind};
use super::player::{Flight, Player};
use super::script::Script;
use crate::session::transcript::What;

/// A reply that takes longer may be out of proportion.
const LONG: Duration = Duration::from_millis(800);
/// How much longer than a fence.
const FACTOR: u32 = 50;

/// The entry after which the server was busy for long, if it was.
pub(super) fn pause(flight: &Flight) -> Option<u64> {
    flight.transcripts.iter().find_map(|transcript| {
        let mut last = None;
        for entry in &transcript.entries {
            match &entry.what {
                What::Received { .. } => {
                    if let Some((seq, at)) = last
                        && entry.at.saturating_sub(at) > LONG
                    {
                        return Some(seq);
                    }
                    last = Some((entry.seq, entry.at));
                }
                What::Sent { .. } if last.is_none_or(|(_, at)| at < entry.at) => {
                    // Nothing was owed before: the clock starts here.
                    last = last.map(|(seq, _)| (seq, entry.at));
                }
                _ => {}
            }
        }
        None
    })
}

/// A bug that says so.
pub(super) fn bug(at: u64) -> Bug {
    let what = "the server was busy far longer than a control request takes, and answered nothing meanwhile";
    Bug { severity: super::Severity::Advice, ..Bug::new(Kind::Slow, "", what.to_owned(), at) }
}

/// Whether scripts keep the server busy out of proportion.
pub(super) async fn show(bench: &Bench<'_>, scripts: &[&Script]) -> Vec<Bug> {
    if scripts.iter().any(|script| script.is_costly()) {
        return Vec::new();
    }
    let Ok(mut player) = Player::open(bench).await else { return Vec::new() };
    player.settle().await;
    let usual = timed(&mut player, &[]).await;
    let taken = timed(&mut player, scripts).await;
    let is_slow = player.is_alive() && taken > LONG && taken > usual * FACTOR;
    if is_slow { vec![bug(player.session.transcript.last())] } else { Vec::new() }
}

async fn timed(player: &mut Player<'_>, scripts: &[&Script]) -> Duration {
    let began = Instant::now();
    for (place, script) in scripts.iter().enumerate() {
        player.play(script, place).await;
    }
    player.wait_for_all().await;
    began.elapsed()
}
