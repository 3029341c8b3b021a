//! What all connections of one reference server share.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::personal::Memory;
use super::settings::Settings;
use super::tasks::Tasks;
use crate::protocol::Revision;

/// One running reference server.
#[derive(Debug)]
pub struct Server {
    pub(super) settings: Arc<Settings>,
    /// How often each rule has matched: by its index and by what it counts apart.
    matches: Mutex<HashMap<(usize, String), u64>>,
    deaf: AtomicBool,
    extra: AtomicBool,
    pub(super) tasks: Tasks,
    /// What it remembers of its users.
    pub(super) memory: Memory,
    conversations: AtomicU64,
    links: AtomicU64,
    /// The log level that was asked for last, in whatever conversation.
    level: AtomicUsize,
    /// The progress token of the call before.
    token: Mutex<Option<Value>>,
    /// A number that no other server has.
    mark: u64,
}

/// Something that subscribers want to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The set of tools.
    Tools,
    /// The content of a resource.
    Resource(String),
    /// Where a task stands.
    Task(String),
}

impl Server {
    /// A server that has not heard anything yet.
    pub fn new(settings: Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            matches: Mutex::default(),
            deaf: AtomicBool::new(false),
            extra: AtomicBool::new(false),
            tasks: Tasks::default(),
            memory: Memory::default(),
            conversations: AtomicU64::new(0),
            links: AtomicU64::new(0),
            level: AtomicUsize::new(0),
            token: Mutex::default(),
            // The keys of `RandomState` come from the system.
            mark: RandomState::new().hash_one(0),
        })
    }

    /// A number for a new conversation.
    pub(super) fn number(&self) -> u64 {
        self.conversations.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts one more match of a rule and returns how many came before that speak of the same subject.
    pub(super) fn count(&self, rule: usize, subject: Option<&Value>) -> u64 {
        let mut matches = self.matches.lock().unwrap_or_else(PoisonError::into_inner);
        let count = matches.entry((rule, subject.map(Value::to_string).unwrap_or_default())).or_default();
        *count += 1;
        *count - 1
    }

    pub(super) fn is_deaf(&self) -> bool {
        self.deaf.load(Ordering::Relaxed)
    }

    pub(super) fn go_deaf(&self) {
        self.deaf.store(true, Ordering::Relaxed);
    }

    /// Whether the tool `extra` is there.
    pub(super) fn has_extra(&self) -> bool {
        self.extra.load(Ordering::Relaxed)
    }

    /// Adds or removes the tool `extra`; returns whether it is there now.
    pub(super) fn toggle_extra(&self) -> bool {
        !self.extra.fetch_xor(true, Ordering::Relaxed)
    }

    /// The tool whose name is another one in each process.
    pub(super) fn own_tool(&self) -> Option<String> {
        (self.settings.options.own_tool == Some(true)).then(|| format!("own-{:016x}", self.mark))
    }

    /// Notes the log level that a conversation asks for.
    pub(super) fn note_level(&self, level: usize) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// The log level that was asked for last, where all conversations share one.
    pub(super) fn shared_level(&self) -> Option<usize> {
        (self.settings.options.shared_level == Some(true)).then(|| self.level.load(Ordering::Relaxed))
    }

    /// The token under which a call reports its progress: its own, or, where calls are mixed up, that of the call before.
    pub(super) fn token(&self, own: &Value) -> Value {
        let mut last = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(own.clone()).filter(|_| self.settings.options.stray_progress == Some(true));
        before.unwrap_or_else(|| own.clone())
    }

    /// A new `elicitationId`.
    pub(super) fn new_link(&self) -> String {
        format!("page-{:x}-{}", std::process::id(), self.links.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether a capability such as `tools.listChanged` is declared (and served).
    pub(super) fn declares(&self, capability: &str) -> bool {
        match &self.settings.options.capabilities {
            // Nothing that belongs to a client can be listed where clients cannot be told apart.
            None => capability != "tasks.list" || self.knows_clients(),
            Some(names) => names.iter().any(|name| {
                name == capability || name.strip_prefix(capability).is_some_and(|rest| rest.starts_with('.'))
            }),
        }
    }

    /// Whether one client can be told from another.
    pub(super) fn knows_clients(&self) -> bool {
        let options = &self.settings.options;
        options.sessions != Some(false) || options.authorization == Some(true)
    }

    /// Whether batches are accepted in the revision.
    pub(super) fn takes_batches(&self, revision: Revision) -> bool {
        self.settings.options.batch.unwrap_or(revision == Revision::V2025_03_26)
    }
}
