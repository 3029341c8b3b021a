//! Waiting for what is owed.

use std::ops::RangeInclusive;
use std::time::Duration;

use tokio::time::Instant;

use super::{Owed, Player};
use crate::protocol::{Id, Message};
use crate::session::Meta;

/// How long an answer is awaited that need not come, where no fence can end the wait.
pub(super) const UNSURE: Duration = Duration::from_millis(150);
/// How long the response to an HTTP request is awaited that a server may leave without one.
const SILENT: RangeInclusive<Duration> = Duration::from_millis(50)..=HOLD;
/// How much longer than a fence that is.
const FACTOR: u32 = 20;
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
        let began = silence;
        loop {
            let was_open = self.owed.contains_key(&fence);
            self.absorb();
            if was_open && !self.owed.contains_key(&fence) {
                self.patience = (began.elapsed() * FACTOR).clamp(*SILENT.start(), *SILENT.end());
            }
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
            let is_awaited = |exchange: &u32| self.is_owed(*exchange) && !self.is_slow(*exchange);
            let is_held = self.owed.contains_key(&fence) || self.exchanges.iter().any(is_awaited);
            let is_silent = self.exchanges.iter().any(|exchange| !self.is_owed(*exchange));
            let is_settled = !is_held && !is_silent && self.owed.values().all(|owed| owed.is_slow);
            if is_settled || !self.is_alive() {
                return;
            }
            // What is slow is waited for only as long as nothing else is to be done.
            let patience = match (is_held, is_silent) {
                (true, _) => self.session.timeout(),
                (false, true) => self.patience,
                (false, false) => HOLD,
            };
            if self.session.take_in(silence + patience).await {
                silence = Instant::now();
            } else if self.is_alive() && is_held && !is_last && self.owed.contains_key(&fence) {
                // What came before may have swallowed it.
                is_last = true;
                fence = self.fence();
                silence = Instant::now();
            } else if self.is_alive() {
                return match is_held {
                    true => self.overdue(&fence),
                    false => {
                        self.drop_silent(silence);
                        self.set_slow();
                    }
                };
            }
        }
    }

    /// Sends a request that must be answered.
    fn fence(&mut self) -> Id {
        let (fence, message) = self.session.compose(self.bench.revision.fence(), None, &Meta::Standard);
        let sent = self.session.launch(&message, false);
        self.exchanges.extend(sent.exchange);
        self.owed.insert(fence.clone(), Owed::new(sent, self.due()));
        fence
    }

    fn failure(&self, fence: &Id) -> Option<String> {
        self.session.failure(self.owed.get(fence)?.exchange?).map(str::to_owned)
    }

    /// Exchanges that are over owe nothing; those of event streams that stay open are not waited for.
    fn forget_exchanges(&mut self) {
        let session = &self.session;
        self.exchanges.retain(|exchange| !session.is_landed(*exchange) && !session.is_stream(*exchange));
        self.owed.retain(|_, owed| owed.exchange.is_none_or(|exchange| !session.is_landed(exchange)));
    }

    /// Whether an exchange is to bring a reply.
    pub(super) fn is_owed(&self, exchange: u32) -> bool {
        self.owed.values().any(|owed| owed.exchange == Some(exchange))
    }

    /// Whether an exchange is to bring replies that are slow.
    pub(super) fn is_slow(&self, exchange: u32) -> bool {
        let mut owed = self.owed.values().filter(|owed| owed.exchange == Some(exchange)).peekable();
        owed.peek().is_some() && owed.all(|owed| owed.is_slow)
    }

    /// Waits no longer for exchanges that may stay without a response, as those since a moment in vain.
    pub(super) fn drop_silent(&mut self, since: Instant) {
        let exchanges = std::mem::take(&mut self.exchanges);
        let (owed, silent) = exchanges.into_iter().partition(|exchange| self.is_owed(*exchange));
        self.exchanges = owed;
        if silent.is_empty() {
            return;
        }
        self.idle += since.elapsed();
        for exchange in silent {
            self.session.drop_exchange(exchange);
        }
    }

    /// What is slow is not waited for again.
    pub(super) fn set_slow(&mut self) {
        self.owed.values_mut().for_each(|owed| owed.is_slow = true);
    }

    /// Nothing came for too long.
    fn overdue(&mut self, fence: &Id) {
        if self.owed.remove(fence).is_some() {
            self.session.give_up();
        }
        self.set_slow();
        for exchange in std::mem::take(&mut self.exchanges) {
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
