//! Requirement levels, as RFC 2119 names them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The keyword of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Level {
    /// An absolute requirement.
    #[serde(rename = "MUST")]
    Must,
    /// An absolute prohibition.
    #[serde(rename = "MUST NOT")]
    MustNot,
    /// To be done unless there is a good reason.
    #[serde(rename = "SHOULD")]
    Should,
    /// Not to be done unless there is a good reason.
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    /// Legal either way.
    #[serde(rename = "MAY")]
    May,
}

impl Level {
    /// The keyword.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
        }
    }

    /// 2 for MUST and MUST NOT, 1 for SHOULD and SHOULD NOT, 0 for MAY.
    pub const fn weight(self) -> u8 {
        match self {
            Self::Must | Self::MustNot => 2,
            Self::Should | Self::ShouldNot => 1,
            Self::May => 0,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
