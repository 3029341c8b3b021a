//! Child processes: launched in a group of their own, watched, and ended with everything that they started.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::lines::LineWire;
use super::target::{Command, StartError};

/// The variable by which everything that this process launches is known, whatever becomes of parents and groups.
pub const MARK: &str = "MCP_CONFORM_RUN";

/// Its value: another one in each process.
pub fn mark() -> &'static str {
    static VALUE: OnceLock<String> = OnceLock::new();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    VALUE.get_or_init(|| format!("{}-{:x}", std::process::id(), now()))
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// The exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit code {code}"),
            (None, Some(signal)) => write!(f, "signal {signal}"),
            (None, None) => f.write_str("an unknown end"),
        }
    }
}

/// A signal to a process group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ask it to end.
    Terminate,
    /// End it.
    Kill,
}

/// The last bytes that a process wrote to standard error.
#[derive(Debug, Clone, Default)]
pub struct StderrTail(Arc<Mutex<VecDeque<u8>>>);

impl StderrTail {
    const KEPT: usize = 8 << 10;

    /// Adds to the end, forgetting the beginning.
    pub fn push(&self, bytes: &[u8]) {
        let mut tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend(bytes);
        let excess = tail.len().saturating_sub(Self::KEPT);
        tail.drain(..excess);
    }

    /// The text so far.
    pub fn text(&self) -> String {
        let tail = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail.iter().copied().collect::<Vec<_>>()).into_owned()
    }
}

/// A running child and everything that it started. Dropping it ends them all.
#[derive(Debug)]
pub struct Process {
    group: Option<u32>,
}

impl Process {
    /// The id of the process group.
    pub fn group(&self) -> Option<u32> {
        self.group
    }

    /// Sends a signal to the whole group.
    #[cfg(unix)]
    pub fn signal(&self, signal: Signal) {
        use nix::sys::signal::{Signal as Unix, killpg};
        let signal = match signal {
            Signal::Terminate => Unix::SIGTERM,
            Signal::Kill => Unix::SIGKILL,
        };
        if let Some(group) = self.group.and_then(|id| i32::try_from(id).ok()) {
            // Fails only when nobody is left in the group.
            let _ = killpg(nix::unistd::Pid::from_raw(group), signal);
        }
    }

    /// Sends a signal; without process groups the child itself ends when its handle is dropped.
    #[cfg(not(unix))]
    pub fn signal(&self, _: Signal) {}
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::Kill);
    }
}

pub(super) fn launch(command: &Command) -> Result<LineWire, StartError> {
    let mut child = prepare(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| StartError::of(command, &error))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(StartError::NoPipes(command.shown()));
    };
    let stderr = tail(&mut child);
    let process = Process { group: child.id() };
    Ok(LineWire::new(input, output, wait(child), Some(process), stderr))
}

/// Launches a server that listens by itself: its output is only kept for error messages.
pub(super) fn launch_detached(
    command: &Command,
) -> Result<(Process, StderrTail, impl Future<Output = Exit> + use<>), StartError> {
    let mut child = prepare(command)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| StartError::of(command, &error))?;
    let stderr = tail(&mut child);
    if let Some(output) = child.stdout.take() {
        tokio::spawn(drain(output, stderr.clone()));
    }
    Ok((Process { group: child.id() }, stderr, wait(child)))
}

fn prepare(command: &Command) -> tokio::process::Command {
    let mut prepared = tokio::process::Command::new(&command.program);
    prepared.args(&command.args).envs(command.env.iter().cloned()).stderr(Stdio::piped()).kill_on_drop(true);
    prepared.env(MARK, mark());
    if let Some(folder) = &command.folder {
        prepared.current_dir(folder);
    }
    #[cfg(unix)]
    prepared.process_group(0);
    prepared
}

fn tail(child: &mut tokio::process::Child) -> StderrTail {
    let tail = StderrTail::default();
    if let Some(errors) = child.stderr.take() {
        tokio::spawn(drain(errors, tail.clone()));
    }
    tail
}

async fn drain(mut stream: impl AsyncRead + Unpin, tail: StderrTail) {
    let mut chunk = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut chunk).await {
        tail.push(&chunk[..length]);
    }
}

async fn wait(mut child: tokio::process::Child) -> Exit {
    match child.wait().await {
        Ok(status) => exit(status),
        Err(_) => Exit { code: None, signal: None },
    }
}

#[cfg(unix)]
fn exit(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    Exit { code: status.code(), signal: status.signal() }
}

#[cfg(not(unix))]
fn exit(status: ExitStatus) -> Exit {
    Exit { code: status.code(), signal: None }
}
