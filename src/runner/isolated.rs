//! Cases on connections of their own: one each, or one for all that declare the same client.

use futures_util::StreamExt;

use super::interpret::{DEATH, Surroundings, run_case};
use super::plan::Plan;
use super::role::lacks_role;
use super::side_by_side::side_by_side;
use super::survey::Survey;
use super::tally::Observed;
use crate::case::{Case, Connection};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::session::{Learned, OpenError, Session, Transcript};

/// What was observed, and the transcripts by name.
pub(super) type Results = (Vec<Observed>, Vec<(String, Transcript)>);

/// Runs cases side by side; how many connections it took comes with the results.
pub(super) async fn isolated(
    plan: &Plan,
    around: &Surroundings<'_>,
    revision: Revision,
    cases: &[&Case],
    learned: &Learned,
) -> (Results, usize) {
    // A launch is dear: none for a case that would find nothing to do. Another client may be offered more.
    let is_useful = |case: &&Case| {
        let has_role = !lacks_role(case, &plan.policy.profile);
        has_role && (case.client.is_some() || around.survey.has_work_for(case))
    };
    let (useful, idle): (Vec<&Case>, Vec<&Case>) = cases.iter().copied().partition(is_useful);
    let running = groups(&useful).into_iter().map(|group| together(plan, around, revision, group, learned));
    let done: Vec<Results> = side_by_side(running, plan.jobs).collect().await;
    let mut all = (idle.into_iter().flat_map(unseen).collect::<Vec<_>>(), Vec::new());
    for (observed, transcripts) in done {
        all.0.extend(observed);
        all.1.extend(transcripts);
    }
    let connections = all.1.len();
    (all, connections)
}

/// Cases that can share a connection: those for the same client.
fn groups<'c>(cases: &[&'c Case]) -> Vec<Vec<&'c Case>> {
    let mut groups: Vec<Vec<&Case>> = Vec::new();
    for case in cases {
        let is_like = |other: &&Case| other.connection == Connection::Shared && other.client == case.client;
        let group = groups.iter_mut().find(|group| group.first().is_some_and(is_like));
        match group.filter(|_| case.connection == Connection::Shared) {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    groups
}

/// Runs cases one after the other on one connection; one that dies is replaced.
async fn together(
    plan: &Plan,
    around: &Surroundings<'_>,
    revision: Revision,
    cases: Vec<&Case>,
    learned: &Learned,
) -> Results {
    let mut results: Results = (Vec::new(), Vec::new());
    let mut rest = cases.as_slice();
    while let Some(first) = rest.first() {
        let mut session = match open(plan, revision, first).await {
            Ok(session) => session,
            Err(error) => {
                let why = format!("no new connection: {error}");
                results.0.extend(rest.iter().flat_map(|case| blocked(case, &why)));
                break;
            }
        };
        session.learn(learned);
        // What a server offers may depend on what the client declares.
        let own = match first.client.is_some() && first.connection != Connection::Raw {
            true => Some(Survey::take(&mut session, &plan.policy).await),
            false => None,
        };
        let around = Surroundings { survey: own.as_ref().unwrap_or(around.survey), ..*around };
        let mut done = 0;
        while let (Some(case), true) = (rest.get(done), done == 0 || session.dead().is_none()) {
            results.0.extend(run_case(case, &mut session, &around).await);
            done += 1;
        }
        rest = &rest[done..];
        results.1.push((first.id.clone(), session.finish().await));
    }
    results
}

async fn open(plan: &Plan, revision: Revision, case: &Case) -> Result<Session, OpenError> {
    let mut options = plan.options.clone();
    if let Some(declared) = &case.client {
        options.client.capabilities = declared.capabilities(revision);
    }
    match case.connection {
        Connection::Raw => Ok(Session::connect(&plan.target, revision, &options)?),
        Connection::Shared | Connection::Fresh => {
            Session::open(&plan.target, revision, &options).await.map_err(|failure| failure.error)
        }
    }
}

/// Every check of a case that would find nothing to do.
fn unseen(case: &Case) -> Vec<Observed> {
    let why = case.hint.as_deref().unwrap_or("the situation did not arise");
    let requirements = case.requirements().into_iter();
    requirements
        .map(|requirement| Observed::plain(&case.id, &requirement.id, Verdict::NotObserved, why))
        .collect()
}

/// Every check of a case that could not run.
pub(super) fn blocked(case: &Case, why: &str) -> Vec<Observed> {
    case.requirements()
        .into_iter()
        .map(|requirement| Observed {
            blocked_by: Some(DEATH.to_owned()),
            ..Observed::plain(&case.id, &requirement.id, Verdict::Blocked, why)
        })
        .collect()
}
