//! The baseline: findings that the user accepts, each with a reason. An entry that no longer fails is an error.

use std::collections::HashSet;

use serde::Deserialize;

use super::check::Check;
use super::profile::explained;
use crate::catalogue::{Verdict, did_you_mean, requirement, requirements};

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
pub struct Accepted {
    /// The server, where several are judged; absent = any.
    #[serde(default)]
    server: Option<String>,
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

    /// The entry as TOML, and a comment about it.
    fn lines(&self, about: Option<&str>) -> (String, String) {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let fields = [
            ("server", self.server.as_deref()),
            ("check", self.check.as_deref()),
            ("requirement", self.requirement.as_deref()),
            ("reason", Some(self.reason.as_str())),
            ("expires", self.expires.as_deref()),
        ];
        let given = fields.iter().filter_map(|(key, value)| Some(format!("{key} = {}\n", quoted((*value)?))));
        let about = about.map(|about| format!("# {about}\n")).unwrap_or_default();
        (format!("[[accepted]]\n{}", given.collect::<String>()), about)
    }

    fn covers(&self, server: Option<&str>, check: &Check) -> bool {
        let fits = |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        fits(&self.server, server.unwrap_or_default())
            && fits(&self.check, &check.id)
            && fits(&self.requirement, &check.requirement)
    }
}

impl Baseline {
    /// Reads a baseline; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let baseline: Self = toml::from_str(text).map_err(|error| explained(&error))?;
        baseline.validate()?;
        Ok(baseline)
    }

    /// These entries, and those of another file.
    pub fn with(mut self, accepted: impl IntoIterator<Item = Accepted>) -> Self {
        self.accepted.extend(accepted);
        self
    }

    /// What is wrong with an entry, if anything is.
    pub fn validate(&self) -> Result<(), String> {
        for entry in &self.accepted {
            if entry.name().is_empty() {
                return Err("an entry needs `check` or `requirement`".to_owned());
            }
            if entry.reason.trim().is_empty() {
                return Err(format!("the entry for {} needs a reason", entry.name()));
            }
            if entry.expires.as_deref().is_some_and(|day| !is_day(day)) {
                return Err(format!("the entry for {}: `expires` must be written YYYY-MM-DD", entry.name()));
            }
            if let Some(id) = entry.requirement.as_deref().filter(|id| requirement(id).is_none()) {
                let hint = did_you_mean(id, requirements().iter().map(|known| known.id.as_str()));
                return Err(format!("there is no requirement `{id}`{hint}"));
            }
        }
        Ok(())
    }

    /// Turns an accepted violation into `known`; what an earlier run accepted stays so. `today` is YYYY-MM-DD.
    pub fn apply(&mut self, server: Option<&str>, check: &mut Check, today: &str) {
        if !matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Known) {
            return;
        }
        let mut covering = self.accepted.iter_mut().filter(|entry| entry.covers(server, check));
        let Some(entry) = covering.next() else { return };
        entry.used = true;
        if check.verdict == Verdict::Known {
            return;
        }
        // Days in this form compare as texts.
        match entry.expires.as_deref().filter(|last| today > *last) {
            None => {
                check.verdict = Verdict::Known;
                check.message = format!("{} (accepted: {})", check.message, entry.reason);
            }
            Some(last) => {
                let over = format!(" (accepted until {last}, which is over: {})", entry.reason);
                // An earlier run may have told so.
                if !check.message.ends_with(&over) {
                    check.message.push_str(&over);
                }
            }
        }
    }

    /// What is wrong with the baseline after the run: entries that no longer fail. Where several servers were judged, each
    /// with a copy of its own, an entry has to fail on one of them; entries of servers that were not judged do not count.
    pub fn stale(after: &[Self], servers: &[&str]) -> Option<String> {
        let all = || after.iter().flat_map(|one| &one.accepted);
        let used: HashSet<String> =
            all().filter(|entry| entry.used).map(|entry| entry.lines(None).0).collect();
        let is_judged =
            |entry: &&Accepted| entry.server.as_deref().is_none_or(|server| servers.contains(&server));
        let unused = all().filter(is_judged).filter(|entry| !used.contains(&entry.lines(None).0));
        let mut stale: Vec<String> = unused.map(|entry| format!("  {}", entry.name())).collect();
        let mut told = HashSet::new();
        stale.retain(|line| told.insert(line.clone()));
        (!stale.is_empty()).then(|| {
            format!(
                "the baseline accepts what no longer fails; take these entries out:\n{}",
                stale.join("\n")
            )
        })
    }

    /// A baseline that accepts these failures, too, each with a line about it; entries that no longer fail are left out.
    pub fn written<'c>(
        after: &[Self],
        failures: impl Iterator<Item = (Option<&'c str>, &'c Check, String)>,
        today: &str,
    ) -> String {
        let mut text = String::from(
            "# Findings that are accepted for now. Say why for each; `expires` (YYYY-MM-DD) is the last day of it.\n",
        );
        let kept = after.iter().flat_map(|one| &one.accepted).filter(|entry| entry.used);
        let mut seen = HashSet::new();
        for entry in kept {
            text += &fresh(&mut seen, entry.lines(None));
        }
        for (server, check, about) in failures {
            let entry = Accepted {
                server: server.map(str::to_owned),
                check: Some(check.id.clone()),
                requirement: Some(check.requirement.clone()),
                reason: format!("found on {today}, not looked at yet"),
                expires: None,
                used: true,
            };
            text += &fresh(&mut seen, entry.lines(Some(&about)));
        }
        text
    }
}

