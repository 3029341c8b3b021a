//! The fixture: tools, resources and prompts with the names and contents that the official conformance suite expects of a
//! server. Offered with the option `fixture`; those that ask the client something are always there (`interactive`).

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Ask, LEVELS, Outcome, level, notification};
use super::content;
use super::identity::{PIXEL, dress};
use super::prompts::{Prompt, user};
use super::server::Server;
use crate::protocol::Revision;

/// The tool whose schema uses much of JSON Schema 2020-12.
pub(super) const SCHEMA_TOOL: &str = "json_schema_2020_12_tool";
/// Resources that come only inside results.
const EMBEDDED: [&str; 2] = ["test://embedded-resource", "test://mixed-content-resource"];
const SOME_TEXT: &str = "Some text.";
pub(super) const TEMPLATE: &str = "test://template/{id}/data";
/// The argument of a prompt that becomes the URI of a resource.
pub(super) const URI: &str = "resourceUri";
pub(super) const WITH_RESOURCE: &str = "test_prompt_with_embedded_resource";

/// Between two messages of a tool that says something on the way.
const STEP: Duration = Duration::from_millis(2);

/// The tools: name, title, what they do.
const TOOLS: [(&str, &str, &str); 12] = [
    ("test_simple_text", "Text", "Returns a text."),
    ("test_image_content", "Image", "Returns an image."),
    ("test_audio_content", "Audio", "Returns a sound."),
    ("test_embedded_resource", "Embedded resource", "Returns a resource."),
    ("test_multiple_content_types", "Several", "Returns a text, an image and a resource."),
    ("test_tool_with_logging", "Logging", "Logs three times."),
    ("test_logging_tool", "Logging on request", "Logs once."),
    ("test_tool_with_progress", "Progress", "Reports progress three times."),
    ("test_error_handling", "Error", "Always fails."),
    ("test_reconnection", "Reconnection", "Takes a while."),
    ("test_streaming_elicitation", "Streaming", "Reports progress once."),
    (SCHEMA_TOOL, "JSON Schema", "Takes arguments that much of JSON Schema 2020-12 describes."),
];

/// The resources: URI, name, MIME type.
const RESOURCES: [(&str, &str, &str); 3] = [
    ("test://static-text", "static-text", "text/plain"),
    ("test://static-binary", "static-binary", "image/png"),
    ("test://watched-resource", "watched-resource", "text/plain"),
];

/// The prompts.
pub(super) const PROMPTS: &[Prompt] = &[
    ("test_simple_prompt", "A prompt without arguments.", &[]),
    ("test_prompt_with_arguments", "A prompt with two arguments.", &[("arg1", true), ("arg2", true)]),
    (WITH_RESOURCE, "A prompt with a resource inside.", &[(URI, true)]),
    ("test_prompt_with_image", "A prompt with an image.", &[]),
];

/// Whether the server offers the fixture.
pub(super) fn is_on(server: &Server) -> bool {
    server.settings.options.fixture == Some(true)
}

/// The names of the tools, as far as the revision knows what they return.
pub(super) fn tools(ask: &Ask<'_>) -> Vec<String> {
    let is_known = |name: &str| match name {
        "test_audio_content" => ask.has(Revision::V2025_03_26),
        "test_embedded_resource" | "test_multiple_content_types" => ask.server.declares("resources"),
        _ => true,
    };
    let names = TOOLS.iter().map(|(name, ..)| *name).filter(|name| is_known(name));
    names.filter(|_| is_on(ask.server)).map(str::to_owned).collect()
}

/// Title and description of a tool.
pub(super) fn words(name: &str) -> Option<(&'static str, &'static str)> {
    TOOLS.iter().find(|(known, ..)| *known == name).map(|(_, title, about)| (*title, *about))
}

/// The schema that has to reach the client as it is.
pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let given = |name: &str| json!({"required": [name]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {
            "$anchor": "addressDef", "type": "object", "properties": {"street": text, "city": text},
        }},
        "properties": {
            "name": text,
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": text,
            "email": text,
        },
        "allOf": [{"anyOf": [given("phone"), given("email")]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": given("phone"),
        "else": given("email"),
        "additionalProperties": false,
    })
}

