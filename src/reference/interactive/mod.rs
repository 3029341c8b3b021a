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
use super::options::Options;
use super::{content, files, personal};
use crate::protocol::ask::{declares, needed};
use crate::protocol::{Era, Revision, code};

pub(super) use background::leave;
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
    /// Whether the options offer it.
    is_wanted: fn(&Options) -> bool,
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
        is_wanted: |_| true,
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

    const fn when(self, is_wanted: fn(&Options) -> bool) -> Self {
        Self { is_wanted, ..self }
    }

    fn is_in(&self, revision: Revision) -> bool {
        revision >= self.since && self.era.is_none_or(|era| era == revision.era())
    }

    fn is_there(&self, ask: &Ask<'_>) -> bool {
        self.is_in(ask.revision) && (self.is_wanted)(&ask.server.settings.options)
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
    tool("nickname", "Nickname", "Greets the user, whose name it asks for once.")
        .needing("elicitation", Revision::V2025_06_18)
        .when(|options| options.personal.is_some()),
    tool("redeem", "Redeem", "Redeems a coupon, once for each time that the user agrees.")
        .modern(true)
        .when(|options| options.personal.is_some()),
    tool("read-file", "Read a file", "Reads a file within the roots.")
        .with("path")
        .needing("roots", Revision::V2024_11_05)
        .when(|options| options.files.is_some()),
];

/// The prompt.
const PROMPT: Interactive =
    tool("test_input_required_result_prompt", "Input: prompt", "A prompt that asks for its context.")
        .modern(false);

/// The resource.
const RESOURCE: Interactive =
    tool("memo://reader", "Reader", "A text for somebody, who is asked for.").modern(true);

/// The tools on offer to the client that asks.
pub(super) fn offered<'a>(ask: &'a Ask<'a>) -> impl Iterator<Item = &'static Interactive> + 'a {
    TOOLS.iter().filter(|tool| tool.is_there(ask) && is_for(ask.client, tool.needs))
}

/// Whether a client with these capabilities can be asked.
pub(super) fn is_for(client: &Value, needs: &str) -> bool {
    match needs {
        "" => ["roots", "sampling", "elicitation"].iter().any(|name| declares(client, name)),
        needs => declares(client, needs),
    }
}

/// A tool by its name, offered or not.
pub(super) fn find_tool(name: &str, ask: &Ask<'_>) -> Option<&'static Interactive> {
    TOOLS.iter().find(|tool| tool.name == name && tool.is_there(ask))
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
    if let Some(name) = personal::nickname(ask).filter(|_| about.name == "nickname") {
        return Step::Done(personal::greeting(&name));
    }
    let client = ask.client;
    let asks = flow::open(ask, about, given, answers);
    let undeclared = asks.iter().find_map(|(_, request)| {
        let method = request["method"].as_str().unwrap_or_default();
        needed(method, &request["params"]).filter(|needed| !declares(client, needed))
    });
    match undeclared {
        Some(needed) => Step::Undeclared(needed),
        None if asks.is_empty() => Step::Done(told(ask, about, given, answers)),
        None => Step::Asks(asks),
    }
}

/// What comes of a flow that is done.
fn told(ask: &Ask<'_>, about: &Interactive, given: &Value, answers: &Answers) -> String {
    let answer = |key: &str| answers.get(key).unwrap_or(&Value::Null);
    match (about.name, ask.server.settings.options.files) {
        ("nickname", _) => personal::remember(ask, answer("name")),
        ("redeem", _) => "The coupon was redeemed.".to_owned(),
        ("read-file", Some(files)) => {
            files::read(files, given["path"].as_str().unwrap_or_default(), answer("client_roots"))
        }
        _ => flow::told(about, answers),
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
