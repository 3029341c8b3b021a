//! Colour, or none.

use crate::catalogue::Verdict;

/// What a piece of text means to the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Right.
    Good,
    /// A MUST is violated.
    Bad,
    /// A SHOULD is violated.
    Caution,
    /// The harness failed.
    Trouble,
    /// To be found by the eye.
    Strong,
    /// To be passed over by the eye.
    Dim,
    /// Nothing special.
    Plain,
}

impl Tone {
    /// The tone of a verdict.
    pub const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Good,
            Verdict::Fail => Self::Bad,
            Verdict::Warn => Self::Caution,
            Verdict::Error => Self::Trouble,
            Verdict::NotApplicable | Verdict::NotObserved | Verdict::Blocked | Verdict::Known => Self::Dim,
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Caution => "33",
            Self::Trouble => "35",
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Plain => "0",
        }
    }
}

/// Paints text with terminal colours, or leaves it as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paint {
    /// Whether colours are wanted.
    pub colour: bool,
}

impl Paint {
    /// The text in its tone.
    pub fn paint(self, tone: Tone, text: &str) -> String {
        match self.colour && tone != Tone::Plain && !text.is_empty() {
            true => format!("\u{1b}[{}m{text}\u{1b}[0m", tone.code()),
            false => text.to_owned(),
        }
    }
}
