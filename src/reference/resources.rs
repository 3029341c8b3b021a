//! The resources and resource templates of the reference server.

use serde_json::{Value, json};

use super::answer::{Ask, Failure, Outcome};
use super::content::annotations;
use super::fixture;
use super::identity::{PIXEL, dress};
use super::interactive::{self, Interactive, is_for};
use super::page::page;
use super::server::Server;
use crate::protocol::{Revision, code};

pub(super) const GREETING: &str = "memo://greeting";
pub(super) const GREETING_TEXT: &str = "Hello from the reference server.";
/// Its content changes with the tool `toggle`.
pub(super) const GUIDE: &str = "memo://guide";
const LOGO: &str = "memo://logo";
pub(super) const NOTES: &str = "memo://notes/{name}";
/// The names that the template can be expanded with.
pub(super) const NOTE_NAMES: [&str; 3] = ["alpha", "beta", "gamma"];
/// It is not listed, and reading it always fails.
const BROKEN: &str = "memo://broken";
const ITEM: &str = "memo://item/";
const DEFAULT_COUNT: usize = 3;

pub(super) fn list(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let revision = ask.revision;
    let mut all = vec![
        dress(
            json!({
                "uri": GREETING, "name": "greeting", "description": "A greeting.", "mimeType": "text/plain",
                "size": GREETING_TEXT.len(),
            }),
            "Greeting",
            revision,
        ),
        dress(
            json!({
                "uri": GUIDE, "name": "guide", "description": "How to use this server.",
                "mimeType": "text/markdown", "annotations": annotations(revision),
            }),
            "Guide",
            revision,
        ),
        dress(
            json!({"uri": LOGO, "name": "logo", "description": "One pixel.", "mimeType": "image/png"}),
            "Logo",
            revision,
        ),
    ];
    let count = count(ask.server);
    all.extend((DEFAULT_COUNT..count).map(|n| {
        json!({"uri": format!("{ITEM}{}", n + 1), "name": format!("item-{}", n + 1), "mimeType": "text/plain"})
    }));
    all.truncate(count);
    all.extend(fixture::resources(ask.server, revision));
    if let Some(about) = interactive(ask).filter(|_| is_for(ask.client, "elicitation.form")) {
        let described = json!({
            "uri": about.name, "name": "reader", "description": about.about, "mimeType": "text/plain",
        });
        all.push(dress(described, about.title, revision));
    }
    page(ask, "resources", all).map(Outcome::from)
}

/// The resource that needs input. A server that was told how many resources to offer has plain ones only.
fn interactive(ask: &Ask<'_>) -> Option<&'static Interactive> {
    interactive::resource(ask.revision).filter(|_| ask.server.settings.options.resources.is_none())
}

fn count(server: &Server) -> usize {
    server.settings.options.resources.unwrap_or(DEFAULT_COUNT)
}

pub(super) fn templates(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let notes = json!({
        "uriTemplate": NOTES, "name": "notes", "description": "Notes by name: alpha, beta or gamma.",
        "mimeType": "text/plain",
    });
    let mut all = vec![dress(notes, "Notes", ask.revision)];
    all.extend(fixture::template(ask.server, ask.revision));
    page(ask, "resourceTemplates", all).map(Outcome::from)
}

pub(super) fn read(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let uri = ask.text("uri")?;
    if uri == BROKEN {
        return Err(Failure::new(code::INTERNAL_ERROR, "Internal error"));
    }
    if let Some(about) = interactive(ask).filter(|about| about.name == uri) {
        let finish =
            |text: &str| json!({"contents": [{"uri": uri, "mimeType": "text/plain", "text": text}]}).into();
        return interactive::serve(ask, about, &json!(["resources/read", uri]), &Value::Null, finish);
    }
    let mut contents = content(ask.server, uri).ok_or_else(|| not_found(uri, ask.revision))?;
    contents["uri"] = uri.into();
    Ok(json!({"contents": [contents]}).into())
}

/// Whether the resource can be read.
pub(super) fn exists(server: &Server, uri: &str) -> bool {
    content(server, uri).is_some()
}

pub(super) fn not_found(uri: &str, revision: Revision) -> Failure {
    let code = match revision.is_stateless() {
        true => code::INVALID_PARAMS,
        false => code::RESOURCE_NOT_FOUND,
    };
    Failure::new(code, "Resource not found").with_data(json!({"uri": uri}))
}

fn content(server: &Server, uri: &str) -> Option<Value> {
    let count = count(server);
    let plain = |text: String| Some(json!({"mimeType": "text/plain", "text": text}));
    match uri {
        GREETING if count > 0 => plain(GREETING_TEXT.into()),
        GUIDE if count > 1 => Some(json!({"mimeType": "text/markdown", "text": guide(server)})),
        LOGO if count > 2 => Some(json!({"mimeType": "image/png", "blob": PIXEL})),
        _ => match (uri.strip_prefix("memo://notes/"), uri.strip_prefix(ITEM)) {
            (Some(name), _) if NOTE_NAMES.contains(&name) => plain(format!("Note {name}.")),
            (None, Some(number)) => {
                number.parse().ok().filter(|n| (DEFAULT_COUNT + 1..=count).contains(n))?;
                plain(format!("Item {number}."))
            }
            _ => fixture::content(server, uri),
        },
    }
}

fn guide(server: &Server) -> String {
    let extra = if server.has_extra() { "on" } else { "off" };
    format!("# Guide\n\nCall `echo` with a text. The tool `extra` is {extra}.\n")
}
