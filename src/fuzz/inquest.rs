//! Looking into a bug: which script it was, how small it can be, whether it comes each time.

use std::sync::Arc;
use std::time::Duration;

use super::bench::Bench;
use super::campaign::Campaign;
use super::evidence;
use super::finding::{Finding, Stability};
use super::oracle::{Bug, Kind, Severity};
use super::player::Played;
use super::script::{Action, Script};
use super::shrink::Search;
use super::source::{Case, Source};
use crate::catalogue::fingerprint;

/// A case that was played on a connection.
pub(super) struct Past {
    /// The case.
    pub case: Case,
    /// Its first entry in the transcript.
    from: u64,
    /// Whether nothing in it was done as asked, apart from legal requests.
    refused: bool,
    /// Whether something in it owes a reply.
    owes: bool,
}

impl Past {
    /// Remembers what the campaign itself asked from an entry on.
    pub(super) fn own(script: Script, from: u64) -> Self {
        Self { case: Case::of_corpus(Arc::new(script)), from, refused: true, owes: false }
    }

    /// Remembers a case by what came of it.
    pub(super) fn new(case: Case, played: &[Played]) -> Self {
        let is_request = |index: usize| {
            matches!(case.script.actions.get(index), Some(Action::Request { .. } | Action::Together(_)))
        };
        let refused = |played: &Played| {
            is_request(played.at.1) || played.reply.as_ref().is_none_or(super::state::is_refusal)
        };
        Self {
            from: played.first().map_or(u64::MAX, |played| played.seq),
            refused: played.iter().all(refused),
            owes: played.iter().any(|played| played.reply.is_none() && is_request(played.at.1)),
            case,
        }
    }
}

/// Cases before the suspect that are played with it at first; then four times as many, until all of the connection.
const NEAR: usize = 16;

/// How long one bug is looked into; less where races are about, which never show the same twice.
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_WITH_RACES: Duration = Duration::from_secs(15);

/// Looks into bugs of a campaign.
pub(super) struct Inquest<'i> {
    /// Whether deaths were found that do not come each time.
    pub has_races: bool,
    pub campaign: &'i Campaign<'i>,
    pub bench: &'i Bench<'i>,
    pub source: &'i Source,
}

impl Inquest<'_> {
    /// Finds the culprit among the cases of a connection, and makes it small. `before` of them were judged already.
    pub(super) async fn hold(&self, bug: &Bug, before: usize, past: &[Past]) -> Option<Finding> {
        let patience = if self.has_races { PATIENCE_WITH_RACES } else { PATIENCE };
        let mut search = Search::begin(self.bench, bug, patience, self.campaign.stopped).await;
        let suspects = suspects(bug, before, past);
        let mut found = None;
        for suspect in &suspects {
            let case = &past[*suspect].case;
            if search.shows(&[&case.script]).await {
                if is_only_slow(&mut search, bug, &case.script).await {
                    return None;
                }
                found = Some((*suspect, self.shrunk(&mut search, case).await));
                break;
            }
        }
        let last = suspects.first().copied().unwrap_or(past.len().saturating_sub(1));
        let mut reach = NEAR;
        while found.is_none() && !search.is_over() {
            let end = if bug.kind.is_death() { past.len() } else { last + 1 };
            let near = &past[end.saturating_sub(reach)..end];
            let scripts = fitting(bug.kind, near);
            let scripts: Vec<&Script> = scripts.iter().map(AsRef::as_ref).collect();
            if search.shows(&scripts).await {
                if is_only_slow(&mut search, bug, &Script::joined(scripts.iter().copied())).await {
                    return None;
                }
                found = Some((last, self.fewest(&mut search, &scripts).await));
            } else if reach >= past.len() {
                break;
            }
            reach *= 4;
        }
        match found {
            Some((index, script)) => self.finding(bug, search, &past[index].case, script).await,
            None if bug.kind.needs_proof() => None,
            None => {
                let suspect = &past.get(last)?.case;
                let script = match bug.kind.is_death() {
                    // Any of those before it may have done it.
                    true => Script::joined(
                        past[past.len().saturating_sub(NEAR)..].iter().map(|past| &*past.case.script),
                    ),
                    false => (*suspect.script).clone(),
                };
                self.finding(bug, search, suspect, script).await
            }
        }
    }

    async fn shrunk(&self, search: &mut Search<'_>, case: &Case) -> Script {
        match self.campaign.minimize {
            true => search.smallest(self.source.tree(case).as_mut()).await,
            false => (*case.script).clone(),
        }
    }

    async fn fewest(&self, search: &mut Search<'_>, scripts: &[&Script]) -> Script {
        match self.campaign.minimize {
            true => search.fewest(scripts).await,
            false => Script::joined(scripts.iter().copied()),
        }
    }

    async fn finding(
        &self,
        bug: &Bug,
        mut search: Search<'_>,
        case: &Case,
        script: Script,
    ) -> Option<Finding> {
        let mut confirmed = 0;
        for _ in 0..3 {
            if search.is_stopped() {
                break;
            }
            confirmed += usize::from(search.is_confirmed(&script).await);
        }
        let is_shown = search.shown.is_some();
        // What only came to somebody in haste did not come.
        let is_late = bug.kind.is_loss() && confirmed == 0 && (is_shown || is_call(bug));
        if confirmed < 3 && bug.kind.needs_proof() || is_late {
            return None;
        }
        let cause = bug.cause();
        let watched = self.bench.watch(&[&script]).await;
        let mut bug = search.shown.unwrap_or_else(|| bug.clone());
        let (wire, stderr) = match watched {
            Some(flight) if is_shown => (evidence::end(&flight, &self.bench.secrets), flight.stderr),
            // It never came again: what was seen of it is all there is.
            _ => (std::mem::take(&mut bug.wire), std::mem::take(&mut bug.stderr)),
        };
        if !is_shown {
            bug.message += "; it did not come again";
        }
        // That a server died is certain. What a reply belongs to is not, among many in flight on a busy machine.
        match (is_shown, bug.kind.is_death()) {
            (false, true) => bug.message += ": the script is what was sent last",
            (false, false) => bug.severity = Severity::Advice,
            (true, _) => {}
        }
        // A violated rule is one, however it came about; a death or a lost reply may have several reasons.
        let form = if bug.kind == Kind::InvalidReply { String::new() } else { skeleton(&script) };
        let identity = format!("{cause}|{form}");
        Some(Finding {
            finding: fingerprint(identity.bytes()),
            kind: bug.kind,
            severity: bug.severity,
            requirement: bug.requirement.clone(),
            message: bug.message.clone(),
            revision: self.campaign.revision,
            seed: self.campaign.seed,
            case: case.number,
            operators: script.operators.concat(),
            stability: if confirmed == 3 { Stability::Stable } else { Stability::Flaky },
            cause,
            script,
            wire,
            stderr,
        })
    }
}

