//! The prompts of the reference server.

use serde_json::{Value, json};

use super::answer::{Ask, Failure, Outcome, object};
use super::content;
use super::fixture;
use super::identity::dress;
use super::interactive::{self, Interactive, is_for};
use super::page::page;
use super::server::Server;
use crate::protocol::{Revision, code};

const DEFAULT_COUNT: usize = 3;
/// A prompt: its name, what it is, and its arguments; `true` marks a required one.
pub(super) type Prompt = (&'static str, &'static str, &'static [(&'static str, bool)]);
const PROMPTS: [Prompt; DEFAULT_COUNT] = [
    ("plain", "A prompt without arguments.", &[]),
    ("greet", "A greeting for somebody.", &[("name", true), ("style", false)]),
    ("review", "A review of some code.", &[("code", true)]),
];
/// It is not listed, and getting it always fails.
const BROKEN: &str = "broken";

/// The values that completion offers for `style`.
pub(super) const STYLES: [&str; 3] = ["formal", "friendly", "funny"];

pub(super) fn list(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let count = count(ask.server);
    let mut all: Vec<Value> = PROMPTS.iter().map(|prompt| describe(prompt, ask.revision)).collect();
    all.extend((DEFAULT_COUNT..count).map(|n| json!({"name": format!("item-{}", n + 1)})));
    all.truncate(count);
    all.extend(fixture_prompts(ask.server).map(|prompt| describe(prompt, ask.revision)));
    if let Some(about) = interactive(ask).filter(|_| is_for(ask.client, "elicitation.form")) {
        all.push(describe(&(about.name, about.about, &[]), ask.revision));
    }
    page(ask, "prompts", all).map(Outcome::from)
}

/// The prompt that needs input. A server that was told how many prompts to offer has plain ones only.
fn interactive(ask: &Ask<'_>) -> Option<&'static Interactive> {
    interactive::prompt(ask.revision).filter(|_| ask.server.settings.options.prompts.is_none())
}

/// Those of the fixture, if it is offered.
fn fixture_prompts(server: &Server) -> impl Iterator<Item = &'static Prompt> {
    let is_on = fixture::is_on(server);
    fixture::PROMPTS.iter().filter(move |_| is_on)
}

fn count(server: &Server) -> usize {
    server.settings.options.prompts.unwrap_or(DEFAULT_COUNT)
}

fn describe((name, about, arguments): &Prompt, revision: Revision) -> Value {
    let mut prompt =
        dress(json!({"name": name, "description": about}), about.trim_end_matches('.'), revision);
    if !arguments.is_empty() {
        prompt["arguments"] =
            arguments.iter().map(|argument| describe_argument(argument, revision)).collect();
    }
    prompt
}

fn describe_argument((name, required): &(&str, bool), revision: Revision) -> Value {
    let mut argument = json!({"name": name, "description": format!("The {name}."), "required": required});
    if revision >= Revision::V2025_06_18 {
        argument["title"] = format!("The {name}").into();
    }
    argument
}

/// The argument names of a prompt that is offered.
pub(super) fn arguments(server: &Server, prompt: &str) -> Option<Vec<(&'static str, bool)>> {
    let count = count(server);
    let offered =
        PROMPTS.iter().take(count).chain(fixture_prompts(server)).find(|(name, ..)| *name == prompt);
    let item =
        || prompt.strip_prefix("item-")?.parse().ok().filter(|n| (DEFAULT_COUNT + 1..=count).contains(n));
    match offered {
        Some((_, _, arguments)) => Some(arguments.to_vec()),
        None => item().map(|_| Vec::new()),
    }
}

pub(super) fn get(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let name = ask.text("name")?;
    if name == BROKEN {
        return Err(Failure::new(code::INTERNAL_ERROR, "Internal error"));
    }
    if let Some(about) = interactive(ask).filter(|about| about.name == name) {
        let origin = json!(["prompts/get", name, ask.params["arguments"]]);
        let finish = |text: &str| json!({"messages": [user(content::text(text))]}).into();
        return interactive::serve(ask, about, &origin, &ask.params["arguments"], finish);
    }
    let known =
        arguments(ask.server, name).ok_or_else(|| Failure::params(format!("Unknown prompt: {name}")))?;
    let given = object(ask.params, "arguments")?;
    let value = |argument: &str| given.and_then(|given| given.get(argument));
    if let Some((missing, _)) =
        known.iter().find(|(argument, required)| *required && value(argument).is_none())
    {
        return Err(Failure::params(format!("Missing argument: {missing}")));
    }
    let texts = |argument: &str| value(argument).and_then(Value::as_str).unwrap_or_default();
    let members = given.and_then(Value::as_object).into_iter().flatten();
    if let Some((wrong, _)) = members.into_iter().find(|(_, value)| !value.is_string()) {
        return Err(Failure::params(format!("Argument `{wrong}` must be a string")));
    }
    if value(fixture::URI).is_some() && !fixture::is_uri(texts(fixture::URI)) {
        return Err(Failure::params(format!("Argument `{}` must be a URI", fixture::URI)));
    }
    let messages = match name {
        "greet" => vec![user(content::text(greeting(texts("name"), texts("style"))))],
        "review" => review(texts("code")),
        _ => fixture::messages(name, texts)
            .unwrap_or_else(|| vec![user(content::text("Say something plain."))]),
    };
    Ok(json!({"description": format!("The prompt {name}."), "messages": messages}).into())
}

fn greeting(name: &str, style: &str) -> String {
    match style {
        "" => format!("Greet {name}."),
        style => format!("Greet {name} in a {style} style."),
    }
}

fn review(code: &str) -> Vec<Value> {
    vec![
        user(content::text(format!("Review this code:\n{code}"))),
        user(content::image()),
        user(content::embedded()),
        json!({"role": "assistant", "content": content::text("I will look at it.")}),
    ]
}

pub(super) fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}
