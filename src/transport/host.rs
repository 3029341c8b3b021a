//! A server that listens by itself: started, awaited until it accepts connections, started again when it died, ended
//! with us.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::child::{self, Exit, Process, StderrTail};
use super::target::{Command, StartError};

/// An HTTP server of the user's: how it is started, and whether it runs.
#[derive(Debug)]
pub struct Host {
    command: Command,
    url: url::Url,
    running: Mutex<Option<Running>>,
    /// Held by whoever starts it.
    starting: tokio::sync::Mutex<()>,
}

/// How often it is looked whether it listens.
const PAUSE: Duration = Duration::from_millis(20);

/// A started server. Dropping it ends it.
#[derive(Debug)]
struct Running {
    process: Process,
    /// The end of what it wrote to standard output and standard error.
    output: StderrTail,
    exit: watch::Receiver<Option<Exit>>,
}

/// As long as this exists, the server runs.
#[derive(Debug)]
pub struct Hosted(Arc<Host>);

impl Drop for Hosted {
    fn drop(&mut self) {
        self.0.running().take();
    }
}

/// A server that does not listen.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// It could not be started.
    #[error("{0}")]
    Start(#[from] StartError),
    /// It ended before it listened.
    #[error("the server `{command}` ended ({exit}) before it listened at {address}\n{output}")]
    Ended {
        /// The command line.
        command: String,
        /// Where it should have listened.
        address: String,
        /// How it ended.
        exit: Exit,
        /// What it wrote.
        output: String,
    },
    /// It runs, but nothing listens.
    #[error(
        "the server `{command}` does not listen at {address} after {waited:?} (is it the right port? a slow start needs --startup-timeout)\n{output}"
    )]
    Silent {
        /// The command line.
        command: String,
        /// Where it should have listened.
        address: String,
        /// How long it was awaited.
        waited: Duration,
        /// What it wrote.
        output: String,
    },
}

impl Host {
    /// A server that this command starts, and that then listens at the address.
    pub fn new(command: Command, url: url::Url) -> Arc<Self> {
        let starting = tokio::sync::Mutex::new(());
        Arc::new(Self { command, url, running: Mutex::default(), starting })
    }

    /// Starts it and waits until something accepts connections at the address.
    pub async fn start(self: &Arc<Self>, patience: Duration) -> Result<Hosted, HostError> {
        let _starting = self.starting.lock().await;
        self.launch(patience).await?;
        Ok(Hosted(self.clone()))
    }

    /// Starts it again if its process ended. One that went into the background listens on, and is left alone.
    pub async fn revive(&self, patience: Duration) -> Result<(), HostError> {
        let _starting = self.starting.lock().await;
        match self.exit().is_some() && !is_listening(&self.url).await {
            true => self.launch(patience).await,
            false => Ok(()),
        }
    }

    /// What starts it.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// How its process ended, if it did.
    pub fn exit(&self) -> Option<Exit> {
        self.running().as_ref().and_then(|running| *running.exit.borrow())
    }

    /// The end of what it wrote to standard output and standard error.
    pub fn output(&self) -> StderrTail {
        self.running().as_ref().map(|running| running.output.clone()).unwrap_or_default()
    }

    /// The id of its process group.
    pub fn group(&self) -> Option<u32> {
        self.running().as_ref().and_then(|running| running.process.group())
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn launch(&self, patience: Duration) -> Result<(), HostError> {
        let (process, output, end) = child::launch_detached(&self.command)?;
        let (told, exit) = watch::channel(None);
        // The child is reaped by this task even when nobody waits for it any more.
        tokio::spawn(async move { told.send_replace(Some(end.await)) });
        let (command, address) = (self.command.shown(), address(&self.url));
        let deadline = Instant::now() + patience;
        let mut ended = exit.clone();
        loop {
            if let Ok(Ok(exit)) = timeout(PAUSE, ended.wait_for(Option::is_some)).await {
                let exit = exit.unwrap_or(Exit { code: None, signal: None });
                return Err(HostError::Ended { command, address, exit, output: output.text() });
            }
            if is_listening(&self.url).await {
                *self.running() = Some(Running { process, output, exit });
                return Ok(());
            }
            if Instant::now() > deadline {
                let output = output.text();
                return Err(HostError::Silent { command, address, waited: patience, output });
            }
        }
    }
}

/// Whether anybody accepts connections at the address.
pub async fn is_listening(url: &url::Url) -> bool {
    matches!(timeout(Duration::from_millis(500), TcpStream::connect(address(url))).await, Ok(Ok(_)))
}

fn address(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or("127.0.0.1").trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(80);
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}
