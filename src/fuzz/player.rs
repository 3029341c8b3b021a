//! Playing scripts on a server: actions follow each other without waiting, and what is owed is awaited at the end.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::bench::Bench;
use super::oracle::{self, Bug};
use super::script::{Action, Http, Script, Which};
use crate::protocol::{Id, Message};
use crate::session::transcript::What;
use crate::session::{HttpCall, Meta, OpenFailure, Session, Transcript};

/// How long a server may take to end after its input did. What does not is no bug here: a case judges that.
const END: Duration = Duration::from_secs(5);
/// How long an answer is awaited that need not come, where no fence can end the wait.
const UNSURE: Duration = Duration::from_millis(150);
/// How long a slow reply holds up the others.
const HOLD: Duration = Duration::from_millis(250);
/// How many messages without a reply are remembered.
const OPEN: usize = 512;
/// HTTP requests in flight.
const EXCHANGES: usize = 8;

/// A request to which a reply is owed.
#[derive(Debug, Clone)]
struct Owed {
    seq: u64,
    exchange: Option<u32>,
    due: Instant,
}

/// An action that was played.
#[derive(Debug, Clone)]
pub(super) struct Played {
    /// Its entry in the transcript.
    pub seq: u64,
    /// The place of its script in the flight, and its own in the script.
    pub at: (usize, usize),
    /// The reply to it, or to the last of its messages.
    pub reply: Option<Message>,
    /// Whether a reply without an id may be meant for it.
    is_unclear: bool,
    /// Whether a reply may still come.
    expects: bool,
}

/// What was in the air together, and what came of it.
pub(super) struct Flight {
    /// What crossed the wire, connection by connection.
    pub transcripts: Vec<Transcript>,
    /// What the server declared.
    pub capabilities: Value,
    /// What was seen at once: deaths.
    pub bugs: Vec<Bug>,
    /// What was played, in order.
    pub played: Vec<Played>,
    /// Requests whose replies may still come.
    pub pending: HashSet<u64>,
    /// Calls that the server must refuse: their entries, and the names of the tools.
    pub forbidden: Vec<(u64, String)>,
    /// The end of the server's standard error.
    pub stderr: String,
}

impl Flight {
    /// What was played of the script at a place.
    pub(super) fn of(&self, place: usize) -> &[Played] {
        let from = self.played.partition_point(|played| played.at.0 < place);
        let to = self.played.partition_point(|played| played.at.0 <= place);
        &self.played[from..to]
    }
}

/// A connection on which scripts are played.
pub(super) struct Player<'b> {
    bench: &'b Bench<'b>,
    pub session: Session,
    /// Entries up to this one are told in each flight.
    prelude: u64,
    owed: HashMap<Id, Owed>,
    ids: HashMap<Id, usize>,
    exchanges: Vec<(u32, Instant)>,
    played: Vec<Played>,
    forbidden: Vec<(u64, String)>,
    bugs: Vec<Bug>,
    parts: Vec<Transcript>,
    /// Messages of earlier flights to which a reply may still come.
    open: VecDeque<u64>,
    newest: Option<Id>,
    /// Ids that were used on purpose for several messages: the first reply may be meant for any of them. So may that to an
    /// id that was not issued, which another script may use as well.
    shared: HashSet<Id>,
    /// Whether nothing was agreed on this connection, so that nothing is owed.
    raw: bool,
    /// Connections opened.
    pub connections: usize,
    /// Bytes sent since the beginning.
    pub bytes: usize,
}

#[cfg(test)]
impl Played {
    pub(super) fn at_entry(seq: u64, reply: Option<Message>) -> Self {
        Self { seq, at: (0, 0), reply, is_unclear: false, expects: true }
    }
}

impl<'b> Player<'b> {
    /// A player on a new connection.
    pub(super) async fn open(bench: &'b Bench<'b>) -> Result<Self, Box<OpenFailure>> {
        Ok(Self::on(bench, bench.open().await?))
    }

