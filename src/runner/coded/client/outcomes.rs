//! What the user or the model may answer: no, nothing, a list, nonsense.

use super::flow::{Flow, Primitive, follow, requests, retry, up_to_last};
use super::{End, answered, complains, end, kept, violated};
use crate::protocol::code;
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Outcome, SAID, can_misfill};

const DECLINED: &str = "elicitation.outcomes-handled-must";
const ASSUMED: &str = "elicitation.success-not-assumed";
const VALIDATED: &str = "elicitation.server-validates";
const CONSENT: &str = "elicitation.url-accept-is-consent-only";
const LISTED: &str = "sampling.array-result-accepted";
const CONTENT: &str = "sampling.content-validated";
const LOOP: &str = "sampling.tool-loop-limited";
const UNAVAILABLE: &str = "roots.unavailable-handled";

pub(super) async fn look(run: &mut CaseRun<'_>, flow: &Flow) {
    let asks =
        |method: &str| flow.rounds.iter().flat_map(requests).any(|request| request["method"] == method);
    if asks("elicitation/create") {
        declined(run, &flow.primitive).await;
        consent(run, flow);
        misfilled(run, flow).await;
    }
    if asks("sampling/createMessage") {
        listed(run, flow).await;
        nonsense(run, flow).await;
        tools(run, flow).await;
    }
    if asks("roots/list") {
        answered(run, UNAVAILABLE, &flow.last, "roots that do not exist");
        no_roots(run, &flow.primitive).await;
    }
}

async fn declined(run: &mut CaseRun<'_>, primitive: &Primitive) {
    for (manner, words) in [(Manner::Declining, "a decline"), (Manner::Cancelling, "a cancel")] {
        let flow = follow(run, primitive, &manner).await;
        if !answered(run, DECLINED, &flow.last, words) {
            return;
        }
        match flow.last.code() {
            Some(code::INTERNAL_ERROR) => violated(
                run,
                ASSUMED,
                format!("`{}` breaks down after {words}", primitive.name()),
                "a result, a fitting error, or a new request for input",
                &flow.last,
            ),
            _ => kept(run, ASSUMED, format!("`{}` copes with {words}", primitive.name())),
        }
    }
}

/// Nobody visited the page: consent alone is no reason to go on.
fn consent(run: &mut CaseRun<'_>, flow: &Flow) {
    if !requests(flow.question()).any(|request| request["params"]["mode"] == "url") {
        return;
    }
    match end(&flow.last) {
        End::Done(_) => violated(
            run,
            CONSENT,
            format!("`{}` goes on although nobody visited the page", flow.primitive.name()),
            "a new request for input, or an error that explains",
            &flow.last,
        ),
        End::Asks(_) | End::Failed => {
            kept(run, CONSENT, format!("`{}` waits for the page", flow.primitive.name()))
        }
        End::Silent => {}
    }
}

async fn misfilled(run: &mut CaseRun<'_>, flow: &Flow) {
    let can = |interim| requests(interim).any(|request| can_misfill(&request["params"]["requestedSchema"]));
    if flow.result().is_none() || !can(flow.question()) {
        return;
    }
    let Some(interim) = up_to_last(run, flow).await else { return };
    let added = retry(run, &interim, Manner::Misfilling);
    let outcome = flow.primitive.ask_wrongly(run, &added).await;
    match end(&outcome) {
        End::Done(result) if complains(&result) => {}
        End::Done(_) => violated(
            run,
            VALIDATED,
            format!("`{}` takes content that its own schema forbids", flow.primitive.name()),
            "an error, or a new request for input",
            &outcome,
        ),
        End::Asks(_) | End::Failed => {
            kept(
                run,
                VALIDATED,
                format!("`{}` refuses content that its schema forbids", flow.primitive.name()),
            );
        }
        End::Silent => {}
    }
}

/// A message may hold one block or a list.
async fn listed(run: &mut CaseRun<'_>, flow: &Flow) {
    let listed = follow(run, &flow.primitive, &Manner::Listing).await;
    compare(run, &flow.primitive.name(), &flow.last, &listed.last);
}

/// Compares what came of one block and of a list with the same block.
pub(super) fn compare(run: &mut CaseRun<'_>, name: &str, single: &Outcome, list: &Outcome) {
    let End::Done(result) = end(single) else { return };
    let says = |result: &serde_json::Value| result.to_string().contains(SAID);
    match end(list) {
        End::Done(other) if says(&result) == says(&other) => {
            kept(run, LISTED, format!("`{name}` takes one block as well as a list"));
        }
        End::Silent if list.died.is_some() => {}
        _ => violated(
            run,
            LISTED,
            format!("`{name}` does not take the answer of the model as a list of blocks"),
            "the same as for a single block",
            list,
        ),
    }
}

async fn nonsense(run: &mut CaseRun<'_>, flow: &Flow) {
    let Some(interim) = up_to_last(run, flow).await else { return };
    let added = retry(run, &interim, Manner::Careless(nonsense_message()));
    let outcome = flow.primitive.ask_wrongly(run, &added).await;
    answered(run, CONTENT, &outcome, "content of an unknown kind");
}

/// A message of the model that breaks its schema everywhere.
pub(super) fn nonsense_message() -> serde_json::Value {
    serde_json::json!({
        "role": "nobody", "model": 7, "stopReason": 7,
        "content": {"type": "hologram", "data": "***", "mimeType": 7},
    })
}

/// A model that uses tools, once and for ever; a rule watches how it is answered.
async fn tools(run: &mut CaseRun<'_>, flow: &Flow) {
    if !flow.rounds.iter().flat_map(requests).any(|request| request["params"]["tools"].is_array()) {
        return;
    }
    follow(run, &flow.primitive, &Manner::UsingTools).await;
    let looping = follow(run, &flow.primitive, &Manner::Looping).await;
    match end(&looping.last) {
        End::Asks(_) => violated(
            run,
            LOOP,
            format!(
                "`{}` still goes on after {} rounds with tools",
                flow.primitive.name(),
                looping.rounds.len()
            ),
            "an end to the loop",
            &looping.last,
        ),
        End::Silent => {}
        End::Done(_) | End::Failed => kept(run, LOOP, format!("`{}` ends the loop", flow.primitive.name())),
    }
}

async fn no_roots(run: &mut CaseRun<'_>, primitive: &Primitive) {
    let roots = std::mem::take(&mut run.session.client_mut().roots);
    let flow = follow(run, primitive, &Manner::Willing).await;
    run.session.client_mut().roots = roots;
    answered(run, UNAVAILABLE, &flow.last, "an empty list of roots");
}
