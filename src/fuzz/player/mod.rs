//! Playing scripts on a server: actions follow each other without waiting, and what is owed is awaited at the end.
//!
//! | module | what it is |
//! |---|---|
//! | `act` | one action |
//! | `settle` | waiting for what is owed |
//! | `land` | what came of a flight; connections that end and begin |
//! | `unanswered` | ids under which a late reply may come |

mod act;
mod land;
mod settle;
mod unanswered;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use self::settle::HOLD;
use self::unanswered::Unanswered;
use super::bench::Bench;
use super::oracle::Bug;
use super::script::{Action, Script};
use crate::protocol::{Id, Message};
use crate::session::{OpenFailure, Sent, Session, Transcript};

/// Scripts that wait for replies at the same time.
const WAITING: usize = 24;

/// A request to which a reply is owed.
#[derive(Debug, Clone)]
struct Owed {
    seq: u64,
    exchange: Option<u32>,
    due: Instant,
    /// Whether it was waited for already, as long as a slow reply may hold up the others.
    is_slow: bool,
}

impl Owed {
    const fn new(sent: Sent, due: Instant) -> Self {
        Self { seq: sent.seq, exchange: sent.exchange, due, is_slow: false }
    }
}

/// An action that was played.
#[derive(Debug, Clone)]
pub(in crate::fuzz) struct Played {
    /// Its entry in the transcript.
    pub seq: u64,
    /// The place of its script in the flight, and its own in the script.
    pub at: (usize, usize),
    /// The reply to it, or to the last of its messages.
    pub reply: Option<Message>,
    /// Whether a reply without an id may be meant for it.
    is_unclear: bool,
    /// Whether a reply may still come.
    expects: bool,
}

/// What was in the air together, and what came of it.
pub(in crate::fuzz) struct Flight {
    /// What crossed the wire, connection by connection.
    pub transcripts: Vec<Transcript>,
    /// What the last of them says up to this entry came before the first flight.
    pub prelude: u64,
    /// What the server declared.
    pub capabilities: Value,
    /// What was seen at once: deaths.
    pub bugs: Vec<Bug>,
    /// What was played, in order.
    pub played: Vec<Played>,
    /// Requests whose replies may still come.
    pub pending: HashSet<u64>,
    /// Ids under which replies to what is older may have come.
    pub doubtful: HashSet<Id>,
    /// Calls that the server must refuse: their entries, and the names of the tools.
    pub forbidden: Vec<(u64, String)>,
    /// The end of the server's standard error.
    pub stderr: String,
}

impl Flight {
    /// What was played of the script at a place.
    pub(in crate::fuzz) fn of(&self, place: usize) -> &[Played] {
        let from = self.played.partition_point(|played| played.at.0 < place);
        let to = self.played.partition_point(|played| played.at.0 <= place);
        &self.played[from..to]
    }
}

/// A connection on which scripts are played.
pub(in crate::fuzz) struct Player<'b> {
    bench: &'b Bench<'b>,
    pub session: Session,
    /// Entries up to this one are told in each flight.
    prelude: u64,
    owed: HashMap<Id, Owed>,
    ids: HashMap<Id, usize>,
    /// How long a response is awaited that need not come.
    patience: Duration,
    /// How long such responses were awaited in vain.
    pub idle: Duration,
    /// HTTP exchanges that are not over.
    exchanges: Vec<u32>,
    played: Vec<Played>,
    forbidden: Vec<(u64, String)>,
    bugs: Vec<Bug>,
    parts: Vec<Transcript>,
    /// Messages of earlier flights to which a reply may still come.
    open: Vec<u64>,
    /// Messages that were answered in earlier flights over HTTP exchanges which were not over: they are told once more.
    answered: HashSet<u64>,
    unanswered: Unanswered,
    doubtful: HashSet<Id>,
    newest: Option<Id>,
    /// Ids that were used on purpose for several messages: the first reply may be meant for any of them. So may that to an
    /// id that was not issued, which another script may use as well.
    shared: HashSet<Id>,
    /// Whether nothing was agreed on this connection, so that nothing is owed.
    raw: bool,
    /// Connections opened.
    pub connections: usize,
    /// Bytes sent since the beginning.
    pub bytes: usize,
}

#[cfg(test)]
impl Played {
    pub(in crate::fuzz) fn at_entry(seq: u64, reply: Option<Message>) -> Self {
        Self { seq, at: (0, 0), reply, is_unclear: false, expects: true }
    }
}

