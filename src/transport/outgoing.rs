//! The body of an HTTP request: whole, or broken off on purpose.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A body that is sent at once.
pub(super) struct Outgoing {
    rest: Option<Bytes>,
    length: u64,
    cut: bool,
}

/// The end of a body that breaks off.
#[derive(Debug, thiserror::Error)]
#[error("broken off on purpose")]
pub(super) struct BrokenOff;

impl Outgoing {
    /// A body with these bytes. One that is `cut` promises a byte more, and breaks off before it.
    pub(super) fn new(bytes: Bytes, cut: bool) -> Self {
        let length = bytes.len() as u64 + u64::from(cut);
        Self { rest: Some(bytes).filter(|bytes| !bytes.is_empty()), length, cut }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Poll::Ready(match (self.rest.take(), self.cut) {
            (Some(bytes), _) => Some(Ok(Frame::data(bytes))),
            (None, true) => Some(Err(BrokenOff)),
            (None, false) => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && !self.cut
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
