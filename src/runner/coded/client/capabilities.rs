//! A request that asks for input, from clients that cannot give it.

use serde_json::{Value, json};

use super::flow::{Flow, Primitive, requests};
use super::{End, end, kept, violated, violated_at_most};
use crate::catalogue::Verdict;
use crate::protocol::{ask, code};
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const MISSING: &str = "mrtr.missing-capability-error";
const PER_REQUEST: &str = "mrtr.capabilities-per-request";

/// Asks as clients with fewer capabilities; a rule watches what they are asked.
pub(super) async fn look(run: &mut CaseRun<'_>, flow: &Flow) {
    let none = flow.primitive.ask_as(run, &json!({})).await;
    without(run, &flow.primitive, &none);
    per_request(run, flow, &none).await;
    for capabilities in poorer(flow) {
        flow.primitive.ask_as(run, &capabilities).await;
    }
}

/// A client that declares nothing: the request works without input, or is refused with the right code.
fn without(run: &mut CaseRun<'_>, primitive: &Primitive, outcome: &Outcome) {
    let name = primitive.name();
    let expected = "error -32021 that names the missing capabilities, or a result without input";
    match (end(outcome), outcome.code()) {
        (End::Failed, Some(code::MISSING_CLIENT_CAPABILITY)) => {
            kept(run, MISSING, format!("`{name}` is refused with -32021"));
        }
        (End::Failed, Some(code)) => {
            let problem = format!("`{name}` is refused with {code} for a client that cannot give input");
            violated(run, MISSING, problem, expected, outcome);
        }
        (End::Failed, None) if outcome.result().is_some() => {
            let problem = format!("`{name}` fails inside a result for a client that cannot give input");
            violated_at_most(run, MISSING, Some(Verdict::Warn), problem, expected, outcome);
        }
        // What it does instead is its own decision; and wrong questions are the business of a rule.
        _ => {}
    }
}

/// What earlier requests declared counts for nothing, and so does what they did not.
async fn per_request(run: &mut CaseRun<'_>, flow: &Flow, none: &Outcome) {
    let name = flow.primitive.name();
    if let End::Asks(interim) = end(none)
        && requests(&interim).next().is_some()
    {
        let problem = format!("`{name}` asks for input as if an earlier request's capabilities still held");
        return violated(run, PER_REQUEST, problem, "no question to a client that declared nothing", none);
    }
    let again = flow.primitive.ask(run, &json!({})).await;
    match end(&again) {
        End::Asks(_) | End::Done(_) => kept(run, PER_REQUEST, format!("`{name}` looks at each request")),
        End::Failed | End::Silent => {
            let problem = format!("`{name}` works no more after a request that declared no capabilities");
            violated(run, PER_REQUEST, problem, "what came before it", &again);
        }
    }
}

/// One capability alone, and modes without the one that is asked for.
fn poorer(flow: &Flow) -> Vec<Value> {
    let needed: Vec<&str> = flow
        .rounds
        .iter()
        .flat_map(requests)
        .filter_map(|request| ask::needed(request["method"].as_str()?, &request["params"]))
        .collect();
    let others = |family: &str| needed.iter().any(|needed| !needed.starts_with(family));
    let mut poorer = Vec::new();
    for family in ["elicitation", "sampling", "roots"] {
        if others(family) {
            poorer.push(json!({ family: {} }));
        }
    }
    if needed.contains(&"elicitation.form") {
        poorer.push(json!({"elicitation": {"url": {}}}));
    }
    if needed.contains(&"elicitation.url") {
        poorer.push(json!({"elicitation": {"form": {}}}));
    }
    if needed.iter().any(|needed| needed.starts_with("sampling")) {
        poorer.push(json!({"sampling": {}}));
    }
    poorer
}
