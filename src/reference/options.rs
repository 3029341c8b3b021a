//! What can be set about the reference server besides its messages.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::files::Files;
use super::icons::Icons;
use super::interactive::State;
use super::personal::Personal;
use super::rule::parse_duration;

/// Settings that a fault, a quirk or the command line changes; `None` is the default.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The only capabilities that are declared and served, such as `tools.listChanged`.
    pub capabilities: Option<Vec<String>>,
    /// Entries on one page of a list (default 3).
    pub page_size: Option<usize>,
    /// How many tools are offered.
    pub tools: Option<usize>,
    /// How many resources are offered.
    pub resources: Option<usize>,
    /// How many prompts are offered.
    pub prompts: Option<usize>,
    /// Whether the tools, resources and prompts that the official conformance suite expects are offered (default no).
    pub fixture: Option<bool>,
    /// Whether tools for what belongs to a user are offered, and whose it is (default: they are not).
    pub personal: Option<Personal>,
    /// Whether a tool that reads files is offered, and which it reads (default: it is not).
    pub files: Option<Files>,
    /// The eras that are spoken (default both).
    pub eras: Option<Vec<EraName>>,
    /// Whether batches are accepted (default: in 2025-03-26 only).
    pub batch: Option<bool>,
    /// A text on standard error at the start.
    pub stderr: Option<String>,
    /// A first line on standard output.
    pub banner: Option<String>,
    /// Every message is written in several pieces.
    pub split_writes: Option<bool>,
    /// Nothing is read before this much time has passed.
    #[serde(deserialize_with = "duration")]
    #[serde(default)]
    pub slow_start: Option<Duration>,
    /// How long the answers of the client are waited for (default 5s).
    #[serde(deserialize_with = "duration")]
    #[serde(default)]
    pub patience: Option<Duration>,
    /// How long the tool `job` takes (default 60ms).
    #[serde(deserialize_with = "duration")]
    #[serde(default)]
    pub job: Option<Duration>,
    /// When HTTP replies are event streams.
    pub sse: Option<Sse>,
    /// Whether HTTP sessions get an id (default yes).
    pub sessions: Option<bool>,
    /// Whether the ids of sessions are numbers in a row (default no).
    pub numbered_sessions: Option<bool>,
    /// Whether a session that a client left in the middle of a request has to be ended before the next one (default no); only
    /// faults do this.
    pub farewell: Option<bool>,
    /// Whether event streams can be taken up again by GET (default no).
    pub resume: Option<Resume>,
    /// Whether a resumable stream begins with an event that has only an id (default yes).
    pub prime: Option<bool>,
    /// Whether HTTP requests need a token of the built-in issuer (default no).
    pub authorization: Option<bool>,
    /// How well `requestState` is protected (default: sealed).
    pub state: Option<State>,
    /// How many turns a conversation with a model may have that uses tools (default 3).
    pub turns: Option<usize>,
    /// Over HTTP, requests to the client go over the GET stream in place of that of the call.
    pub asides: Option<bool>,
    /// Whether a further address of this machine is served, as if all were (default no); only faults do this.
    pub everywhere: Option<bool>,
    /// Whether all sessions share one log level (default no); only faults do this.
    pub shared_level: Option<bool>,
    /// Whether a tool reports its progress under the token of the call before (default no); only faults do this.
    pub stray_progress: Option<bool>,
    /// Whether a tool is offered that has another name in each process (default no); only faults do this.
    pub own_tool: Option<bool>,
    /// How a task of the client is treated (default: its result is asked for at once, and awaited); only faults set this.
    pub requestor: Option<Requestor>,
    /// How the icons of clients are fetched (default: not at all).
    pub icons: Option<Icons>,
}

/// An era by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EraName {
    /// Opened by `initialize`.
    Handshake,
    /// With `_meta` on every request.
    Stateless,
}

/// When an HTTP reply is an event stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sse {
    /// Always.
    Always,
    /// Never, except where the protocol demands it.
    Never,
    /// When there is more to send than the reply.
    #[default]
    Auto,
}

/// How event streams are taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resume {
    /// With what followed on the same stream.
    Stream,
    /// The same, and the server breaks each stream off before the reply, to be polled.
    Poll,
    /// With what followed on any stream of the session; only faults do this.
    Session,
    /// From the beginning of the stream; only faults do this.
    Whole,
    /// Never, although there are ids; only faults do this.
    Refuse,
}

/// How a server treats a task that the client runs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Requestor {
    /// It asks again and again without a pause.
    Hasty,
    /// The same, although the task waits for the user.
    Stubborn,
    /// It asks once, and gives up.
    Fickle,
    /// It lists the client's tasks first, with a cursor of its own making.
    Lists,
    /// It waits until it is told of the end.
    Told,
    /// It gives up by cancelling the request that was answered with the task.
    Blunt,
    /// It asks on for a task that it has cancelled.
    Clinging,
}

impl Options {
    /// Takes over everything that `other` sets.
    pub fn merge(&mut self, other: &Self) {
        fn take<T: Clone>(mine: &mut Option<T>, theirs: &Option<T>) {
            if theirs.is_some() {
                mine.clone_from(theirs);
            }
        }
        take(&mut self.capabilities, &other.capabilities);
        take(&mut self.page_size, &other.page_size);
        take(&mut self.tools, &other.tools);
        take(&mut self.resources, &other.resources);
        take(&mut self.prompts, &other.prompts);
        take(&mut self.fixture, &other.fixture);
        take(&mut self.personal, &other.personal);
        take(&mut self.files, &other.files);
        take(&mut self.eras, &other.eras);
        take(&mut self.batch, &other.batch);
        take(&mut self.stderr, &other.stderr);
        take(&mut self.banner, &other.banner);
        take(&mut self.split_writes, &other.split_writes);
        take(&mut self.slow_start, &other.slow_start);
        take(&mut self.patience, &other.patience);
        take(&mut self.job, &other.job);
        take(&mut self.sse, &other.sse);
        take(&mut self.sessions, &other.sessions);
        take(&mut self.numbered_sessions, &other.numbered_sessions);
        take(&mut self.farewell, &other.farewell);
        take(&mut self.resume, &other.resume);
        take(&mut self.prime, &other.prime);
        take(&mut self.authorization, &other.authorization);
        take(&mut self.state, &other.state);
        take(&mut self.turns, &other.turns);
        take(&mut self.asides, &other.asides);
        take(&mut self.everywhere, &other.everywhere);
        take(&mut self.shared_level, &other.shared_level);
        take(&mut self.stray_progress, &other.stray_progress);
        take(&mut self.own_tool, &other.own_tool);
        take(&mut self.requestor, &other.requestor);
        take(&mut self.icons, &other.icons);
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_duration(&text)).transpose().map_err(serde::de::Error::custom)
}
