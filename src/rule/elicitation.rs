//! Elicitation: modes that the client declared, forms that are what they should be and ask for no secrets.

use serde_json::Value;

use super::form::{self, Doubt};
use super::wish::{Wish, wishes};
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::pattern::is_small;
use crate::protocol::ask;

const MODE: &str = "elicitation.mode-supported";
const SECRETS: [&str; 2] = ["elicitation.no-sensitive-any", "elicitation.no-secrets-in-form"];
const LINKS: &str = "elicitation.form-no-links";
const VALID: &str = "elicitation.schema-valid";
const PRESENT: &str = "elicitation.form-schema-present";
const DEFAULTS: &str = "elicitation.defaults";

pub const RULE: Rule = Rule {
    id: "rule/elicitation",
    judges: &[MODE, SECRETS[0], SECRETS[1], LINKS, VALID, PRESENT, DEFAULTS],
    hint: "a tool that may be called has to ask the user something",
    run,
};

fn run(context: &Context<'_>, findings: &mut Findings) {
    for wish in wishes(context).iter().filter(|wish| wish.method == "elicitation/create") {
        mode(wish, findings);
        if wish.params["mode"] != "url" {
            secrets(wish, findings);
            links(wish, findings);
            schema(wish, findings);
        }
    }
}

fn mode(wish: &Wish<'_>, findings: &mut Findings) {
    match wish.undeclared() {
        // A client without elicitation is the business of another rule.
        _ if !ask::declares(wish.client, "elicitation") => {}
        None => findings.kept(MODE),
        Some(mode) => findings.violated(
            MODE,
            format!("the server uses a mode that the client did not declare: `{mode}`"),
            "only modes that the client declared; none means forms",
            wish.got(),
            &wish.entries,
        ),
    }
}

fn secrets(wish: &Wish<'_>, findings: &mut Findings) {
    match form::secret_field(&wish.params["requestedSchema"]) {
        None => SECRETS.iter().for_each(|id| findings.kept(id)),
        Some((name, doubt)) => {
            let verdict = (doubt == Doubt::Some).then_some(Verdict::Warn);
            let problem = format!("a form seems to ask for a secret: `{name}`");
            for id in SECRETS {
                let expected = "forms that ask for no passwords, keys, tokens or payment data";
                findings.violated_as(verdict, id, &problem, expected, wish.got(), &wish.entries);
            }
        }
    }
}

fn links(wish: &Wish<'_>, findings: &mut Findings) {
    match form::link(wish.params) {
        None => findings.kept(LINKS),
        Some(link) => findings.violated(
            LINKS,
            format!("a form holds a web address: {link}"),
            "no addresses to click in any text of a form",
            wish.got(),
            &wish.entries,
        ),
    }
}

fn schema(wish: &Wish<'_>, findings: &mut Findings) {
    let schema = &wish.params["requestedSchema"];
    if !schema.is_object() || !is_small(schema) {
        return;
    }
    match jsonschema::meta::validate(schema) {
        Ok(()) => findings.kept(VALID),
        Err(error) => findings.violated(
            VALID,
            format!("requestedSchema is no valid JSON Schema: {error}"),
            "a schema that is valid in its dialect",
            schema.to_string(),
            &wish.entries,
        ),
    }
    let mut soft = |id, problem: Option<String>, expected: &str| match problem {
        None => findings.kept(id),
        Some(problem) => {
            findings.violated_as(
                Some(Verdict::Warn),
                id,
                problem,
                expected,
                schema.to_string(),
                &wish.entries,
            );
        }
    };
    let unknown =
        unknown_required(schema).map(|name| format!("`{name}` is required, but there is no such field"));
    soft(PRESENT, unknown, "required fields that are among the properties");
    let outside =
        default_outside(schema).map(|name| format!("the default of `{name}` is none of its choices"));
    soft(DEFAULTS, outside, "a default that can be chosen");
}

fn unknown_required(schema: &Value) -> Option<&str> {
    let required = schema["required"].as_array()?.iter().filter_map(Value::as_str);
    let fields = schema["properties"].as_object()?;
    required.into_iter().find(|name| !fields.contains_key(*name))
}

fn default_outside(schema: &Value) -> Option<&String> {
    let fields = schema["properties"].as_object()?.iter();
    let is_outside = |field: &Value| {
        let Some(default) = field.get("default").filter(|default| default.is_string() || default.is_array())
        else {
            return false;
        };
        let chosen = default.as_array().cloned().unwrap_or_else(|| vec![default.clone()]);
        let choices = form::choices(field);
        !choices.is_empty() && chosen.iter().any(|one| !choices.contains(&one))
    };
    fields.into_iter().find(|(_, field)| is_outside(field)).map(|(name, _)| name)
}