/// The entry, unless there is the same already. What is only said about it does not count.
fn fresh(seen: &mut HashSet<String>, (entry, about): (String, String)) -> String {
    match seen.insert(entry.clone()) {
        true => format!("\n{about}{entry}"),
        false => String::new(),
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
        for _ in 0..2 {
            baseline.apply(None, &mut check, "2026-02-01");
            assert_eq!(check.verdict, Verdict::Fail);
            assert_eq!(check.message, "wrong (accepted until 2026-01-31, which is over: soon)");
        }
        baseline.apply(None, &mut check, "2026-01-31");
        assert_eq!(check.verdict, Verdict::Known);
        assert_eq!(Baseline::stale(&[baseline], &[]), None);
    }

    #[test]
    fn what_an_earlier_run_accepted_keeps_its_entry_alive() {
        let text = "[[accepted]]\ncheck = 'tools/call'\nreason = 'soon'\n";
        let (mut baseline, mut check) =
            (Baseline::parse(text).unwrap(), Check { verdict: Verdict::Known, ..failing() });
        baseline.apply(None, &mut check, "2026-02-01");
        assert_eq!((check.verdict, check.message.as_str()), (Verdict::Known, "wrong"));
        assert_eq!(Baseline::stale(&[baseline], &[]), None);
    }

    #[test]
    fn what_no_longer_fails_is_stale_and_reasons_are_demanded() {
        let baseline = Baseline::parse("[[accepted]]\ncheck = 'tools/call'\nreason = 'x'\n").unwrap();
        assert!(Baseline::stale(&[baseline], &[]).unwrap().contains("tools/call"));
        assert!(Baseline::parse("[[accepted]]\ncheck = 'a'\nreason = ' '\n").is_err());
        assert!(Baseline::parse("[[accepted]]\nreason = 'x'\n").is_err());
    }

    #[test]
    fn a_written_baseline_accepts_what_failed_and_keeps_what_still_does() {
        let text = "[[accepted]]\nrequirement = 'tools.call.result-shape'\nreason = 'known'\n[[accepted]]\ncheck = 'x'\nreason = 'gone'\n";
        let mut old = Baseline::parse(text).unwrap();
        let (mut check, other) = (failing(), Check { id: "tools/other".into(), ..failing() });
        old.apply(None, &mut check, "2026-01-01");
        let failures = [&other, &other].into_iter().map(|check| (Some("s"), check, "about it".to_owned()));
        let text = Baseline::written(&[old], failures, "2026-01-01");
        let new = Baseline::parse(&text).unwrap();
        assert_eq!(new.accepted.len(), 2, "{text}");
        assert!(
            text.contains("# about it\n") && text.contains("reason = \"known\"") && !text.contains("gone"),
            "{text}"
        );
        assert!(new.accepted[1].covers(Some("s"), &other) && !new.accepted[1].covers(None, &other));
    }

    #[test]
    fn a_mistyped_requirement_is_an_error() {
        let error = Baseline::parse("[[accepted]]\nrequirement = 'tools.call.result-shap'\nreason = 'x'\n")
            .unwrap_err();
        assert!(error.contains("did you mean tools.call.result-shape"), "{error}");
    }

    #[test]
    fn of_several_servers_an_entry_has_to_fail_on_one() {
        let text = "[[accepted]]\ncheck = 'tools/call'\nreason = 'x'\n[[accepted]]\nserver = 'other'\ncheck = 'y'\nreason = 'x'\n";
        let (mut one, two) = (Baseline::parse(text).unwrap(), Baseline::parse(text).unwrap());
        one.apply(Some("one"), &mut failing(), "2026-01-01");
        assert_eq!(Baseline::stale(&[one.clone(), two.clone()], &["one", "two"]), None);
        assert!(Baseline::stale(&[one, two], &["other"]).unwrap().contains('y'));
    }
}
