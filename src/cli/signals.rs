//! Ctrl-C, and SIGTERM: the first ends the work cleanly, with whole reports; the second ends the process at once.

use std::sync::OnceLock;

use tokio::sync::watch;

use crate::runner::ExitCode;

/// Does the work unless somebody wants an end: then there is nothing.
pub async fn unless_ended<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = wish() => None,
    }
}

/// Waits until somebody wants an end. From then on the process does not end by itself, but by the second signal.
pub async fn wish() {
    static WISHED: OnceLock<watch::Receiver<bool>> = OnceLock::new();
    let mut wished = WISHED.get_or_init(listen).clone();
    if wished.wait_for(|wished| *wished).await.is_err() {
        // No signal can be heard: the system ends the process, as it does by default.
        std::future::pending().await
    }
}

/// Listens on a thread of its own: the work may be busy for a while.
fn listen() -> watch::Receiver<bool> {
    let (wish, wished) = watch::channel(false);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.ok().and_then(|runtime| runtime.block_on(obey(&wish)))
    });
    wished
}

/// Obeys the first signal, and the second.
async fn obey(wish: &watch::Sender<bool>) -> Option<()> {
    next().await?;
    wish.send_replace(true);
    eprintln!("mcp-conform: ending, with reports of what was done so far; once more ends it at once");
    next().await?;
    std::process::exit(i32::from(ExitCode::Interrupted.code()))
}

#[cfg(unix)]
async fn next() -> Option<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt()).ok()?, signal(SignalKind::terminate()).ok()?);
    tokio::select! {
        heard = interrupt.recv() => heard,
        heard = terminate.recv() => heard,
    }
}

#[cfg(not(unix))]
async fn next() -> Option<()> {
    tokio::signal::ctrl_c().await.ok()
}
