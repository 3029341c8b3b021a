//! A server in the same process, spoken to in lines over memory: for tests of this tool and of Rust servers.

use std::pin::Pin;
use std::sync::Arc;

use tokio::io::DuplexStream;

use super::child::{Exit, StderrTail};
use super::lines::LineWire;

type Serving = Pin<Box<dyn Future<Output = i32> + Send>>;
type Serve = dyn Fn(DuplexStream, DuplexStream, StderrTail) -> Serving + Send + Sync;

/// A server as a function of its input, its output and its standard error; its result is the exit code.
#[derive(Clone)]
pub struct MemoryServer(Arc<Serve>);

/// Size of the pipe in each direction, in bytes.
const PIPE: usize = 64 << 10;

impl MemoryServer {
    /// Wraps the function.
    pub fn new<F, S>(serve: F) -> Self
    where
        F: Fn(DuplexStream, DuplexStream, StderrTail) -> S + Send + Sync + 'static,
        S: Future<Output = i32> + Send + 'static,
    {
        Self(Arc::new(move |input, output, errors| Box::pin(serve(input, output, errors))))
    }

    pub(super) fn launch(&self) -> LineWire {
        let (our_input, their_input) = tokio::io::duplex(PIPE);
        let (their_output, our_output) = tokio::io::duplex(PIPE);
        let stderr = StderrTail::default();
        let serving = (self.0)(their_input, their_output, stderr.clone());
        let task = tokio::spawn(serving);
        let exit = async move {
            match task.await {
                Ok(code) => Exit { code: Some(code), signal: None },
                // A panic of the server is its crash.
                Err(_) => Exit { code: Some(101), signal: None },
            }
        };
        LineWire::new(our_input, our_output, exit, None, stderr)
    }
}

impl std::fmt::Debug for MemoryServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MemoryServer")
    }
}
