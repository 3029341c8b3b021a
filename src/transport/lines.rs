//! Newline-delimited messages over a byte stream: the framing of stdio.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::child::{Process, StderrTail};
use super::inbox::{Arrivals, Inbox, inbox};
use super::target::Endpoint;
use super::{Arrival, Incoming, MAX_MESSAGE};

/// A connection of lines: to a child process, or in memory.
pub struct LineWire {
    outbox: Option<mpsc::UnboundedSender<Bytes>>,
    inbox: Inbox,
    /// The process behind it; absent in memory.
    pub process: Option<Process>,
    /// The end of what it wrote to standard error.
    pub stderr: StderrTail,
    /// Where it is, if HTTP+SSE carries the lines.
    pub legacy: Option<Endpoint>,
}

impl LineWire {
    pub(super) fn new(
        input: impl AsyncWrite + Unpin + Send + 'static,
        output: impl AsyncRead + Unpin + Send + 'static,
        exit: impl Future<Output = super::Exit> + Send + 'static,
        process: Option<Process>,
        stderr: StderrTail,
    ) -> Self {
        let (outbox, pending) = mpsc::unbounded_channel();
        let (arrivals, inbox) = inbox();
        tokio::spawn(write(input, pending));
        tokio::spawn(read(output, arrivals.clone()));
        tokio::spawn(async move {
            let exit = exit.await;
            // The session may be gone; then nobody wants to know.
            let _ = arrivals.send(Incoming::Exited(exit)).await;
        });
        Self { outbox: Some(outbox), inbox, process, stderr, legacy: None }
    }

    /// Writes bytes, exactly these. Each call is one write.
    pub fn write(&self, bytes: Bytes) {
        if let Some(outbox) = &self.outbox {
            // A closed pipe shows as the end of the process.
            let _ = outbox.send(bytes);
        }
    }

    /// Closes the input of the target.
    pub fn close_input(&mut self) {
        self.outbox = None;
    }

    /// Waits for the next arrival; `None` when nothing can come any more.
    pub async fn next(&mut self) -> Option<Arrival> {
        self.inbox.next().await
    }

    /// An arrival that is waiting already.
    pub fn try_next(&mut self) -> Option<Arrival> {
        self.inbox.try_next()
    }
}

/// Bytes that go out in one write.
const MOST_AT_ONCE: usize = 64 << 10;

async fn write(mut input: impl AsyncWrite + Unpin, mut pending: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(mut bytes) = pending.recv().await {
        // What waits already goes out together: a flood costs few system calls.
        if let Ok(next) = pending.try_recv() {
            let mut several = BytesMut::from(bytes);
            several.extend_from_slice(&next);
            while several.len() < MOST_AT_ONCE
                && let Ok(next) = pending.try_recv()
            {
                several.extend_from_slice(&next);
            }
            bytes = several.freeze();
        }
        if input.write_all(&bytes).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
    let _ = input.shutdown().await;
}

async fn read(mut output: impl AsyncRead + Unpin, arrivals: Arrivals) {
    let mut lines = LineBuffer::default();
    let mut chunk = BytesMut::with_capacity(64 << 10);
    while let Ok(1..) = output.read_buf(&mut chunk).await {
        for incoming in lines.push(&chunk.split()) {
            let is_over = matches!(incoming, Incoming::TooLong { .. });
            if !arrivals.send(incoming).await || is_over {
                return;
            }
        }
        chunk.reserve(64 << 10);
    }
    if let Some(rest) = lines.rest() {
        let _ = arrivals.send(rest).await;
    }
    let _ = arrivals.send(Incoming::Closed).await;
}

/// Cuts a byte stream into lines, up to the first that is too long.
#[derive(Default)]
struct LineBuffer {
    partial: BytesMut,
}

impl LineBuffer {
    fn push(&mut self, mut chunk: &[u8]) -> Vec<Incoming> {
        let mut lines = Vec::new();
        while let Some(end) = memchr::memchr(b'\n', chunk) {
            self.partial.extend_from_slice(&chunk[..end]);
            lines.push(self.take(true));
            chunk = &chunk[end + 1..];
        }
        self.partial.extend_from_slice(chunk);
        lines.extend((self.partial.len() > MAX_MESSAGE).then(|| self.take(false)));
        lines
    }

    fn take(&mut self, terminated: bool) -> Incoming {
        let bytes = self.partial.split().freeze();
        match bytes.len() {
            0..=MAX_MESSAGE => Incoming::Line { bytes, terminated },
            length => Incoming::TooLong { length },
        }
    }

    fn rest(&mut self) -> Option<Incoming> {
        (!self.partial.is_empty()).then(|| self.take(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(incoming: &Incoming) -> (String, bool) {
        match incoming {
            Incoming::Line { bytes, terminated } => {
                (String::from_utf8_lossy(bytes).into_owned(), *terminated)
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_are_cut() {
        let stream = b"{\"a\":1}\n\n{\"b\":\"\xc3\xa9\"}\nrest";
        for cut in 0..stream.len() {
            let mut buffer = LineBuffer::default();
            let mut lines = buffer.push(&stream[..cut]);
            lines.extend(buffer.push(&stream[cut..]));
            lines.extend(buffer.rest());
            let lines: Vec<_> = lines.iter().map(text).collect();
            let expected = [("{\"a\":1}", true), ("", true), ("{\"b\":\"é\"}", true), ("rest", false)];
            assert!(lines.iter().map(|(l, t)| (l.as_str(), *t)).eq(expected), "cut at {cut}");
        }
    }
}
