//! Opening a conversation: the handshake, or the first `server/discover`.

use std::time::Duration;

use serde_json::{Value, json};

use super::{FLOOD, Options, Outcome, Session, Transcript};
use crate::protocol::Revision;
use crate::transport::{Exit, HostError, StartError, Target};

/// What the server said of itself.
#[derive(Debug, Clone, Default)]
pub struct Server {
    /// `serverInfo`, or null.
    pub info: Value,
    /// The declared capabilities.
    pub capabilities: Value,
    /// The instructions, or null.
    pub instructions: Value,
    /// `supportedVersions` of `server/discover`.
    pub versions: Vec<String>,
}

/// Why there is no conversation. Each text says what happened; the caller adds where.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The target could not be started.
    #[error("{0}")]
    Start(#[from] StartError),
    /// The command that should listen at the address does not.
    #[error("{0}")]
    Host(#[from] HostError),
    /// What a campaign lays out for servers that tell too much could not be written.
    #[error("a file that the server must not show cannot be laid out: {0}")]
    Laid(std::io::Error),
    /// The process ended before it answered.
    #[error("the server ended ({0}) before it answered `{1}`")]
    Ended(Exit, &'static str),
    /// No answer in time.
    #[error(
        "the server did not answer `{method}` within {waited:?} (does it speak MCP on this transport? a slow start needs --startup-timeout)"
    )]
    Silent {
        /// The request that was not answered.
        method: &'static str,
        /// How long it was awaited.
        waited: Duration,
    },
    /// Too much of an answer.
    #[error("{FLOOD}, before it answered `{0}`")]
    Flooded(&'static str),
    /// HTTP did not work.
    #[error("no HTTP connection: {0}")]
    Http(String),
    /// An HTTP answer that is not MCP.
    #[error("HTTP {status} without a JSON-RPC reply to `{method}`: {body}")]
    NotMcp {
        /// The request.
        method: &'static str,
        /// The HTTP status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// The server wants a token, or another one.
    #[error("{}", wants_token(*with_token, challenge.as_deref()))]
    Unauthorized {
        /// Whether there was one.
        with_token: bool,
        /// What the server says of it: `WWW-Authenticate`.
        challenge: Option<String>,
    },
    /// An error reply.
    #[error("the server refused `{method}`: {error}")]
    Refused {
        /// The request.
        method: &'static str,
        /// The error member of the reply.
        error: Value,
    },
    /// The server wants another revision.
    #[error("the server answered with protocol version {0} instead")]
    OtherVersion(String),
}

fn wants_token(with_token: bool, challenge: Option<&str>) -> String {
    let said = challenge.map(|challenge| format!("; it says: {challenge}")).unwrap_or_default();
    match with_token {
        false => format!(
            "the server asks for a token (HTTP 401): use --bearer-env NAME, the name of an environment variable that holds it{said}"
        ),
        true => format!("the server does not accept the token (HTTP 401){said}"),
    }
}

/// Why there is no conversation, and what crossed the wire until then.
#[derive(Debug)]
pub struct OpenFailure {
    /// Why.
    pub error: OpenError,
    /// What crossed the wire.
    pub transcript: Transcript,
    /// The end of the server's standard error.
    pub stderr: String,
}

impl OpenFailure {
    /// There is no conversation: nothing was said.
    pub(crate) fn before(revision: Revision, error: impl Into<OpenError>) -> Box<Self> {
        let transcript = Transcript::new(revision, false);
        Box::new(Self { error: error.into(), transcript, stderr: String::new() })
    }
}

/// What a server says of itself, each text of a length that reports can bear.
fn bounded(value: &Value) -> Value {
    const LONGEST: usize = 64 << 10;
    match value {
        Value::String(text) if text.len() > LONGEST => {
            Value::String(text.chars().take(LONGEST / 4).collect())
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), bounded(value))).collect()
        }
        Value::Array(elements) => elements.iter().map(bounded).collect(),
        other => other.clone(),
    }
}

