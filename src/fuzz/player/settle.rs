//! Waiting for what is owed.

use std::time::Duration;

use tokio::time::Instant;

use super::{Owed, Player};
use crate::protocol::{Id, Message};
use crate::session::Meta;

/// How long an answer is awaited that need not come, where no fence can end the wait.
pub(super) const UNSURE: Duration = Duration::from_millis(150);
/// How long a slow reply holds up the others.
pub(super) const HOLD: Duration = Duration::from_millis(250);

impl Player<'_> {
    /// Takes the replies that came.
    pub(super) fn absorb(&mut self) {
        for reply in self.session.landed() {
            let Some(id) = reply.id.filter(|id| *id != Id::Null) else {
                self.assign(reply.message);
                continue;
            };
            self.owed.remove(&id);
            if let Some(played) = self.ids.remove(&id).and_then(|index| self.played.get_mut(index)) {
                played.reply = Some(reply.message);
                played.expects = self.shared.contains(&id) || !self.session.is_issued(&id);
            }
        }
    }

    /// A reply without an id is meant for the first message that has no reply and may have confused the server.
    fn assign(&mut self, message: Message) {
        let answered =
            self.played.iter().rposition(|played| played.reply.is_some()).map_or(0, |last| last + 1);
        let open = self.played.iter_mut().skip(answered).find(|played| played.is_unclear);
        if let Some(played) = open {
            played.reply = Some(message);
        }
    }

    /// Waits until nothing is owed any more, or is too slow to wait for. A server that answers nothing at all is given up.
    pub(in crate::fuzz) async fn settle(&mut self) {
        if !self.is_alive() {
            return;
        }
        if self.raw {
            let end = Instant::now() + UNSURE;
            while self.session.take_in(end).await {}
            return self.absorb();
        }
        let mut fence = self.fence();
        let (mut is_last, mut has_failed) = (false, false);
        let mut silence = Instant::now();
        loop {
            self.absorb();
            if let Some(problem) = self.failure(&fence) {
                if has_failed {
                    self.session.look_after(problem).await;
                } else {
                    // A connection may end at any time, the server behind it may not.
                    has_failed = true;
                    fence = self.fence();
                }
            }
            self.forget_exchanges();
            let is_held = self.owed.contains_key(&fence) || !self.exchanges.is_empty();
            let is_settled = self.exchanges.is_empty() && self.owed.values().all(|owed| owed.is_slow);
            if is_settled || !self.is_alive() {
                return;
            }
            // What is slow is waited for only as long as nothing else is to be done.
            let patience = if is_held { self.session.timeout() } else { HOLD };
            if self.session.take_in(silence + patience).await {
                silence = Instant::now();
            } else if self.is_alive() && is_held && !is_last && self.owed.contains_key(&fence) {
                // What came before may have swallowed it.
                is_last = true;
                fence = self.fence();
                silence = Instant::now();
            } else if self.is_alive() {
                return self.overdue(&fence, is_held);
            }
        }
    }

    /// Sends a request that must be answered.
    fn fence(&mut self) -> Id {
        let (fence, message) = self.session.compose(self.bench.revision.fence(), None, &Meta::Standard);
        let (sent, due) = (self.session.launch(&message, false), self.due());
        self.exchanges.extend(sent.exchange.map(|exchange| (exchange, due)));
        self.owed.insert(fence.clone(), Owed::new(sent, due));
        fence
    }

    fn failure(&self, fence: &Id) -> Option<String> {
        self.session.failure(self.owed.get(fence)?.exchange?).map(str::to_owned)
    }

    /// Exchanges that are over owe nothing; those of event streams that stay open are not waited for.
    fn forget_exchanges(&mut self) {
        let session = &self.session;
        self.exchanges.retain(|(exchange, _)| !session.is_landed(*exchange) && !session.is_stream(*exchange));
        self.owed.retain(|_, owed| owed.exchange.is_none_or(|exchange| !session.is_landed(exchange)));
    }

    /// Nothing came for too long.
    fn overdue(&mut self, fence: &Id, is_held: bool) {
        if is_held && self.owed.remove(fence).is_some() {
            self.session.give_up();
        }
        // What is slow is not waited for again.
        self.owed.values_mut().for_each(|owed| owed.is_slow = true);
        for (exchange, _) in std::mem::take(&mut self.exchanges) {
            self.session.drop_exchange(exchange);
        }
    }

    /// Waits for everything that is owed, as long as patience lasts.
    pub(in crate::fuzz) async fn wait_for_all(&mut self) {
        self.settle().await;
        while let (true, Some(due)) = (self.is_alive(), self.owed.values().map(|owed| owed.due).max()) {
            if !self.session.take_in(due).await {
                return;
            }
            self.absorb();
        }
    }
}
