//! Ids of malformed messages that were never answered. They are few and come again and again: a late reply under one of
//! them is no reply to what used it last.

use std::collections::{HashMap, HashSet};

use crate::fuzz::novelty::hash;
use crate::protocol::Id;
use crate::rule::{is_deliberate, written_ids};
use crate::session::Transcript;
use crate::session::transcript::What;

/// What a connection never answered; of each id only a hash, as some are megabytes long.
#[derive(Debug, Default)]
pub(super) struct Unanswered(HashSet<u64>);

impl Unanswered {
    /// Adds what a part of the connection left unanswered. The ids of its replies that may be meant for what is older.
    pub(super) fn note(&mut self, transcript: &Transcript) -> HashSet<Id> {
        let replies = transcript.received().filter(|(_, message)| message.is_reply());
        let mut replied: HashMap<Id, usize> = HashMap::new();
        for id in replies.filter_map(|(_, reply)| reply.id()) {
            *replied.entry(id).or_default() += 1;
        }
        let doubtful = replied.keys().filter(|id| self.0.contains(&hash(id))).cloned().collect();
        for entry in transcript.entries.iter().filter(|entry| is_deliberate(entry)) {
            let What::Sent { frame, .. } = &entry.what else { continue };
            for id in written_ids(&frame.text()) {
                match replied.get_mut(&id).filter(|left| **left > 0) {
                    Some(left) => *left -= 1,
                    None => drop(self.0.insert(hash(&id))),
                }
            }
        }
        doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Frame, Revision};
    use serde_json::{Value, json};

    /// A part of a connection: messages of ours, and ids that were answered.
    fn part(sent: &[&str], replied: &[Value]) -> Transcript {
        let mut transcript = Transcript::new(Revision::V2025_11_25, false);
        for text in sent {
            let frame = Frame::new(text.as_bytes().to_vec());
            transcript.add(What::Sent { frame, json: None, deliberate: true, exchange: None });
        }
        for id in replied {
            let frame = Frame::from_value(&json!({"jsonrpc": "2.0", "id": id, "result": {}}));
            let json = frame.json();
            transcript.add(What::Received { frame, json, terminated: true, exchange: None, streamed: false });
        }
        transcript
    }

    #[test]
    fn a_reply_to_an_id_that_was_left_unanswered_is_doubtful_from_then_on() {
        let mut unanswered = Unanswered::default();
        let asked = r#"{"id": 7, "method": "ping"}"#;
        assert!(unanswered.note(&part(&[asked], &[json!(7)])).is_empty());
        assert!(unanswered.note(&part(&[asked], &[json!(7)])).is_empty(), "each had its reply");
        assert!(unanswered.note(&part(&[asked, asked], &[json!(7)])).is_empty(), "one is left");
        assert_eq!(
            unanswered.note(&part(&[asked], &[json!(7), json!(8)])),
            HashSet::from([Id::from_value(&json!(7))])
        );
    }
}
