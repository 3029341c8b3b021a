//! State that a tool makes and names: who knows the name is not its user for that (2026-07-28).

use serde_json::{Value, json};

use super::super::handles::{HINT, nothing};
use super::super::{Called, called};
use super::site::{self, Site};
use super::tokens::hint;
use super::users::Users;
use super::{Seen, say, unseen};
use crate::runner::Handle;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const AUTHENTICATION: &str = "auth.handle.not-authentication";
const BOUND: &str = "auth.handle.bound-to-user";
const OTHER_STATE: &str = "served, but with something else than the state of the user";

/// State of the user, and how it is asked for.
struct State {
    /// A call that works with it.
    used: Value,
    /// What comes of it.
    result: Value,
    /// Whether that is the same each time.
    is_steady: bool,
}

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(credentials) = site::credentials(run) else { return };
    let Some((maker, handle)) = run.told(|tool| tool.handle.clone()) else { return run.rest_unseen(HINT) };
    if Site::find(run).await.is_none() {
        return;
    }
    let state = match make(run, &maker, &handle, &credentials).await {
        Ok(state) => state,
        Err(why) => return run.rest_unseen(&why),
    };
    if without_token(run, &state, &credentials).await {
        by_other_user(run, &maker, &handle, &state, &credentials).await;
    }
    run.rest_unseen("the situation did not arise");
}

async fn call_as(run: &mut CaseRun<'_>, authorization: &[&str], params: &Value) -> Outcome {
    site::post(run, "tools/call", Some(params.clone()), site::headers(authorization), None).await
}

/// Makes state with these credentials and looks at it; the error says why nothing can be seen.
async fn make(
    run: &mut CaseRun<'_>,
    maker: &Value,
    handle: &Handle,
    credentials: &str,
) -> Result<State, String> {
    let made = call_as(run, &[credentials], maker).await;
    let named = made.result().and_then(|result| result.pointer(&handle.at)).cloned();
    let named = named.filter(|name| name.is_string() || name.is_number());
    let Some(named) = named.filter(|_| called(&made) == Called::Done) else {
        return Err(nothing(maker, &handle.at));
    };
    let Some(mut used) = run.call_of(&handle.tool) else {
        return Err(format!("the server does not offer `{}`, which is to take the handle", handle.tool));
    };
    let mut unknown = used.clone();
    unknown["arguments"][&handle.argument] = altered(&named);
    used["arguments"][&handle.argument] = named;
    let first = call_as(run, &[credentials], &used).await;
    let second = call_as(run, &[credentials], &used).await;
    let (Some(result), Some(again)) = (done(&first), done(&second)) else {
        return Err(format!("`{}` does not work with the handle, at least not twice", handle.tool));
    };
    let state = State { used, is_steady: result == again, result };
    let unknown = call_as(run, &[credentials], &unknown).await;
    match done(&unknown) {
        Some(result) if !state.is_steady || result == state.result => {
            Err(format!("`{}` does the same with any handle", handle.tool))
        }
        _ => Ok(state),
    }
}

/// What a call that succeeded says, without its metadata.
fn done(outcome: &Outcome) -> Option<Value> {
    let mut result = outcome.result().filter(|_| called(outcome) == Called::Done)?.clone();
    if let Some(members) = result.as_object_mut() {
        members.shift_remove("_meta");
    }
    Some(result)
}

/// A handle of the same form that nobody was given.
fn altered(handle: &Value) -> Value {
    let turn = |c: char| match c {
        '0'..='9' => char::from(b'0' + (c as u8 - b'0' + 5) % 10),
        'a'..='z' => char::from(b'a' + (c as u8 - b'a' + 13) % 26),
        'A'..='Z' => char::from(b'A' + (c as u8 - b'A' + 13) % 26),
        other => other,
    };
    match handle {
        Value::String(text) => text.chars().map(turn).collect::<String>().into(),
        other => json!(other.as_i64().unwrap_or_default().wrapping_add(1_000_003)),
    }
}

/// What somebody else got.
enum Access {
    /// The state of the user.
    State,
    /// Nothing, or something else.
    None(&'static str),
    Unclear,
}

fn access(state: &State, outcome: &Outcome) -> Access {
    match (called(outcome), done(outcome)) {
        (Called::Refused, _) => Access::None("refused"),
        (_, Some(result)) if result == state.result => Access::State,
        (_, Some(_)) if state.is_steady => Access::None(OTHER_STATE),
        // What changes with each use, or is not finished, cannot be compared.
        _ => Access::Unclear,
    }
}

fn judge(run: &mut CaseRun<'_>, id: &str, state: &State, outcome: &Outcome, who: &str) {
    match access(state, outcome) {
        Access::State => {
            let problem = format!("{who} works with the state of the user by knowing its handle");
            say(run, id, &Seen::outcome(outcome), "refused", Some(problem));
        }
        Access::None(seen) => say(run, id, &Seen::outcome(outcome), seen, None),
        Access::Unclear => unseen(run, id, "what the tool says is different each time"),
    }
}

/// Without a token, and with one that is none. False if the state is gone after that: then nothing more can be seen.
async fn without_token(run: &mut CaseRun<'_>, state: &State, credentials: &str) -> bool {
    let nobody = call_as(run, &[], &state.used).await;
    let stranger = call_as(run, &["Bearer mcp-conform-not-a-token"], &state.used).await;
    let is_there = is_there(run, state, credentials).await;
    match is_there {
        true => {
            judge(run, AUTHENTICATION, state, &nobody, "a client without a token");
            judge(run, AUTHENTICATION, state, &stranger, "a client with a made-up token");
        }
        false => run.rest_unseen("the handle does not work again and again"),
    }
    is_there
}

/// Whether the state can still be used: else a refusal shows nothing.
async fn is_there(run: &mut CaseRun<'_>, state: &State, credentials: &str) -> bool {
    done(&call_as(run, &[credentials], &state.used).await).is_some()
}

/// Another user, who may use the same tools.
async fn by_other_user(
    run: &mut CaseRun<'_>,
    maker: &Value,
    handle: &Handle,
    state: &State,
    credentials: &str,
) {
    if run.around.tokens.other_user.is_none() {
        return unseen(run, BOUND, &hint("other_user_token_env", "a valid token of another user"));
    }
    let Some(Users { other, .. }) = Users::find(run).await else { return };
    let outcome = call_as(run, &[&other], &state.used).await;
    let can_use = make(run, maker, handle, &other).await.is_ok();
    let is_there = is_there(run, state, credentials).await;
    match (access(state, &outcome), can_use, is_there) {
        (Access::State, ..) | (_, true, true) => judge(run, BOUND, state, &outcome, "another user"),
        (_, false, _) => unseen(run, BOUND, "the other user cannot use the tools"),
        (_, true, false) => unseen(run, BOUND, "the handle does not work again and again"),
    }
}
