//! The cases of a campaign, by number: the same seed, number and corpus give the same case.

use std::sync::Arc;

use proptest::prelude::Rng;
use proptest::strategy::{Just, SBoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::corpus::Seen;
use super::generate::{Context, Mutator, scripts};
use super::script::Script;

pub(super) type Tree = Box<dyn ValueTree<Value = Script>>;

/// One case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    /// Its number in the campaign; none for a script of the corpus, which is played as it is.
    pub number: Option<u64>,
    /// The script.
    pub script: Arc<Script>,
    /// The corpus that it was made from.
    seen: Seen,
}

impl Case {
    /// A script of the corpus, to be played as it is.
    pub(super) fn of_corpus(script: Arc<Script>) -> Self {
        Self { number: None, script, seen: Seen::default() }
    }
}

/// Where cases come from.
pub(super) struct Source {
    seed: u64,
    fresh: SBoxedStrategy<Script>,
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
    pub(super) fn case(&self, number: u64, seen: &Seen) -> Option<Case> {
        let script = Arc::new(self.grown(number, seen)?.current());
        Some(Case { number: Some(number), script, seen: seen.clone() })
    }

    /// How a case was generated, to shrink it.
    pub(super) fn tree(&self, case: &Case) -> Tree {
        let grown = case.number.and_then(|number| self.grown(number, &case.seen));
        grown.unwrap_or_else(|| Box::new(Just((*case.script).clone())))
    }

    fn grown(&self, number: u64, seen: &Seen) -> Option<Tree> {
        let mut runner = self.runner(number);
        Some(match pick(seen, &mut runner) {
            Some(base) => {
                Box::new(self.mutator.changed(base, seen.scripts.clone()).new_tree(&mut runner).ok()?)
            }
            None => self.fresh.new_tree(&mut runner).ok()?,
        })
    }

    fn runner(&self, number: u64) -> TestRunner {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.seed.to_le_bytes());
        seed[8..16].copy_from_slice(&number.to_le_bytes());
        TestRunner::new_with_rng(self.config.clone(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
    }
}

/// A script of the corpus every second time: mostly one of those that lead on, and of these the newest.
fn pick(corpus: &Seen, runner: &mut TestRunner) -> Option<Arc<Script>> {
    let mut number = || runner.rng().next_u32() as usize;
    if corpus.scripts.is_empty() || number() % 2 == 0 {
        return None;
    }
    let lead = number() % 8;
    let (scripts, newest) = match lead {
        0..=3 if !corpus.leads.is_empty() => (&corpus.leads, 6),
        4..=5 if !corpus.leads.is_empty() => (&corpus.leads, usize::MAX),
        6 => (&corpus.scripts, 24),
        _ => (&corpus.scripts, usize::MAX),
    };
    let from = scripts.len().saturating_sub(newest);
    let mut one = || &scripts[from + number() % (scripts.len() - from)];
    // Of those that do not lead on the shorter of two: long scripts grow by themselves.
    let (left, right) = (one(), one());
    let is_fit = lead < 6 || left.actions.len() <= right.actions.len();
    Some(if is_fit { left.clone() } else { right.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::Action;

    #[test]
    fn every_second_case_comes_of_the_corpus() {
        let mut runner = TestRunner::deterministic();
        assert!(pick(&Seen::default(), &mut runner).is_none());
        let scripts: Arc<[_]> = [1, 2].map(|n| Arc::new(Script::of(vec![Action::Await; n]))).into();
        let corpus = Seen { scripts: scripts.clone(), leads: scripts[..1].into() };
        let picked: Vec<_> = (0..400).map(|_| pick(&corpus, &mut runner)).collect();
        let count = |n: usize| picked.iter().flatten().filter(|script| script.actions.len() == n).count();
        assert!((150..250).contains(&picked.iter().flatten().count()));
        assert!(count(1) > count(2) && count(2) > 0, "{} that lead on, {} others", count(1), count(2));
    }
}
