//! What crossed the wire, as lines for people, with the user's secrets masked.

use super::player::Flight;
use crate::protocol::Frame;
use crate::runner::Secrets;
use crate::session::transcript::{Entry, What};

/// Lines that a finding keeps.
const MOST: usize = 40;
/// Lines around an entry in the middle of a campaign.
const NEAR: usize = 12;
/// Letters of a line.
const LONGEST: usize = 300;

/// The end of all that crossed the wire.
pub(super) fn end(flight: &Flight, secrets: &Secrets) -> Vec<String> {
    let entries: Vec<&Entry> = flight.transcripts.iter().flat_map(|transcript| &transcript.entries).collect();
    entries[entries.len().saturating_sub(MOST)..].iter().map(|entry| line(entry, secrets)).collect()
}

/// What came before an entry, with everything that has its id or belongs to its HTTP exchange, however long ago or later.
pub(super) fn around(entries: &[Entry], seq: u64, secrets: &Secrets) -> Vec<String> {
    let end = entries.partition_point(|entry| entry.seq <= seq);
    let Some(last) = entries[..end].last() else { return Vec::new() };
    let (id, exchange) = (id(last), last.exchange());
    let is_near = |at: usize| (end.saturating_sub(NEAR)..end).contains(&at);
    let is_about = |entry: &Entry| {
        id.is_some() && self::id(entry) == id || exchange.is_some() && entry.exchange() == exchange
    };
    let shown = entries.iter().enumerate().filter(|(at, entry)| is_near(*at) || is_about(entry));
    shown.map(|(_, entry)| line(entry, secrets)).take(MOST).collect()
}

/// The request of ours that an entry replies to, or tells of.
pub(super) fn asked(entries: &[Entry], seq: u64) -> Option<u64> {
    let end = entries.partition_point(|entry| entry.seq <= seq);
    let (reply, before) = entries[..end].split_last()?;
    let wanted = id(reply)?;
    let asks =
        |entry: &&Entry| matches!(entry.what, What::Sent { .. }) && id(entry).as_ref() == Some(&wanted);
    before.iter().rev().find(asks).map(|entry| entry.seq)
}

fn id(entry: &Entry) -> Option<crate::protocol::Id> {
    Frame::new(entry.text()).json().ok()?.messages().next()?.id()
}

/// Half a secret is still one: it is masked before the line is cut.
fn line(entry: &Entry, secrets: &Secrets) -> String {
    let text = secrets.mask(&entry.text());
    let text = format!("{:.3}s {} {text}", entry.at.as_secs_f64(), entry.direction());
    text.chars().take(LONGEST).collect()
}
