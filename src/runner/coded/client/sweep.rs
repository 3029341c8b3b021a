//! Everything that may be asked for is asked for, and what wants input is looked at closely (2026-07-28).

use std::collections::HashMap;
use std::mem::discriminant;

use serde_json::{Value, json};

use super::flow::{Flow, Primitive, follow, go_on};
use super::{End, capabilities, end, outcomes, responses, state};
use crate::case::List;
use crate::runner::interpret::CaseRun;
use crate::session::Manner;

/// Things asked for, and things looked at closely.
const MOST: usize = 40;
const CLOSELY: usize = 16;
/// Flows of the same kind that are looked at.
const ALIKE: usize = 2;
/// Things that are asked for many times without an answer.
const ABANDONED: usize = 2;

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let mut flows = Vec::new();
    for primitive in primitives(run) {
        let first = primitive.ask(run, &json!({})).await;
        if let End::Asks(_) = end(&first) {
            flows.push(go_on(run, &primitive, first, &Manner::Willing).await);
        }
        if run.session.dead().is_some() {
            break;
        }
    }
    let flows = different(flows);
    for flow in &flows {
        closely(run, flow).await;
    }
    for flow in flows.iter().filter(|flow| flow.result().is_some()).take(ABANDONED) {
        responses::abandoned(run, flow).await;
    }
    state::of_other_requests(run, &flows).await;
    run.rest_unseen("nothing that may be asked for needs such input from the client");
}

/// Tools that may be called, prompts and resources.
pub(in crate::runner::coded) fn primitives(run: &CaseRun<'_>) -> Vec<Primitive> {
    let survey = run.around.survey;
    let called = |thing: &Value| json!({"name": thing["name"], "arguments": thing["arguments"]});
    let make = |method, params| Primitive { method, params };
    let tools = survey.all(List::CallableTools).map(|tool| make("tools/call", called(tool)));
    let prompts = survey.all(List::Prompts).map(|prompt| make("prompts/get", called(prompt)));
    let resources = survey.all(List::Resources);
    let resources = resources.map(|resource| make("resources/read", json!({"uri": resource["uri"]})));
    tools.take(MOST).chain(prompts.take(MOST)).chain(resources.take(MOST)).collect()
}

/// Of flows that ask for the same kinds of things only some.
fn different(flows: Vec<Flow>) -> Vec<Flow> {
    let mut kinds: HashMap<String, usize> = HashMap::new();
    let mut is_new = |flow: &Flow| {
        let seen = kinds.entry(flow.kind()).or_default();
        *seen += 1;
        *seen <= ALIKE
    };
    flows.into_iter().filter(|flow| is_new(flow)).take(CLOSELY).collect()
}

async fn closely(run: &mut CaseRun<'_>, flow: &Flow) {
    if run.session.dead().is_some() {
        return;
    }
    // What works only once, or comes out differently each time, cannot be compared.
    let again = follow(run, &flow.primitive, &Manner::Willing).await;
    if discriminant(&end(&again.last)) != discriminant(&end(&flow.last)) {
        return;
    }
    capabilities::look(run, flow).await;
    outcomes::look(run, flow).await;
    if flow.result().is_some() {
        responses::look(run, flow).await;
        state::look(run, flow, again.result() == flow.result()).await;
    }
}
