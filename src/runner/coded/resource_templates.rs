//! Resource templates: what the server suggests can be read, and is of the type that the template names.

use serde_json::{Value, json};

use super::Seen;
use super::completion_references::variable;
use crate::case::List;
use crate::protocol::{code, method};
use crate::runner::interpret::CaseRun;

const READABLE: &str = "resources.templates.expansion-readable";
const UNIFORM: &str = "resources.templates.mime-type-uniform";
/// Templates, and values and resources of each.
const MOST: usize = 3;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for template in run.around.survey.things(List::Templates).into_iter().take(MOST) {
        let Some(text) = template["uriTemplate"].as_str() else { continue };
        let Some((prefix, suffix)) = parts(text) else { continue };
        for value in suggested(run, &template, text).await {
            let uri = format!("{prefix}{value}{suffix}");
            read(run, &template, &uri, true).await;
        }
        let resources = run.around.survey.things(List::Resources);
        let uris = resources.iter().filter_map(|resource| resource["uri"].as_str());
        let matching: Vec<&str> = uris.filter(|uri| fits(uri, prefix, suffix)).take(MOST).collect();
        for uri in matching {
            read(run, &template, uri, false).await;
        }
    }
    run.rest_unseen(
        "the server has no template with one variable for which it suggests values or lists resources",
    );
}

/// What stands before and after the only variable of a template.
fn parts(template: &str) -> Option<(&str, &str)> {
    let (prefix, rest) = template.split_once('{')?;
    let (name, suffix) = rest.split_once('}')?;
    let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_') && !suffix.contains('{');
    is_plain.then_some((prefix, suffix))
}

fn fits(uri: &str, prefix: &str, suffix: &str) -> bool {
    let inside = uri.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
    inside.is_some_and(|value| !value.is_empty() && !value.contains('/'))
}

async fn suggested(run: &mut CaseRun<'_>, template: &Value, text: &str) -> Vec<String> {
    let declared = method::declares(&run.session.server.capabilities, "completions");
    let Some(variable) = variable(text).filter(|_| declared) else { return Vec::new() };
    let reference = json!({"type": "ref/resource", "uri": template["uriTemplate"]});
    let params = json!({"ref": reference, "argument": {"name": variable, "value": ""}});
    let outcome = run.ask("completion/complete", params).await;
    let values = outcome.result().and_then(|result| result["completion"]["values"].as_array());
    let is_plain = |value: &&str| {
        !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "-._~".contains(c))
    };
    let plain = values.into_iter().flatten().filter_map(Value::as_str).filter(is_plain);
    plain.take(MOST).map(str::to_owned).collect()
}

async fn read(run: &mut CaseRun<'_>, template: &Value, uri: &str, is_suggested: bool) {
    let outcome = run.ask("resources/read", json!({"uri": uri})).await;
    let is_unknown = outcome.code() == Some(code::RESOURCE_NOT_FOUND)
        || outcome
            .error()
            .is_some_and(|error| error["message"].to_string().to_lowercase().contains("not found"));
    if is_suggested && (outcome.result().is_some() || is_unknown) {
        let seen = Seen {
            message: format!("the server suggested a value, but {uri} is not there"),
            expected: "contents".into(),
            got: outcome.to_value().to_string(),
            from: outcome.span.0,
            at_most: None,
        };
        super::hold(run, READABLE, !is_unknown, seen);
    }
    let content = outcome.result().map(|result| result["contents"][0]["mimeType"].clone());
    let (Some(promised), Some(found)) =
        (template["mimeType"].as_str(), content.as_ref().and_then(Value::as_str))
    else {
        return;
    };
    let bare = |mime: &str| mime.split(';').next().unwrap_or_default().trim().to_lowercase();
    let seen = Seen {
        message: format!("{uri} is of another type than its template says"),
        expected: promised.to_owned(),
        got: found.to_owned(),
        from: outcome.span.0,
        at_most: None,
    };
    super::hold(run, UNIFORM, bare(promised) == bare(found), seen);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_templates_of_one_plain_variable_are_expanded() {
        assert_eq!(parts("memo://notes/{name}"), Some(("memo://notes/", "")));
        assert_eq!(parts("memo://{+path}"), None);
        assert_eq!(parts("memo://{a}/{b}"), None);
        assert!(
            fits("memo://notes/a", "memo://notes/", "") && !fits("memo://notes/a/b", "memo://notes/", "")
        );
    }
}
