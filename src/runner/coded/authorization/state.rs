//! What one user was asked, answered by another (2026-07-28).

use serde_json::json;

use super::super::client::{End, Flow, end, follow, primitives, requests, retry, up_to_last};
use super::site::{self, is_served};
use super::users::Users;
use super::{Seen, say};
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Outcome};

const STATE: &str = "mrtr.state-bound-to-principal";
const ELICITATION: &str = "elicitation.bound-to-client-and-user";
/// Things that ask for input and are tried.
const MOST: usize = 3;

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(users) = Users::find(run).await else { return };
    let mut left = MOST;
    for primitive in primitives(run) {
        let flow = follow(run, &primitive, &Manner::Willing).await;
        if left > 0 && flow.state().is_some() && flow.result().is_some() && foreign(run, &users, &flow).await
        {
            left -= 1;
        }
    }
    run.rest_unseen("nothing that both users may ask for keeps state while it asks the client");
}

/// The other user answers with the state of the first one; false if that shows nothing, because the state is not needed.
async fn foreign(run: &mut CaseRun<'_>, users: &Users, flow: &Flow) -> bool {
    let own = as_other(run, users, flow, &json!({})).await;
    let (End::Asks(_), Some(interim)) = (end(&own), up_to_last(run, flow).await) else { return false };
    let with = retry(run, &interim, Manner::Willing);
    let mut without = with.clone();
    if let Some(members) = without.as_object_mut() {
        members.shift_remove("requestState");
    }
    if matches!(end(&as_other(run, users, flow, &without).await), End::Done(_)) {
        return false;
    }
    let outcome = as_other(run, users, flow, &with).await;
    let goes_on = is_served(&outcome) && matches!(end(&outcome), End::Done(_));
    let name = flow.primitive.name();
    let problem = goes_on.then(|| format!("`{name}` goes on for one user with what another one was asked"));
    let is_form = requests(&interim).any(|request| request["method"] == "elicitation/create");
    for id in [Some(STATE), is_form.then_some(ELICITATION)].into_iter().flatten() {
        say(run, id, &Seen::outcome(&outcome), "an error, or a new beginning", problem.clone());
    }
    true
}

async fn as_other(run: &mut CaseRun<'_>, users: &Users, flow: &Flow, added: &serde_json::Value) -> Outcome {
    let params = flow.primitive.with(added);
    site::post(run, flow.primitive.method, Some(params), site::headers(&[&users.other]), None).await
}
