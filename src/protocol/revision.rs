//! Protocol revisions and the two wire eras.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A published revision of the MCP specification, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Revision {
    /// 2024-11-05, the first revision.
    V2024_11_05,
    /// 2025-03-26: Streamable HTTP, batches, tool annotations.
    V2025_03_26,
    /// 2025-06-18: structured tool output, elicitation; no batches.
    V2025_06_18,
    /// 2025-11-25: tasks, icons, URL elicitation; the last with a handshake.
    V2025_11_25,
    /// 2026-07-28: stateless.
    V2026_07_28,
}

/// How a conversation is set up on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// `initialize` opens a session (up to 2025-11-25).
    Handshake,
    /// Every request carries version and capabilities in `_meta` (from 2026-07-28).
    Stateless,
}

/// The text is not the date of a known revision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown revision `{0}` (known: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28)")]
pub struct UnknownRevision(pub String);

impl Revision {
    /// All revisions, oldest first.
    pub const ALL: [Self; 5] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25, Self::V2026_07_28];
    /// The newest revision that opens with `initialize`.
    pub const NEWEST_HANDSHAKE: Self = Self::V2025_11_25;
    /// The newest stateless revision.
    pub const NEWEST_STATELESS: Self = Self::V2026_07_28;

    /// The date that names the revision on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Its place in [`Revision::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The era that the revision belongs to.
    pub const fn era(self) -> Era {
        match self {
            Self::V2026_07_28 => Era::Stateless,
            _ => Era::Handshake,
        }
    }

    /// Whether the revision is set up by `initialize`.
    pub fn is_handshake(self) -> bool {
        self.era() == Era::Handshake
    }

    /// Whether each request carries its own metadata.
    pub fn is_stateless(self) -> bool {
        self.era() == Era::Stateless
    }

    /// A cheap request that every server of the era must answer.
    pub fn fence(self) -> &'static str {
        if self.is_stateless() { "server/discover" } else { "ping" }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Revision {
    type Err = UnknownRevision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|revision| revision.as_str() == text)
            .ok_or_else(|| UnknownRevision(text.to_owned()))
    }
}

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An inclusive range of revisions, written `A..B`, `A..`, `..B` or `A`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RevisionRange {
    /// The first revision in the range.
    pub first: Revision,
    /// The last revision in the range.
    pub last: Revision,
}

impl RevisionRange {
    /// Every revision.
    pub const ALL: Self = Self { first: Revision::ALL[0], last: Revision::ALL[Revision::ALL.len() - 1] };

    /// Whether the revision lies in the range.
    pub fn contains(self, revision: Revision) -> bool {
        (self.first..=self.last).contains(&revision)
    }

    /// Whether no revision lies in the range.
    pub fn is_empty(self) -> bool {
        self.first > self.last
    }

    /// The revisions in the range, oldest first.
    pub fn iter(self) -> impl Iterator<Item = Revision> {
        Revision::ALL.into_iter().filter(move |r| self.contains(*r))
    }
}

impl Default for RevisionRange {
    fn default() -> Self {
        Self::ALL
    }
}

impl fmt::Display for RevisionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (first, last) if first == last => write!(f, "{first}"),
            (first, last) if last == Self::ALL.last => write!(f, "{first}.."),
            (first, last) => write!(f, "{first}..{last}"),
        }
    }
}

impl FromStr for RevisionRange {
    type Err = UnknownRevision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bound = |text: &str, open: Revision| match text {
            "" => Ok(open),
            date => date.parse(),
        };
        match text.split_once("..") {
            Some((first, last)) => {
                Ok(Self { first: bound(first, Self::ALL.first)?, last: bound(last, Self::ALL.last)? })
            }
            None => text.parse().map(|only| Self { first: only, last: only }),
        }
    }
}

impl<'de> Deserialize<'de> for RevisionRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_inclusive_and_may_be_open() {
        let range: RevisionRange = "2025-03-26..2025-06-18".parse().unwrap();
        assert!(range.contains(Revision::V2025_06_18) && !range.contains(Revision::V2025_11_25));
        assert_eq!("..".parse(), Ok(RevisionRange::ALL));
        assert_eq!("2025-06-18".parse::<RevisionRange>().unwrap().iter().count(), 1);
        assert!("2025-06-18..soon".parse::<RevisionRange>().is_err());
    }

    #[test]
    fn only_the_newest_revision_is_stateless() {
        let stateless: Vec<_> = Revision::ALL.into_iter().filter(|r| r.is_stateless()).collect();
        assert_eq!(stateless, [Revision::NEWEST_STATELESS]);
    }
}
