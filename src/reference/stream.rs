//! The reference server over lines: standard streams, or pipes in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{Instant, sleep_until};

use super::conversation::Conversation;
use super::output::{Emission, Output};
use super::rewrite::{Context, Draft, Point};
use super::server::Server;
use super::settings::Settings;
use super::standard;

/// Serves standard input and output until the input ends or the process is told to; returns the exit code.
pub async fn serve_stdio(settings: Arc<Settings>) -> i32 {
    let errors = |text: &str| eprint!("{text}");
    serve(settings, standard::input(), standard::output(), errors, terminated()).await
}

/// Serves a pair of streams until the input ends; returns the exit code. `errors` gets what a process would write to
/// standard error.
pub async fn serve_stream(
    settings: Arc<Settings>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    errors: impl Fn(&str),
) -> i32 {
    serve(settings, input, output, errors, std::future::pending()).await
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => drop(signal.recv().await),
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

async fn serve(
    settings: Arc<Settings>,
    input: impl AsyncRead + Unpin,
    output: impl AsyncWrite + Unpin,
    errors: impl Fn(&str),
    signal: impl Future<Output = ()>,
) -> i32 {
    let options = &settings.options;
    if let Some(text) = &options.stderr {
        errors(text);
    }
    if let Some(time) = options.slow_start {
        tokio::time::sleep(time).await;
    }
    let banner = options.banner.clone();
    let split = options.split_writes.unwrap_or(false);
    let conversation = Conversation::new(Server::new(settings.clone()));
    let mut stream = Stream { conversation, output, split, queue: BTreeMap::new(), order: 0 };
    stream.run(banner, input, signal).await.unwrap_or(0)
}

struct Stream<W> {
    conversation: Conversation,
    output: W,
    /// Whether every line is written in pieces.
    split: bool,
    /// What is sent or done later, by time and then by order.
    queue: BTreeMap<(Instant, u64), Output>,
    order: u64,
}

/// The server ends: with this exit code, or with 0 when the other side is gone.
type End = Option<i32>;

impl<W: AsyncWrite + Unpin> Stream<W> {
    /// Runs to the end.
    async fn run(
        &mut self,
        banner: Option<String>,
        input: impl AsyncRead + Unpin,
        signal: impl Future<Output = ()>,
    ) -> End {
        if let Some(banner) = banner {
            self.write(format!("{banner}\n").as_bytes()).await?;
        }
        let start = self.conversation.start();
        if let Some(code) = self.perform(start).await? {
            return Some(code);
        }
        let mut lines = BufReader::new(input);
        let mut line = Vec::new();
        let (mut is_open, mut is_quiet) = (true, true);
        tokio::pin!(signal);
        loop {
            let due = self.queue.first_key_value().map(|((due, _), _)| *due);
            let wait = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let outputs = tokio::select! {
                biased;
                () = wait => self.due(Instant::now()),
                read = lines.read_until(b'\n', &mut line), if is_open => match read {
                    // What is due goes out first, however late the timer is.
                    Ok(1..) => {
                        let now = self.conversation.look_at_clock();
                        let mut outputs = self.due(now);
                        outputs.extend(self.received(&std::mem::take(&mut line)));
                        outputs
                    }
                    _ => {
                        is_open = false;
                        self.ended(Point::Eof)
                    }
                },
                () = &mut signal, if is_quiet => {
                    is_quiet = false;
                    self.ended(Point::Sigterm)
                }
            };
            if let Some(code) = self.perform(outputs).await? {
                return Some(code);
            }
        }
    }

    /// Takes out what is to be done by now.
    fn due(&mut self, now: Instant) -> Vec<Output> {
        let later = self.queue.split_off(&(now, u64::MAX));
        std::mem::replace(&mut self.queue, later).into_values().collect()
    }

    fn received(&mut self, line: &[u8]) -> Vec<Output> {
        let message = line.strip_suffix(b"\n").unwrap_or(line);
        let message = message.strip_suffix(b"\r").unwrap_or(message);
        match message.iter().all(u8::is_ascii_whitespace) {
            true => Vec::new(),
            false => self.conversation.receive_now(message),
        }
    }

    /// The input ended or a signal came: the server ends after what is still to be sent, unless a fault forbids it.
    fn ended(&mut self, point: Point<'_>) -> Vec<Output> {
        let context = Context { point, request: None, revision: self.conversation.opened };
        let draft = self.conversation.server.rewrite(Draft::new(Some(farewell())), context);
        let last = self.queue.last_key_value().map_or_else(Instant::now, |((due, _), _)| *due);
        match (draft.exit, draft.main.is_some()) {
            (Some(code), _) => vec![Output::Exit { code, delay: draft.delay }],
            (None, true) => {
                // The other side that closed the input waits for nothing any more.
                let goodbye =
                    if point == Point::Sigterm { self.conversation.end_listens() } else { Vec::new() };
                let exit = Output::Exit { code: 0, delay: draft.delay + (last - Instant::now()) };
                goodbye.into_iter().chain([exit]).collect()
            }
            (None, false) => Vec::new(),
        }
    }

    /// Performs outputs in order; `Some(Some(code))` ends the server, `None` means that nobody listens any more.
    async fn perform(&mut self, outputs: Vec<Output>) -> Option<Option<i32>> {
        let mut outputs = VecDeque::from(outputs);
        while let Some(output) = outputs.pop_front() {
            match output {
                Output::Send(mut emission) if emission.is_later() => {
                    let due = emission.schedule();
                    self.later(due, Output::Send(emission));
                }
                Output::Send(emission) => self.send(&emission).await?,
                Output::Exit { code, delay } if delay.is_zero() => return Some(Some(code)),
                Output::Exit { code, delay } => {
                    self.later(Instant::now() + delay, Output::Exit { code, delay: std::time::Duration::ZERO });
                }
                Output::Cancel(id) => self.queue.retain(
                    |_, output| !matches!(output, Output::Send(emission) if emission.request.as_ref() == Some(&id)),
                ),
                Output::Changed(change) => {
                    let news = self.conversation.changed(&change);
                    news.into_iter().rev().for_each(|output| outputs.push_front(output));
                }
                Output::Listen(_) | Output::Open(_) => {}
            }
        }
        Some(None)
    }

    fn later(&mut self, due: Instant, output: Output) {
        self.order += 1;
        self.queue.insert((due, self.order), output);
    }

    async fn send(&mut self, emission: &Emission) -> Option<()> {
        self.write(&emission.line()).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        let size = if self.split { bytes.len().div_ceil(3).max(1) } else { bytes.len().max(1) };
        for piece in bytes.chunks(size) {
            self.output.write_all(piece).await.ok()?;
            self.output.flush().await.ok()?;
        }
        Some(())
    }
}

/// Stands for the end of the process while faults look at it.
fn farewell() -> Emission {
    Emission::new(super::output::Payload::Json(serde_json::Value::Null), super::output::Route::Reply)
}
