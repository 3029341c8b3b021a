//! What a server remembers of a user whom it asked once: it is not another user's.

use serde_json::Value;

use super::super::client::{End, Primitive, end, follow, questions, requests};
use super::super::{Called, called};
use super::site;
use super::users::Users;
use super::{Seen, say, unseen};
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Outcome, Session};

const BOUND: &str = "elicitation.state-bound-to-user";
const SESSION: &str = "elicitation.state-not-session-only";
const HINT: &str = "needs a tool that asks the user once and remembers the answer: `[tools.NAME] remembers = true` in the profile names \
             it; and a token of another user (other_user_token_env)";
const ASKED: &str = "the other user is asked, too";
const ELICITATION: &str = "elicitation/create";

/// A call, and whether the user was asked something meanwhile.
struct Turn {
    is_asked: bool,
    outcome: Outcome,
}

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    if site::credentials(run).is_none() {
        return;
    }
    let told = run.told(|tool| tool.remembers.then_some(()));
    let Some((call, ())) = told else { return run.rest_unseen(HINT) };
    let Some(Users { other, .. }) = Users::find(run).await else { return };
    let Some(mut stranger) = opened(run, &other).await else {
        return run.rest_unseen("the other user could not open a conversation");
    };
    let before = unanswered(&mut stranger, &call).await;
    if !before.is_asked {
        return run.rest_unseen(
            "the other user was not asked at the beginning: it must be one whom the server does not know yet",
        );
    }
    let Some(known) = remembered(run, &call).await else {
        return run.rest_unseen("the tool asks each time, or does not work without an answer");
    };
    // Nobody's state is judged by what comes of a question that stayed open.
    let is_like_known = |turn: &Turn| done(turn).is_some_and(|result| result == known);
    let can_tell = !is_like_known(&before);
    let inside = inside(run, &other, &call).await;
    let after = unanswered(&mut stranger, &call).await;
    stranger.finish().await;
    match can_tell {
        true => {
            judge(run, BOUND, &after, is_like_known(&after));
            within(run, inside.as_ref(), is_like_known);
        }
        false => run.rest_unseen("the tool says the same whether it knows the user or not"),
    }
    run.rest_unseen("the server gives no session id");
}

/// What was seen inside the session. Where everybody shares what is remembered, it does not hang on sessions.
fn within(run: &mut CaseRun<'_>, inside: Option<&Turn>, is_like_known: impl Fn(&Turn) -> bool) {
    let Some(turn) = inside else { return };
    match run.is_violated(BOUND) {
        true => run.depends(SESSION, BOUND),
        false => judge(run, SESSION, turn, is_like_known(turn)),
    }
}

fn judge(run: &mut CaseRun<'_>, id: &str, turn: &Turn, is_like_known: bool) {
    let seen = Seen::beside(Seen::outcome(&turn.outcome).got);
    match called(&turn.outcome) {
        _ if turn.is_asked => say(run, id, &seen, ASKED, None),
        Called::Done if is_like_known => {
            let problem = "the other user is not asked any more, and gets what the first one told".to_owned();
            say(run, id, &seen, ASKED, Some(problem));
        }
        Called::Done => say(run, id, &seen, "the other user gets something else", None),
        Called::Refused if id == SESSION => {
            say(run, id, &seen, "refused: the session is another user's", None)
        }
        Called::Refused | Called::Unfinished | Called::Silent => {
            unseen(run, id, "the other user gets no result")
        }
    }
}

/// A conversation of the other user.
async fn opened(run: &CaseRun<'_>, other: &str) -> Option<Session> {
    let mut session = run.session.another(other)?;
    session.set_up().await.is_ok().then_some(session)
}

/// Calls the tool as a user who closes every dialog, so that there is nothing to remember of him.
async fn unanswered(session: &mut Session, call: &Value) -> Turn {
    let from = session.transcript.last();
    session.client_mut().manner = Manner::Cancelling;
    let outcome = session.request("tools/call", Some(call.clone())).await;
    let interim = outcome.result().filter(|_| matches!(end(&outcome), End::Asks(_)));
    let is_asked = asked(session, from)
        || interim.is_some_and(|interim| requests(interim).any(|request| request["method"] == ELICITATION));
    Turn { is_asked, outcome }
}

fn asked(session: &Session, from: u64) -> bool {
    questions(session, from).iter().any(|question| question.method() == Some(ELICITATION))
}

/// What the tool says to the first user once it knows him; `None` if it asks again.
async fn remembered(run: &mut CaseRun<'_>, call: &Value) -> Option<Value> {
    let primitive = Primitive { method: "tools/call", params: call.clone() };
    follow(run, &primitive, &Manner::Willing).await.result()?;
    let from = run.session.transcript.last();
    let again = follow(run, &primitive, &Manner::Willing).await;
    let is_known = again.rounds.is_empty() && !asked(run.session, from);
    again.result().filter(|_| is_known)
}

/// The other user inside the session of the first one.
async fn inside(run: &mut CaseRun<'_>, other: &str, call: &Value) -> Option<Turn> {
    run.judged(SESSION)?;
    run.session.http_session()?;
    let mut intruder = run.session.intruder(other)?;
    Some(unanswered(&mut intruder, call).await)
}

fn done(turn: &Turn) -> Option<Value> {
    match end(&turn.outcome) {
        End::Done(result) => Some(result),
        _ => None,
    }
}
