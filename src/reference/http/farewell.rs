//! Sessions whose client hung up before it was answered. Only a fault minds that they were not ended.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;

use super::check::header;
use super::exchange::SESSION;
use super::hub::{Hub, Session};
use super::response::Events;

/// Over HTTP+SSE no client can end a session that another one left: it is over by itself.
const MINDED: Duration = Duration::from_secs(2);

/// Watches whether a client stays until it is answered.
pub(super) struct Watch {
    hub: Arc<Hub>,
    /// The session, as long as there is no answer.
    session: Option<String>,
}

impl Watch {
    pub(super) fn new(hub: &Arc<Hub>, headers: &HeaderMap) -> Self {
        let is_minded = hub.server.settings.options.farewell == Some(true);
        let session = header(headers, SESSION).filter(|_| is_minded).map(str::to_owned);
        Self { hub: hub.clone(), session }
    }

    pub(super) fn answered(mut self) {
        self.session = None;
    }
}

impl Drop for Watch {
    /// An exchange whose client hangs up is dropped before it is answered.
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.hub.note_left(session);
        }
    }
}

/// Minds for a while that the client of an event stream left before it was answered.
pub(super) async fn mind(hub: Arc<Hub>, id: String, session: Arc<Session>, events: Events) {
    events.closed().await;
    if session.is_busy() {
        hub.note_left(id.clone());
        tokio::time::sleep(MINDED).await;
        hub.forget(&id);
    }
}