    /// A player on an open connection.
    pub(super) fn on(bench: &'b Bench<'b>, session: Session) -> Self {
        Self {
            bench,
            prelude: session.transcript.last(),
            session,
            owed: HashMap::new(),
            ids: HashMap::new(),
            exchanges: Vec::new(),
            played: Vec::new(),
            forbidden: Vec::new(),
            bugs: Vec::new(),
            parts: Vec::new(),
            open: VecDeque::new(),
            newest: None,
            shared: HashSet::new(),
            raw: false,
            connections: 0,
            bytes: 0,
        }
    }

    /// Whether the connection can be used for more.
    pub(super) fn is_alive(&self) -> bool {
        self.session.dead().is_none()
    }

    /// Plays a script; `place` is its place in the flight.
    pub(super) async fn play(&mut self, script: &Script, place: usize) {
        for (index, action) in script.actions.iter().enumerate() {
            if !self.is_alive() {
                return;
            }
            let seq = self.session.transcript.last() + 1;
            let is_unclear = !matches!(action, Action::Request { .. } | Action::Together(_) | Action::Await);
            let expects = expects(action);
            self.played.push(Played { seq, at: (place, index), reply: None, is_unclear, expects });
            self.act(action).await;
        }
        if self.raw {
            self.settle().await;
            // The next script begins where anything can be asked.
            if self.is_alive() {
                self.reconnect(true).await;
            }
        }
    }

    async fn act(&mut self, action: &Action) {
        match action {
            Action::Request { method, params, forbidden } => {
                let (id, message) = self.session.compose(method, Some(params.clone()), &Meta::Standard);
                let sent = self.send(&message, Some(id), false).await;
                if *forbidden {
                    self.forbidden.push((sent, params["name"].to_string()));
                }
            }
            Action::Together(calls) => {
                let compose = |session: &mut Session, call: &super::script::Call| {
                    session.compose(&call.method, Some(call.params.clone()), &Meta::Standard)
                };
                let composed: Vec<_> = calls.iter().map(|call| compose(&mut self.session, call)).collect();
                let sent = self.session.launch_all(&composed);
                for ((id, message), sent) in composed.into_iter().zip(sent) {
                    self.bytes += message.to_string().len();
                    self.owe(id, sent.seq, sent.exchange);
                }
            }
            Action::Message(message) => {
                let message = self.with_ids(message);
                let id = message.get("id").map(Id::from_value).filter(Id::is_legal);
                let id = id.filter(|_| message.get("method").is_some());
                self.send(&message, id, true).await;
            }
            // Each line is a message of its own.
            Action::Text(text) => {
                for line in text.split('\n') {
                    self.write(&[line], true).await;
                }
            }
            Action::Pieces(pieces) => {
                self.write(&pieces.iter().map(String::as_str).collect::<Vec<_>>(), true).await;
            }
            Action::Base64(encoded) => {
                let bytes = STANDARD.decode(encoded).unwrap_or_default();
                self.write_bytes(&[bytes.into()], true).await;
            }
            Action::Cancel(which) => self.cancel(*which).await,
            Action::Await => self.settle().await,
            Action::Http(http) => self.http(http).await,
            Action::Unfinished(text) => {
                self.settle().await;
                self.write(&[text], false).await;
                self.end().await;
            }
            Action::CloseInput => {
                self.settle().await;
                self.end().await;
            }
            Action::Reconnect { handshake } => {
                self.settle().await;
                // A death is told by the connection that died.
                if self.is_alive() {
                    self.reconnect(*handshake).await;
                }
            }
            Action::Handshake if self.raw => {
                self.raw = self.session.set_up().await.is_err();
                // What was asked before it may never be answered.
                self.owed.clear();
            }
            Action::Handshake => {}
        }
    }

    async fn send(&mut self, message: &Value, id: Option<Id>, deliberate: bool) -> u64 {
        self.make_room().await;
        let sent = self.session.launch(message, deliberate || self.raw);
        self.bytes += 200;
        self.exchanges.extend(sent.exchange.map(|exchange| (exchange, self.due())));
        let Some(id) = id else { return sent.seq };
        self.newest = Some(id.clone());
        self.ids.insert(id.clone(), self.played.len() - 1);
        if !deliberate && !self.raw {
            self.owe(id, sent.seq, sent.exchange);
        }
        sent.seq
    }

