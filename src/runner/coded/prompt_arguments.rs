//! What a prompt does with its arguments: it uses them, and takes them as text.

use serde_json::{Value, json};

use super::Seen;
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::policy::asks_for_address;

const APPLIED: &str = "prompts.get.arguments-applied";
const SAFE: &str = "prompts.security.validates-io";
const WORD: &str = "mcp-conform-word";
/// What a template engine would compute.
const FORMULA: &str = "{{7*7}} ${7*7} <%= 7*7 %>";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for prompt in run.around.survey.things(List::Prompts) {
        // What asks for an address takes no other text.
        let argument = prompt["declared"][0]["name"].as_str();
        if let Some(argument) = argument.filter(|argument| !asks_for_address(argument)) {
            let from = run.session.transcript.last() + 1;
            let plain = text_with(run, &prompt, argument, WORD).await;
            let other = text_with(run, &prompt, argument, FORMULA).await;
            if let (Some(plain), Some(other)) = (plain, other) {
                applied(run, argument, &plain, &other, from);
                safe(run, argument, &plain, &other, from);
            }
        }
    }
    run.rest_unseen("the server has no prompt with an argument that takes any text");
}

/// Everything that the messages of the prompt say, if it can be got with this value.
async fn text_with(run: &mut CaseRun<'_>, prompt: &Value, argument: &str, value: &str) -> Option<String> {
    let mut arguments = prompt["arguments"].clone();
    arguments[argument] = value.into();
    let outcome = run.ask("prompts/get", json!({"name": prompt["name"], "arguments": arguments})).await;
    Some(outcome.result()?["messages"].to_string())
}

/// A placeholder that is still there, with no trace of the value, was never filled.
fn applied(run: &mut CaseRun<'_>, argument: &str, plain: &str, other: &str, from: u64) {
    let forms = [format!("{{{argument}}}"), format!("{{{{{argument}}}}}"), format!("${argument}")];
    let is_used = plain.contains(WORD) || plain != other;
    if is_used || forms.iter().any(|form| plain.contains(form)) {
        let seen = Seen {
            message: format!("the prompt still has the placeholder of its argument `{argument}`"),
            expected: "messages made with the value".into(),
            got: plain.to_owned(),
            from,
            at_most: None,
        };
        super::hold(run, APPLIED, is_used, seen);
    }
}

fn safe(run: &mut CaseRun<'_>, argument: &str, plain: &str, other: &str, from: u64) {
    let is_evaluated = other.contains("49") && !plain.contains("49") && !other.contains("7*7");
    if is_evaluated || other.contains("7*7") {
        let seen = Seen {
            message: format!("the value of the argument `{argument}` was evaluated"),
            expected: "the value as it was given, or an error".into(),
            got: other.to_owned(),
            from,
            at_most: None,
        };
        super::hold(run, SAFE, !is_evaluated, seen);
    } else if let Some(requirement) = run.judged(SAFE) {
        run.note(requirement, Verdict::NotObserved, "the value does not appear in the messages");
    }
}
