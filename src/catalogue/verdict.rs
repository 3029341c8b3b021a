//! What a judgement says.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Level;

/// The verdict of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Seen, and right.
    Pass,
    /// The revision, the transport or an undeclared capability makes it not apply.
    NotApplicable,
    /// It applies, but the situation never arose.
    NotObserved,
    /// Accepted by the baseline.
    Known,
    /// An earlier failure made it impossible.
    Blocked,
    /// The harness or its environment failed.
    Error,
    /// A SHOULD is violated.
    Warn,
    /// A MUST is violated.
    Fail,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 8] = [
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::NotApplicable,
        Self::NotObserved,
        Self::Blocked,
        Self::Error,
        Self::Known,
    ];

    /// The verdict of a violated requirement of this level.
    pub const fn of_violation(level: Level) -> Self {
        match level {
            Level::Must | Level::MustNot => Self::Fail,
            Level::Should | Level::ShouldNot => Self::Warn,
            Level::May => Self::Pass,
        }
    }

    /// Which of several observations of a check decides: the worst one that was judged; a judged one over one that was not.
    pub const fn weight(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::NotObserved => 1,
            Self::Blocked => 2,
            Self::Pass => 3,
            Self::Known => 4,
            Self::Error => 5,
            Self::Warn => 6,
            Self::Fail => 7,
        }
    }

    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::NotApplicable => "not_applicable",
            Self::NotObserved => "not_observed",
            Self::Blocked => "blocked",
            Self::Error => "error",
            Self::Known => "known",
        }
    }

    /// Whether the check was decided about the server: neither skipped nor impossible.
    pub const fn is_judged(self) -> bool {
        matches!(self, Self::Pass | Self::Fail | Self::Warn | Self::Known)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
