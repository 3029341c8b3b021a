//! Changes of verdicts.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{breaking, change, compatible, surface, unknown, verdict_line};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::report::read::{Recorded, RecordedRun};
use crate::report::words;
use crate::runner::{Change, FuzzFinding, Judgement};

/// The changes between two lists of checks; `run` says where, if there are several.
pub fn changes<L: AsRef<str>>(run: &str, old: &[L], new: &[L]) -> Vec<Change> {
    let (old, new) = (by_check(old), by_check(new));
    let checks: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
    let change = |check: &str| change_of(run, check, old.get(check).copied(), new.get(check).copied());
    checks.into_iter().filter_map(change).collect()
}

/// The changes between two reports, run by run.
pub fn of_reports(old: &Recorded, new: &Recorded) -> Vec<Change> {
    let mut changes = Vec::new();
    for run in &old.runs {
        match new.runs.iter().find(|other| key(other) == key(run)) {
            Some(other) => changes.extend(of_runs(run, other)),
            None => changes.push(breaking(format!("{} is not judged any more", label(run)))),
        }
    }
    let is_new = |run: &&RecordedRun| old.runs.iter().all(|known| key(known) != key(run));
    changes.extend(
        new.runs.iter().filter(is_new).map(|run| compatible(format!("{} is judged now", label(run)))),
    );
    changes.extend(of_fuzz(old, new));
    changes
}

fn of_runs(old: &RecordedRun, new: &RecordedRun) -> Vec<Change> {
    let offered =
        |run: &RecordedRun| json!({"server": run.started.server, "capabilities": run.started.capabilities});
    let label = label(old);
    let surface = surface::changes(&offered(old), &offered(new)).into_iter();
    let surface = surface.map(|it| change(it.judgement, format!("{label}: {}", it.what)));
    let lines = |run: &RecordedRun| run.checks.iter().map(verdict_line).collect::<Vec<_>>();
    let (old, new) = (lines(old), lines(new));
    surface.chain(changes(&format!("{label}: "), &old, &new)).collect()
}

/// What tells runs of a report apart.
fn key(run: &RecordedRun) -> (Option<&str>, Revision, &str) {
    (run.started.name.as_deref(), run.started.revision, run.started.transport)
}

fn label(run: &RecordedRun) -> String {
    let (name, revision, transport) = key(run);
    words::run(name, revision, transport)
}

/// Findings of the fuzzer that came or went. One that went may only not have been found.
fn of_fuzz(old: &Recorded, new: &Recorded) -> Vec<Change> {
    let findings = |report: &Recorded| -> BTreeMap<(Option<String>, String), String> {
        let all = report.fuzz.iter().flat_map(|campaign| &campaign.findings);
        let bugs = all.filter(|finding| !finding.is_advice());
        let told = |it: &FuzzFinding| {
            format!("{} {}: {}{}", it.kind, it.id, words::server(it.name.as_deref()), it.message)
        };
        bugs.map(|it| ((it.name.clone(), it.id.clone()), told(it))).collect()
    };
    let (old, new) = (findings(old), findings(new));
    let came = new
        .iter()
        .filter(|(bug, _)| !old.contains_key(*bug))
        .map(|(_, it)| breaking(format!("the fuzzer finds {it}")));
    let went = old.iter().filter(|(bug, _)| !new.contains_key(*bug));
    came.chain(went.map(|(_, it)| compatible(format!("the fuzzer no longer finds {it}")))).collect()
}

/// The verdict of each check; of a check that is there twice, the worst.
fn by_check<L: AsRef<str>>(lines: &[L]) -> BTreeMap<&str, Verdict> {
    let mut checks: BTreeMap<&str, Verdict> = BTreeMap::new();
    for line in lines {
        let Some((check, verdict)) = line.as_ref().rsplit_once(": ") else { continue };
        let Some(verdict) = Verdict::ALL.into_iter().find(|known| known.as_str() == verdict) else {
            continue;
        };
        let worst = checks.entry(check).or_insert(verdict);
        *worst = verdict.max(*worst);
    }
    checks
}

fn change_of(run: &str, check: &str, old: Option<Verdict>, new: Option<Verdict>) -> Option<Change> {
    let told = |word: &str| format!("{run}{check}: {word}");
    match (old, new) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(change(judge(old, new), told(&format!("{old} → {new}")))),
        (None, Some(new)) => Some(change(judge(Verdict::NotObserved, new), told(&format!("{new}, and new")))),
        (Some(Verdict::NotApplicable), None) => Some(compatible(told("not there any more"))),
        (Some(old), None) => Some(unknown(told(&format!("{old} → not judged any more")))),
        (None, None) => None,
    }
}

/// What it means that a verdict became another.
fn judge(old: Verdict, new: Verdict) -> Judgement {
    let is_bad = |verdict| match verdict {
        Verdict::Fail | Verdict::Warn | Verdict::Error => true,
        Verdict::Pass | Verdict::NotApplicable | Verdict::NotObserved | Verdict::Known | Verdict::Blocked => {
            false
        }
    };
    match (is_bad(old), is_bad(new)) {
        // Verdicts are ordered by how bad they are.
        (true, true) if new < old => Judgement::Compatible,
        (_, true) => Judgement::Breaking,
        (true, false) if matches!(new, Verdict::Pass | Verdict::Known | Verdict::NotApplicable) => {
            Judgement::Compatible
        }
        (false, false) if matches!(new, Verdict::Pass | Verdict::Known) => Judgement::Compatible,
        (false, false) if !old.is_judged() && !matches!(new, Verdict::Blocked) => Judgement::Compatible,
        (_, false) => Judgement::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(old: &str, new: &str) -> Option<(Judgement, String)> {
        let (old, new) = (format!("a › b: {old}"), format!("a › b: {new}"));
        changes("", &[old], &[new]).pop().map(|it| (it.judgement, it.what))
    }

    #[test]
    fn verdicts_get_better_or_worse() {
        let breaking = |what: &str| Some((Judgement::Breaking, format!("a › b: {what}")));
        assert_eq!(judged("pass", "pass"), None);
        assert_eq!(judged("pass", "fail"), breaking("pass → fail"));
        assert_eq!(judged("warn", "fail"), breaking("warn → fail"));
        for (old, new) in [("fail", "warn"), ("fail", "pass"), ("not_observed", "pass"), ("fail", "known")] {
            assert_eq!(judged(old, new).map(|it| it.0), Some(Judgement::Compatible), "{old} {new}");
        }
        assert_eq!(judged("pass", "not_observed").map(|it| it.0), Some(Judgement::Unknown));
    }
}
