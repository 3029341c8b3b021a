//! Lists in pages, with opaque cursors.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::answer::{Ask, Failure};

const PAGE_SIZE: usize = 3;

/// The page of `entries` that the request asks for, as a result with the given member.
pub(super) fn page(ask: &Ask<'_>, member: &str, entries: Vec<Value>) -> Result<Value, Failure> {
    let start = match ask.params.get("cursor") {
        None => 0,
        Some(Value::String(cursor)) => position(cursor, member, entries.len())?,
        Some(_) => return Err(Failure::params("`cursor` must be a string")),
    };
    let size = ask.server.settings.options.page_size.unwrap_or(PAGE_SIZE).max(1);
    let end = entries.len().min(start.saturating_add(size));
    let mut result = json!({ member: &entries[start..end] });
    if end < entries.len() {
        result["nextCursor"] = cursor(member, end).into();
    }
    Ok(result)
}

fn cursor(member: &str, start: usize) -> String {
    URL_SAFE_NO_PAD.encode(format!("{member}/{start}"))
}

fn position(cursor: &str, member: &str, length: usize) -> Result<usize, Failure> {
    let decoded = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded
        .as_deref()
        .and_then(|text| text.strip_prefix(member)?.strip_prefix('/')?.parse().ok())
        .filter(|start| (1..=length).contains(start))
        .ok_or_else(|| Failure::params("Invalid cursor"))
}
