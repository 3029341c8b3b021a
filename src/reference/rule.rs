//! A rewriting rule, checked: where it applies and what it does.

use std::time::Duration;

use serde_json::Value;

use super::output::{EventEdit, Route};
use super::spec::{Copies, EditSpec, RuleSpec};
use crate::pattern::{Pattern, PatternError};
use crate::protocol::{Revision, RevisionRange};

/// One rule of a fault or quirk.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) on: On,
    pub(super) request: Option<Pattern>,
    pub(super) message: Option<Pattern>,
    pub(super) times: u64,
    pub(super) after: u64,
    /// A pointer into the request: matches are counted apart for each value there.
    pub(super) per: Option<String>,
    pub(super) edits: Vec<Edit>,
    pub(super) revisions: RevisionRange,
}

/// The place in the traffic where a rule applies. `None` as method stands for `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum On {
    Reply(Option<String>),
    Notification(Option<String>),
    Ask(Option<String>),
    Send,
    Receive(Option<String>),
    Start,
    Eof,
    Sigterm,
    Http(Option<String>),
    Arrive(Option<String>),
    Document(Option<String>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Edit {
    Set { pointer: String, to: Value },
    Remove(String),
    Replace(Value),
    Drop,
    Repeat(usize),
    Before(Value),
    After(Value),
    Text(String),
    Hex(Vec<u8>),
    Newline(String),
    Pretty,
    Delay(Duration),
    Exit(i32),
    Deaf,
    Answer(Value),
    Status(u16),
    Header(Vec<(String, Option<String>)>),
    Event(EventEdit),
    Hold,
    Copy(Route),
}

/// Why a rule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// `on:` names no place.
    #[error(
        "unknown `on: {0}` (known: reply METHOD, notification METHOD, ask METHOD, send *, receive METHOD, start, eof, sigterm, http METHOD, arrive METHOD, document NAME; METHOD and NAME may be *)"
    )]
    On(String),
    /// A pattern is wrong.
    #[error("in `{0}`: {1}")]
    Pattern(&'static str, PatternError),
    /// An edit does not have exactly one verb.
    #[error("an edit has exactly one verb, not {0}")]
    Verbs(String),
    /// `to` and `set` belong together.
    #[error("`set` and `to` belong together")]
    SetTo,
    /// A pointer does not start with `/`.
    #[error("`{0}` is not a JSON pointer: it must be empty or start with `/`")]
    Pointer(String),
    /// Not hexadecimal.
    #[error("`{0}` is not hexadecimal")]
    Hex(String),
    /// Not a duration.
    #[error("{0}")]
    Duration(#[from] DurationError),
    /// A header value is neither text nor null.
    #[error("the value of header `{0}` must be text or null")]
    Header(String),
}

/// The text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a duration such as 50ms or 2s")]
pub struct DurationError(String);

impl Rule {
    pub(super) fn compile(spec: RuleSpec, revisions: RevisionRange) -> Result<Self, RuleError> {
        let pattern = |name, spec: Option<Value>| {
            spec.map(|spec| Pattern::parse(&spec))
                .transpose()
                .map_err(|error| RuleError::Pattern(name, error))
        };
        Ok(Self {
            on: On::parse(&spec.on)?,
            request: pattern("where", spec.request)?,
            message: pattern("match", spec.message)?,
            times: spec.times.unwrap_or(u64::MAX),
            after: spec.after.unwrap_or(0),
            per: spec.per.map(checked_pointer).transpose()?,
            edits: spec.edits.into_iter().map(Edit::compile).collect::<Result<_, _>>()?,
            revisions,
        })
    }

    /// Whether patterns and revision fit. An unknown revision fits every range.
    pub(super) fn fits(
        &self,
        request: Option<&Value>,
        message: Option<&Value>,
        revision: Option<Revision>,
    ) -> bool {
        let in_range = revision.is_none_or(|revision| self.revisions.contains(revision));
        let fits = |pattern: &Option<Pattern>, value| pattern.as_ref().is_none_or(|p| p.check(value).is_ok());
        in_range && fits(&self.request, request) && fits(&self.message, message)
    }
}

impl On {
    fn parse(text: &str) -> Result<Self, RuleError> {
        let (place, method) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let method = match method.trim() {
            "" if !matches!(place, "start" | "eof" | "sigterm") => {
                return Err(RuleError::On(text.to_owned()));
            }
            "" | "*" => None,
            name => Some(name.to_owned()),
        };
        Ok(match (place, &method) {
            ("reply", _) => Self::Reply(method),
            ("notification", _) => Self::Notification(method),
            ("ask", _) => Self::Ask(method),
            ("receive", _) => Self::Receive(method),
            ("http", _) => Self::Http(method),
            ("arrive", _) => Self::Arrive(method),
            ("document", _) => Self::Document(method),
            ("send", None) => Self::Send,
            ("start", None) => Self::Start,
            ("eof", None) => Self::Eof,
            ("sigterm", None) => Self::Sigterm,
            _ => return Err(RuleError::On(text.to_owned())),
        })
    }
}

impl Edit {
    fn compile(spec: EditSpec) -> Result<Self, RuleError> {
        let mut verbs = Vec::new();
        if spec.set.is_some() != spec.to.is_some() {
            return Err(RuleError::SetTo);
        }
        if let (Some(pointer), Some(to)) = (spec.set, spec.to) {
            verbs.push(Self::Set { pointer: checked_pointer(pointer)?, to });
        }
        if let Some(pointer) = spec.remove {
            verbs.push(Self::Remove(checked_pointer(pointer)?));
        }
        if let Some(text) = spec.hex {
            verbs.push(Self::Hex(bytes(&text)?));
        }
        if let Some(text) = spec.delay {
            verbs.push(Self::Delay(parse_duration(&text)?));
        }
        if let Some(members) = spec.header {
            verbs.push(Self::Header(members.into_iter().map(header).collect::<Result<_, _>>()?));
        }
        verbs.extend(spec.replace.map(Self::Replace));
        verbs.extend(spec.drop.and_then(|on| on.then_some(Self::Drop)));
        verbs.extend(spec.repeat.map(Self::Repeat));
        verbs.extend(spec.before.map(Self::Before));
        verbs.extend(spec.after.map(Self::After));
        verbs.extend(spec.text.map(Self::Text));
        verbs.extend(spec.newline.map(Self::Newline));
        verbs.extend(spec.pretty.and_then(|on| on.then_some(Self::Pretty)));
        verbs.extend(spec.exit.map(Self::Exit));
        verbs.extend(spec.deaf.and_then(|on| on.then_some(Self::Deaf)));
        verbs.extend(spec.answer.map(Self::Answer));
        verbs.extend(spec.status.map(Self::Status));
        verbs.extend(spec.event.map(Self::Event));
        verbs.extend(spec.hold.and_then(|on| on.then_some(Self::Hold)));
        verbs.extend(spec.copy.map(|to| Self::Copy(to.into())));
        match (verbs.pop(), verbs.len()) {
            (Some(only), 0) => Ok(only),
            (None, _) => Err(RuleError::Verbs("none".into())),
            (Some(_), more) => Err(RuleError::Verbs((more + 1).to_string())),
        }
    }
}

impl From<Copies> for Route {
    fn from(to: Copies) -> Self {
        match to {
            Copies::Stream => Self::Session,
            Copies::Streams => Self::Streams,
            Copies::Sessions => Self::Sessions,
            Copies::Subscriptions => Self::Subscriptions,
        }
    }
}

fn checked_pointer(pointer: String) -> Result<String, RuleError> {
    match pointer.is_empty() || pointer.starts_with('/') {
        true => Ok(pointer),
        false => Err(RuleError::Pointer(pointer)),
    }
}

fn header((name, value): (String, Value)) -> Result<(String, Option<String>), RuleError> {
    match value {
        Value::Null => Ok((name, None)),
        Value::String(text) => Ok((name, Some(text))),
        _ => Err(RuleError::Header(name)),
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, RuleError> {
    let digits: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let wrong = || RuleError::Hex(text.to_owned());
    if !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let nibble = |c: char| c.to_digit(16).and_then(|n| u8::try_from(n).ok()).ok_or_else(wrong);
    digits.chunks(2).map(|pair| Ok(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

/// Reads `50ms` or `2s`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let wrong = || DurationError(text.to_owned());
    let (digits, unit): (_, fn(u64) -> Duration) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => (digits, Duration::from_millis),
        (None, Some(digits)) => (digits, Duration::from_secs),
        (None, None) => return Err(wrong()),
    };
    digits.trim().parse().map(unit).map_err(|_| wrong())
}
