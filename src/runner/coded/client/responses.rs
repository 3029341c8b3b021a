//! Retries that are not quite what was asked for: too much, too little, malformed, or never sent.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::flow::{Flow, Primitive, retry, up_to_last};
use super::{End, answered, end, kept, violated};
use crate::protocol::{Id, code};
use crate::runner::coded::is_limited;
use crate::runner::interpret::CaseRun;
use crate::session::{HttpCall, Manner, Meta, Outcome};

const NEW_ID: &str = "mrtr.retry-new-id-accepted";
const ELSEWHERE: &str = "mrtr.retry-independent";
const EXTRA: &str = "mrtr.extra-responses-ignored";
const MISSING: &str = "mrtr.missing-responses-reasked";
const VALIDATE: &str = "mrtr.validate-responses";
const MALFORMED: &str = "mrtr.malformed-error";
const ABANDONED: &str = "mrtr.no-fulfilment-assumed";
const TOLERATED: &str = "client-features.malformed-result-tolerated";

/// Flows that are begun and never finished.
const MANY: usize = 30;

pub(super) async fn look(run: &mut CaseRun<'_>, flow: &Flow) {
    if flow.question()["inputRequests"].as_object().is_none_or(serde_json::Map::is_empty) {
        return;
    }
    new_id(run, flow).await;
    elsewhere(run, flow).await;
    extra(run, flow).await;
    missing(run, flow).await;
    validate(run, flow).await;
    malformed(run, flow).await;
}

/// The right answers to a new round of the last questions, ready to be changed.
async fn answers(run: &mut CaseRun<'_>, flow: &Flow) -> Option<Value> {
    let interim = up_to_last(run, flow).await?;
    Some(retry(run, &interim, Manner::Willing))
}

async fn new_id(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(added) = answers(run, flow).await else { return };
    let (id, mut message) =
        run.session.compose(flow.primitive.method, Some(flow.primitive.with(&added)), &Meta::Standard);
    let text = format!("mcp-conform-retry-{id}");
    message["id"] = text.clone().into();
    let outcome = run.session.message(&message, true).await;
    let is_right = outcome.reply.as_ref().and_then(|reply| reply.id()) == Some(Id::Text(text));
    let name = flow.primitive.name();
    match (end(&outcome), is_right) {
        (End::Done(_) | End::Asks(_), true) => {
            kept(run, NEW_ID, format!("the retry of `{name}` is a request of its own"))
        }
        (End::Silent, _) if outcome.died.is_some() => {}
        _ => violated(
            run,
            NEW_ID,
            format!("the retry of `{name}` with an id of another type does not work"),
            "the same as with any other id, under the id of the retry",
            &outcome,
        ),
    }
}

/// What a retry carries has to be enough, wherever it arrives.
async fn elsewhere(run: &mut CaseRun<'_>, flow: &Flow) {
    match (flow.rounds.len(), run.session.is_http()) {
        (1, true) => on_another_connection(run, flow).await,
        // A launch is dear: one flow has to do.
        (1, false) if !run.is_observed(ELSEWHERE) => in_another_process(run, flow).await,
        _ => {}
    }
}

/// A further process gets the retry of what was asked of the first.
async fn in_another_process(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(added) = answers(run, flow).await else { return };
    let Some(mut other) = run.session.afresh().await else { return };
    let Primitive { method, params } = &flow.primitive;
    let first = other.request(method, Some(params.clone())).await;
    // What another process does not ask for at all, or not in this way, tells nothing of retries.
    if let End::Asks(_) = end(&first) {
        let retried = other.request(method, Some(flow.primitive.with(&added))).await;
        // It is in the transcript of the other process.
        let outcome = Outcome { span: (0, 0), ..retried };
        let name = flow.primitive.name();
        match end(&outcome) {
            End::Done(_) => kept(run, ELSEWHERE, format!("the retry of `{name}` works in another process")),
            End::Silent => {}
            End::Failed | End::Asks(_) => violated(
                run,
                ELSEWHERE,
                format!("the retry of `{name}` does not work in another process"),
                "what comes in the same process",
                &outcome,
            ),
        }
    }
    other.finish().await;
}

/// Over HTTP the first connection is closed before the retry.
async fn on_another_connection(run: &mut CaseRun<'_>, flow: &Flow) {
    let params = Some(flow.primitive.params.clone());
    let (_, message) = run.session.compose(flow.primitive.method, params, &Meta::Standard);
    let closing = vec![("Connection".to_owned(), Some("close".to_owned()))];
    let call =
        HttpCall { method: "POST".into(), headers: closing, message: Some(message), ..HttpCall::default() };
    let first = run.session.http(&call).await;
    let End::Asks(interim) = end(&first) else { return };
    let added = retry(run, &interim, Manner::Willing);
    let outcome = flow.primitive.ask(run, &added).await;
    let name = flow.primitive.name();
    match end(&outcome) {
        End::Done(_) => kept(run, ELSEWHERE, format!("the retry of `{name}` works on another connection")),
        End::Silent if outcome.died.is_some() => {}
        _ => violated(
            run,
            ELSEWHERE,
            format!("the retry of `{name}` does not work on another connection"),
            "what comes on the same connection",
            &outcome,
        ),
    }
}

