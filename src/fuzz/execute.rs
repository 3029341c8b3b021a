//! Running scripts on a session.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::Value;

use super::oracle::{self, Bug};
use super::script::{Action, Script};
use crate::protocol::Revision;
use crate::session::{Meta, OpenFailure, Options, Session, Transcript};
use crate::transport::Target;

/// How long a server may take to end after its input did. What does not is no bug here: a case judges that.
const END: Duration = Duration::from_secs(5);

/// A server to run scripts on, which is started again when it dies.
pub(super) struct Bench<'t> {
    pub target: &'t Target,
    pub revision: Revision,
    pub options: &'t Options,
    /// A secret in the environment of the server.
    pub canary: &'t str,
    /// A legal request that begins each connection of the stateless era: some servers of both eras take the era of a
    /// connection from its first message after discovery.
    pub first: Option<String>,
}

impl Bench<'_> {
    pub(super) async fn open(&self) -> Result<Session, Box<OpenFailure>> {
        let mut session = Session::open(self.target, self.revision, self.options).await?;
        if let Some(method) = &self.first {
            session.request(method, None).await;
        }
        Ok(session)
    }

    /// Runs scripts one after the other on a new server: what they show together.
    pub(super) async fn show(&self, scripts: &[&Script]) -> Vec<Bug> {
        let Ok(mut session) = self.open().await else { return Vec::new() };
        let capabilities = session.server.capabilities.clone();
        let mut bugs = Vec::new();
        for script in scripts {
            bugs.extend(perform(&mut session, script).await);
            if session.dead().is_some() || script.ends() {
                break;
            }
        }
        bugs.extend(self.judge(&session.finish().await, &capabilities));
        bugs
    }

    pub(super) fn judge(&self, transcript: &Transcript, capabilities: &Value) -> Vec<Bug> {
        let mut bugs = oracle::of_transcript(transcript, capabilities);
        bugs.extend(oracle::of_canary(transcript, capabilities, self.canary));
        bugs
    }
}

/// Runs one script; what is seen at once. The rules see the rest in the transcript.
pub(super) async fn perform(session: &mut Session, script: &Script) -> Vec<Bug> {
    let mut bugs = Vec::new();
    for action in &script.actions {
        if matches!(action, Action::CloseInput) {
            session.close_input(Some(END)).await;
            return bugs;
        }
        bugs.extend(act(session, action).await);
        if let Some(why) = session.dead() {
            bugs.push(oracle::of_death(&why, session.exit().is_some(), session.transcript.last()));
            break;
        }
    }
    bugs
}

async fn act(session: &mut Session, action: &Action) -> Option<Bug> {
    match action {
        Action::Request { method, params, forbidden } => {
            let timeout = session.timeout();
            let outcome = session.request_with(method, Some(params.clone()), &Meta::Standard, timeout).await;
            return forbidden.then(|| oracle::of_forbidden(&outcome, &params["name"].to_string())).flatten();
        }
        Action::Message(message) => {
            let message = with_id(session, message);
            session.message(&message, false).await;
        }
        // Each line is a message of its own.
        Action::Text(text) => {
            for line in text.split('\n') {
                write(session, &[line]).await;
            }
        }
        Action::Pieces(pieces) => {
            write(session, &pieces.iter().map(String::as_str).collect::<Vec<_>>()).await
        }
        Action::Base64(encoded) => {
            let bytes = STANDARD.decode(encoded).unwrap_or_default();
            session.raw(&[Bytes::from(bytes)], true, false).await;
        }
        Action::Together(calls) => {
            let calls: Vec<_> =
                calls.iter().map(|call| (call.method.clone(), Some(call.params.clone()))).collect();
            session.together(&calls).await;
        }
        Action::CloseInput => {}
    }
    None
}

async fn write(session: &mut Session, pieces: &[&str]) {
    let id = session.new_id().to_string();
    let fill = |piece: &&str| Bytes::from(piece.replace("\"${id}\"", &id));
    let pieces: Vec<Bytes> = pieces.iter().map(fill).collect();
    session.raw(&pieces, true, false).await;
}

fn with_id(session: &mut Session, message: &Value) -> Value {
    match message {
        Value::Object(members) if members.get("id").is_some_and(|id| id == "${id}") => {
            let mut message = message.clone();
            message["id"] = session.new_id().to_value();
            message
        }
        Value::Array(batch) => batch.iter().map(|inner| with_id(session, inner)).collect(),
        other => other.clone(),
    }
}