    fn owe(&mut self, id: Id, seq: u64, exchange: Option<u32>) {
        let due = self.due();
        self.newest = Some(id.clone());
        self.ids.insert(id.clone(), self.played.len().saturating_sub(1));
        self.owed.insert(id, Owed { seq, exchange, due });
    }

    fn due(&self) -> Instant {
        Instant::now() + self.session.timeout()
    }

    async fn write(&mut self, pieces: &[&str], newline: bool) {
        let mut filled = Vec::new();
        for piece in pieces {
            if piece.contains("\"${last}\"") {
                self.shared.extend(self.newest.clone());
            }
            filled.push(match piece.contains("\"${") {
                true => fill(&mut self.session, &mut self.newest, piece).into(),
                false => Bytes::copy_from_slice(piece.as_bytes()),
            });
        }
        let pieces: Vec<Bytes> = filled;
        self.write_bytes(&pieces, newline).await;
    }

    async fn write_bytes(&mut self, pieces: &[Bytes], newline: bool) {
        self.make_room().await;
        self.bytes += pieces.iter().map(Bytes::len).sum::<usize>();
        let sent = self.session.launch_bytes(pieces, newline).await;
        self.exchanges.extend(sent.exchange.map(|exchange| (exchange, self.due())));
        if let (Some(id), Some(played)) = (self.newest.clone(), self.played.len().checked_sub(1)) {
            self.ids.entry(id).or_insert(played);
        }
    }

    fn with_ids(&mut self, message: &Value) -> Value {
        match message {
            Value::Object(members) => {
                let mut message = message.clone();
                for (name, value) in members {
                    match value.as_str() {
                        Some("${id}") => {
                            let id = self.session.new_id();
                            message[name] = id.to_value();
                            self.newest = Some(id);
                        }
                        Some("${last}") => {
                            self.shared.extend(self.newest.clone());
                            message[name] = self.newest.as_ref().map_or(json!(0), Id::to_value);
                        }
                        _ => {}
                    }
                }
                message
            }
            Value::Array(batch) => batch.iter().map(|inner| self.with_ids(inner)).collect(),
            other => other.clone(),
        }
    }

    async fn cancel(&mut self, which: Which) {
        let id = match (which, &self.newest) {
            (Which::Last, Some(id)) => id.to_value(),
            _ => json!("mcp-conform-none"),
        };
        let method = "notifications/cancelled";
        let message =
            json!({"jsonrpc": "2.0", "method": method, "params": {"requestId": id, "reason": "fuzzing"}});
        self.send(&message, None, false).await;
        if let (Which::Last, Some(id)) = (which, &self.newest) {
            // It may be answered, and it may not.
            self.owed.remove(id);
        }
    }

    async fn http(&mut self, http: &Http) {
        self.make_room().await;
        if http.ends_session() {
            // With the session ends whatever is still in the air.
            self.settle().await;
        }
        let headers = http.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let text = http.body.as_deref().map(|body| fill(&mut self.session, &mut self.newest, body));
        let message = text.as_ref().and_then(|text| serde_json::from_str(text).ok());
        let raw = text.map(Bytes::from);
        let method = http.method.clone();
        let call = HttpCall { method, headers, message, raw, cut: http.cut, ..HttpCall::default() };
        let Some(sent) = self.session.launch_http(&call) else { return };
        let Some(exchange) = sent.exchange else { return };
        match (http.abort, http.method.as_str()) {
            // Long enough for the request to leave.
            (true, _) => drop(self.session.take_in(Instant::now() + Duration::from_millis(2)).await),
            (false, "POST") => return self.exchanges.push((exchange, self.due())),
            // The stream of a GET stays open: its head is enough.
            (false, _) => {
                let end = Instant::now() + UNSURE;
                while !self.session.has_head(exchange) && self.session.take_in(end).await {}
            }
        }
        self.session.drop_exchange(exchange);
        if http.ends_session() && self.is_alive() {
            self.reconnect(true).await;
        }
    }

    /// Over HTTP only so many requests are in flight.
    async fn make_room(&mut self) {
        let end = Instant::now() + HOLD;
        while self.session.is_http() && self.open_exchanges() >= EXCHANGES && self.session.take_in(end).await
        {
        }
        self.absorb();
    }

