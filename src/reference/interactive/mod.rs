//! Tools, a prompt and a resource that need something from the client before they answer: the same flows in both eras, with
//! requests of the server's own (handshake) or inside results (stateless).

mod background;
mod flow;
mod loops;
mod pending;
mod question;
mod seal;
mod stateless;

use serde_json::{Map, Value, json};

use super::answer::{Ask, Failure, Outcome};
use super::content;
use crate::protocol::ask::{declares, needed};
use crate::protocol::{Era, Revision, code};

pub(super) use pending::{Pending, go_on};
pub use seal::State;
pub(super) use stateless::serve;

/// What the client answered so far, by key.
pub(super) type Answers = Map<String, Value>;

/// One thing that needs input.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interactive {
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    /// The one argument that it takes, a text.
    pub argument: Option<&'static str>,
    /// The client capability without which it is not offered; empty = any.
    needs: &'static str,
    since: Revision,
    /// The only era that has it.
    era: Option<Era>,
    /// Whether the answers count only together with the `requestState` that came with the question.
    is_stateful: bool,
}

const fn tool(name: &'static str, title: &'static str, about: &'static str) -> Interactive {
    Interactive {
        name,
        title,
        about,
        argument: None,
        needs: "",
        since: Revision::V2024_11_05,
        era: None,
        is_stateful: false,
    }
}

impl Interactive {
    const fn with(self, argument: &'static str) -> Self {
        Self { argument: Some(argument), ..self }
    }

    const fn needing(self, needs: &'static str, since: Revision) -> Self {
        Self { needs, since, ..self }
    }

    const fn modern(self, is_stateful: bool) -> Self {
        Self { era: Some(Era::Stateless), is_stateful, ..self }
    }

    const fn handshake(self) -> Self {
        Self { era: Some(Era::Handshake), ..self }
    }

    fn is_in(&self, revision: Revision) -> bool {
        revision >= self.since && self.era.is_none_or(|era| era == revision.era())
    }
}

/// The tools. Names with `test_` are those that the official conformance suite expects of its fixture.
const TOOLS: &[Interactive] = &[
    tool("test_sampling", "Sampling", "Asks the model.")
        .with("prompt")
        .needing("sampling", Revision::V2024_11_05),
    tool("test_elicitation", "Elicitation", "Asks the user.")
        .with("message")
        .needing("elicitation", Revision::V2025_06_18),
    tool("test_elicitation_sep1034_defaults", "Defaults", "Asks with a default for every kind of field.")
        .needing("elicitation", Revision::V2025_11_25),
    tool("test_elicitation_sep1330_enums", "Choices", "Asks with every kind of choice.")
        .needing("elicitation", Revision::V2025_11_25),
    tool("ask-roots", "Roots", "Asks for the roots.").needing("roots", Revision::V2024_11_05),
    tool("ask-tools", "Tool loop", "Asks the model, which may use a tool.")
        .needing("sampling.tools", Revision::V2025_11_25),
    tool("ask-link", "Link", "Asks the user to visit a page.")
        .needing("elicitation.url", Revision::V2025_11_25),
    tool("ask-later", "Task of the client", "Asks the user, and fetches the answer later.")
        .needing("tasks.requests.elicitation.create", Revision::V2025_11_25)
        .handshake(),
    tool("ask-first", "Link first", "Refuses to work before the user has visited a page.")
        .needing("elicitation.url", Revision::V2025_11_25)
        .handshake(),
    tool("test_input_required_result_elicitation", "Input: form", "Asks for a name.").modern(false),
    tool("test_input_required_result_sampling", "Input: model", "Asks the model.").modern(false),
    tool("test_input_required_result_list_roots", "Input: roots", "Asks for the roots.").modern(false),
    tool("test_input_required_result_request_state", "Input: state", "Asks, and keeps state.").modern(true),
    tool("test_input_required_result_multiple_inputs", "Input: several", "Asks for three things.")
        .modern(true),
    tool("test_input_required_result_multi_round", "Input: rounds", "Asks twice.").modern(true),
    tool("test_input_required_result_tampered_state", "Input: sealed", "Asks, and seals its state.")
        .modern(true),
    tool("test_input_required_result_capabilities", "Input: what is declared", "Asks what it may.")
        .modern(true),
    tool("test_missing_capability", "Missing capability", "Needs sampling.").modern(false),
];

/// The prompt.
const PROMPT: Interactive =
    tool("test_input_required_result_prompt", "Input: prompt", "A prompt that asks for its context.")
        .modern(false);

/// The resource.
const RESOURCE: Interactive =
    tool("memo://reader", "Reader", "A text for somebody, who is asked for.").modern(true);

/// The tools on offer to a client with these capabilities.
pub(super) fn offered(client: &Value, revision: Revision) -> impl Iterator<Item = &'static Interactive> {
    TOOLS.iter().filter(move |tool| tool.is_in(revision) && is_for(client, tool.needs))
}

/// Whether a client with these capabilities can be asked.
pub(super) fn is_for(client: &Value, needs: &str) -> bool {
    match needs {
        "" => ["roots", "sampling", "elicitation"].iter().any(|name| declares(client, name)),
        needs => declares(client, needs),
    }
}

/// A tool by its name, offered or not.
pub(super) fn find_tool(name: &str, revision: Revision) -> Option<&'static Interactive> {
    TOOLS.iter().find(|tool| tool.name == name && tool.is_in(revision))
}

/// The prompt, listed for clients that can be asked.
pub(super) fn prompt(revision: Revision) -> Option<&'static Interactive> {
    Some(&PROMPT).filter(|prompt| prompt.is_in(revision))
}

/// The resource, listed for clients that can be asked.
pub(super) fn resource(revision: Revision) -> Option<&'static Interactive> {
    Some(&RESOURCE).filter(|resource| resource.is_in(revision))
}

/// How far a flow got.
pub(super) enum Step {
    /// These requests are to be answered first, by key.
    Asks(Vec<(String, Value)>),
    /// It is done; what the client said, in words.
    Done(String),
    /// The client did not declare what it takes.
    Undeclared(&'static str),
}

/// The next step of a flow.
fn next(ask: &Ask<'_>, about: &Interactive, given: &Value, answers: &Answers) -> Step {
    let client = ask.client;
    let asks = flow::open(ask, about, given, answers);
    let undeclared = asks.iter().find_map(|(_, request)| {
        let method = request["method"].as_str().unwrap_or_default();
        needed(method, &request["params"]).filter(|needed| !declares(client, needed))
    });
    match undeclared {
        Some(needed) => Step::Undeclared(needed),
        None if asks.is_empty() => Step::Done(flow::told(about, answers)),
        None => Step::Asks(asks),
    }
}

/// The result of a tool that is done, or failed.
pub(super) fn said(text: &str, is_error: bool) -> Outcome {
    let mut result = json!({"content": [content::text(text)]});
    if is_error {
        result["isError"] = true.into();
    }
    result.into()
}

/// The refusal of a request that needs a client capability (2026-07-28, basic, per-request protocol fields).
fn undeclared(needed: &str) -> Failure {
    let required = needed.rsplit('.').fold(json!({}), |inner, name| json!({ name: inner }));
    Failure::new(code::MISSING_CLIENT_CAPABILITY, "Missing required client capability")
        .with_data(json!({"requiredCapabilities": required}))
        .with_status(400)
}
