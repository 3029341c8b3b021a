//! Two users: what belongs to one is not the other's.

use serde_json::{Value, json};

use super::site::{self, Site, is_served};
use super::tokens::hint;
use super::{Seen, say, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::protocol::method;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

/// What is public is the same for every user: said three times.
const SHARED: [&str; 3] = [
    "auth.cache.public-not-user-specific",
    "caching.scope.public-has-no-private-data",
    "caching.scope.reflects-visibility",
];
const HIDDEN: &str = "auth.cache.no-reliance-on-scope";

/// A server that two users can use.
pub(super) struct Users {
    pub site: Site,
    /// The credentials of the user.
    pub own: String,
    /// Those of another one.
    pub other: String,
    /// How the other one opened a conversation.
    pub opened: Outcome,
}

impl Users {
    /// Both users; `None`, with everything noted, if there are not two.
    pub async fn find(run: &mut CaseRun<'_>) -> Option<Self> {
        let site = Site::find(run).await?;
        let Some(token) = site.token.clone() else {
            run.rest_unseen("needs a token that is accepted: give one with --bearer-env NAME");
            return None;
        };
        let Some(other) = &run.around.tokens.other_user else {
            run.rest_unseen(&hint("other_user_token_env", "a valid token of another user"));
            return None;
        };
        let (own, other) = (format!("Bearer {token}"), format!("Bearer {other}"));
        let opened = site::open(run, &[&other]).await;
        if !is_served(&opened) {
            run.rest_unseen("the token of the other user is not accepted");
            return None;
        }
        Some(Self { site, own, other, opened })
    }
}

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(Users { site, own, other, .. }) = Users::find(run).await else { return };
    session(run, &site, &other).await;
    if SHARED.iter().any(|id| run.judged(id).is_some()) {
        lists(run, &own, &other).await;
    }
    run.rest_unseen("both users see the same");
}

async fn session(run: &mut CaseRun<'_>, site: &Site, other: &str) {
    const ID: &str = "auth.session.bound-to-user";
    if run.session.http_session().is_none() {
        return unseen(run, ID, "the server assigns no session id");
    }
    let outcome = site.ask(run, &[other]).await;
    let problem = is_served(&outcome).then(|| "another user works inside the session".to_owned());
    say(run, ID, &Seen::outcome(&outcome), "refused: the session is another user's", problem);
}

async fn list(run: &mut CaseRun<'_>, method: &str, authorization: &str) -> Outcome {
    site::post(run, method, None, site::headers(&[authorization]), None).await
}

/// The same lists for both, the first user's twice: what changes by itself proves nothing.
async fn lists(run: &mut CaseRun<'_>, own: &str, other: &str) {
    let declared = run.session.server.capabilities.clone();
    for (name, member) in method::LISTS {
        let capability = method::find(name, run.session.revision).and_then(|m| m.capability);
        if !capability.is_some_and(|capability| method::declares(&declared, capability)) {
            continue;
        }
        let mine = list(run, name, own).await;
        let theirs = list(run, name, other).await;
        let again = list(run, name, own).await;
        let things = |outcome: &Outcome| outcome.result().map(|result| result[*member].clone());
        if things(&mine).is_none() || things(&mine) != things(&again) {
            continue;
        }
        let is_public = mine.result().is_some_and(|result| result["cacheScope"] == "public");
        let differs = things(&theirs).is_some_and(|theirs| Some(theirs) != things(&mine));
        if is_public {
            for id in SHARED {
                let problem = differs.then(|| format!("`{name}` is public, but differs between two users"));
                say(run, id, &Seen::outcome(&theirs), "the same for every user", problem);
            }
        }
        if differs && *name == "resources/list" {
            hidden(run, &mine, &theirs, other).await;
        }
    }
}

/// What the other user is not shown must not be readable either.
async fn hidden(run: &mut CaseRun<'_>, mine: &Outcome, theirs: &Outcome, other: &str) {
    let uris = |outcome: &Outcome| -> Vec<Value> {
        let listed = outcome.result().and_then(|result| result["resources"].as_array()).cloned();
        listed.unwrap_or_default().into_iter().map(|resource| resource["uri"].clone()).collect()
    };
    let shown = uris(theirs);
    let Some(uri) = uris(mine).into_iter().find(|uri| uri.is_string() && !shown.contains(uri)) else {
        return;
    };
    let params = json!({"uri": uri});
    let outcome = site::post(run, "resources/read", Some(params), site::headers(&[other]), None).await;
    let problem = is_served(&outcome).then(|| format!("{uri} is hidden from the other user, but readable"));
    say_at_most(run, HIDDEN, &Seen::outcome(&outcome), "refused", problem, Some(Verdict::Warn));
}