    fn open_exchanges(&self) -> usize {
        self.exchanges.iter().filter(|(exchange, _)| !self.session.is_landed(*exchange)).count()
    }

    /// Ends the connection as a client does, and opens another.
    async fn end(&mut self) {
        if self.is_alive() {
            self.session.close_input(Some(END)).await;
            self.reconnect(true).await;
        }
    }

    async fn reconnect(&mut self, handshake: bool) {
        let opened = match handshake {
            true => self.bench.open().await.ok(),
            false => self.bench.connect().ok(),
        };
        let Some(mut session) = opened else { return self.session.give_up() };
        session.transcript.go_on_after(self.session.transcript.last());
        std::mem::swap(&mut self.session, &mut session);
        self.prelude = self.session.transcript.last();
        self.connections += 1;
        self.raw = !handshake;
        self.owed.clear();
        self.shared.clear();
        self.exchanges.clear();
        self.parts.push(session.finish().await);
    }

    /// Takes the replies that came.
    fn absorb(&mut self) {
        for reply in self.session.landed() {
            let Some(id) = reply.id.filter(|id| *id != Id::Null) else {
                self.assign(reply.message);
                continue;
            };
            self.owed.remove(&id);
            if let Some(played) = self.ids.remove(&id).and_then(|index| self.played.get_mut(index)) {
                played.reply = Some(reply.message);
                played.expects = self.shared.contains(&id) || !self.session.is_issued(&id);
            }
        }
    }

    /// A reply without an id is meant for the first message that has no reply and may have confused the server.
    fn assign(&mut self, message: Message) {
        let answered =
            self.played.iter().rposition(|played| played.reply.is_some()).map_or(0, |last| last + 1);
        let open = self.played.iter_mut().skip(answered).find(|played| played.is_unclear);
        if let Some(played) = open {
            played.reply = Some(message);
        }
    }

    /// Waits until nothing is owed any more, or is too slow to wait for. A server that answers nothing at all is given up.
    pub(super) async fn settle(&mut self) {
        if !self.is_alive() {
            return;
        }
        if self.raw {
            let end = Instant::now() + UNSURE;
            while self.session.take_in(end).await {}
            return self.absorb();
        }
        let mut fence = self.fence();
        let mut is_last = false;
        let mut silence = Instant::now();
        loop {
            self.absorb();
            self.forget_exchanges();
            let is_held = self.owed.contains_key(&fence) || !self.exchanges.is_empty();
            if self.owed.is_empty() && self.exchanges.is_empty() || !self.is_alive() {
                return;
            }
            // What is slow is waited for only as long as nothing else is to be done.
            let patience = if is_held { self.session.timeout() } else { HOLD };
            if self.session.take_in(silence + patience).await {
                silence = Instant::now();
            } else if self.is_alive() && is_held && !is_last && self.owed.contains_key(&fence) {
                // What came before may have swallowed it.
                is_last = true;
                fence = self.fence();
                silence = Instant::now();
            } else if self.is_alive() {
                return self.overdue(&fence, is_held);
            }
        }
    }

    /// Sends a request that must be answered.
    fn fence(&mut self) -> Id {
        let (fence, message) = self.session.compose(self.bench.fence(), None, &Meta::Standard);
        let sent = self.session.launch(&message, false);
        let due = self.due();
        self.owed.insert(fence.clone(), Owed { seq: sent.seq, exchange: sent.exchange, due });
        fence
    }

    /// Exchanges that are over owe nothing; those of event streams that stay open are not waited for.
    fn forget_exchanges(&mut self) {
        let session = &self.session;
        self.exchanges.retain(|(exchange, _)| !session.is_landed(*exchange) && !session.is_stream(*exchange));
        self.owed.retain(|_, owed| owed.exchange.is_none_or(|exchange| !session.is_landed(exchange)));
    }

    /// Nothing came for too long.
    fn overdue(&mut self, fence: &Id, is_held: bool) {
        if is_held && self.owed.remove(fence).is_some() {
            self.session.give_up();
        }
        for (exchange, _) in std::mem::take(&mut self.exchanges) {
            self.session.drop_exchange(exchange);
        }
    }

