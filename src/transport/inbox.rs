//! What came and was not taken yet: bounded in number and in bytes, so that a server that is faster than we are waits.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{Arrival, Incoming};

/// How many arrivals wait before nothing more is read, and how many bytes.
const MOST: usize = 4096;
const MOST_BYTES: usize = 4 << 20;

/// The end that is written to.
#[derive(Clone)]
pub(super) struct Arrivals {
    waiting: mpsc::Sender<(Arrival, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
}

/// The end that is read from.
pub(super) struct Inbox(mpsc::Receiver<(Arrival, OwnedSemaphorePermit)>);

/// Both ends.
pub(super) fn inbox() -> (Arrivals, Inbox) {
    let (waiting, taken) = mpsc::channel(MOST);
    (Arrivals { waiting, room: Arc::new(Semaphore::new(MOST_BYTES)) }, Inbox(taken))
}

impl Arrivals {
    /// Adds what came just now, once there is room for it; false when nobody wants to know any more.
    pub(super) async fn send(&self, incoming: Incoming) -> bool {
        let arrival = Arrival::now(incoming);
        // What is larger than everything that may wait waits alone.
        let bytes = u32::try_from(arrival.incoming.length().min(MOST_BYTES)).unwrap_or(0);
        let Ok(room) = self.room.clone().acquire_many_owned(bytes).await else { return false };
        self.waiting.send((arrival, room)).await.is_ok()
    }
}

impl Inbox {
    /// Waits for the next arrival; `None` when nothing can come any more.
    pub(super) async fn next(&mut self) -> Option<Arrival> {
        self.0.recv().await.map(|(arrival, _)| arrival)
    }

    /// An arrival that is waiting already.
    pub(super) fn try_next(&mut self) -> Option<Arrival> {
        self.0.try_recv().ok().map(|(arrival, _)| arrival)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[tokio::test]
    async fn large_arrivals_wait_until_there_is_room() {
        let (arrivals, mut inbox) = inbox();
        let large = || Incoming::Body { exchange: 1, bytes: Bytes::from(vec![0; 10 << 20]) };
        assert!(arrivals.send(large()).await);
        let second = tokio::spawn(async move { arrivals.send(large()).await });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        inbox.next().await;
        assert!(second.await.unwrap());
    }
}
