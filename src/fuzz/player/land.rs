//! What came of a flight, and connections that end and begin.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::{Flight, Owed, Player};
use crate::fuzz::oracle;
use crate::protocol::{Class, Id, Message};
use crate::session::transcript::{Entry, What};

/// How long a server may take to end after its input did. What does not is no bug here: a case judges that.
const END: Duration = Duration::from_secs(5);
/// How long the last words of a server that is gone may take.
const LAST_WORDS: Duration = Duration::from_millis(30);
/// How many messages without a reply are remembered.
const OPEN: usize = 512;

impl Player<'_> {
    /// Ends the connection as a client does, and opens another.
    pub(super) async fn end(&mut self) {
        if self.is_alive() {
            self.session.close_input(Some(END)).await;
            self.reconnect(true).await;
        }
    }

    pub(super) async fn reconnect(&mut self, handshake: bool) {
        let opened = match handshake {
            true => self.bench.open().await.ok(),
            false => self.bench.connect().ok(),
        };
        let Some(mut session) = opened else { return self.session.give_up() };
        self.doubtful.extend(std::mem::take(&mut self.unanswered).note(&self.session.transcript));
        session.transcript.go_on_after(self.session.transcript.last());
        std::mem::swap(&mut self.session, &mut session);
        self.prelude = self.session.transcript.last();
        self.connections += 1;
        self.raw = !handshake;
        self.owed.clear();
        self.ids.clear();
        self.shared.clear();
        self.exchanges.clear();
        self.parts.push(session.finish().await);
    }

    /// Lets everything come down, and takes out what came of it. The connection can be used on.
    pub(in crate::fuzz) async fn land(&mut self) -> Flight {
        self.settle().await;
        if self.session.is_gone() {
            // What it says last comes on another pipe, and how it ended is known a little later.
            tokio::time::sleep(LAST_WORDS).await;
        }
        let died = self.session.dead();
        // Many replies may be more than is kept of them: no fault of the server.
        if let Some(why) = died.as_ref().filter(|_| !self.session.is_flooded()) {
            let stderr = self.session.stderr();
            let bug = oracle::of_death(why, self.session.is_gone(), self.session.transcript.last(), &stderr);
            // Whoever does not begin with a handshake may be left: a server that ends is worth a look, no more.
            self.bugs.push(if self.raw { bug.into_advice() } else { bug });
        }
        let now = Instant::now();
        let is_due = |owed: &Owed| died.is_some() || owed.due <= now;
        let (overdue, pending): (Vec<&Owed>, Vec<&Owed>) = self.owed.values().partition(|owed| is_due(owed));
        let seqs = |owed: Vec<&Owed>| -> HashSet<u64> { owed.into_iter().map(|owed| owed.seq).collect() };
        let (overdue, pending) = (seqs(overdue), seqs(pending));
        self.owed.retain(|_, owed| pending.contains(&owed.seq));
        // What is overdue is told once. Its reply may come yet, and is no stranger then.
        let mut earlier = self.open.clone();
        earlier.retain(|seq| !overdue.contains(seq));
        earlier.extend(&self.answered);
        let transcript = &self.session.transcript;
        let replied: HashSet<Id> = transcript.received().filter_map(|(_, reply)| reply.id()).collect();
        self.remember_open(&replied);
        self.answered = self.answered_on_open_exchanges(&replied);
        self.doubtful.extend(self.unanswered.note(&self.session.transcript));
        let (prelude, open) = (self.prelude, &self.open);
        let part = self.session.take_part(|entry| {
            let is_open = || pending.contains(&entry.seq) || open.binary_search(&entry.seq).is_ok();
            entry.seq <= prelude || !matches!(entry.what, What::Received { .. }) && is_open()
        });
        self.parts.push(part);
        self.ids.retain(|id, _| self.owed.contains_key(id));
        self.ids.values_mut().for_each(|index| *index = usize::MAX);
        // Scripts that waited went on later.
        self.played.sort_by_key(|played| played.at);
        Flight {
            transcripts: std::mem::take(&mut self.parts),
            prelude: self.prelude,
            capabilities: self.session.server.capabilities.clone(),
            bugs: std::mem::take(&mut self.bugs),
            played: std::mem::take(&mut self.played),
            pending: pending.into_iter().chain(earlier).collect(),
            doubtful: std::mem::take(&mut self.doubtful),
            forbidden: std::mem::take(&mut self.forbidden),
            stderr: self.session.stderr(),
        }
    }

    /// Remembers what has no reply yet: one that comes later is no stranger.
    fn remember_open(&mut self, replied: &HashSet<Id>) {
        let ends = self.played.iter().skip(1).map(|played| played.seq);
        let ends = ends.chain([self.session.transcript.last() + 1]);
        for (played, end) in self.played.iter().zip(ends) {
            if played.expects && played.seq > self.prelude {
                self.open.extend((played.seq..end).take(OPEN));
            }
        }
        let (prelude, session) = (self.prelude, &self.session);
        let transcript = &session.transcript;
        let is_open = |message: &Message| message.id().is_some_and(|id| !replied.contains(&id));
        let sent = || transcript.sent().filter(|(entry, _)| !self.answered.contains(&entry.seq));
        let unanswered = || sent().filter(|(_, message)| is_open(message));
        self.open.extend(unanswered().map(|(entry, _)| entry.seq));
        self.open.sort_unstable();
        self.open.dedup();
        self.open.retain(|seq| *seq > prelude);
        self.open.drain(..self.open.len().saturating_sub(OPEN));
        // A tool may be slow, and what is only odd may be much: requests proper are never forgotten.
        let is_proper = |message: &Message| {
            message.class() == Class::Request && message.id().is_some_and(|id| session.is_issued(&id))
        };
        let proper = unanswered().filter(|(entry, message)| entry.seq > prelude && is_proper(message));
        self.open.extend(proper.map(|(entry, _)| entry.seq));
        self.open.sort_unstable();
        self.open.dedup();
    }

    /// What has its reply, although the HTTP exchange goes on.
    fn answered_on_open_exchanges(&self, replied: &HashSet<Id>) -> HashSet<u64> {
        if !self.session.is_http() {
            return HashSet::new();
        }
        let is_answered = |entry: &Entry, message: &Message| {
            self.answered.contains(&entry.seq) || message.id().is_some_and(|id| replied.contains(&id))
        };
        let is_open = |entry: &Entry| entry.exchange().is_some_and(|number| !self.session.is_landed(number));
        let sent = self.session.transcript.sent();
        let sent = sent.filter(|(entry, message)| is_open(entry) && is_answered(entry, message));
        sent.map(|(entry, _)| entry.seq).collect()
    }

    /// Ends the connection, and takes out what came of it.
    pub(in crate::fuzz) async fn finish(mut self) -> Flight {
        let mut flight = self.land().await;
        let rest = self.session.finish().await;
        // Only what is new since the flight: the rest of the output.
        flight.pending.clear();
        if let Some(last) = flight.transcripts.last_mut() {
            last.append(rest);
        }
        flight
    }
}
