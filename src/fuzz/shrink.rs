//! The smallest script with the same bug. Each step is confirmed on a fresh server.

use std::time::Duration;

use proptest::strategy::ValueTree;
use tokio::time::Instant;

use super::execute::Bench;
use super::script::Script;

/// How long one finding may be shrunk, in runs and in time.
const RUNS: usize = 200;
const TIME: Duration = Duration::from_secs(60);

/// A search for the smallest script with a fingerprint.
pub(super) struct Search<'b> {
    bench: &'b Bench<'b>,
    fingerprint: String,
    runs: usize,
    end: Instant,
}

impl<'b> Search<'b> {
    pub(super) fn new(bench: &'b Bench<'b>, fingerprint: String) -> Self {
        Self { bench, fingerprint, runs: 0, end: Instant::now() + TIME }
    }

    /// Whether the scripts show the bug on a fresh server.
    pub(super) async fn shows(&mut self, scripts: &[&Script]) -> bool {
        self.runs += 1;
        let bugs = self.bench.show(scripts).await;
        bugs.iter().any(|bug| bug.fingerprint() == self.fingerprint)
    }

    fn is_over(&self) -> bool {
        self.runs >= RUNS || Instant::now() >= self.end
    }

    /// Shrinks the tree that the script came from, then leaves out actions one by one.
    pub(super) async fn smallest(&mut self, tree: &mut dyn ValueTree<Value = Script>) -> Script {
        let mut best = tree.current();
        let mut moved = tree.simplify();
        while moved && !self.is_over() {
            let script = tree.current();
            moved = match self.shows(&[&script]).await {
                true => {
                    best = script;
                    tree.simplify()
                }
                false => tree.complicate(),
            };
        }
        self.without_actions(best).await
    }

    /// Leaves out every action that the bug does not need, the last first.
    pub(super) async fn without_actions(&mut self, mut best: Script) -> Script {
        for index in (0..best.actions.len()).rev() {
            if best.actions.len() == 1 || self.is_over() {
                break;
            }
            let fewer = best.without(index);
            if self.shows(&[&fewer]).await {
                best = fewer;
            }
        }
        best
    }

    /// The fewest of these scripts that show the bug together, as one script: halves are left out as long as that works.
    pub(super) async fn fewest(&mut self, scripts: &[Script]) -> Script {
        let mut kept: Vec<&Script> = scripts.iter().collect();
        let mut size = kept.len().div_ceil(2);
        while size > 0 && !self.is_over() {
            let mut at = 0;
            while at < kept.len() && kept.len() > 1 && !self.is_over() {
                let mut fewer = kept.clone();
                fewer.drain(at..(at + size).min(kept.len()));
                match !fewer.is_empty() && self.shows(&fewer).await {
                    true => kept = fewer,
                    false => at += size,
                }
            }
            size /= 2;
        }
        self.without_actions(Script::joined(kept.into_iter())).await
    }
}