    /// Waits for everything that is owed, as long as patience lasts.
    pub(super) async fn wait_for_all(&mut self) {
        self.settle().await;
        while let (true, Some(due)) = (self.is_alive(), self.owed.values().map(|owed| owed.due).max()) {
            if !self.session.take_in(due).await {
                return;
            }
            self.absorb();
        }
    }

    /// Lets everything come down, and takes out what came of it. The connection can be used on.
    pub(super) async fn land(&mut self) -> Flight {
        self.settle().await;
        let died = self.session.dead();
        if let Some(why) = &died {
            let crashed = self.session.exit().is_some();
            if crashed {
                // What it says last comes on another pipe.
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            let stderr = self.session.stderr();
            let bug = oracle::of_death(why, crashed, self.session.transcript.last(), &stderr);
            // Whoever does not begin with a handshake may be left: a server that ends is worth a look, no more.
            self.bugs.push(if self.raw { bug.into_advice() } else { bug });
        }
        let now = Instant::now();
        let is_due = |owed: &Owed| died.is_some() || owed.due <= now;
        let pending: HashSet<u64> =
            self.owed.values().filter(|owed| !is_due(owed)).map(|owed| owed.seq).collect();
        self.owed.retain(|_, owed| pending.contains(&owed.seq));
        let earlier: Vec<u64> = self.open.iter().copied().collect();
        self.remember_open();
        let (prelude, open) = (self.prelude, &self.open);
        let part = self.session.take_part(|entry| {
            let is_open = || pending.contains(&entry.seq) || open.binary_search(&entry.seq).is_ok();
            entry.seq <= prelude || !matches!(entry.what, What::Received { .. }) && is_open()
        });
        self.parts.push(part);
        self.ids.retain(|id, _| self.owed.contains_key(id));
        self.ids.values_mut().for_each(|index| *index = usize::MAX);
        Flight {
            transcripts: std::mem::take(&mut self.parts),
            capabilities: self.session.server.capabilities.clone(),
            bugs: std::mem::take(&mut self.bugs),
            played: std::mem::take(&mut self.played),
            pending: pending.into_iter().chain(earlier).collect(),
            forbidden: std::mem::take(&mut self.forbidden),
            stderr: self.session.stderr(),
        }
    }

    /// Remembers what has no reply yet: one that comes later is no stranger.
    fn remember_open(&mut self) {
        let ends = self.played.iter().skip(1).map(|played| played.seq);
        let ends = ends.chain([self.session.transcript.last() + 1]);
        for (played, end) in self.played.iter().zip(ends) {
            if played.expects && played.seq > self.prelude {
                self.open.extend((played.seq..end).take(OPEN));
            }
        }
        let prelude = self.prelude;
        self.open.retain(|seq| *seq > prelude);
        self.open.drain(..self.open.len().saturating_sub(OPEN));
    }

    /// Ends the connection, and takes out what came of it.
    pub(super) async fn finish(mut self) -> Flight {
        let mut flight = self.land().await;
        let rest = self.session.finish().await;
        // Only what is new since the flight: the rest of the output.
        flight.pending.clear();
        if let Some(last) = flight.transcripts.last_mut() {
            last.append(rest);
        }
        flight
    }
}

/// Whether a server may see a request in it.
fn expects(action: &Action) -> bool {
    match action {
        Action::Request { .. } | Action::Together(_) | Action::Base64(_) | Action::Pieces(_) => true,
        Action::Message(message) => message.get("id").is_some() || message.is_array(),
        Action::Text(text) => text.contains("\"id\""),
        _ => false,
    }
}

/// The text with ids in place of their names.
fn fill(session: &mut Session, newest: &mut Option<Id>, text: &str) -> String {
    let mut text = text.to_owned();
    if text.contains("\"${last}\"") {
        let last = newest.as_ref().map_or_else(|| "0".to_owned(), Id::to_string);
        text = text.replace("\"${last}\"", &last);
    }
    if text.contains("\"${id}\"") {
        let id = session.new_id();
        text = text.replace("\"${id}\"", &id.to_string());
        *newest = Some(id);
    }
    text
}
