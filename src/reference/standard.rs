//! Standard input and output. Tokio hands each read and write of its own to a thread, which costs more than the server itself:
//! pipes, which is what a client gives a server, do without.

use tokio::io::{AsyncRead, AsyncWrite};

/// Standard input.
pub(super) fn input() -> Box<dyn AsyncRead + Unpin> {
    #[cfg(unix)]
    if let Some(pipe) = pipe::input() {
        return Box::new(pipe);
    }
    Box::new(tokio::io::stdin())
}

/// Standard output.
pub(super) fn output() -> Box<dyn AsyncWrite + Unpin> {
    #[cfg(unix)]
    if let Some(pipe) = pipe::output() {
        return Box::new(pipe);
    }
    Box::new(tokio::io::stdout())
}

#[cfg(unix)]
mod pipe {
    use std::os::fd::AsFd;

    use tokio::net::unix::pipe::{Receiver, Sender};

    /// Standard input, if it is a pipe.
    pub(super) fn input() -> Option<Receiver> {
        let input = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
        Receiver::from_owned_fd(input).ok()
    }

    /// Standard output, if it is a pipe.
    pub(super) fn output() -> Option<Sender> {
        let output = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
        Sender::from_owned_fd(output).ok()
    }
}
