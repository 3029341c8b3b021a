//! A case, read and validated.

use std::time::Duration;

use globset::GlobMatcher;
use serde::Deserialize;
use serde_json::Value;

use super::Expectation;
use crate::catalogue::Requirement;
use crate::protocol::{Revision, RevisionRange, ask};
use crate::session::Meta;

/// One scenario: one connection, many checks.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its path without `.yaml`; never numbered, never renamed.
    pub id: String,
    /// The file.
    pub path: String,
    /// What it is about, in words.
    pub title: String,
    /// The revisions in which it applies.
    pub revisions: RevisionRange,
    /// The transports over which it applies.
    pub transports: Vec<String>,
    /// Capabilities that the server must declare.
    pub needs: Vec<String>,
    /// Capabilities that the server must not declare.
    pub lacks: Vec<String>,
    /// What the client declares on its connection; absent = nothing.
    pub client: Option<Declared>,
    /// What connection it wants.
    pub connection: Connection,
    /// What would make its checks visible, when they are not.
    pub hint: Option<String>,
    /// What it does.
    pub body: Body,
}

/// What the emulated client declares.
#[derive(Debug, Clone, PartialEq)]
pub enum Declared {
    /// Everything that the revision knows.
    Everything,
    /// Exactly these capabilities.
    Capabilities(Value),
}

impl Declared {
    /// The capabilities in a revision.
    pub fn capabilities(&self, revision: Revision) -> Value {
        match self {
            Self::Everything => ask::everything(revision),
            Self::Capabilities(capabilities) => capabilities.clone(),
        }
    }
}

/// What connection a case wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Connection {
    /// One that all such cases share.
    #[default]
    Shared,
    /// One of its own, set up.
    Fresh,
    /// One of its own, on which nothing was sent.
    Raw,
}

/// What a case does.
#[derive(Debug, Clone)]
pub enum Body {
    /// A script.
    Steps(Vec<Step>),
    /// A function of this tool, and the requirements that it judges.
    Code(String, Vec<&'static Requirement>),
}

/// One step of a script.
#[derive(Debug, Clone)]
pub struct Step {
    /// Its line in the file.
    pub line: u64,
    /// What it does.
    pub action: Action,
    /// The name under which its outcome is kept.
    pub name: Option<String>,
    /// Its patience, if not the usual one.
    pub timeout: Option<Duration>,
    /// What would make its checks visible, when they are not.
    pub hint: Option<String>,
    /// How its outcome is judged.
    pub checks: Vec<CheckSpec>,
}

/// What a step does. The JSON values are templates.
#[derive(Debug, Clone)]
pub enum Action {
    /// A legal request: method, parameters, changes to `_meta`.
    Request(String, Option<Value>, Meta),
    /// Legal requests in flight together: method and parameters of each.
    Together(Vec<(String, Option<Value>)>),
    /// A legal notification.
    Notify(String, Option<Value>),
    /// Exactly this message.
    Message(Value),
    /// Exactly these pieces of text, and whether a newline follows.
    Raw(Vec<Value>, bool),
    /// Exactly these bytes, and whether a newline follows.
    Bytes(Vec<u8>, bool),
    /// A cheap legal request.
    Fence,
    /// An HTTP exchange.
    Http(HttpSpec),
    /// Close the input and wait for the end.
    CloseInput,
    /// Send SIGTERM and wait for the end.
    Terminate,
    /// Nothing: something captured is judged.
    Value(Value),
    /// Steps for each thing in a list: the name of the thing, the list and the name that it must have, the steps.
    For(String, Things, Vec<Step>),
}

/// An HTTP exchange of a script.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// The HTTP method.
    pub method: String,
    /// Headers; null removes one that the era demands.
    #[serde(default)]
    pub headers: serde_json::Map<String, Value>,
    /// The JSON body.
    #[serde(default)]
    pub body: Option<Value>,
    /// The body as text.
    #[serde(default)]
    pub raw: Option<String>,
    /// Another path.
    #[serde(default)]
    pub path: Option<String>,
    /// Whether another client sends it: over a connection of its own, with header names in other letters.
    #[serde(default)]
    pub apart: bool,
}

/// The things of a list, or those with a name.
#[derive(Debug, Clone)]
pub struct Things {
    /// The list.
    pub list: List,
    /// The names; absent = all.
    pub named: Option<GlobMatcher>,
}

