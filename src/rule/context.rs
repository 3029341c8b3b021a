//! What rules look at: a transcript, with what is known about the conversation.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use serde_json::Value;

use super::http::Exchange;
use crate::protocol::{Class, Id, Message, Revision};
use crate::session::Transcript;
use crate::session::transcript::{Entry, What};

/// A transcript made ready for rules.
pub struct Context<'t> {
    /// Everything that crossed the connection.
    pub transcript: &'t Transcript,
    /// What the client declared.
    pub client: Value,
    /// What the server declared, once it did. Nobody knows what holds after a second `initialize` with another answer.
    pub server: Option<Value>,
    has_declared: bool,
    /// Messages of the server, without those that we asked for a second time.
    pub received: Vec<(&'t Entry, Message)>,
    /// Messages of ours.
    pub sent: Vec<(&'t Entry, Message)>,
    /// Everything of ours, messages or not.
    pub(super) written: Vec<&'t Entry>,
    /// Our requests with a usable id, by id, oldest first.
    pub requests: HashMap<Id, Vec<Asked>>,
    /// Requests whose replies may still come.
    pub pending: HashSet<u64>,
    /// Where the replies under an id stand, oldest first.
    pub(super) replied: HashMap<Id, Vec<u64>>,
    /// Ids that we used more than once, and at least once in a malformed message: no reply can be told apart.
    ambiguous: HashSet<Id>,
    /// The HTTP requests with what came for each, once somebody wants them.
    pub(super) exchanges: OnceLock<Vec<Exchange<'t>>>,
}

/// One of our requests.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where it stands.
    pub seq: u64,
    /// Its method.
    pub method: String,
    /// Whether it was malformed on purpose.
    pub deliberate: bool,
    /// Whether it says that it is of the revision that is spoken. Where it does not, a server of both eras may answer as
    /// the other one demands.
    pub of_era: bool,
    /// The exchange that carried it.
    pub exchange: Option<u32>,
}

impl<'t> Context<'t> {
    /// Prepares a transcript.
    pub fn new(transcript: &'t Transcript) -> Self {
        let replays = replays(transcript);
        let is_new = |entry: &Entry| entry.exchange().is_none_or(|exchange| !replays.contains(&exchange));
        let received: Vec<_> = transcript.received().filter(|(entry, _)| is_new(entry)).collect();
        let sent: Vec<_> = transcript.sent().collect();
        let mut requests: HashMap<Id, Vec<Asked>> = HashMap::new();
        for (entry, message) in &sent {
            if let (Class::Request, Some(id), Some(method)) =
                (message.class(), message.id(), message.method())
            {
                let asked = Asked {
                    seq: entry.seq,
                    method: method.to_owned(),
                    deliberate: is_deliberate(entry),
                    of_era: is_of_era(message, transcript.revision),
                    exchange: entry.exchange(),
                };
                requests.entry(id).or_default().push(asked);
            }
        }
        let mut replied: HashMap<Id, Vec<u64>> = HashMap::new();
        for (entry, message) in received.iter().filter(|(_, message)| message.is_reply()) {
            replied.entry(message.id().unwrap_or(Id::Null)).or_default().push(entry.seq);
        }
        let ambiguous = ambiguous(transcript, &sent);
        let mut context = Self {
            transcript,
            client: Value::Null,
            server: None,
            has_declared: false,
            received,
            sent,
            written: written(transcript),
            requests,
            pending: HashSet::new(),
            replied,
            ambiguous,
            exchanges: OnceLock::new(),
        };
        context.learn();
        context
    }

    /// Reads the declared capabilities from the transcript.
    fn learn(&mut self) {
        let initialize = self.sent.iter().find(|(_, message)| message.method() == Some("initialize"));
        self.client = match initialize {
            Some((_, message)) => message.params()["capabilities"].clone(),
            None => self
                .sent
                .iter()
                .map(|(_, m)| &m.params()["_meta"]["io.modelcontextprotocol/clientCapabilities"])
                .find(|capabilities| capabilities.is_object())
                .cloned()
                .unwrap_or_default(),
        };
        let declared: Vec<&Value> = self
            .received
            .iter()
            .filter(|(entry, message)| self.asked(entry, message).is_some_and(declares))
            .filter_map(|(_, message)| message.get("result")?.get("capabilities"))
            .collect();
        let is_one = declared.windows(2).all(|two| two[0] == two[1]);
        let server = declared.first().filter(|_| is_one).map(|server| Value::clone(server));
        (self.has_declared, self.server) = (!declared.is_empty(), server);
    }

    /// Adds what the server declared on another connection, for connections that never asked.
    pub fn with_server(mut self, capabilities: &Value) -> Self {
        if !self.has_declared {
            self.server = Some(capabilities.clone());
        }
        self
    }

    /// Adds what the server declared in an earlier part of this connection.
    pub fn with_server_before(self, capabilities: &Value) -> Self {
        let contradicts = self.has_declared && self.server.as_ref() != Some(capabilities);
        let context = self.with_server(capabilities);
        if contradicts { Self { server: None, ..context } } else { context }
    }

    /// Adds the requests whose replies may still come, where only a part of a connection is judged.
    pub fn with_pending(mut self, pending: &HashSet<u64>) -> Self {
        self.pending.clone_from(pending);
        self
    }

    /// The revision that is spoken.
    pub fn revision(&self) -> Revision {
        self.transcript.revision
    }

    /// Whether messages are lines.
    pub fn is_stdio(&self) -> bool {
        !self.transcript.http && !self.transcript.legacy
    }