/// A script that is being played.
struct Playing<'s> {
    script: &'s Script,
    /// Its place in the flight.
    place: usize,
    /// Its next action.
    next: usize,
    /// The id of its newest request.
    newest: Option<Id>,
}

impl<'s> Playing<'s> {
    const fn new(script: &'s Script, place: usize) -> Self {
        Self { script, place, next: 0, newest: None }
    }
}

impl<'b> Player<'b> {
    /// A player on a new connection.
    pub(in crate::fuzz) async fn open(bench: &'b Bench<'b>) -> Result<Self, Box<OpenFailure>> {
        Ok(Self::on(bench, bench.open().await?))
    }

    /// A player on an open connection.
    pub(in crate::fuzz) fn on(bench: &'b Bench<'b>, session: Session) -> Self {
        Self {
            bench,
            prelude: session.transcript.last(),
            session,
            owed: HashMap::new(),
            ids: HashMap::new(),
            patience: HOLD,
            idle: Duration::ZERO,
            exchanges: Vec::new(),
            played: Vec::new(),
            forbidden: Vec::new(),
            bugs: Vec::new(),
            parts: Vec::new(),
            open: Vec::new(),
            answered: HashSet::new(),
            unanswered: Unanswered::default(),
            doubtful: HashSet::new(),
            newest: None,
            shared: HashSet::new(),
            raw: false,
            connections: 0,
            bytes: 0,
        }
    }

    /// Whether the connection can be used for more.
    pub(in crate::fuzz) fn is_alive(&self) -> bool {
        self.session.dead().is_none()
    }

    /// Whether a reply may still come that must come.
    pub(in crate::fuzz) fn owes(&self) -> bool {
        !self.owed.is_empty()
    }

    /// Plays a script to its end; `place` is its place in the flight.
    pub(in crate::fuzz) async fn play(&mut self, script: &Script, place: usize) {
        let mut playing = Playing::new(script, place);
        while self.play_on(&mut playing).await {
            self.settle().await;
        }
        if self.raw {
            self.settle().await;
            // The next script begins where anything can be asked.
            if self.is_alive() {
                self.reconnect(true).await;
            }
        }
    }

    /// Plays scripts side by side: those that wait for replies wait together, while others go on.
    pub(in crate::fuzz) async fn play_together(&mut self, scripts: impl Iterator<Item = &Script>) {
        let mut waiting = Vec::new();
        for (place, script) in scripts.enumerate() {
            // What ends the connection ends what others wait for.
            while !waiting.is_empty() && (script.is_costly() || waiting.len() >= WAITING) {
                self.go_on(&mut waiting).await;
            }
            let mut playing = Playing::new(script, place);
            if script.is_costly() {
                self.play(script, place).await;
            } else if self.play_on(&mut playing).await {
                waiting.push(playing);
            }
        }
        while !waiting.is_empty() {
            self.go_on(&mut waiting).await;
        }
    }

    /// Gives all that wait their replies; those that wait again are kept.
    async fn go_on(&mut self, waiting: &mut Vec<Playing<'_>>) {
        self.settle().await;
        for mut playing in std::mem::take(waiting) {
            if self.play_on(&mut playing).await {
                waiting.push(playing);
            }
        }
    }

    /// Plays a script on until it has to wait; false at its end.
    async fn play_on(&mut self, playing: &mut Playing<'_>) -> bool {
        self.newest = playing.newest.take();
        while let Some(action) = playing.script.actions.get(playing.next) {
            if !self.is_alive() {
                return false;
            }
            self.note(action, (playing.place, playing.next));
            playing.next += 1;
            if matches!(action, Action::Await) {
                playing.newest = self.newest.take();
                return true;
            }
            self.act(action).await;
        }
        false
    }

    /// Remembers that an action is played now.
    fn note(&mut self, action: &Action, at: (usize, usize)) {
        let seq = self.session.transcript.last() + 1;
        let is_unclear = !matches!(action, Action::Request { .. } | Action::Together(_) | Action::Await);
        self.played.push(Played { seq, at, reply: None, is_unclear, expects: expects(action) });
    }
}

/// Whether a server may see a request in it.
fn expects(action: &Action) -> bool {
    match action {
        Action::Request { .. } | Action::Together(_) | Action::Base64(_) | Action::Pieces(_) => true,
        Action::Message(message) => message.get("id").is_some() || message.is_array(),
        Action::Text(text) => text.contains("\"id\""),
        _ => false,
    }
}
