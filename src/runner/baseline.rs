//! The baseline: findings that the user accepts, each with a reason. An entry that no longer fails is an error.

use serde::Deserialize;

use super::check::Check;
use crate::catalogue::Verdict;

/// Accepted findings: a TOML file with `[[accepted]]` entries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    #[serde(default)]
    accepted: Vec<Accepted>,
}

/// One accepted finding.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    /// The check: a case, a rule, or `schema`; absent = any.
    #[serde(default)]
    check: Option<String>,
    /// The requirement; absent = any.
    #[serde(default)]
    requirement: Option<String>,
    /// Why it is accepted.
    reason: String,
    /// The last day on which it is accepted, as YYYY-MM-DD.
    #[serde(default)]
    expires: Option<String>,
    #[serde(skip)]
    used: bool,
}

impl Accepted {
    fn name(&self) -> String {
        let parts: Vec<&str> = self.check.iter().chain(&self.requirement).map(String::as_str).collect();
        parts.join(" ")
    }

    fn covers(&self, check: &Check) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        fits(&self.check, &check.id) && fits(&self.requirement, &check.requirement)
    }
}

impl Baseline {
    /// Reads a baseline; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let baseline: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for entry in &baseline.accepted {
            if entry.name().is_empty() {
                return Err("an entry needs `check` or `requirement`".to_owned());
            }
            if entry.reason.trim().is_empty() {
                return Err(format!("the entry for {} needs a reason", entry.name()));
            }
            if entry.expires.as_deref().is_some_and(|day| !is_day(day)) {
                return Err(format!("the entry for {}: `expires` must be written YYYY-MM-DD", entry.name()));
            }
        }
        Ok(baseline)
    }

    /// Turns an accepted violation into `known`. `today` is YYYY-MM-DD.
    pub fn apply(&mut self, check: &mut Check, today: &str) {
        if !matches!(check.verdict, Verdict::Fail | Verdict::Warn) {
            return;
        }
        let mut covering = self.accepted.iter_mut().filter(|entry| entry.covers(check));
        if let Some(entry) = covering.next() {
            entry.used = true;
            // Days in this form compare as texts.
            if entry.expires.as_deref().is_none_or(|last| today <= last) {
                check.verdict = Verdict::Known;
                check.message = format!("{} (accepted: {})", check.message, entry.reason);
            }
        }
    }

    /// What is wrong with the baseline after the run: entries that no longer fail.
    pub fn stale(&self) -> Option<String> {
        let stale: Vec<String> = self
            .accepted
            .iter()
            .filter(|entry| !entry.used)
            .map(|entry| format!("  {}", entry.name()))
            .collect();
        (!stale.is_empty()).then(|| {
            format!(
                "the baseline accepts what no longer fails; take these entries out:\n{}",
                stale.join("\n")
            )
        })
    }
}

fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits = |part: &str, length| part.len() == length && part.bytes().all(|b| b.is_ascii_digit());
    matches!(parts.as_slice(), [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing() -> Check {
        Check {
            id: "tools/call".into(),
            requirement: "tools.call.result-shape".into(),
            level: crate::catalogue::Level::Must,
            verdict: Verdict::Fail,
            observations: 1,
            message: "wrong".into(),
            expected: None,
            got: None,
            spec: String::new(),
            case: None,
            wire: Vec::new(),
            stderr: None,
            blocked_by: None,
            rerun: String::new(),
        }
    }

    #[test]
    fn an_accepted_failure_is_known_until_it_expires() {
        let text = "[[accepted]]\nrequirement = 'tools.call.result-shape'\nreason = 'soon'\nexpires = '2026-01-31'\n";
        let (mut baseline, mut check) = (Baseline::parse(text).unwrap(), failing());
        baseline.apply(&mut check, "2026-02-01");
        assert_eq!(check.verdict, Verdict::Fail);
        baseline.apply(&mut check, "2026-01-31");
        assert_eq!(check.verdict, Verdict::Known);
        assert_eq!(baseline.stale(), None);
    }

    #[test]
    fn what_no_longer_fails_is_stale_and_reasons_are_demanded() {
        let baseline = Baseline::parse("[[accepted]]\ncheck = 'tools/call'\nreason = 'x'\n").unwrap();
        assert!(baseline.stale().unwrap().contains("tools/call"));
        assert!(Baseline::parse("[[accepted]]\ncheck = 'a'\nreason = ' '\n").is_err());
        assert!(Baseline::parse("[[accepted]]\nreason = 'x'\n").is_err());
    }
}