impl Session {
    /// Connects without sending anything.
    pub fn connect(target: &Target, revision: Revision, options: &Options) -> Result<Self, StartError> {
        let over = Self::over(target.connect()?, revision, options.clone());
        Ok(Self { target: Some(target.clone()), ..over })
    }

    /// Connects and sets the conversation up as the revision's era demands.
    pub async fn open(
        target: &Target,
        revision: Revision,
        options: &Options,
    ) -> Result<Self, Box<OpenFailure>> {
        if options.quota.is_spent() {
            let first = if revision.is_stateless() { "server/discover" } else { "initialize" };
            return Err(OpenFailure::before(revision, OpenError::Flooded(first)));
        }
        let mut session =
            Self::connect(target, revision, options).map_err(|error| OpenFailure::before(revision, error))?;
        match session.set_up().await {
            Ok(()) => Ok(session),
            Err(error) => {
                // Over HTTP there is no standard error; over HTTP+SSE, what stands there is the error.
                let is_told = matches!(error, OpenError::Http(_));
                let stderr = if is_told { String::new() } else { session.stderr() };
                Err(Box::new(OpenFailure { error, transcript: session.transcript, stderr }))
            }
        }
    }

    /// Does what the era demands before operation: `initialize` and `initialized`, or `server/discover`.
    pub async fn set_up(&mut self) -> Result<(), OpenError> {
        match self.revision.is_stateless() {
            true => self.discover().await,
            false => self.handshake().await,
        }
    }

    async fn handshake(&mut self) -> Result<(), OpenError> {
        let result = self.first("initialize").await?;
        let version = result["protocolVersion"].as_str().unwrap_or_default().to_owned();
        if version != self.revision.as_str() {
            return Err(OpenError::OtherVersion(version));
        }
        self.tell("notifications/initialized");
        if self.is_http() {
            self.listen();
        }
        Ok(())
    }

    async fn discover(&mut self) -> Result<(), OpenError> {
        let result = self.first("server/discover").await?;
        let versions = result["supportedVersions"].as_array().cloned().unwrap_or_default();
        self.server = Server {
            info: bounded(&result["_meta"]["io.modelcontextprotocol/serverInfo"]),
            capabilities: result["capabilities"].clone(),
            instructions: bounded(&result["instructions"]),
            versions: versions.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        Ok(())
    }

    async fn first(&mut self, method: &'static str) -> Result<Value, OpenError> {
        let waited = self.options.startup_timeout;
        let outcome = self.request_with(method, None, &super::Meta::Standard, waited).await;
        if outcome.status == Some(401) {
            let challenge = outcome.header("www-authenticate").map(str::to_owned);
            return Err(OpenError::Unauthorized { with_token: self.authorization().is_some(), challenge });
        }
        if let Some(result) = outcome.result() {
            return Ok(result.clone());
        }
        if let Some(error) = outcome.error() {
            return Err(OpenError::Refused { method, error: error.clone() });
        }
        if self.flooded {
            return Err(OpenError::Flooded(method));
        }
        Err(match (self.exit, outcome) {
            (Some(exit), _) => OpenError::Ended(exit, method),
            (None, Outcome { failed: Some(problem), .. }) => OpenError::Http(problem),
            (None, Outcome { status: Some(status), body, .. }) => {
                let body = body.unwrap_or_default().chars().take(200).collect();
                OpenError::NotMcp { method, status, body }
            }
            (None, _) => match self.stderr().trim() {
                problem if self.is_legacy() && !problem.is_empty() => OpenError::Http(problem.to_owned()),
                _ => OpenError::Silent { method, waited },
            },
        })
    }

    /// Remembers what an `initialize` reply agreed on.
    pub(super) fn learn_agreement(&mut self, outcome: &Outcome) {
        let Some(result) = outcome.result() else { return };
        self.agreed = true;
        self.server = Server {
            info: bounded(&result["serverInfo"]),
            capabilities: result.get("capabilities").cloned().unwrap_or_else(|| json!({})),
            instructions: bounded(&result["instructions"]),
            versions: Vec::new(),
        };
    }
}
