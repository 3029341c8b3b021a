//! Transcripts as JSON Lines: one entry per line, readable and editable by hand.
//!
//! The first line is a head: `{"transcript": "mcp-conform/v1", "revision": "2025-11-25", "transport": "stdio"}`. Every
//! other line is `{"seq", "at_ms", "dir", "data"}`; bytes that are not UTF-8 stand in `base64` instead of `data`.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Entry, Transcript, What};
use crate::protocol::{Frame, Revision};
use crate::transport::{Exit, SseHead};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    transcript: String,
    revision: Revision,
    transport: String,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    at_ms: u64,
    dir: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Happened>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exchange: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    headers: Option<Vec<(String, String)>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sse: Option<SseHead>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<usize>,
    /// Sent: breaks a rule on purpose.
    #[serde(default, skip_serializing_if = "is_false")]
    deliberate: bool,
    /// Received on stdio: no newline ended it.
    #[serde(default, skip_serializing_if = "is_false")]
    unterminated: bool,
    /// Received in an SSE stream.
    #[serde(default, skip_serializing_if = "is_false")]
    streamed: bool,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Happened {
    Body,
    Done,
    Dropped,
    Failed,
    TooLong,
    Flooded,
    InputClosed,
    Closed,
    Exited,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// A transcript file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ReadError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Writes a transcript.
pub fn write(transcript: &Transcript, mut out: impl Write) -> io::Result<()> {
    let head = Head {
        transcript: "mcp-conform/v1".to_owned(),
        revision: transcript.revision,
        transport: match (transcript.http, transcript.legacy) {
            (true, _) => "http",
            (false, true) => "sse",
            (false, false) => "stdio",
        }
        .to_owned(),
    };
    serde_json::to_writer(&mut out, &head)?;
    out.write_all(b"\n")?;
    for entry in &transcript.entries {
        serde_json::to_writer(&mut out, &line(entry))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn line(entry: &Entry) -> Line {
    let mut line = Line {
        seq: entry.seq,
        at_ms: u64::try_from(entry.at.as_millis()).unwrap_or(u64::MAX),
        dir: entry.direction().to_owned(),
        exchange: entry.exchange(),
        ..Line::default()
    };
    match &entry.what {
        What::Sent { frame, deliberate, .. } => {
            line.put(frame.bytes());
            line.deliberate = *deliberate;
        }
        What::Received { frame, terminated, streamed, .. } => {
            line.put(frame.bytes());
            line.unterminated = !*terminated;
            line.streamed = *streamed;
        }
        What::Request { method, headers, deliberate, .. } => {
            line.method = Some(method.clone());
            line.headers = Some(headers.clone());
            line.deliberate = *deliberate;
        }
        What::Response { status, headers, .. } => {
            line.status = Some(*status);
            line.headers = Some(headers.clone());
        }
        What::Event { head, .. } => line.sse = Some(head.clone()),
        What::Body { bytes, .. } => {
            line.event = Some(Happened::Body);
            line.put(bytes);
        }
        What::Done { .. } => line.event = Some(Happened::Done),
        What::Dropped { .. } => line.event = Some(Happened::Dropped),
        What::Failed { problem, .. } => {
            line.event = Some(Happened::Failed);
            line.data = Some(problem.clone());
        }
        What::TooLong { length } => {
            line.event = Some(Happened::TooLong);
            line.length = Some(*length);
        }
        What::Flooded => line.event = Some(Happened::Flooded),
        What::InputClosed => line.event = Some(Happened::InputClosed),
        What::Closed => line.event = Some(Happened::Closed),
        What::Exited(exit) => {
            line.event = Some(Happened::Exited);
            (line.code, line.signal) = (exit.code, exit.signal);
        }
    }
    line
}

impl Line {
    fn put(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.data = Some(text.to_owned()),
            Err(_) => self.base64 = Some(STANDARD.encode(bytes)),
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        match (&self.data, &self.base64) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(encoded)) => STANDARD.decode(encoded).map_err(|e| format!("bad base64: {e}")),
            (Some(_), Some(_)) => Err("both `data` and `base64` are given".to_owned()),
            (None, None) => Err("`data` is missing".to_owned()),
        }
    }

    fn what(self) -> Result<What, String> {
        let exchange = || self.exchange.ok_or("`exchange` is missing");
        match (self.dir.as_str(), self.event) {
            ("->", None) if self.method.is_some() => Ok(What::Request {
                exchange: exchange()?,
                method: self.method.unwrap_or_default(),
                headers: self.headers.unwrap_or_default(),
                deliberate: self.deliberate,
            }),
            ("->", None) => {
                let frame = Frame::new(self.bytes()?);
                let json = frame.json().ok().map(Arc::new);
                Ok(What::Sent { frame, json, deliberate: self.deliberate, exchange: self.exchange })
            }
            ("<-", None) if self.status.is_some() => Ok(What::Response {
                exchange: exchange()?,
                status: self.status.unwrap_or_default(),
                headers: self.headers.unwrap_or_default(),
            }),
            ("<-", None) if self.sse.is_some() => {
                Ok(What::Event { exchange: exchange()?, head: self.sse.unwrap_or_default() })
            }
            ("<-", None) => {
                let frame = Frame::new(self.bytes()?);
                let json = frame.json().map(Arc::new);
                let (terminated, streamed) = (!self.unterminated, self.streamed);
                Ok(What::Received { frame, json, terminated, exchange: self.exchange, streamed })
            }
            (_, Some(Happened::Body)) => {
                Ok(What::Body { exchange: exchange()?, bytes: self.bytes()?.into() })
            }
            (_, Some(Happened::Done)) => Ok(What::Done { exchange: exchange()? }),
            (_, Some(Happened::Dropped)) => Ok(What::Dropped { exchange: exchange()? }),
            (_, Some(Happened::Failed)) => {
                Ok(What::Failed { exchange: exchange()?, problem: self.data.unwrap_or_default() })
            }
            (_, Some(Happened::TooLong)) => Ok(What::TooLong { length: self.length.unwrap_or_default() }),
            (_, Some(Happened::Flooded)) => Ok(What::Flooded),
            (_, Some(Happened::InputClosed)) => Ok(What::InputClosed),
            (_, Some(Happened::Closed)) => Ok(What::Closed),
            (_, Some(Happened::Exited)) => Ok(What::Exited(Exit { code: self.code, signal: self.signal })),
            (dir, None) => Err(format!("unknown direction `{dir}` (known: ->, <-, !!)")),
        }
    }
}

/// Reads a transcript. Without a head line, `revision` tells what was spoken; with both, `revision` wins.
pub fn read(text: &str, revision: Option<Revision>) -> Result<Transcript, ReadError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
    let head = lines.peek().and_then(|(_, line)| serde_json::from_str::<Head>(line).ok());
    if head.is_some() {
        lines.next();
    }
    let spoken = revision.or(head.as_ref().map(|head| head.revision)).ok_or_else(|| ReadError {
        line: 1,
        problem: "no head line names the revision; give it with --revision".to_owned(),
    })?;
    let is = |name: &str| head.as_ref().is_some_and(|head| head.transport == name);
    let mut transcript = Transcript::new(spoken, is("http"));
    transcript.legacy = is("sse");
    for (index, text) in lines {
        let at = |problem: String| ReadError { line: index + 1, problem };
        let line: Line = serde_json::from_str(text).map_err(|e| at(e.to_string()))?;
        let time = Duration::from_millis(line.at_ms);
        let seq = transcript.last() + 1;
        let what = line.what().map_err(at)?;
        transcript.last = seq;
        transcript.entries.push(Entry { seq, at: time, what });
    }
    Ok(transcript)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(transcript: &Transcript) -> String {
        let mut bytes = Vec::new();
        write(transcript, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut transcript = Transcript::new(Revision::V2025_11_25, false);
            for bytes in frames {
                let frame = Frame::new(bytes);
                let json = frame.json().map(Arc::new);
                transcript.add(What::Received { frame, json, terminated: true, exchange: None, streamed: false });
            }
            transcript.add(What::Exited(Exit { code: None, signal: Some(9) }));
            let once = text(&transcript);
            prop_assert_eq!(text(&read(&once, None).unwrap()), once);
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = read("{\"dir\":\"<-\",\"data\":\"{}\"}\n{\"dir\":\"??\"}", Some(Revision::V2025_11_25))
            .unwrap_err();
        assert_eq!(error.line, 2);
        assert!(error.problem.contains("unknown direction"));
    }
}
