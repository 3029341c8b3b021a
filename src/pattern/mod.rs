//! Patterns over JSON, and templates that fill in captured values: the vocabulary that cases, faults and quirks share.
//! Masks for what changes from run to run.

mod filled;
mod mask;
mod matcher;
mod parse;
pub(crate) mod pointer;
mod schema;
mod template;

pub use mask::{Mask, mask};
pub use matcher::Mismatch;
pub use parse::PatternError;
pub use schema::{Schema, is_small, values};
pub use template::{Missing, fill, names};

use serde_json::Value;

/// A pattern over a JSON value that may be absent. Objects are open: further members are legal.
#[derive(Debug, Clone)]
pub struct Pattern(Node);

#[derive(Debug, Clone)]
enum Node {
    /// Present, anything.
    Any,
    Absent,
    Null,
    String,
    Text,
    Integer,
    Number,
    Boolean,
    Object,
    Array,
    Base64,
    Uri,
    Equal(Value),
    Members(Vec<(String, Node)>),
    Elements(Vec<Node>),
    Regex(regex::Regex),
    In(Vec<Value>),
    AnyOf(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Each(Box<Node>),
    Contains(Box<Node>),
    Size {
        min: usize,
        max: usize,
    },
    Range {
        min: f64,
        max: f64,
    },
    Unique(String),
    Schema(Box<Schema>),
    /// A schema that is captured at run time.
    SchemaAt(String),
}

impl Pattern {
    /// Reads a pattern. Words that start with `$` are matchers; everything else stands for itself.
    pub fn parse(spec: &Value) -> Result<Self, PatternError> {
        parse::node(spec, "").map(Self)
    }

    /// Fills in captured values. They stand for themselves, even where they look like matchers.
    pub fn fill(&self, lookup: &mut dyn FnMut(&str) -> Option<Value>) -> Result<Self, Missing> {
        filled::node(&self.0, lookup).map(Self)
    }

    /// Checks a value; `None` is an absent member.
    pub fn check(&self, value: Option<&Value>) -> Result<(), Mismatch> {
        matcher::check(&self.0, value, &mut String::new())
    }

    /// Whether the value fits.
    pub fn matches(&self, value: &Value) -> bool {
        self.check(Some(value)).is_ok()
    }
}
