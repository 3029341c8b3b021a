//! Ids that nobody can guess.

use super::{Task, judge, shows};
use crate::runner::interpret::CaseRun;

/// So many characters of two ids must differ, at least, to be called random.
const LEAST_RANDOM: usize = 12;

/// Ids that look alike but for a few characters can be guessed.
pub(super) fn guessable(run: &mut CaseRun<'_>, id: &str, tasks: &[Task]) {
    // Where the server knows who asks, the older text allows simple ids.
    if tasks.len() < 2 || run.session.revision.is_handshake() && run.session.has_credentials() {
        return;
    }
    let ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    let is_met = ids.windows(2).all(|pair| pair[0] == pair[1] || differing(pair[0], pair[1]) >= LEAST_RANDOM);
    judge(run, id, is_met, || {
        let mut violation = shows(&tasks[0].reply, "the ids of tasks can be guessed", "ids that look random");
        violation.got = ids.join(", ");
        violation
    });
}

/// How many characters are left without what both begin and end with.
fn differing(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let head = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let tail = a[head..].iter().rev().zip(b[head..].iter().rev()).take_while(|(x, y)| x == y).count();
    a.len().min(b.len()) - head - tail
}

#[cfg(test)]
mod tests {
    use super::differing;

    #[test]
    fn what_ids_share_tells_nothing() {
        assert_eq!(differing("task-1", "task-2"), 1);
        assert_eq!(differing("1795680000123", "1795680000177"), 2);
        assert_eq!(differing("a1b2c3-x", "d4e5f6-x"), 6);
        assert_eq!(differing("aaa", "aaaa"), 0);
    }
}
