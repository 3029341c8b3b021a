//! How much a server may bring, so that none can fill the memory: on one connection, and on all of a run together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Messages on one connection. A request of the server counts for several: each is answered.
pub(super) const MAX_MESSAGES: usize = 10_000;
pub(super) const REQUEST: usize = 10;
/// What the messages of one connection, and of all together, may weigh: about what they take in memory, in bytes.
const MAX_WEIGHT: usize = 64 << 20;
const MAX_TOGETHER: usize = 96 << 20;
/// After so many floods the server is not spoken to any more.
const MAX_FLOODS: usize = 3;

/// What is said of a server that brings more.
pub(crate) const FLOOD: &str = "the server sent more than this tool keeps (10,000 messages or 64 MiB on one connection, 96 MiB on all together), and was cut off";

/// What all connections of a run may still bring. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Quota(Arc<Spent>);

#[derive(Debug, Default)]
struct Spent {
    together: AtomicUsize,
    floods: AtomicUsize,
}

impl Quota {
    /// Forgets the floods of earlier runs.
    pub fn renew(&self) {
        self.0.floods.store(0, Relaxed);
    }

    /// Whether the server is not to be heard any more.
    pub fn is_spent(&self) -> bool {
        self.0.floods.load(Relaxed) >= MAX_FLOODS || self.0.together.load(Relaxed) > MAX_TOGETHER
    }

    pub(super) fn note_flood(&self) {
        self.0.floods.fetch_add(1, Relaxed);
    }
}

/// What one transcript holds of the quota, given back when it is dropped. A clone holds nothing.
#[derive(Debug, Default)]
pub(super) struct Held {
    quota: Quota,
    weight: usize,
}

impl Held {
    pub(super) fn of(quota: &Quota) -> Self {
        Self { quota: quota.clone(), weight: 0 }
    }

    /// Takes more; false if that is too much.
    pub(super) fn take(&mut self, weight: usize) -> bool {
        self.weight += weight;
        self.quota.0.together.fetch_add(weight, Relaxed);
        self.weight <= MAX_WEIGHT && !self.quota.is_spent()
    }

    /// Hands everything over.
    pub(super) fn split(&mut self) -> Self {
        let weight = std::mem::take(&mut self.weight);
        Self { quota: self.quota.clone(), weight }
    }
}

impl Clone for Held {
    fn clone(&self) -> Self {
        Self::of(&self.quota)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.quota.0.together.fetch_sub(self.weight, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_given_back() {
        let quota = Quota::default();
        let mut one = Held::of(&quota);
        assert!(one.take(MAX_WEIGHT));
        let mut other = Held::of(&quota);
        assert!(!other.take(MAX_TOGETHER));
        assert!(quota.is_spent());
        drop(other.split());
        assert!(!quota.is_spent() && other.take(1));
        assert!(!one.take(1), "one connection has its own limit");
    }
}
