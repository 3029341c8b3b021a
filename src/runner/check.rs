//! A check: one requirement judged by one case, rule or schema.

use serde::Serialize;

use crate::catalogue::{Level, Verdict};

/// A judged check, as reporters get it.
#[derive(Debug, Clone, Serialize)]
pub struct Check {
    /// The case, rule or schema that judged.
    pub id: String,
    /// The requirement that was judged.
    pub requirement: String,
    /// Its keyword.
    pub level: Level,
    /// What came out.
    pub verdict: Verdict,
    /// How often it was observed.
    pub observations: u32,
    /// What happened, in a sentence.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What the server did.
    pub got: Option<String>,
    /// The section of the specification.
    pub spec: String,
    /// File and line of the check, for cases.
    pub case: Option<String>,
    /// The wire around it.
    pub wire: Vec<WireLine>,
    /// The end of the server's standard error, when it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// The check whose failure made this one impossible.
    pub blocked_by: Option<String>,
    /// A command that runs just this again.
    pub rerun: String,
}

/// One frame of the wire, ready to show: bounded in length, secrets masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WireLine {
    /// Number of the frame in its connection.
    pub seq: u64,
    /// Time since the connection began, in milliseconds.
    pub at_ms: u64,
    /// `->` to the server, `<-` from it, `!!` an event such as the end of the process.
    pub dir: &'static str,
    /// The frame.
    pub data: String,
    /// Whether this frame is the culprit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub culprit: bool,
}
