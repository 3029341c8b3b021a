//! What each interactive tool asks, given what was answered so far.

use serde_json::{Value, json};

use super::super::answer::Ask;
use super::question::{choices, defaults, form, link, roots, sampling, text_field};
use super::{Answers, Interactive, background, loops};
use crate::protocol::ask::declares;

/// The requests of the current round that are not answered yet; none = the flow is done.
pub(super) fn open(
    ask: &Ask<'_>,
    about: &Interactive,
    given: &Value,
    answers: &Answers,
) -> Vec<(String, Value)> {
    if about.name == "ask-tools" {
        return loops::open(ask.server.settings.options.turns, answers);
    }
    if about.name == "ask-later" {
        return background::open(ask.server.settings.options.requestor, answers);
    }
    let rounds = rounds(about, given, ask.client);
    let is_open = |(key, _): &(&str, Value)| !answers.contains_key(*key);
    let round = rounds.into_iter().find(|round| round.iter().any(is_open));
    let open = round.into_iter().flatten().filter(is_open);
    open.map(|(key, request)| (key.to_owned(), request)).collect()
}

type Round = Vec<(&'static str, Value)>;

fn rounds(about: &Interactive, given: &Value, client: &Value) -> Vec<Round> {
    let text = given[about.argument.unwrap_or_default()].as_str().unwrap_or_default();
    let ask_name = || form("What is your name?", text_field("name"));
    let one = |key, request| vec![vec![(key, request)]];
    match about.name {
        "test_sampling" => one("answer", sampling(text, 100)),
        "test_elicitation" => one("response", form(text, text_field("response"))),
        "test_elicitation_sep1034_defaults" => one("form", form("Please check these fields.", defaults())),
        "test_elicitation_sep1330_enums" => one("form", form("Please choose.", choices())),
        "nickname" => one("name", form("What shall we call you?", text_field("name"))),
        "redeem" => one("confirm", form("Shall the coupon be redeemed?", json!({"ok": {"type": "boolean"}}))),
        "ask-roots" | "read-file" | "test_input_required_result_list_roots" => one("client_roots", roots()),
        "ask-link" | "ask-first" => one("page", link(None)),
        "test_input_required_result_elicitation" => one("user_name", ask_name()),
        "test_input_required_result_sampling" => {
            one("capital_question", sampling("What is the capital of France?", 100))
        }
        "test_input_required_result_request_state" | "test_input_required_result_tampered_state" => {
            one("confirm", form("Please confirm.", json!({"ok": {"type": "boolean"}})))
        }
        "test_input_required_result_multiple_inputs" => vec![vec![
            ("user_name", ask_name()),
            ("greeting", sampling("Generate a greeting.", 50)),
            ("client_roots", roots()),
        ]],
        "test_input_required_result_multi_round" => vec![
            vec![("step1", ask_name())],
            vec![("step2", form("What is your favourite colour?", text_field("color")))],
        ],
        "test_input_required_result_capabilities" => vec![declared(client)],
        "test_missing_capability" if declares(client, "sampling") => Vec::new(),
        "test_missing_capability" => one("never", sampling("Never asked.", 1)),
        "test_input_required_result_prompt" => {
            one("user_context", form("What is it about?", text_field("context")))
        }
        _ => one("reader", form("Who is reading?", text_field("reader"))),
    }
}

/// What the client said that it can be asked.
fn declared(client: &Value) -> Round {
    let mut round = Vec::new();
    if declares(client, "elicitation.form") {
        round.push(("elicit_input", form("A value, please.", text_field("value"))));
    }
    if declares(client, "sampling") {
        round.push(("sample_input", sampling("Say something.", 50)));
    }
    round
}

/// What the client said, in words.
pub(super) fn told(about: &Interactive, answers: &Answers) -> String {
    let lead = match about.name {
        "test_input_required_result_request_state" => "state-ok. ",
        "test_input_required_result_tampered_state" => "integrity-ok. ",
        "test_input_required_result_capabilities" => "capabilities-ok. ",
        _ => "",
    };
    let words: Vec<String> =
        answers.iter().map(|(key, answer)| format!("{key}: {}", words(answer))).collect();
    match words.is_empty() {
        true => format!("{lead}Nothing had to be asked."),
        false => format!("{lead}{}", words.join("; ")),
    }
}

fn words(answer: &Value) -> String {
    let block = answer["content"].get(0).unwrap_or(&answer["content"]);
    match (answer["action"].as_str(), answer["roots"].as_array(), block["text"].as_str()) {
        (Some("accept"), ..) => answer["content"].to_string(),
        (Some(action), ..) => action.to_owned(),
        (None, Some(roots), _) => format!("{} roots", roots.len()),
        (None, None, Some(text)) => text.to_owned(),
        (None, None, None) => "no text".to_owned(),
    }
}

/// Whether an answer is one to the request, as its schema demands.
pub(super) fn fits(request: &Value, answer: &Value) -> bool {
    match request["method"].as_str() {
        _ if request["params"]["task"].is_object() && answer["task"].is_object() => true,
        Some("tasks/get" | "tasks/result" | "tasks/list") => true,
        Some("roots/list") => answer["roots"].as_array().is_some_and(|roots| {
            roots.iter().all(|root| root["uri"].as_str().is_some_and(|uri| uri.starts_with("file://")))
        }),
        Some("sampling/createMessage") => is_message(answer),
        _ => match answer["action"].as_str() {
            Some("decline" | "cancel") => true,
            Some("accept") => request["params"]["mode"] == "url" || is_filled(request, answer),
            _ => false,
        },
    }
}

fn is_message(answer: &Value) -> bool {
    let is_block = |block: &Value| match block["type"].as_str() {
        Some("text") => block["text"].is_string(),
        Some("image" | "audio") => block["data"].is_string() && block["mimeType"].is_string(),
        Some("tool_use") => {
            block["id"].is_string() && block["name"].is_string() && block["input"].is_object()
        }
        _ => false,
    };
    let content = match &answer["content"] {
        Value::Array(blocks) => blocks.iter().all(is_block),
        block => is_block(block),
    };
    answer["role"] == "assistant" && answer["model"].is_string() && content
}

fn is_filled(request: &Value, answer: &Value) -> bool {
    let schema = &request["params"]["requestedSchema"];
    jsonschema::draft202012::new(schema).is_ok_and(|schema| schema.is_valid(&answer["content"]))
}
