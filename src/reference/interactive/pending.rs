//! Flows in the handshake era: calls that wait for what the client answers.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::answer::{Ask, Failure, Outcome, notification};
use super::{Answers, Interactive, Step, flow, next, question, said};
use crate::protocol::{Id, code};

/// A call that waits.
#[derive(Debug, Clone)]
pub(in crate::reference) struct Pending {
    /// The call.
    pub request: Value,
    /// The `elicitationId` of its link, where it has one.
    pub link: String,
    /// The requests that are not answered yet: id, key, and the request.
    pub open: Vec<(Id, String, Value)>,
    pub answers: Answers,
    /// The question that the client answered with a task, and that task.
    pub task: Option<(Id, String)>,
    /// Until when it waits.
    pub until: Instant,
}

impl Pending {
    /// What the end of the wait for a call goes by, so that it can be taken back.
    pub(in crate::reference) fn key(call: &Id) -> Id {
        Id::Text(format!("patience {call}"))
    }

    /// The id of the call.
    pub(in crate::reference) fn id(&self) -> Id {
        Id::from_value(&self.request["id"])
    }

    /// Takes a response of the client, if it is one to this call. What is refused, or no proper answer, ends the flow.
    pub(in crate::reference) fn take(&mut self, response: &Value) -> bool {
        let id = Id::from_value(&response["id"]);
        let Some(index) = self.open.iter().position(|(open, ..)| *open == id) else { return false };
        let (_, key, request) = self.open.remove(index);
        if let Some(task) = response["result"]["task"]["taskId"].as_str() {
            self.task = Some((id, task.to_owned()));
        }
        let fits = response.get("result").filter(|result| flow::fits(&request, result));
        let failed =
            || json!({"failed": response["error"]["message"].as_str().unwrap_or("no proper answer")});
        self.answers.insert(key, fits.cloned().unwrap_or_else(failed));
        true
    }
}

/// Goes on with a call of an interactive tool, given what was answered so far.
pub(in crate::reference) fn go_on(
    ask: &Ask<'_>,
    about: &Interactive,
    given: &Value,
    answers: &Answers,
    link_id: &str,
) -> Result<Outcome, Failure> {
    if let Some(why) = answers.values().find_map(|answer| answer["failed"].as_str()) {
        return Ok(said(&format!("The client did not help: {why}"), true));
    }
    if about.name == "ask-first" {
        return Err(visit_first(link_id));
    }
    match next(ask, about, given, answers) {
        Step::Undeclared(needed) => Ok(said(&format!("This takes a client with `{needed}`."), true)),
        Step::Asks(asks) => {
            let with_id = |(key, request): (String, Value)| match request["params"]["mode"] == "url" {
                true => (key, question::link(Some(link_id))),
                false => (key, request),
            };
            Ok(Outcome::asking(asks.into_iter().map(with_id).collect()))
        }
        Step::Done(text) => Ok(done(about, &text, answers, link_id)),
    }
}

/// Whoever opened the page of this server has finished there at once.
fn done(about: &Interactive, text: &str, answers: &Answers, link_id: &str) -> Outcome {
    let mut outcome = said(text, false);
    if about.name == "ask-link" && answers.get("page").is_some_and(|page| page["action"] == "accept") {
        let complete = notification("notifications/elicitation/complete", json!({"elicitationId": link_id}));
        outcome.notifications.push((Duration::ZERO, complete));
    }
    outcome
}

fn visit_first(link_id: &str) -> Failure {
    let link = question::link(Some(link_id))["params"].clone();
    Failure::new(code::URL_ELICITATION_REQUIRED, "Please visit our page first")
        .with_data(json!({"elicitations": [link]}))
}
