//! Completion of prompt arguments and template variables.

use serde_json::{Value, json};

use super::answer::{Ask, Failure, Outcome, object, text};
use super::{fixture, prompts, resources};

const MOST: usize = 100;

pub(super) fn complete(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let missing = |name: &str| Failure::params(format!("`{name}` is missing"));
    let reference = object(ask.params, "ref")?.ok_or_else(|| missing("ref"))?;
    let argument = object(ask.params, "argument")?.ok_or_else(|| missing("argument"))?;
    let (name, value) = (text(argument, "name")?, text(argument, "value")?);
    check_context(ask.params)?;
    let candidates = match text(reference, "type")? {
        "ref/prompt" => for_prompt(ask, text(reference, "name")?, name)?,
        "ref/resource" => for_resource(ask, text(reference, "uri")?, name)?,
        other => return Err(Failure::params(format!("Unknown reference type: {other}"))),
    };
    let matching: Vec<&str> = candidates.iter().copied().filter(|c| c.starts_with(value)).collect();
    let values = &matching[..matching.len().min(MOST)];
    let completion = json!({"values": values, "total": matching.len(), "hasMore": matching.len() > MOST});
    Ok(json!({"completion": completion}).into())
}

fn check_context(params: &Value) -> Result<(), Failure> {
    let Some(context) = object(params, "context")? else { return Ok(()) };
    let chosen = object(context, "arguments")?.and_then(Value::as_object);
    match chosen.into_iter().flatten().find(|(_, value)| !value.is_string()) {
        Some((name, _)) => Err(Failure::params(format!("`{name}` in the context must be a string"))),
        None => Ok(()),
    }
}

fn for_prompt(ask: &Ask<'_>, prompt: &str, argument: &str) -> Result<&'static [&'static str], Failure> {
    let known = prompts::arguments(ask.server, prompt)
        .ok_or_else(|| Failure::params(format!("Unknown prompt: {prompt}")))?;
    match known.iter().any(|(name, _)| *name == argument) {
        true if argument == "style" => Ok(&prompts::STYLES),
        true => Ok(&[]),
        false => Err(Failure::params(format!("Unknown argument: {argument}"))),
    }
}

fn for_resource(ask: &Ask<'_>, uri: &str, argument: &str) -> Result<&'static [&'static str], Failure> {
    match uri {
        resources::NOTES if argument == "name" => Ok(&resources::NOTE_NAMES),
        resources::NOTES => Err(Failure::params(format!("Unknown argument: {argument}"))),
        fixture::TEMPLATE if fixture::is_on(ask.server) && argument == "id" => Ok(&[]),
        // A plain URI may be referred to as well; it has nothing to complete.
        uri if resources::exists(ask.server, uri) => Ok(&[]),
        uri => Err(Failure::params(format!("Unknown resource: {uri}"))),
    }
}
