//! Sessions whose client hung up before it was answered. Only a fault minds that they were not ended.

use std::sync::Arc;

use hyper::HeaderMap;

use super::check::header;
use super::exchange::SESSION;
use super::hub::Hub;

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