async fn extra(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(mut added) = answers(run, flow).await else { return };
    added["inputResponses"]["mcp-conform-unasked"] = json!({"action": "accept", "content": {"x": "y"}});
    let outcome = flow.primitive.ask(run, &added).await;
    let name = flow.primitive.name();
    match end(&outcome) {
        End::Failed => violated(
            run,
            EXTRA,
            format!("`{name}` fails because of an answer that it did not ask for"),
            "what comes without the extra answer",
            &outcome,
        ),
        End::Silent => {}
        End::Done(_) | End::Asks(_) => {
            kept(run, EXTRA, format!("`{name}` ignores an answer that it did not ask for"))
        }
    }
}

async fn missing(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(added) = answers(run, flow).await else { return };
    let all = added["inputResponses"].as_object().cloned().unwrap_or_default();
    let mut variants = vec![json!({}), json!({"mcp-conform-unasked": all.values().next()})];
    if all.len() > 1 {
        variants.push(Value::Object(all.into_iter().take(1).collect()));
    }
    for responses in variants {
        let mut added = added.clone();
        added["inputResponses"] = responses;
        let outcome = flow.primitive.ask(run, &added).await;
        let name = flow.primitive.name();
        match end(&outcome) {
            End::Asks(_) => kept(run, MISSING, format!("`{name}` asks again for what is missing")),
            End::Failed => violated(
                run,
                MISSING,
                format!("`{name}` fails because answers are missing"),
                "a new request for what is missing",
                &outcome,
            ),
            // The answer may not have been needed.
            End::Done(_) | End::Silent => {}
        }
    }
}

/// Answers that are none, under the right keys.
async fn validate(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(declined) = outcome_of(run, flow, Manner::Declining).await else { return };
    let bad = [
        json!(42),
        json!({}),
        json!({"action": "maybe"}),
        json!({"roots": 7, "role": "nobody", "content": 7}),
    ];
    for answer in bad {
        let Some(mut added) = answers(run, flow).await else { return };
        for (_, response) in added["inputResponses"].as_object_mut().into_iter().flatten() {
            *response = answer.clone();
        }
        let outcome = flow.primitive.ask_wrongly(run, &added).await;
        if !answered(run, TOLERATED, &outcome, &format!("the answer {answer} to `{}`", flow.primitive.name()))
        {
            return;
        }
        match end(&outcome) {
            // Without the answer it may work as well.
            End::Done(result) if Some(&result) == declined.as_ref() => {}
            End::Done(_) => violated(
                run,
                VALIDATE,
                format!("`{}` takes {answer} for an answer", flow.primitive.name()),
                "an error, or a new request for input",
                &outcome,
            ),
            _ => kept(
                run,
                VALIDATE,
                format!("`{}` does not take {answer} for an answer", flow.primitive.name()),
            ),
        }
    }
}

/// What comes when the client answers in a manner: the result, if it is a good one.
async fn outcome_of(run: &mut CaseRun<'_>, flow: &Flow, manner: Manner) -> Option<Option<Value>> {
    let interim = up_to_last(run, flow).await?;
    let added = retry(run, &interim, manner);
    let outcome = flow.primitive.ask(run, &added).await;
    match end(&outcome) {
        End::Done(result) => Some(Some(result)),
        End::Silent => None,
        End::Failed | End::Asks(_) => Some(None),
    }
}

/// Parameters of the wrong type.
async fn malformed(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(added) = answers(run, flow).await else { return };
    let mut variants = vec![("inputResponses", json!("x")), ("inputResponses", json!([1]))];
    if added.get("requestState").is_some() {
        variants.push(("requestState", json!(7)));
    }
    for (member, value) in variants {
        let mut added = added.clone();
        added[member] = value.clone();
        let outcome = flow.primitive.ask_wrongly(run, &added).await;
        let name = flow.primitive.name();
        if !answered(run, TOLERATED, &outcome, &format!("`{member}`: {value} for `{name}`")) {
            return;
        }
        match outcome.code() {
            Some(code::INVALID_PARAMS | code::INVALID_REQUEST | code::PARSE_ERROR) => {
                kept(run, MALFORMED, format!("`{name}` refuses a malformed `{member}`"));
            }
            _ if outcome.status.is_some_and(|status| (400..500).contains(&status))
                && outcome.reply.is_none() => {}
            _ => violated(
                run,
                MALFORMED,
                format!("`{member}`: {value} is not refused as invalid by `{name}`"),
                "error -32602",
                &outcome,
            ),
        }
    }
}

/// Nobody has to come back: what was asked for and never answered stands in nobody's way.
pub(super) async fn abandoned(run: &mut CaseRun<'_>, flow: &Flow) {
    let deadline = Instant::now() + run.session.timeout();
    let name = flow.primitive.name();
    let mut open = 0;
    while open < MANY && Instant::now() < deadline {
        let next = flow.primitive.ask(run, &json!({})).await;
        match end(&next) {
            End::Asks(_) | End::Done(_) => open += 1,
            // Not even the next one works: it is no mood of the server.
            End::Failed if !is_limited(&next) => {
                let again = flow.primitive.ask(run, &json!({})).await;
                if end(&again) == End::Failed && !is_limited(&again) {
                    let problem =
                        format!("`{name}` does not work while {open} earlier questions are unanswered");
                    violated(run, ABANDONED, problem, "a new request for input", &again);
                }
                return;
            }
            End::Failed | End::Silent => return,
        }
    }
    kept(run, ABANDONED, format!("`{name}` begins anew after {open} unanswered questions"));
}
