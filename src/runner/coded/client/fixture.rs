//! The tools and the prompt of the official conformance suite's fixture that ask for input (2026-07-28): each asks for what it is
//! there to ask for, and comes to an end.

use serde_json::{Value, json};

use super::flow::{Flow, Primitive, follow, requests};
use super::{kept, violated_at_most};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::refusal;
use crate::session::Manner;

const KINDS: &str = "mrtr.input-request-kinds";
const FORM: &str = "elicitation/create";
const MODEL: &str = "sampling/createMessage";
const ROOTS: &str = "roots/list";

/// What each asks for, round by round, in the order of the alphabet.
const ASKED: [(&str, &[&[&str]]); 9] = [
    ("test_input_required_result_elicitation", &[&[FORM]]),
    ("test_input_required_result_sampling", &[&[MODEL]]),
    ("test_input_required_result_list_roots", &[&[ROOTS]]),
    ("test_input_required_result_request_state", &[&[FORM]]),
    ("test_input_required_result_tampered_state", &[&[FORM]]),
    ("test_input_required_result_multiple_inputs", &[&[FORM, ROOTS, MODEL]]),
    ("test_input_required_result_multi_round", &[&[FORM], &[FORM]]),
    ("test_input_required_result_capabilities", &[&[FORM, MODEL]]),
    ("test_input_required_result_prompt", &[&[FORM]]),
];

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let survey = run.around.survey;
    let tools = survey.all(List::CallableTools).map(|tool| ("tools/call", tool));
    let prompts = survey.all(List::Prompts).map(|prompt| ("prompts/get", prompt));
    for (method, thing) in tools.chain(prompts) {
        let Some((name, expected)) = ASKED.iter().find(|(name, _)| thing["name"] == *name) else { continue };
        let params = json!({"name": name, "arguments": {}});
        let flow = follow(run, &Primitive { method, params }, &Manner::Willing).await;
        // What is refused by HTTP asks for nothing.
        if refusal(&flow.last, false).is_none() {
            judge(run, name, expected, &flow);
        }
    }
    run.rest_unseen(
        "the server offers nothing that asks for input as the official conformance suite describes it",
    );
}

/// What is asked for is up to a tool, so that other questions are a warning at most.
fn judge(run: &mut CaseRun<'_>, name: &str, expected: &[&[&str]], flow: &Flow) {
    let asked: Vec<Vec<String>> = flow.rounds.iter().map(methods).collect();
    let message = match (asked == expected, flow.result()) {
        (true, Some(_)) => return kept(run, KINDS, format!("`{name}` asks for what it is there for")),
        (true, None) => format!("`{name}` comes to no good end, though everything was answered"),
        (false, _) => format!("`{name}` does not ask for what it is there for, but for {asked:?}"),
    };
    let right = format!("{expected:?}, and then a result");
    violated_at_most(run, KINDS, Some(Verdict::Warn), message, &right, &flow.last);
}

fn methods(round: &Value) -> Vec<String> {
    let mut methods: Vec<String> =
        requests(round).map(|request| request["method"].as_str().unwrap_or_default().to_owned()).collect();
    methods.sort_unstable();
    methods
}
