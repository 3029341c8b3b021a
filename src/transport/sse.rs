//! Server-sent events: the decoder of the WHATWG HTML standard, section "Server-sent events".

use serde::{Deserialize, Serialize};

/// One event of a stream, or a field that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// Everything but the data.
    pub head: SseHead,
    /// The `data` fields, joined with newlines. Empty events are kept: priming events have an id only.
    pub data: Vec<u8>,
}

/// What an event says besides its data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SseHead {
    /// The `event` field; absent means `message`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The `id` field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The `retry` field in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<u64>,
    /// Whether it has no data.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
    /// What readers of the stream pass over in silence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flaws: Vec<SseFlaw>,
}

/// Something in a stream that readers pass over, so that it is lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SseFlaw {
    /// A line that looks like data but has no field name.
    Bare(String),
    /// A `retry` that is no number of milliseconds.
    Retry(String),
    /// An `id` with a NUL in it.
    Id(String),
    /// The stream ended within an event.
    Unfinished(String),
}

impl SseFlaw {
    fn length(&self) -> usize {
        match self {
            Self::Bare(text) | Self::Retry(text) | Self::Id(text) | Self::Unfinished(text) => text.len(),
        }
    }
}

impl SseEvent {
    /// Whether it is of the default type, which carries messages.
    pub fn is_message(&self) -> bool {
        self.head.name.as_deref().is_none_or(|name| name == "message")
    }

    /// How much it holds, in bytes.
    pub fn length(&self) -> usize {
        let SseHead { name, id, flaws, .. } = &self.head;
        let fields = [name, id].into_iter().flatten().map(String::len).sum::<usize>();
        let flaws = flaws.iter().map(SseFlaw::length).sum::<usize>();
        self.data.len() + fields + flaws
    }
}

/// Turns the bytes of a stream into events, however they are cut.
#[derive(Debug, Default)]
pub struct SseDecoder {
    line: Vec<u8>,
    after_cr: bool,
    begun: bool,
    current: SseEvent,
    has_data: bool,
    has_fields: bool,
    length: usize,
}

impl SseDecoder {
    /// Feeds bytes, returns the events that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<SseEvent> {
        let mut events = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' if std::mem::take(&mut self.after_cr) => {}
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    events.extend(self.end_line());
                }
                byte => {
                    self.after_cr = false;
                    self.length += 1;
                    self.line.push(*byte);
                }
            }
        }
        events
    }

    /// How long the event is that has begun, in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// What the end of the stream cut off.
    pub fn finish(&mut self) -> Option<SseEvent> {
        let begun = std::mem::take(&mut self.has_fields).then(|| std::mem::take(&mut self.current));
        let rest =
            [begun.map(|event| event.data), Some(std::mem::take(&mut self.line))].into_iter().flatten();
        let rest: Vec<String> = rest.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
        let text = rest.join("\n").trim().to_owned();
        let is_comment = text.starts_with(':');
        (!text.is_empty() && !is_comment).then(|| {
            let flaws = vec![SseFlaw::Unfinished(text)];
            SseEvent { head: SseHead { flaws, empty: true, ..SseHead::default() }, data: Vec::new() }
        })
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let value = line.get(colon + 1..).unwrap_or_default();
        self.field(&line[..colon], value.strip_prefix(b" ").unwrap_or(value));
        None
    }

    fn field(&mut self, name: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        let head = &mut self.current.head;
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.current.data.push(b'\n');
                }
                self.current.data.extend_from_slice(value);
            }
            b"event" => head.name = Some(text()),
            b"id" if value.contains(&0) => head.flaws.push(SseFlaw::Id(text())),
            b"id" => head.id = Some(text()),
            b"retry" => match text().parse() {
                Ok(time) if value.iter().all(u8::is_ascii_digit) => head.retry = Some(time),
                _ => head.flaws.push(SseFlaw::Retry(text())),
            },
            [b'{' | b'[', ..] => {
                let line = [name, b":", value].concat();
                head.flaws.push(SseFlaw::Bare(String::from_utf8_lossy(&line).into_owned()));
            }
            // Comments (an empty name) and unknown fields are ignored.
            _ => return,
        }
        self.has_fields = true;
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        self.length = 0;
        self.has_data = false;
        let mut event = std::mem::take(&mut self.current);
        event.head.empty = event.data.is_empty();
        std::mem::take(&mut self.has_fields).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"\xef\xbb\xbf: hello\r\nid: 1\rdata\n\nevent: message\ndata: {\"a\":\ndata: \"\xc3\xa9\"}\r\n\r\nretry: 10\n\ndata: cut";

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let whole = SseDecoder::default().push(STREAM);
        assert_eq!(whole.len(), 3);
        assert_eq!((whole[0].head.id.as_deref(), whole[0].data.len()), (Some("1"), 0));
        assert_eq!(whole[1].data, "{\"a\":\n\"é\"}".as_bytes());
        assert_eq!(whole[2].head.retry, Some(10));
        for cut in 0..STREAM.len() {
            let mut decoder = SseDecoder::default();
            let mut events = decoder.push(&STREAM[..cut]);
            events.extend(decoder.push(&STREAM[cut..]));
            assert_eq!(events, whole, "cut at {cut}");
        }
    }

    #[test]
    fn an_unfinished_event_is_not_dispatched() {
        let mut decoder = SseDecoder::default();
        assert!(decoder.push(b"data: x\n").is_empty());
        let cut = decoder.finish().expect("an event was begun");
        assert_eq!(cut.head.flaws, [SseFlaw::Unfinished("x".into())]);
        assert_eq!(SseDecoder::default().finish(), None);
    }

    #[test]
    fn what_readers_pass_over_is_told() {
        let events = SseDecoder::default().push(b"{\"a\": 1}\nretry: soon\nid: a\0b\n\n");
        let [SseEvent { head, .. }] = &events[..] else { panic!("{events:?}") };
        assert!(matches!(&head.flaws[..], [SseFlaw::Bare(_), SseFlaw::Retry(_), SseFlaw::Id(_)]));
    }
}
