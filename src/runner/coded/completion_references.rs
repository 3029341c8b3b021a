//! Completing prompt arguments and template variables.

use serde_json::{Value, json};

use super::{Seen, is_limited};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::protocol::method;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Outcome;

const MOST: usize = 5;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for prompt in run.around.survey.things(List::Prompts) {
        if let Some(argument) = prompt["declared"][0]["name"].as_str() {
            let reference = json!({"type": "ref/prompt", "name": prompt["name"]});
            reference_to(run, "completion.ref-prompt", reference, argument).await;
        }
    }
    for template in run.around.survey.things(List::Templates).into_iter().take(MOST).collect::<Vec<_>>() {
        if let Some(variable) = template["uriTemplate"].as_str().and_then(variable) {
            let reference = json!({"type": "ref/resource", "uri": template["uriTemplate"]});
            reference_to(run, "completion.ref-resource", reference, variable).await;
        }
    }
    run.rest_unseen("the server lists no prompt with arguments and no resource template with variables");
}

/// The first variable of a URI template, such as `name` in `memo://{name}` and in `memo://{?name*,other}`.
pub(super) fn variable(template: &str) -> Option<&str> {
    let inside = template.split_once('{')?.1.split_once('}')?.0;
    let name = inside.trim_start_matches(['+', '#', '.', '/', ';', '?', '&']);
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    (end > 0).then(|| &name[..end])
}

async fn complete(
    run: &mut CaseRun<'_>,
    reference: &Value,
    argument: &str,
    context: Option<Value>,
) -> Outcome {
    let mut params = json!({"ref": reference, "argument": {"name": argument, "value": ""}});
    if let Some(context) = context {
        params["context"] = context;
    }
    run.session.request("completion/complete", Some(params)).await
}

async fn reference_to(run: &mut CaseRun<'_>, id: &str, reference: Value, argument: &str) {
    let plain = complete(run, &reference, argument, None).await;
    // In 2024-11-05 nothing declares completions, and nobody owes them.
    let is_promised = method::declares(&run.session.server.capabilities, "completions");
    let is_missing = is_promised && plain.code() == Some(crate::protocol::code::METHOD_NOT_FOUND);
    if let Some(requirement) = run.judged(id) {
        match (plain.result(), plain.error()) {
            (Some(_), _) => run.note(requirement, Verdict::Pass, "a result"),
            (None, Some(error)) if !is_missing => {
                run.note(requirement, Verdict::NotObserved, format!("refused: {error}"));
            }
            (None, Some(error)) => {
                let got = error.to_string();
                let message = "completions are declared, but the method is not there".into();
                run.violation(
                    requirement,
                    Violation { message, expected: "a result".into(), got, span: plain.span, at_most: None },
                );
            }
            (None, None) => {}
        }
    }
    if let Some(result) = plain.result() {
        total(run, &result["completion"].clone(), plain.span);
        more(run, &result["completion"].clone(), plain.span.0);
        context(run, &reference, argument).await;
    }
}

fn total(run: &mut CaseRun<'_>, completion: &Value, span: (u64, u64)) {
    let Some(requirement) = run.judged("completion.total-not-below-count") else { return };
    let count = completion["values"].as_array().map_or(0, Vec::len);
    match completion["total"].as_u64() {
        None => {}
        Some(total) if total >= count as u64 => {
            run.note(requirement, Verdict::Pass, format!("{count} values, total {total}"));
        }
        Some(total) => run.violation(
            requirement,
            Violation {
                message: format!("{count} values came, but the total is said to be {total}"),
                expected: format!("total {count} or more, or no total"),
                got: format!("total {total}"),
                span,
                at_most: None,
            },
        ),
    }
}

/// `hasMore` says whether there are more than those that came; where it is absent, nobody knows.
fn more(run: &mut CaseRun<'_>, completion: &Value, from: u64) {
    let count = completion["values"].as_array().map_or(0, Vec::len) as u64;
    if let (Some(total), Some(more)) = (completion["total"].as_u64(), completion["hasMore"].as_bool()) {
        let seen = Seen {
            message: format!("{count} of {total} values came, and hasMore is {more}"),
            expected: format!("hasMore {}", total > count),
            got: format!("hasMore {more}"),
            from,
            at_most: None,
        };
        super::hold(run, "completion.has-more-consistent", more == (total > count), seen);
    }
}

async fn context(run: &mut CaseRun<'_>, reference: &Value, argument: &str) {
    let Some(requirement) = run.judged("completion.context-accepted") else { return };
    if !method::declares(&run.session.server.capabilities, "completions") {
        return;
    }
    for context in [json!({}), json!({"arguments": {}}), json!({"arguments": {"mcp-conform": "x"}})] {
        let outcome = complete(run, reference, argument, Some(context.clone())).await;
        match (outcome.result(), outcome.error()) {
            (Some(_), _) => run.note(requirement, Verdict::Pass, "accepted"),
            // Whoever was asked too often refuses the control as well.
            (None, Some(_)) if complete(run, reference, argument, None).await.result().is_none() => return,
            (None, Some(error)) if !is_limited(&outcome) => {
                let got = error.to_string();
                let message = format!("refused with the context {context}, answered without");
                run.violation(
                    requirement,
                    Violation {
                        message,
                        expected: "a result".into(),
                        got,
                        span: outcome.span,
                        at_most: None,
                    },
                );
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_is_found_behind_operators() {
        assert_eq!(variable("memo://notes/{name}"), Some("name"));
        assert_eq!(variable("https://x/{?q*,page}"), Some("q"));
        assert_eq!(variable("memo://plain"), None);
        assert_eq!(variable("memo://{}"), None);
    }
}
