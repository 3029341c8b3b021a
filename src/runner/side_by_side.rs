//! Several things at once, told in order.

use std::collections::BTreeMap;
use std::iter::from_fn;

use futures_util::stream::{self, Stream, StreamExt};

/// Does tasks side by side, at most so many at once, and yields what came of them in their order. Unlike `buffered`, one
/// that takes long does not hold up the start of those after it.
pub fn side_by_side<F: Future>(
    tasks: impl IntoIterator<Item = F>,
    jobs: usize,
) -> impl Stream<Item = F::Output> {
    let placed = tasks.into_iter().enumerate().map(|(place, task)| async move { (place, task.await) });
    let (mut early, mut next) = (BTreeMap::new(), 0);
    stream::iter(placed).buffer_unordered(jobs.max(1)).flat_map(move |(place, done)| {
        early.insert(place, done);
        let ready = from_fn(|| {
            let done = early.remove(&next)?;
            next += 1;
            Some(done)
        });
        stream::iter(ready.collect::<Vec<_>>())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_long_task_holds_up_no_start_and_keeps_its_place() {
        let began = Instant::now();
        let tasks = [8, 1, 1, 1, 1].map(|seconds| async move {
            sleep(Duration::from_secs(seconds)).await;
            (seconds, began.elapsed().as_secs())
        });
        let done: Vec<_> = side_by_side(tasks, 2).collect().await;
        assert_eq!(done, [(8, 8), (1, 1), (1, 2), (1, 3), (1, 4)]);
    }
}
