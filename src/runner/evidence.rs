//! The wire around a finding: a few frames, bounded in length, with the user's secrets masked.

use super::check::WireLine;
use crate::protocol::Message;
use crate::session::Transcript;
use crate::session::transcript::{Entry, What};

/// Longest frame shown, in bytes, and most frames shown.
const MAX_DATA: usize = 2000;
const MAX_LINES: usize = 12;

/// Texts that must never be shown: header values and environment values given by the user.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Short values are no secrets: masking them would garble everything.
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| value.len() >= 6).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    /// These secrets, and others.
    pub fn and(self, others: impl Iterator<Item = String>) -> Self {
        Self::new(self.0.into_iter().chain(others))
    }

    /// The text with every secret replaced.
    pub fn mask(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }
}

/// The frames of a span, the newest last. When there are many, the first and the last ones. The culprit is the reply that
/// was judged, else the last thing that came.
pub fn span(
    transcript: &Transcript,
    (first, last): (u64, u64),
    reply: Option<&Message>,
    secrets: &Secrets,
) -> Vec<WireLine> {
    let entries: Vec<&Entry> =
        (first..=last).filter_map(|seq| transcript.get(seq)).filter(is_shown).collect();
    let is_judged = |(entry, message): &(&Entry, Message)| {
        (first..=last).contains(&entry.seq) && reply.is_some_and(|reply| message == reply)
    };
    let judged = transcript.received_since(first).filter(is_judged).last().map(|(entry, _)| entry.seq);
    let newest = || entries.iter().rfind(|entry| entry.direction() == "<-").map(|entry| entry.seq);
    let culprit = judged.or_else(newest);
    let lines = entries.iter().map(|entry| line(entry, culprit == Some(entry.seq), secrets)).collect();
    shortened(lines)
}

/// Exactly these frames; the last one is the culprit.
pub fn entries(transcript: &Transcript, seqs: &[u64], secrets: &Secrets) -> Vec<WireLine> {
    let culprit = seqs.last();
    let shown = seqs.iter().filter_map(|seq| transcript.get(*seq));
    shortened(shown.map(|entry| line(entry, Some(&entry.seq) == culprit, secrets)).collect())
}

/// Ends of responses say nothing that their frames do not.
fn is_shown(entry: &&Entry) -> bool {
    !matches!(entry.what, What::Done { .. })
}

fn shortened(mut lines: Vec<WireLine>) -> Vec<WireLine> {
    if lines.len() > MAX_LINES {
        let tail = lines.split_off(lines.len() - MAX_LINES / 2);
        lines.truncate(MAX_LINES / 2);
        lines.extend(tail);
    }
    lines
}

fn line(entry: &Entry, culprit: bool, secrets: &Secrets) -> WireLine {
    WireLine {
        seq: entry.seq,
        at_ms: u64::try_from(entry.at.as_millis()).unwrap_or(u64::MAX),
        dir: entry.direction(),
        data: bounded(&secrets.mask(&entry.text())),
        culprit,
    }
}

/// A text cut in the middle when it is long.
pub fn bounded(text: &str) -> String {
    if text.len() <= MAX_DATA {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_DATA / 2).collect();
    let tail: Vec<char> = text.chars().rev().take(MAX_DATA / 4).collect();
    let tail: String = tail.into_iter().rev().collect();
    format!("{head} … ({} bytes) … {tail}", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_never_show_and_long_texts_are_cut() {
        let secrets = Secrets::new(["abc".to_owned(), "tok-123456".to_owned()]);
        assert_eq!(secrets.mask("Bearer tok-123456 abc"), "Bearer *** abc");
        assert!(bounded(&"é".repeat(5000)).len() < 4000);
    }
}
