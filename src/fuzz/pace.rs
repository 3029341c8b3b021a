//! Whether a reply takes far longer than it should.

use std::time::Duration;

use tokio::time::Instant;

use super::bench::Bench;
use super::oracle::{Bug, Kind};
use super::player::Player;
use super::script::Script;
use crate::session::Transcript;
use crate::session::transcript::What;

/// A reply that takes longer may be out of proportion.
const LONG: Duration = Duration::from_millis(800);
/// How much longer than a fence.
const FACTOR: u32 = 50;

/// The entry after which the server was busy for long, if it was.
pub(super) fn pause(transcripts: &[Transcript]) -> Option<u64> {
    transcripts.iter().find_map(|transcript| {
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
    let (began, idle) = (Instant::now(), player.idle);
    for (place, script) in scripts.iter().enumerate() {
        player.play(script, place).await;
    }
    player.wait_for_all().await;
    began.elapsed().saturating_sub(player.idle - idle)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::{Frame, Revision};

    /// A message of ours (`false`) or of the server, so many milliseconds after the beginning.
    fn paused(messages: &[(u64, bool)]) -> Option<u64> {
        let began = Instant::now();
        let mut transcript = Transcript::new(Revision::V2025_11_25, false);
        for (at, is_theirs) in messages {
            let frame = Frame::from_value(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
            let what = match is_theirs {
                true => {
                    let json = frame.json();
                    What::Received { frame, json, terminated: true, exchange: None, streamed: false }
                }
                false => What::Sent { frame, json: None, deliberate: false, exchange: None },
            };
            transcript.add_at(began + Duration::from_millis(*at), what);
        }
        pause(&[transcript])
    }

    #[test]
    fn a_pause_is_long_while_something_is_owed() {
        assert_eq!(paused(&[(0, false), (10, true), (20, false), (900, true)]), Some(2));
        assert_eq!(paused(&[(0, false), (10, true), (20, false), (700, true)]), None, "short");
        assert_eq!(paused(&[(0, false), (10, true), (900, false), (910, true)]), None, "nothing was owed");
        assert_eq!(paused(&[(0, false), (900, true)]), None, "the first reply");
    }
}
