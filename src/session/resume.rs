//! Event streams that a server breaks off before the reply, to be polled: they are taken up again by GET
//! (Streamable HTTP, resumability and redelivery).

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{HttpCall, Session};
use crate::protocol::Frame;
use crate::transport::SseHead;

/// How long we wait before a stream is taken up again where the server does not say.
const WAIT: Duration = Duration::from_millis(500);
/// What we wait at least, the first time; it doubles up to `WAIT`, whatever a server says that wants us back at once.
const PAUSE: Duration = Duration::from_millis(5);

/// How often what a server asks us to wait is not counted as patience with it: who asks again and again never answers.
const GRANTED: u32 = 3;

/// Where the event stream of an exchange stands.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// Whether a reply is awaited on it.
    pub owes: bool,
    /// The session that the request belongs to; that of a further client is not our own.
    pub session: Option<String>,
    last_id: Option<String>,
    retry: Option<Duration>,
    resumed: u32,
    /// Until when the reply is awaited.
    pub until: Option<Instant>,
    /// The exchange whose stream this one continues.
    continues: Option<u32>,
}

impl Stream {
    /// How long we wait before the stream is taken up again.
    fn pause(&self) -> Duration {
        let least = PAUSE.saturating_mul(2_u32.saturating_pow(self.resumed)).min(WAIT);
        self.retry.unwrap_or(WAIT).max(least)
    }

    /// Until when the reply is awaited after such a pause: the server asked for it.
    fn awaited(&self, pause: Duration) -> Option<Instant> {
        let granted = if self.resumed < GRANTED { pause } else { Duration::ZERO };
        self.until.map(|until| until + granted)
    }

    /// Whether it is the rest of the stream of a request.
    pub(super) fn is_continuation(&self) -> bool {
        self.continues.is_some()
    }
}

impl super::Exchange {
    /// Remembers what is needed to take the stream up again.
    pub(super) fn note(&mut self, head: &SseHead) {
        if let Some(id) = &head.id {
            self.stream.last_id = Some(id.clone()).filter(|id| !id.is_empty());
        }
        self.stream.retry = head.retry.map(Duration::from_millis).or(self.stream.retry);
    }
}

impl Session {
    /// An exchange is over, unless its stream can be taken up again.
    pub(super) fn end_exchange(&mut self, number: u32, failed: Option<String>) {
        if self.resume(number) {
            return;
        }
        let state = self.exchanges.entry(number).or_default();
        state.done = true;
        state.failed = failed;
        if let Some(first) = state.stream.continues {
            self.exchanges.entry(first).or_default().done = true;
        }
    }

    /// A reply came on the exchange; returns the exchange that asked for it.
    pub(super) fn answered(&mut self, number: u32) -> u32 {
        let stream = &mut self.exchanges.entry(number).or_default().stream;
        stream.owes = false;
        stream.continues.unwrap_or(number)
    }

    fn resume(&mut self, number: u32) -> bool {
        let Some(state) = self.exchanges.get(&number) else { return false };
        let stream = &state.stream;
        let (true, Some(last), Some(200), true) = (
            stream.owes,
            &stream.last_id,
            state.status,
            self.revision.is_handshake() && stream.until.is_some_and(|until| Instant::now() < until),
        ) else {
            return false;
        };
        let last = last.clone();
        let delay = stream.pause().min(self.options.timeout);
        let (first, until) = (stream.continues.unwrap_or(number), stream.awaited(delay));
        let given = state.headers.iter().find(|(name, _)| name == "mcp-session-id").map(|(_, id)| id.clone());
        let session = stream.session.clone().or(given);
        let next = Stream {
            session: session.clone(),
            owes: true,
            last_id: Some(last.clone()),
            retry: stream.retry,
            resumed: stream.resumed + 1,
            until,
            continues: Some(first),
        };
        let call = HttpCall { method: "GET".to_owned(), delay, ..HttpCall::default() };
        let mut headers = self.headers_for(None);
        headers.push(("Accept".to_owned(), "text/event-stream".to_owned()));
        headers.push(("Last-Event-ID".to_owned(), last));
        if let Some(id) = session {
            headers.retain(|(name, _)| name != "Mcp-Session-Id");
            headers.push(("Mcp-Session-Id".to_owned(), id));
        }
        let Some(exchange) = self.begin_exchange(call, headers, Frame::new(Bytes::new()), None, false) else {
            return false;
        };
        self.exchanges.entry(exchange).or_default().stream = next;
        self.exchanges.entry(first).or_default().stream.until = until;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_wants_us_back_at_once_gets_growing_pauses() {
        let pause = |retry: u64, resumed: u32| {
            let retry = Some(Duration::from_millis(retry));
            Stream { retry, resumed, ..Stream::default() }.pause().as_millis()
        };
        assert_eq!([0, 1, 2, 7, 40].map(|resumed| pause(0, resumed)), [5, 10, 20, 500, 500]);
        assert_eq!([0, 1, 6].map(|resumed| pause(200, resumed)), [200, 200, 320]);
        assert_eq!(pause(3000, 9), 3000);
        assert_eq!(Stream::default().pause(), WAIT);
    }

    #[test]
    fn what_a_server_asks_us_to_wait_is_not_our_patience() {
        let (until, pause) = (Instant::now(), Duration::from_secs(8));
        let awaited = |resumed| {
            Stream { until: Some(until), resumed, ..Stream::default() }
                .awaited(pause)
                .map(|late| late - until)
        };
        assert_eq!([0, 2, 3].map(awaited), [Some(pause), Some(pause), Some(Duration::ZERO)]);
        assert_eq!(Stream::default().awaited(pause), None);
    }
}
