//! A server that listens by itself: started, awaited until it accepts connections, ended with us.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::child::{self, Exit, Process, StderrTail};
use super::target::{Command, StartError};

/// A running HTTP server of the user's. Dropping it ends it.
#[derive(Debug)]
pub struct Host {
    _process: Process,
    /// The end of what it wrote to standard output and standard error.
    pub output: StderrTail,
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
    /// Starts the command and waits until something accepts connections at the address.
    pub async fn start(command: &Command, url: &url::Url, patience: Duration) -> Result<Self, HostError> {
        let address = address(url);
        let (process, output, exit) = child::launch_detached(command)?;
        // The child is reaped by this task even when nobody waits for it any more.
        let mut exit = tokio::spawn(exit);
        let deadline = Instant::now() + patience;
        loop {
            tokio::select! {
                exit = &mut exit => {
                    let exit = exit.unwrap_or(Exit { code: None, signal: None });
                    let (command, output) = (command.shown(), output.text());
                    return Err(HostError::Ended { command, address, exit, output });
                }
                () = sleep(Duration::from_millis(20)) => {}
            }
            if let Ok(Ok(_)) = timeout(Duration::from_millis(500), TcpStream::connect(&address)).await {
                return Ok(Self { _process: process, output });
            }
            if Instant::now() > deadline {
                let (command, output) = (command.shown(), output.text());
                return Err(HostError::Silent { command, address, waited: patience, output });
            }
        }
    }
}

fn address(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or("127.0.0.1").trim_start_matches('[').trim_end_matches(']');
    let port = url.port_or_known_default().unwrap_or(80);
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}
