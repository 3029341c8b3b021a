//! Which revisions does the target speak? As the stdio and Streamable HTTP pages of 2026-07-28 prescribe: a
//! `DiscoverResult` or an error that only modern servers know means modern; anything else, or silence, means legacy.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::open::OpenFailure;
use super::{OpenError, Options, Session};
use crate::protocol::{Revision, code};
use crate::transport::Target;

/// What a target speaks, with the conversations that showed it, newest revision first.
pub struct Detection {
    /// Open conversations, one per era that the target speaks.
    pub sessions: Vec<Session>,
    /// Why the eras that it does not speak were ruled out.
    pub failures: Vec<(Revision, Box<OpenFailure>)>,
}

/// How much longer than `initialize` a `server/discover` may take: both processes start alike.
const LENIENCE: Duration = Duration::from_secs(2);

/// Finds the newest revision of each era that the target speaks. Both eras are tried side by side, each on a connection
/// of its own, because a server may fix the era by the first message that it gets.
pub async fn detect(target: &Target, options: &Options) -> Detection {
    let began = Instant::now();
    let mut modern = Box::pin(Session::open(target, Revision::NEWEST_STATELESS, options));
    let mut legacy = Box::pin(newest_handshake(target, options));
    let (modern, legacy) = tokio::select! {
        modern = &mut modern => (modern, legacy.await),
        legacy = &mut legacy => {
            // Silence means legacy: once one era answered, the other need not be awaited to the end of patience.
            let patience = if legacy.is_ok() { began.elapsed() * 2 + LENIENCE } else { options.startup_timeout };
            let modern = match timeout(patience, modern).await {
                Ok(modern) => modern,
                Err(_) => Err(silent(patience)),
            };
            (modern, legacy)
        }
    };
    let mut detection = Detection { sessions: Vec::new(), failures: Vec::new() };
    for (revision, opened) in [(Revision::NEWEST_STATELESS, modern), (Revision::NEWEST_HANDSHAKE, legacy)] {
        match opened {
            Ok(session) => detection.sessions.push(session),
            Err(failure) => detection.failures.push((revision, failure)),
        }
    }
    detection.sessions.retain(speaks_its_revision);
    detection
}

fn silent(waited: Duration) -> Box<OpenFailure> {
    let error = OpenError::Silent { method: "server/discover", waited };
    let transcript = super::Transcript::new(Revision::NEWEST_STATELESS, false);
    Box::new(OpenFailure { error, transcript, stderr: String::new() })
}

/// A legacy server may answer `server/discover` with a result of its own making: only a list of versions counts.
fn speaks_its_revision(session: &Session) -> bool {
    session.revision.is_handshake() || session.server.versions.iter().any(|v| v == session.revision.as_str())
}

async fn newest_handshake(target: &Target, options: &Options) -> Result<Session, Box<OpenFailure>> {
    let failure = match Session::open(target, Revision::NEWEST_HANDSHAKE, options).await {
        Err(failure) => failure,
        opened => return opened,
    };
    // The server counters with a version of its own: take it, if it is one of ours.
    match &failure.error {
        OpenError::OtherVersion(offered) => match offered.parse::<Revision>() {
            Ok(revision) if revision.is_handshake() => Session::open(target, revision, options).await,
            _ => Err(failure),
        },
        _ => Err(failure),
    }
}

/// Whether the error is one that only a server of the stateless era knows.
pub fn is_modern_error(error: &Value) -> bool {
    error["code"].as_i64().is_some_and(|code| code::MODERN.contains(&code))
}
