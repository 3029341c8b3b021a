//! Whatever a server or a user may send: read without a panic, and the same however it is cut.

use mcp_conform::protocol::Frame;
use mcp_conform::transport::SseDecoder;

/// A frame is read as JSON or refused; what was read survives being written.
pub fn frame(bytes: &[u8]) {
    let frame = Frame::new(bytes.to_vec());
    let _ = frame.text();
    let duplicate = frame.duplicate_key();
    let Ok(json) = frame.json() else { return };
    let again = Frame::from_value(&json);
    assert_eq!(again.json().as_ref(), Ok(&json), "what was written is read");
    assert_eq!(again.duplicate_key(), None, "a value holds each key once");
    if duplicate.is_none() {
        assert_eq!(count(&json), colons(bytes), "nothing of the frame is lost");
    }
    for message in json.messages() {
        let _ = (message.class(), message.id(), message.method(), message.params());
    }
}

/// Members of objects in a value.
fn count(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => items.iter().map(count).sum(),
        serde_json::Value::Object(members) => members.len() + members.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Colons outside of texts: as many as there are members.
fn colons(bytes: &[u8]) -> usize {
    let (mut is_text, mut is_escaped, mut found) = (false, false, 0);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b':' if !is_text => found += 1,
            _ => {}
        }
    }
    found
}

/// Events are the same however their bytes are cut; the first byte says where.
pub fn events(bytes: &[u8]) {
    let Some((cut, stream)) = bytes.split_first() else { return };
    let whole = SseDecoder::default().push(stream);
    let mut decoder = SseDecoder::default();
    let size = usize::from(*cut).max(1);
    let pieces: Vec<_> = stream.chunks(size).flat_map(|piece| decoder.push(piece)).collect();
    assert_eq!(pieces, whole, "cut in pieces of {size}");
}

/// A case file is read, or refused with a place and a reason.
pub fn case(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = mcp_conform::case::parse("fuzz.yaml", "fuzz.yaml", text) {
        assert!(!error.problem.is_empty(), "an error without a reason");
    }
}
