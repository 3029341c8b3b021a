//! Server-sent events: the decoder of the WHATWG HTML standard, section "Server-sent events".

/// One event of a stream, or a field that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The `event` field; absent means `message`.
    pub name: Option<String>,
    /// The `data` fields, joined with newlines. Empty events are kept: priming events have an id only.
    pub data: Vec<u8>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `retry` field in milliseconds.
    pub retry: Option<u64>,
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
                    if self.length <= super::MAX_MESSAGE {
                        self.line.push(*byte);
                    }
                }
            }
        }
        events
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
        match name {
            b"data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.current.data.push(b'\n');
                }
                self.current.data.extend_from_slice(value);
            }
            b"event" => self.current.name = Some(text()),
            b"id" if !value.contains(&0) => self.current.id = Some(text()),
            b"retry" => self.current.retry = text().parse().ok(),
            // Comments (an empty name) and unknown fields are ignored.
            _ => return,
        }
        self.has_fields = true;
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        self.length = 0;
        self.has_data = false;
        let event = std::mem::take(&mut self.current);
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
        assert_eq!((whole[0].id.as_deref(), whole[0].data.len()), (Some("1"), 0));
        assert_eq!(whole[1].data, "{\"a\":\n\"é\"}".as_bytes());
        assert_eq!(whole[2].retry, Some(10));
        for cut in 0..STREAM.len() {
            let mut decoder = SseDecoder::default();
            let mut events = decoder.push(&STREAM[..cut]);
            events.extend(decoder.push(&STREAM[cut..]));
            assert_eq!(events, whole, "cut at {cut}");
        }
    }

    #[test]
    fn an_unfinished_event_is_not_dispatched() {
        assert!(SseDecoder::default().push(b"data: x\n").is_empty());
    }
}
