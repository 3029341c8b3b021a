//! What an attack is.

use std::fmt;

use serde_json::Value;

use crate::{http, messages, processes, schemas};

/// A server that attacks.
pub struct Attack {
    /// What it does, in words.
    pub name: &'static str,
    /// How it does it.
    pub deed: Deed,
    /// The exit codes that are right: mostly one.
    pub exit: &'static [i32],
    /// Further options of the tester.
    pub options: &'static [&'static str],
}

/// An attack of that name, and the exit codes that are right.
pub const fn attack(name: &'static str, deed: Deed, exit: &'static [i32]) -> Attack {
    Attack { name, deed, exit, options: &[] }
}

/// The same, with further options of the tester.
pub const fn with(
    name: &'static str,
    deed: Deed,
    exit: &'static [i32],
    options: &'static [&'static str],
) -> Attack {
    Attack { name, deed, exit, options }
}

/// Does this when it is asked that, and well otherwise.
pub fn on(asked: &Asked, method: &str, act: impl FnOnce() -> Act) -> Act {
    if asked.method == method { act() } else { Act::Well }
}

/// How a server attacks.
#[derive(Clone, Copy)]
pub enum Deed {
    /// By what it says, over each transport.
    Says(fn(&Asked) -> Act),
    /// By what it says in lines.
    Writes(fn(&Asked) -> Act),
    /// By what it says in bodies.
    Sends(fn(&Asked) -> Act),
    /// By how it lives: words of a shell, in which `$SERVER` is a server that is all right.
    Lives(&'static str),
    /// The same, listening at a port of its own: it is never reached.
    Hosts(&'static str),
}

/// How it is spoken to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Stdio,
    Http,
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
        })
    }
}

/// What a server is asked.
pub struct Asked {
    /// The message; null when the body of a request is none.
    pub message: Value,
    /// The method of the message.
    pub method: String,
    /// The HTTP method; empty over stdio.
    pub verb: String,
    /// An address at which somebody else listens.
    pub trap: String,
}

impl Asked {
    /// Whether it is a request with an id.
    pub fn is_request(&self) -> bool {
        self.message.get("id").is_some() && self.message.get("method").is_some()
    }

    /// A reply to it.
    pub fn reply(&self, result: Value) -> Vec<u8> {
        let reply = serde_json::json!({"jsonrpc": "2.0", "id": self.message["id"], "result": result});
        reply.to_string().into_bytes()
    }
}

/// Bytes that may never end.
pub type Stream = Box<dyn Iterator<Item = Vec<u8>>>;

/// What a server does about it.
pub enum Act {
    /// What it should.
    Well,
    /// Nothing.
    Nothing,
    /// Answers with this result.
    Result(Value),
    /// Sends these bytes: over stdio as they are, over HTTP as the body of a JSON response.
    Bytes(Stream),
    /// Over HTTP: sends these bytes as an event stream.
    Events(Stream),
    /// Over HTTP: sends these bytes with nothing before them.
    Raw(Stream),
    /// Closes its output, or the connection.
    Close,
    /// Ends.
    Exit,
}

impl Act {
    /// Sends these bytes once.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Box::new(std::iter::once(bytes.into())))
    }

    /// Sends these bytes for ever.
    pub fn endless(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Box::new(std::iter::repeat(bytes.into())))
    }

    /// Sends these bytes with nothing before them, once.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Raw(Box::new(std::iter::once(bytes.into())))
    }
}

/// Every attack with every way in which it is tried.
pub fn all() -> impl Iterator<Item = (&'static Attack, Over)> {
    let each = [messages::ATTACKS, schemas::ATTACKS, processes::ATTACKS, http::ATTACKS].into_iter().flatten();
    each.flat_map(|attack| {
        let ways: &[Over] = match attack.deed {
            Deed::Says(_) => &[Over::Stdio, Over::Http],
            Deed::Writes(_) | Deed::Lives(_) => &[Over::Stdio],
            Deed::Sends(_) | Deed::Hosts(_) => &[Over::Http],
        };
        ways.iter().map(move |over| (attack, *over))
    })
}

/// The attack of that name.
pub fn find(name: &str) -> Option<&'static Attack> {
    all().map(|(attack, _)| attack).find(|attack| attack.name == name)
}