/// What a call of a tool yields.
pub(super) fn run(ask: &Ask<'_>, name: &str) -> Option<Outcome> {
    let blocks = match name {
        "test_image_content" => vec![content::image()],
        "test_audio_content" => vec![content::audio()],
        "test_embedded_resource" => vec![embedded(EMBEDDED[0])],
        "test_multiple_content_types" => {
            vec![content::text("Several kinds."), content::image(), embedded(EMBEDDED[1])]
        }
        "test_tool_with_logging" => return Some(logging(ask, &["started", "processing", "completed"])),
        "test_logging_tool" => return Some(logging(ask, &["called"])),
        "test_tool_with_progress" => return Some(progress(ask, &[0, 50, 100])),
        "test_streaming_elicitation" => return Some(progress(ask, &[50])),
        "test_error_handling" => {
            return Some(
                json!({"content": [content::text("This tool always fails.")], "isError": true}).into(),
            );
        }
        "test_reconnection" => return Some(Outcome { delay: STEP * 10, ..said("Done after a while.") }),
        "test_simple_text" | SCHEMA_TOOL => vec![content::text("A simple text.")],
        _ => return None,
    };
    Some(json!({"content": blocks}).into())
}

fn said(text: &str) -> Outcome {
    json!({"content": [content::text(text)]}).into()
}

fn embedded(uri: &str) -> Value {
    json!({"type": "resource", "resource": {"uri": uri, "mimeType": "text/plain", "text": SOME_TEXT}})
}

/// The messages one after another, and the result behind them.
fn telling(result: Outcome, messages: Vec<Value>) -> Outcome {
    let delay = STEP * u32::try_from(messages.len()).unwrap_or_default();
    let notifications = (0..).map(|n| STEP * n).zip(messages).collect();
    Outcome { notifications, delay, ..result }
}

fn logging(ask: &Ask<'_>, texts: &[&str]) -> Outcome {
    let is_wanted = ask.level.zip(level("info")).is_some_and(|(least, info)| info >= least);
    let wanted = texts.iter().filter(|_| is_wanted && ask.server.declares("logging"));
    let info = LEVELS[1];
    let message = |text: &&str| {
        notification("notifications/message", json!({"level": info, "logger": "fixture", "data": text}))
    };
    telling(said("Logged."), wanted.map(message).collect())
}

fn progress(ask: &Ask<'_>, values: &[u32]) -> Outcome {
    let token = ask.progress_token();
    let params = |value: &u32| json!({"progressToken": token, "progress": value, "total": 100});
    let messages = values.iter().filter(|_| token.is_some());
    let messages = messages.map(|value| notification("notifications/progress", params(value)));
    telling(said(&token.unwrap_or(&Value::Null).to_string()), messages.collect())
}

/// The resources as listed.
pub(super) fn resources(server: &Server, revision: Revision) -> impl Iterator<Item = Value> {
    let describe = move |(uri, name, mime): &(&str, &str, &str)| {
        let about = "A resource of the fixture.";
        let described = json!({"uri": uri, "name": name, "description": about, "mimeType": mime});
        dress(described, name, revision)
    };
    let is_on = is_on(server);
    RESOURCES.iter().filter(move |_| is_on).map(describe)
}

/// The template as listed.
pub(super) fn template(server: &Server, revision: Revision) -> Option<Value> {
    let described = json!({
        "uriTemplate": TEMPLATE, "name": "template", "description": "Data by their id.",
        "mimeType": "application/json",
    });
    is_on(server).then(|| dress(described, "Data", revision))
}

/// The contents of a resource, without its URI.
pub(super) fn content(server: &Server, uri: &str) -> Option<Value> {
    if !is_on(server) {
        return None;
    }
    let text = |text: &str| json!({"mimeType": "text/plain", "text": text});
    match uri {
        "test://static-text" => Some(text("This is a static text.")),
        "test://watched-resource" => Some(text("This is watched.")),
        // What was embedded can be fetched again (2024-11-05, tools, embedded resources).
        uri if EMBEDDED.contains(&uri) => Some(text(SOME_TEXT)),
        "test://static-binary" => Some(json!({"mimeType": "image/png", "blob": PIXEL})),
        _ => {
            let id = uri.strip_prefix("test://template/")?.strip_suffix("/data")?;
            let is_plain = !id.is_empty() && !id.contains('/');
            let text = json!({"id": id, "templateTest": true}).to_string();
            is_plain.then(|| json!({"mimeType": "application/json", "text": text}))
        }
    }
}

pub(super) fn is_uri(text: &str) -> bool {
    let is_scheme = |text: &str| !text.is_empty() && !text.contains(['/', '?', '#']);
    text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// The messages of a prompt, given a look at its arguments.
pub(super) fn messages<'a>(prompt: &str, argument: impl Fn(&str) -> &'a str) -> Option<Vec<Value>> {
    Some(match prompt {
        "test_simple_prompt" => vec![user(content::text("A simple prompt."))],
        "test_prompt_with_arguments" => {
            let text = format!("With arg1 {} and arg2 {}.", argument("arg1"), argument("arg2"));
            vec![user(content::text(text))]
        }
        WITH_RESOURCE => vec![user(embedded(argument(URI))), user(content::text("See above."))],
        "test_prompt_with_image" => vec![user(content::image()), user(content::text("See above."))],
        _ => return None,
    })
}
