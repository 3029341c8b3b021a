//! A connection of a campaign, and what is remembered of it.

use std::ops::Range;

use tokio::task::JoinHandle;

use super::bench::Bench;
use super::inquest::Past;
use super::memory::Watch;
use super::oracle::Bug;
use super::player::Player;
use super::state::{self, Offer};
use crate::session::Session;

/// A connection and what was played on it.
pub(super) struct Line<'b> {
    pub player: Player<'b>,
    pub past: Vec<Past>,
    /// How many bytes these hold.
    pub weight: usize,
    /// What the server offered when it was asked last, after how many cases that was, and whether it told of a change since.
    pub offer: Offer,
    pub offered: usize,
    pub told: bool,
    pub watch: Watch,
    pub judging: Option<Judging>,
}

/// A flight that is being judged.
pub(super) struct Judging {
    pub verdict: JoinHandle<Vec<Bug>>,
    /// What looked odd at once.
    pub suspicions: Vec<Bug>,
    /// Its cases among those of the connection.
    pub flight: Range<usize>,
}

impl<'b> Line<'b> {
    /// Begins with the question what the server offers.
    pub(super) async fn begin(bench: &'b Bench<'b>, mut session: Session) -> Self {
        let (offer, asked) = offer(&mut session).await;
        Self {
            player: Player::on(bench, session),
            past: vec![asked],
            weight: 0,
            offer,
            offered: 0,
            told: false,
            watch: Watch::default(),
            judging: None,
        }
    }
}

/// What the server offers, and the question as a part of the past.
pub(super) async fn offer(session: &mut Session) -> (Offer, Past) {
    let asked = Past::own(state::question(session), session.transcript.last() + 1);
    (Offer::ask(session).await, asked)
}