impl Things {
    /// Why there may be none, and what to do about it.
    pub fn hint(&self) -> String {
        match &self.named {
            None => self.list.hint().to_owned(),
            Some(glob) => format!("{} is named `{}`", self.list.none(), glob.glob()),
        }
    }

    /// Whether a thing is one of them.
    pub fn wants(&self, thing: &Value) -> bool {
        let mut names = ["name", "uri", "uriTemplate"].iter().filter_map(|key| thing[*key].as_str());
        self.named.as_ref().is_none_or(|glob| names.any(|name| glob.is_match(name)))
    }
}

/// What a script can repeat itself over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum List {
    /// Tools as listed.
    Tools,
    /// Tools that may be called, with arguments.
    CallableTools,
    /// Calls that the input schema forbids.
    InvalidCalls,
    /// Resources as listed.
    Resources,
    /// Resource templates as listed.
    Templates,
    /// Prompts, with arguments.
    Prompts,
    /// The list methods that the server answered.
    Lists,
    /// The list methods of declared capabilities.
    DeclaredLists,
    /// Every page that the survey saw.
    Pages,
    /// One legal request of each kind that asks for something by its name.
    NamedRequests,
}

impl List {
    /// Every list, by the name in scripts.
    pub const ALL: [(&'static str, Self); 10] = [
        ("tools", Self::Tools),
        ("callable-tools", Self::CallableTools),
        ("invalid-calls", Self::InvalidCalls),
        ("resources", Self::Resources),
        ("templates", Self::Templates),
        ("prompts", Self::Prompts),
        ("lists", Self::Lists),
        ("declared-lists", Self::DeclaredLists),
        ("pages", Self::Pages),
        ("named-requests", Self::NamedRequests),
    ];

    /// The method and the member of its result that list the things themselves, where there is such a list.
    pub const fn source(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Tools | Self::CallableTools | Self::InvalidCalls => Some(("tools/list", "tools")),
            Self::Resources => Some(("resources/list", "resources")),
            Self::Templates => Some(("resources/templates/list", "resourceTemplates")),
            Self::Prompts => Some(("prompts/list", "prompts")),
            Self::Lists | Self::DeclaredLists | Self::Pages | Self::NamedRequests => None,
        }
    }

    /// That nothing is in it, as the beginning of a sentence.
    const fn none(self) -> &'static str {
        match self {
            Self::CallableTools | Self::InvalidCalls => "no tool that may be called",
            Self::Tools => "no tool",
            Self::Resources => "no resource",
            Self::Templates => "no resource template",
            Self::Prompts => "no prompt",
            Self::Lists | Self::DeclaredLists | Self::Pages | Self::NamedRequests => "nothing",
        }
    }

    /// Why the list may be empty, and what to do about it.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Tools => "the server lists no tools",
            Self::CallableTools | Self::InvalidCalls => {
                "no tool may be called with arguments that fit: annotate one with readOnlyHint, or allow it with --tools"
            }
            Self::Resources => "the server lists no resources",
            Self::Templates => "the server lists no resource templates",
            Self::Prompts => "the server lists no prompts",
            Self::Lists | Self::DeclaredLists | Self::Pages => "the server has no lists",
            Self::NamedRequests => "the server lists no resource, no prompt, and no tool that may be called",
        }
    }
}

/// One named assertion.
#[derive(Debug, Clone)]
pub struct CheckSpec {
    /// Its line in the file.
    pub line: u64,
    /// What it judges.
    pub requirement: &'static Requirement,
    /// What is right.
    pub expectation: Expectation,
}

impl Case {
    /// Every requirement that the case judges, in order, each once.
    pub fn requirements(&self) -> Vec<&'static Requirement> {
        let mut found: Vec<&'static Requirement> = Vec::new();
        let mut add = |requirement: &'static Requirement| {
            if !found.iter().any(|known| known.id == requirement.id) {
                found.push(requirement);
            }
        };
        match &self.body {
            Body::Code(_, judges) => judges.iter().copied().for_each(&mut add),
            Body::Steps(steps) => {
                all_steps(steps).iter().flat_map(|step| &step.checks).for_each(|check| add(check.requirement))
            }
        }
        found
    }
}

/// The steps with those inside loops, in order.
pub(crate) fn all_steps(steps: &[Step]) -> Vec<&Step> {
    let mut found = Vec::new();
    for step in steps {
        found.push(step);
        if let Action::For(_, _, inner) = &step.action {
            found.extend(all_steps(inner));
        }
    }
    found
}
