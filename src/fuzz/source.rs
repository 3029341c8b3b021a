//! The cases of a campaign, by number: the same seed, number and corpus give the same case.

use std::sync::Arc;

use proptest::prelude::Rng;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::generate::{Context, Mutator, scripts};
use super::script::Script;

pub(super) type Tree = Box<dyn ValueTree<Value = Script>>;

/// One case.
pub(super) struct Case {
    /// Its number in the campaign.
    pub number: u64,
    /// How it was generated, to shrink it.
    pub tree: Tree,
    /// The script.
    pub script: Arc<Script>,
}

/// Where cases come from.
pub(super) struct Source {
    seed: u64,
    fresh: BoxedStrategy<Script>,
    mutator: Mutator,
    config: Config,
}

impl Source {
    /// A source for a server.
    pub(super) fn new(seed: u64, context: Context) -> Self {
        let context = Arc::new(context);
        let config = Config { failure_persistence: None, ..Config::default() };
        Self { seed, fresh: scripts(context.clone()), mutator: Mutator::new(context), config }
    }

    /// The case of a number. With a corpus every second case is made from one of its scripts.
    pub(super) fn case(&self, number: u64, corpus: &Arc<[Arc<Script>]>) -> Option<Case> {
        let mut runner = self.runner(number);
        let tree: Tree = match pick(corpus, &mut runner) {
            Some(base) => Box::new(self.mutator.changed(base, corpus.clone()).new_tree(&mut runner).ok()?),
            None => self.fresh.new_tree(&mut runner).ok()?,
        };
        let script = Arc::new(tree.current());
        Some(Case { number, tree, script })
    }

    fn runner(&self, number: u64) -> TestRunner {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&number.to_le_bytes());
        TestRunner::new_with_rng(self.config.clone(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
    }
}

/// A script of the corpus every second time: mostly one of the newest, which lead on.
fn pick(corpus: &[Arc<Script>], runner: &mut TestRunner) -> Option<Arc<Script>> {
    let mut number = || runner.rng().next_u32() as usize;
    if corpus.is_empty() || number() % 2 == 0 {
        return None;
    }
    let newest = corpus.len().saturating_sub(24);
    let from = if number() % 2 == 0 { newest } else { 0 };
    let mut one = || &corpus[from + number() % (corpus.len() - from)];
    // The shorter of two: long scripts grow by themselves.
    let (left, right) = (one(), one());
    Some(if left.actions.len() <= right.actions.len() { left.clone() } else { right.clone() })
}
