//! The YAML of faults and quirks, as it is written. `rule.rs` turns it into something that can be applied.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::fault::{FaultError, Transport};
use super::options::Options;
use super::output::EventEdit;
use crate::protocol::RevisionRange;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultSpec {
    pub id: String,
    pub requirement: Option<String>,
    #[serde(default)]
    pub revisions: RevisionRange,
    pub transports: Option<Vec<Transport>>,
    pub about: String,
    #[serde(default)]
    pub options: Options,
    #[serde(default)]
    pub rewrite: Vec<Spanned<RuleSpec>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    pub on: String,
    #[serde(default, rename = "where", deserialize_with = "present")]
    pub request: Option<Value>,
    #[serde(default, rename = "match", deserialize_with = "present")]
    pub message: Option<Value>,
    pub times: Option<u64>,
    pub after: Option<u64>,
    pub per: Option<String>,
    #[serde(rename = "do")]
    pub edits: Vec<EditSpec>,
}

/// One edit: exactly one of the members (and `to` with `set`).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditSpec {
    pub set: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub to: Option<Value>,
    pub remove: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub replace: Option<Value>,
    pub drop: Option<bool>,
    pub repeat: Option<usize>,
    #[serde(default, deserialize_with = "present")]
    pub before: Option<Value>,
    #[serde(default, deserialize_with = "present")]
    pub after: Option<Value>,
    pub text: Option<String>,
    pub hex: Option<String>,
    pub newline: Option<String>,
    pub pretty: Option<bool>,
    pub delay: Option<String>,
    pub exit: Option<i32>,
    pub deaf: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    pub answer: Option<Value>,
    pub status: Option<u16>,
    pub header: Option<Map<String, Value>>,
    pub event: Option<EventEdit>,
    pub hold: Option<bool>,
    pub copy: Option<Copies>,
}

/// Where a copy of a message goes over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Copies {
    /// To a GET stream of the session.
    Stream,
    /// To every GET stream of the session.
    Streams,
    /// To a GET stream of every session.
    Sessions,
    /// To every subscription.
    Subscriptions,
}

/// Keeps an explicit null, which `Option` alone would read as absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Reads a file: every entry with its line.
pub(super) fn read(file: &str, text: &str) -> Result<Vec<(u64, FaultSpec)>, FaultError> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Vec::new());
    }
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let specs: Vec<Spanned<FaultSpec>> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| FaultError {
            file: file.to_owned(),
            line: error.location().map_or(0, |location| location.line()),
            problem: error.to_string(),
        })?;
    Ok(specs.into_iter().map(|spec| (spec.referenced.line(), spec.value)).collect())
}