    /// Every reply that answers one of our requests, with that request.
    pub fn replies(&self) -> impl Iterator<Item = (&'t Entry, &Message, &Asked)> {
        self.received.iter().filter_map(|(entry, message)| {
            let asked = self.surely_asked(entry, message)?;
            Some((*entry, message, asked))
        })
    }

    /// The request that a reply answers: the newest one of that id before it.
    pub fn asked(&self, entry: &Entry, message: &Message) -> Option<&Asked> {
        if !message.is_reply() {
            return None;
        }
        self.requests.get(&message.id()?)?.iter().rfind(|asked| asked.seq < entry.seq)
    }

    /// The request that a reply answers, if there is no doubt that it is this one and of this revision.
    pub fn surely_asked(&self, entry: &Entry, message: &Message) -> Option<&Asked> {
        let is_clear = !message.id().is_some_and(|id| self.is_ambiguous(&id));
        self.asked(entry, message).filter(|asked| is_clear && asked.of_era)
    }

    /// The message of a request.
    pub fn request(&self, asked: &Asked) -> Option<&Message> {
        let first = self.sent.partition_point(|(entry, _)| entry.seq < asked.seq);
        let same = self.sent[first..].iter().take_while(|(entry, _)| entry.seq == asked.seq);
        // A batch holds several; those of another method are surely others.
        same.map(|(_, message)| message).find(|message| message.method() == Some(&asked.method))
    }

    /// What we sent at a place of the transcript; of a batch the first message.
    pub fn message(&self, seq: u64) -> Option<&Message> {
        let first = self.sent.partition_point(|(entry, _)| entry.seq < seq);
        self.sent.get(first).filter(|(entry, _)| entry.seq == seq).map(|(_, message)| message)
    }

    /// Adds ids under which replies cannot be told apart for a reason that lies before this part of a connection.
    pub fn with_ambiguous(mut self, ids: &HashSet<Id>) -> Self {
        self.ambiguous.extend(ids.iter().cloned());
        self
    }

    /// Whether replies under this id cannot be told apart.
    pub fn is_ambiguous(&self, id: &Id) -> bool {
        self.ambiguous.contains(id)
    }

    /// Whether the server was told before an entry that it is initialized.
    pub fn is_initialized_before(&self, seq: u64) -> bool {
        let mut before = self.sent.iter().take_while(|(entry, _)| entry.seq < seq);
        before.any(|(_, message)| message.method() == Some("notifications/initialized"))
    }

    /// Whether we sent something before this entry that a server may be unable to read, or that has no usable id.
    pub fn sent_unreadable_before(&self, seq: u64) -> bool {
        self.written.iter().take_while(|entry| entry.seq < seq).any(|entry| is_deliberate(entry))
    }
}

/// Whether the answer tells what the server can do.
fn declares(asked: &Asked) -> bool {
    asked.of_era && matches!(asked.method.as_str(), "initialize" | "server/discover")
}

fn written(transcript: &Transcript) -> Vec<&Entry> {
    transcript.entries.iter().filter(|entry| matches!(entry.what, What::Sent { .. })).collect()
}

/// Exchanges that take a stream up again on purpose: what comes on them was sent before.
fn replays(transcript: &Transcript) -> HashSet<u32> {
    let is_resuming = |(name, _): &(String, String)| name.eq_ignore_ascii_case("last-event-id");
    let exchanges = transcript.entries.iter().filter_map(|entry| match &entry.what {
        What::Request { exchange, method, headers, deliberate: true } => {
            (method == "GET" && headers.iter().any(is_resuming)).then_some(*exchange)
        }
        _ => None,
    });
    exchanges.collect()
}

fn is_of_era(message: &Message, revision: Revision) -> bool {
    let said = &message.params()["_meta"]["io.modelcontextprotocol/protocolVersion"];
    revision.is_handshake() || *said == revision.as_str()
}

/// Ids that a server may take for those of several messages, at least one of them malformed.
fn ambiguous(transcript: &Transcript, sent: &[(&Entry, Message)]) -> HashSet<Id> {
    let mut uses: HashMap<Id, (usize, bool)> = HashMap::new();
    let mut count = |id: Id, deliberate: bool| {
        let (times, any) = uses.entry(id).or_default();
        *times += 1;
        *any |= deliberate;
    };
    for (_, message) in sent.iter().filter(|(entry, _)| !is_deliberate(entry)) {
        if let (Some(id), Class::Request) = (message.id(), message.class()) {
            count(id, false);
        }
    }
    for entry in transcript.entries.iter().filter(|entry| is_deliberate(entry)) {
        if let What::Sent { frame, .. } = &entry.what {
            written_ids(&frame.text()).into_iter().for_each(|id| count(id, true));
        }
    }
    uses.into_iter().filter(|(_, (times, deliberate))| *times > 1 && *deliberate).map(|(id, _)| id).collect()
}

/// Every id that a text holds, whether it is JSON or not: a lenient server may read what we do not, and of two members of
/// one name another than we do.
pub fn written_ids(text: &str) -> HashSet<Id> {
    let values = text.match_indices("\"id\"").filter_map(|(at, key)| {
        let value = text[at + key.len()..].trim_start().strip_prefix(':')?;
        serde_json::Deserializer::from_str(value).into_iter::<Value>().next()?.ok()
    });
    values.map(|value| Id::from_value(&value)).collect()
}

/// Whether the entry is a message of ours that breaks a rule on purpose.
pub fn is_deliberate(entry: &Entry) -> bool {
    matches!(entry.what, What::Sent { deliberate: true, .. })
}
