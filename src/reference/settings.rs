//! How one reference server is set up: revisions, options, faults and quirks.

use std::sync::Arc;

use super::fault::{Fault, FaultError, try_faults, try_quirks};
use super::options::{EraName, Options};
use super::rule::Rule;
use crate::catalogue::did_you_mean;
use crate::protocol::{Era, Revision};

/// Everything that is decided before the server starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The revisions that are spoken, oldest first.
    pub revisions: Vec<Revision>,
    /// The options of all faults and quirks together.
    pub options: Options,
    /// The rewriting rules of all faults, then of all quirks, in the order given.
    pub(super) rules: Vec<Arc<Rule>>,
}

/// Why a server cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No fault or quirk has this id.
    #[error("unknown {kind} `{id}`{hint}")]
    Unknown {
        /// `fault` or `quirk`.
        kind: &'static str,
        /// What was asked for.
        id: String,
        /// Which known ids may be meant.
        hint: String,
    },
    /// The embedded data is broken.
    #[error(transparent)]
    Data(#[from] FaultError),
}

impl Default for Settings {
    fn default() -> Self {
        Self { revisions: Revision::ALL.to_vec(), options: Options::default(), rules: Vec::new() }
    }
}

impl Settings {
    /// A server with the named faults and quirks; without any it obeys everything.
    pub fn with<S: AsRef<str>>(faults: &[S], quirks: &[S]) -> Result<Self, SettingsError> {
        let mut settings = Self::default();
        for id in faults {
            settings.add(find("fault", try_faults().map_err(Clone::clone)?, id.as_ref())?);
        }
        for id in quirks {
            settings.add(find("quirk", try_quirks().map_err(Clone::clone)?, id.as_ref())?);
        }
        Ok(settings)
    }

    /// Switches one more fault or quirk on.
    pub fn add(&mut self, fault: &Fault) {
        self.options.merge(&fault.options);
        self.rules.extend(fault.rewrite.iter().cloned());
    }

    /// Speaks only these revisions; none given means all.
    pub fn only(mut self, revisions: &[Revision]) -> Self {
        if !revisions.is_empty() {
            self.revisions.retain(|revision| revisions.contains(revision));
        }
        self
    }

    /// Whether the revision is spoken.
    pub fn speaks(&self, revision: Revision) -> bool {
        let era = match revision.era() {
            Era::Handshake => EraName::Handshake,
            Era::Stateless => EraName::Stateless,
        };
        self.options.eras.as_ref().is_none_or(|eras| eras.contains(&era))
            && self.revisions.contains(&revision)
    }

    /// The spoken revisions of an era, oldest first.
    pub(super) fn spoken(&self, era: Era) -> Vec<Revision> {
        Revision::ALL.into_iter().filter(|revision| revision.era() == era && self.speaks(*revision)).collect()
    }
}

fn find<'f>(kind: &'static str, known: &'f [Fault], id: &str) -> Result<&'f Fault, SettingsError> {
    known.iter().find(|fault| fault.id == id).ok_or_else(|| SettingsError::Unknown {
        kind,
        id: id.to_owned(),
        hint: did_you_mean(id, known.iter().map(|fault| fault.id.as_str())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_id_is_refused_with_the_nearest() {
        let error = Settings::with(&["tools.call.validates-inptu"], &[]).unwrap_err();
        assert!(error.to_string().contains("(did you mean tools.call.validates-input"), "{error}");
        let error = Settings::with(&["no-such-fault-at-all"], &[]).unwrap_err();
        assert!(error.to_string().starts_with("unknown fault `no-such-fault-at-all`"));
    }

    #[test]
    fn an_era_switched_off_is_not_spoken() {
        let mut settings = Settings::default();
        assert_eq!(settings.spoken(Era::Handshake).len(), 4);
        settings.options.eras = Some(vec![EraName::Stateless]);
        assert!(!settings.speaks(Revision::V2025_11_25) && settings.speaks(Revision::V2026_07_28));
    }
}
