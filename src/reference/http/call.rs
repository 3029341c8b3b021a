//! The response stream of a call that waits for the client.

use super::log::{Log, event_id};
use super::response::{Events, event};
use crate::reference::output::Emission;

/// Where messages of the call go.
pub(super) enum Call {
    /// Over the connection of the call.
    Direct(Events),
    /// Into a stream that outlives its connection.
    Logged {
        /// The number of the stream.
        number: usize,
        /// The index of its next event.
        next: usize,
        log: Log,
    },
}

impl Call {
    /// Sends something.
    pub(super) fn tell(&mut self, emission: &Emission) {
        match self {
            // A client that is gone hears nothing.
            Self::Direct(events) => drop(events.send(event(emission, None))),
            Self::Logged { number, next, log } => {
                log.add(event(emission, Some(&event_id(*number, *next))));
                *next += 1;
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Self::Logged { log, .. } = self {
            log.end();
        }
    }
}
