//! The next cases, made while those before them are played.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::task::{JoinHandle, spawn_blocking};

use super::corpus::Seen;
use super::source::{Case, Source};
use crate::runner::Shard;

/// What was learned counts after so many cases, so that a campaign is the same however fast it is; at first sooner.
const EPOCH: u64 = 256;
const FIRST_EPOCHS: u64 = 64;
const YOUNG: u64 = 4096;

/// Cases that are being made.
struct Ahead {
    /// The number after the last of them.
    end: u64,
    making: JoinHandle<Vec<Case>>,
}

/// Cases in order, epoch by epoch. Those of an epoch know what was learned until the one before began.
pub(super) struct Supply {
    source: Arc<Source>,
    shard: Shard,
    /// The corpus as the cases of this epoch see it, and those of the next.
    seen: Seen,
    later: Seen,
    /// The number of the next case to be made, before sharding.
    next: u64,
    epoch_ends: u64,
    ahead: Option<Ahead>,
    /// Cases that come first: of the corpus, or lost with a server that died.
    again: VecDeque<Case>,
    /// How many of the cases that were made were handed out, before sharding.
    handed: u64,
}

impl Supply {
    /// Cases from number `next` on, after those of the corpus.
    pub(super) fn new(source: Source, shard: Shard, next: u64, seen: Seen) -> Self {
        let again = seen.scripts.iter().map(|script| Case::of_corpus(script.clone())).collect();
        Self {
            source: Arc::new(source),
            shard,
            later: seen.clone(),
            seen,
            next,
            epoch_ends: next + epoch_after(next),
            ahead: None,
            again,
            handed: next,
        }
    }

    /// Where cases come from.
    pub(super) const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// How many cases were handed out since the first campaign, before sharding.
    pub(super) const fn handed(&self) -> u64 {
        self.handed
    }

    /// Whether the next case begins an epoch: what was learned may be told.
    pub(super) fn is_epoch_over(&self) -> bool {
        self.again.is_empty() && self.handed >= self.epoch_ends
    }

    /// Begins the next epoch. `seen` is what was learned in all epochs that are over.
    pub(super) fn begin_epoch(&mut self, seen: Seen) {
        self.seen = std::mem::replace(&mut self.later, seen);
        self.epoch_ends += epoch_after(self.epoch_ends);
    }

    /// How many cases were put back and did not come again.
    pub(super) fn left(&self) -> usize {
        self.again.iter().filter(|case| case.number.is_some()).count()
    }

    /// Puts a case back, to come first.
    pub(super) fn put_back(&mut self, case: Case) {
        self.again.push_front(case);
    }

    /// The next cases, at most so many, all of one epoch; while they are played, `then` more are made.
    pub(super) async fn take(&mut self, most: usize, then: usize) -> Vec<Case> {
        if !self.again.is_empty() {
            let count = most.min(self.again.len());
            return self.again.drain(..count).collect();
        }
        let Some(Ahead { end, making }) = self.ahead.take().or_else(|| self.make(most)) else {
            return Vec::new();
        };
        let made = making.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.handed = end;
        self.ahead = self.make(then);
        made
    }

    /// Begins to make at most so many cases, all of this epoch or of the next one.
    fn make(&mut self, most: usize) -> Option<Ahead> {
        let (seen, epoch_ends) = match self.next < self.epoch_ends {
            true => (self.seen.clone(), self.epoch_ends),
            false => (self.later.clone(), self.epoch_ends + epoch_after(self.epoch_ends)),
        };
        let numbers = self.next..epoch_ends.min(self.next.saturating_add(most as u64));
        self.next = numbers.end;
        let (source, Shard { index, count }) = (self.source.clone(), self.shard);
        (!numbers.is_empty()).then(|| Ahead {
            end: numbers.end,
            making: spawn_blocking(move || {
                numbers.filter_map(|number| source.case(number * count + index, &seen)).collect()
            }),
        })
    }
}

/// How many cases the epoch has that begins with this number.
const fn epoch_after(number: u64) -> u64 {
    if number < YOUNG { FIRST_EPOCHS } else { EPOCH }
}
