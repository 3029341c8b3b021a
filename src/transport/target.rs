//! What is tested: a command, an address, or a server in memory.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::child;
use super::host::Host;
use super::http::HttpWire;
use super::legacy;
use super::lines::LineWire;
use super::memory::MemoryServer;

/// A command line with its environment.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to the environment.
    pub env: Vec<(String, String)>,
    /// The working folder; absent = ours.
    pub folder: Option<PathBuf>,
}

impl Command {
    /// The command line in words.
    pub fn shown(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.args);
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }
}

/// An MCP endpoint over HTTP.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its address.
    pub url: url::Url,
    /// Headers that the user adds to every request.
    pub headers: Vec<(String, String)>,
    /// The server there, where it is started by this process.
    pub host: Option<Arc<Host>>,
}

/// What is tested.
#[derive(Debug, Clone)]
pub enum Target {
    /// A command that speaks over its standard streams.
    Command(Command),
    /// An address.
    Http(Endpoint),
    /// The address of an event stream (HTTP+SSE, 2024-11-05).
    Sse(Endpoint),
    /// A server in this process.
    Memory(MemoryServer),
}

/// An open connection to a target.
pub enum Wire {
    /// Newline-delimited messages.
    Lines(LineWire),
    /// HTTP exchanges.
    Http(Box<HttpWire>),
}

/// A target that could not be started. Each text says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No such program.
    #[error(
        "cannot start `{0}`: command not found (is it installed, and in PATH? a relative path needs `./`)"
    )]
    NotFound(String),
    /// Not executable.
    #[error(
        "cannot start `{0}`: permission denied (is the file executable? try `chmod +x`, or name its interpreter)"
    )]
    NotExecutable(String),
    /// The working folder does not exist.
    #[error("cannot start `{command}`: the working folder `{folder}` does not exist")]
    NoFolder {
        /// The command line.
        command: String,
        /// The missing folder.
        folder: String,
    },
    /// Another error of the operating system.
    #[error("cannot start `{0}`: {1}")]
    Other(String, String),
    /// The standard streams could not be connected.
    #[error("cannot connect to the standard streams of `{0}`")]
    NoPipes(String),
    /// The HTTP client could not be made.
    #[error("cannot prepare the HTTP client: {0}")]
    Client(String),
}

impl StartError {
    pub(super) fn of(command: &Command, error: &std::io::Error) -> Self {
        let shown = command.shown();
        match (error.kind(), &command.folder) {
            (std::io::ErrorKind::NotFound, Some(folder)) if !folder.is_dir() => {
                Self::NoFolder { command: shown, folder: folder.display().to_string() }
            }
            (std::io::ErrorKind::NotFound, _) => Self::NotFound(shown),
            (std::io::ErrorKind::PermissionDenied, _) => Self::NotExecutable(shown),
            _ => Self::Other(shown, error.to_string()),
        }
    }
}

impl Target {
    /// `stdio` or `http`.
    pub fn transport(&self) -> &'static str {
        match self {
            Self::Command(_) | Self::Memory(_) => "stdio",
            Self::Http(_) | Self::Sse(_) => "http",
        }
    }

    /// The server there, where a command of the user's has to run first.
    pub fn host(&self) -> Option<&Arc<Host>> {
        match self {
            Self::Http(endpoint) | Self::Sse(endpoint) => endpoint.host.as_ref(),
            Self::Command(_) | Self::Memory(_) => None,
        }
    }

    /// Opens a connection: launches the command, or prepares an HTTP client.
    pub fn connect(&self) -> Result<Wire, StartError> {
        match self {
            Self::Command(command) => child::launch(command).map(Wire::Lines),
            Self::Memory(server) => Ok(Wire::Lines(server.launch())),
            Self::Sse(endpoint) => legacy::connect(endpoint.clone()).map(Wire::Lines),
            Self::Http(endpoint) => HttpWire::new(endpoint.clone()).map(Box::new).map(Wire::Http),
        }
    }
}
