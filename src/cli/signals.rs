//! Ctrl-C, and SIGTERM: the first ends the work cleanly, with whole reports; the second ends the process at once.

use std::sync::OnceLock;
use std::sync::mpsc::Sender;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::runner::ExitCode;

/// Does the work unless somebody wants an end: then there is nothing.
pub async fn unless_ended<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = wish() => None,
    }
}

/// Waits until somebody wants an end.
pub async fn wish() {
    let mut wished = listen().clone();
    if wished.wait_for(|wished| *wished).await.is_err() {
        // No signal can be heard: the system ends the process, as it does by default.
        std::future::pending().await
    }
}

/// Listens from now on, on a thread of its own, as the work may be busy for a while. The process does not end by itself any
/// more, but by the second signal.
pub fn listen() -> &'static watch::Receiver<bool> {
    static WISHED: OnceLock<watch::Receiver<bool>> = OnceLock::new();
    WISHED.get_or_init(|| {
        let (wish, wished) = watch::channel(false);
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.ok().and_then(|runtime| runtime.block_on(obey(&wish, &ready)))
        });
        // An error says that nothing can be heard.
        let _ = is_ready.recv();
        wished
    })
}

/// Obeys the first signal, and the second.
async fn obey(wish: &watch::Sender<bool>, ready: &Sender<()>) -> Option<()> {
    let mut signals = Signals::new()?;
    ready.send(()).ok()?;
    signals.next().await?;
    wish.send_replace(true);
    eprintln!("mcp-conform: ending, with reports of what was done so far; once more ends it at once");
    signals.next().await?;
    std::process::exit(i32::from(ExitCode::Interrupted.code()))
}

#[cfg(unix)]
struct Signals(Signal, Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> Option<Self> {
        Some(Self(signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?))
    }

    async fn next(&mut self) -> Option<()> {
        tokio::select! {
            heard = self.0.recv() => heard,
            heard = self.1.recv() => heard,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Option<Self> {
        Some(Self)
    }

    async fn next(&mut self) -> Option<()> {
        tokio::signal::ctrl_c().await.ok()
    }
}
