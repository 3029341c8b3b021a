//! The emulated client: what it declares, and how it answers what the server asks, in requests of its own (handshake era)
//! or inside results (stateless era).

mod form;
mod jobs;
mod model;

use serde_json::{Value, json};

use crate::protocol::{Message, ask, code};

/// The client that a session pretends to be.
#[derive(Debug, Clone)]
pub struct Client {
    /// The capabilities that it declares.
    pub capabilities: Value,
    /// How it answers.
    pub manner: Manner,
    /// The roots that it offers. By default there is nothing at such a place, so that no server works on a user's files.
    pub roots: Vec<Value>,
}

/// How the emulated client answers what it is asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Manner {
    /// Forms are filled in, links are opened, the model answers in words.
    #[default]
    Willing,
    /// As willing; what the model says comes as a list of blocks.
    Listing,
    /// As willing; the model uses the tools that it is offered, once.
    UsingTools,
    /// As willing; the model uses the tools that it is offered as long as it may.
    Looping,
    /// The user says no.
    Declining,
    /// The user closes the dialog.
    Cancelling,
    /// Nothing is answered but pings.
    Silent,
    /// As willing; what runs as a task never ends, and is forgotten once it is cancelled.
    Stalling,
    /// Every request is refused with this error code.
    Refusing(i64),
    /// Forms are filled in with what their schema forbids.
    Misfilling,
    /// This is the answer, whatever was asked.
    Careless(Value),
}

pub use form::can_misfill;
pub use jobs::{CURSOR, Jobs, POLL_INTERVAL_MS};
pub use model::SAID;

/// Why the client does not do what it was asked: the error of its reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    code: i64,
    message: String,
}

impl Refusal {
    fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Code of a refusal by the user (2025-11-25, sampling, error handling).
const REJECTED: i64 = -1;

impl Default for Client {
    fn default() -> Self {
        let root = json!({"uri": "file:///mcp-conform/no-such-folder", "name": "mcp-conform"});
        Self { capabilities: json!({}), manner: Manner::default(), roots: vec![root] }
    }
}

impl Client {
    /// The reply to a request of the server.
    pub fn answer(&self, request: &Message) -> Value {
        let id = request.get("id").cloned().unwrap_or_default();
        match self.reply(request.method().unwrap_or("(none)"), request.params()) {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(Refusal { code, message }) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
            }
        }
    }

    /// Whether it leaves a request of the server without an answer.
    pub fn is_silent_about(&self, request: &Message) -> bool {
        self.manner == Manner::Silent && request.method() != Some("ping")
    }

    /// Whether its answers break the protocol on purpose.
    pub fn is_careless(&self) -> bool {
        matches!(self.manner, Manner::Careless(_) | Manner::Misfilling)
    }

    /// What comes of a request of the server: `ping` is answered, what was not declared is refused.
    pub fn reply(&self, method: &str, params: &Value) -> Result<Value, Refusal> {
        if method == "ping" {
            return Ok(json!({}));
        }
        self.declared(method, params)?;
        match (&self.manner, method) {
            (Manner::Refusing(code), _) => Err(Refusal::new(*code, "The request was refused")),
            (Manner::Careless(answer), _) => Ok(answer.clone()),
            (_, "roots/list") => Ok(json!({"roots": self.roots})),
            (Manner::Declining | Manner::Cancelling, "sampling/createMessage") => {
                Err(Refusal::new(REJECTED, "User rejected sampling request"))
            }
            (manner, "sampling/createMessage") => Ok(model::answer(params, manner)),
            (Manner::Declining, _) => Ok(json!({"action": "decline"})),
            (Manner::Cancelling, _) => Ok(json!({"action": "cancel"})),
            (_, _) if params["mode"] == "url" => Ok(json!({"action": "accept"})),
            (Manner::Misfilling, _) => Ok(form::misfilled(&params["requestedSchema"])),
            (_, _) => Ok(form::filled(&params["requestedSchema"])),
        }
    }

    fn declared(&self, method: &str, params: &Value) -> Result<(), Refusal> {
        let Some(needed) = ask::needed(method, params) else {
            return Err(Refusal::new(code::METHOD_NOT_FOUND, format!("Method not found: {method}")));
        };
        let family = needed.split('.').next().unwrap_or_default();
        match (ask::declares(&self.capabilities, needed), ask::declares(&self.capabilities, family)) {
            (true, _) => Ok(()),
            (false, true) => Err(Refusal::new(code::INVALID_PARAMS, format!("`{needed}` is not supported"))),
            (false, false) => {
                Err(Refusal::new(code::METHOD_NOT_FOUND, format!("Method not found: {method}")))
            }
        }
    }

    /// The answers to the requests inside an `input_required` result, by key; what is refused is left out.
    pub fn responses(&self, requests: &Value) -> Value {
        let members = requests.as_object().into_iter().flatten();
        let answered = members.filter_map(|(key, request)| {
            // A ping is no question.
            let method = request["method"].as_str().filter(|method| *method != "ping")?;
            Some((key.clone(), self.reply(method, &request["params"]).ok()?))
        });
        Value::Object(answered.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(manner: Manner) -> Client {
        let capabilities = json!({"elicitation": {}, "sampling": {}});
        Client { capabilities, manner, ..Client::default() }
    }

    #[test]
    fn what_was_not_declared_is_refused() {
        let willing = client(Manner::Willing);
        assert_eq!(willing.reply("roots/list", &json!({})).unwrap_err().code, code::METHOD_NOT_FOUND);
        let link = json!({"mode": "url", "url": "https://example.com", "message": "m"});
        assert_eq!(willing.reply("elicitation/create", &link).unwrap_err().code, code::INVALID_PARAMS);
    }

    #[test]
    fn each_manner_answers_in_its_way() {
        let schema = json!({"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]});
        let form = json!({"message": "m", "requestedSchema": schema});
        let answer = |manner| client(manner).reply("elicitation/create", &form).unwrap();
        assert_eq!(answer(Manner::Willing), json!({"action": "accept", "content": {"n": 1}}));
        assert_eq!(answer(Manner::Declining), json!({"action": "decline"}));
        assert!(!answer(Manner::Misfilling)["content"]["n"].is_number());
        let requests =
            json!({"a": {"method": "elicitation/create", "params": form}, "b": {"method": "roots/list"}});
        let given = client(Manner::Cancelling).responses(&requests);
        assert_eq!(given, json!({"a": {"action": "cancel"}}));
    }
}