/// A tool may take any time.
fn is_call(bug: &Bug) -> bool {
    bug.message.contains("`tools/call`")
}

/// Whether what is lost to somebody in haste is not lost to somebody with patience: a server may be slow, the more so while
/// many requests are in flight.
async fn is_only_slow(search: &mut Search<'_>, bug: &Bug, script: &Script) -> bool {
    bug.kind.is_loss() && !search.is_confirmed(script).await
}

/// What a script is like, whatever is in it: the same for two small scripts of one cause.
fn skeleton(script: &Script) -> String {
    let known = |method: &&str| crate::protocol::method::METHODS.iter().any(|known| known.name == *method);
    let of = |action: &Action| {
        let method = action.method().filter(known).unwrap_or("-");
        let kind = match action {
            Action::Text(_) | Action::Base64(_) | Action::Pieces(_) => "bytes",
            _ => action.kind(),
        };
        format!("{kind} {method}")
    };
    let mut actions: Vec<String> = script.actions.iter().map(of).collect();
    actions.dedup();
    actions.join(", ")
}

/// Who may have done it, the likeliest first.
fn suspects(bug: &Bug, before: usize, past: &[Past]) -> Vec<usize> {
    if past.len() <= before || bug.at == u64::MAX {
        return Vec::new();
    }
    let flight = before..past.len();
    if bug.kind.is_death() {
        // What was sent last before nothing was answered any more.
        let first = flight.clone().find(|index| past[*index].owes).unwrap_or(past.len() - 1);
        return (flight.start..=first).rev().take(3).collect();
    }
    // Many are in flight: what was sent just before a reply is seldom what it replies to. What is lost may be older.
    let of = |seq: u64| past.iter().rposition(|past| past.from <= seq);
    let mut suspects: Vec<usize> = [bug.asked, Some(bug.at)].into_iter().flatten().filter_map(of).collect();
    suspects.dedup();
    suspects
}

/// The scripts in which such a bug is looked for.
fn fitting(kind: Kind, past: &[Past]) -> Vec<Arc<Script>> {
    match kind {
        Kind::State => {
            let fit = past.iter().filter(|past| past.refused && !past.case.script.is_costly());
            fit.map(|past| without_calls(&past.case.script)).collect()
        }
        _ => past.iter().map(|past| past.case.script.clone()).collect(),
    }
}

/// The script without legal calls of tools, which may change whatever they like.
fn without_calls(script: &Script) -> Arc<Script> {
    let mut kept = Script::default();
    for (action, operators) in script.actions.iter().zip(&script.operators) {
        if super::state::may_only_be_refused(action) {
            kept.push(action.clone(), operators.clone());
        }
    }
    Arc::new(kept)
}
