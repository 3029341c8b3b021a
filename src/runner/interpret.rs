//! Running the script of a case, step by step.

use std::collections::HashMap;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::evidence::Secrets;
use super::note::refusal;
use super::policy::Policy;
use super::survey::Survey;
use super::tally::Observed;
use super::tokens::Tokens;
use crate::case::{Action, Body, Case, HttpSpec, Step, Things, all_steps};
use crate::pattern::{Missing, fill};
use crate::protocol::{Class, Id, Message};
use crate::session::{HttpCall, Meta, Outcome, Session, client_info, client_meta};

/// The check that fails when a connection dies: what depended on it is blocked by this.
pub const DEATH: &str = "rule/replies";

/// What all cases of a run share.
pub struct Surroundings<'r> {
    /// What the server offers.
    pub survey: &'r Survey,
    /// What it offers to a client that declares nothing.
    pub plain: &'r Survey,
    /// What must not be shown.
    pub secrets: &'r Secrets,
    /// Tokens for tests of authorization.
    pub tokens: &'r Tokens,
    /// Which tools may be called, and what the user says of them.
    pub policy: &'r Policy,
}

/// A case that is running on a session.
pub struct CaseRun<'r> {
    /// The conversation.
    pub session: &'r mut Session,
    /// What all cases share.
    pub around: &'r Surroundings<'r>,
    pub(super) case: &'r Case,
    pub(super) captured: HashMap<String, Value>,
    pub(super) observed: Vec<Observed>,
    dead: Option<String>,
}

/// Runs a case and returns what it observed.
pub async fn run_case(case: &Case, session: &mut Session, around: &Surroundings<'_>) -> Vec<Observed> {
    let mut captured = HashMap::from([
        ("revision".to_owned(), json!(session.revision)),
        ("server".to_owned(), around.survey.server().clone()),
        (
            "client".to_owned(),
            json!({"info": client_info(), "meta": client_meta(session.revision, &session.client().capabilities)}),
        ),
    ]);
    let http = json!({
        "session": session.http_session(),
        "origin": session.url().map(|url| url.origin().ascii_serialization()),
    });
    captured.insert("http".to_owned(), http);
    let mut run = CaseRun { session, around, case, captured, observed: Vec::new(), dead: None };
    match &case.body {
        Body::Steps(steps) => run.steps(steps).await,
        Body::Code(name, _) => super::coded::run(name, &mut run).await,
    }
    run.observed
}

impl CaseRun<'_> {
    async fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.action {
                Action::For(name, list, inner) => Box::pin(self.repeat(name, list, inner)).await,
                _ => self.step(step).await,
            }
        }
    }

    async fn repeat(&mut self, name: &str, list: &Things, steps: &[Step]) {
        let things = self.around.survey.wanted(list);
        if things.is_empty() {
            let hint = list.hint();
            all_steps(steps).iter().flat_map(|step| &step.checks).for_each(|check| self.unseen(check, &hint));
        }
        for thing in things {
            self.captured.insert(name.to_owned(), thing.clone());
            let from = self.observed.len();
            self.steps(steps).await;
            self.forgive_if_gone(list.list, &thing, from).await;
        }
    }

    async fn step(&mut self, step: &Step) {
        if let Some(why) = self.dead.clone() {
            return step.checks.iter().for_each(|check| self.block(check, &why));
        }
        match self.act(step).await {
            Ok((outcome, value)) => {
                self.dead.clone_from(&outcome.died);
                if let Some(name) = &step.name {
                    match refusal(&outcome, false) {
                        None => self.captured.insert(name.clone(), value.clone()),
                        Some(_) => self.captured.remove(name),
                    };
                }
                step.checks.iter().for_each(|check| self.judge(step, check, &outcome, &value));
            }
            Err(Missing(name)) => {
                let why = match (&step.hint, &self.case.hint) {
                    (Some(hint), _) | (None, Some(hint)) => hint.clone(),
                    (None, None) => format!("the server offered nothing at {name}"),
                };
                step.checks.iter().for_each(|check| self.unseen(check, &why));
            }
        }
    }

    /// Does what a step says: the outcome, and the value that its checks look at.
    async fn act(&mut self, step: &Step) -> Result<(Outcome, Value), Missing> {
        let patient = step.checks.iter().any(|check| !check.expectation.accepts_silence());
        let outcome = match &step.action {
            Action::Request(method, params, meta) => {
                let params = params.as_ref().map(|params| self.fill(params)).transpose()?;
                let meta = self.fill_meta(meta)?;
                let method = self.fill_text(method)?;
                let timeout = step.timeout.unwrap_or(self.session.timeout());
                self.request(&method, params, &meta, timeout).await
            }
            Action::Together(calls) => {
                let mut filled = Vec::new();
                for (method, params) in calls {
                    filled
                        .push((method.clone(), params.as_ref().map(|params| self.fill(params)).transpose()?));
                }
                self.session.together(&filled).await
            }
            Action::Notify(method, params) => {
                let params = params.as_ref().map(|params| self.fill(params)).transpose()?;
                self.session.notify(method, params).await
            }
            Action::Message(message) => {
                let message = self.fill(message)?;
                // A well-formed request is answered, however late: only a broken server makes us wait to the end.
                let is_request = is_request(&message);
                let patience = step.timeout.unwrap_or(self.session.timeout());
                self.session.message_within(&message, patient || is_request, patience).await
            }
            Action::Raw(pieces, newline) => {
                let mut filled = Vec::new();
                for piece in pieces {
                    let text = self.fill(piece)?;
                    filled.push(Bytes::from(text.as_str().map_or_else(|| text.to_string(), str::to_owned)));
                }
                self.session.raw(&filled, *newline, patient).await
            }
            Action::Bytes(bytes, newline) => {
                self.session.raw(&[Bytes::from(bytes.clone())], *newline, patient).await
            }
            Action::Fence => self.session.fence().await,
            Action::Http(spec) => {
                let call = self.http_call(spec)?;
                self.session.http(&call).await
            }
            Action::CloseInput => self.session.close_input(step.timeout).await,
            Action::Terminate if !self.session.has_process() => return Err(Missing("process".into())),
            Action::Terminate => self.session.terminate(step.timeout).await,
            Action::Value(template) => {
                let value = self.fill(template)?;
                return Ok((Outcome::default(), json!({"value": value})));
            }
            Action::For(..) => Outcome::default(),
        };
        let mut value = outcome.to_value();
        if matches!(step.action, Action::Request(..)) {
            self.came_along(outcome.span.0, &mut value);
        }
        Ok((outcome, value))
    }

    /// Adds what the server told and asked while a request was under way.
    fn came_along(&self, from: u64, value: &mut Value) {
        let since = self.session.transcript.received_since(from).map(|(_, message)| message);
        let (mut told, mut asked) = (Vec::new(), Vec::new());
        for message in since.filter(|message| message.method().is_some()) {
            let list = if message.id().is_some() { &mut asked } else { &mut told };
            list.push(message.into_value());
        }
        for (name, messages) in [("notifications", told), ("asked", asked)] {
            if !messages.is_empty() {
                value[name] = messages.into();
            }
        }
    }

    /// Sends a request and remembers tools that take long.
    pub(super) async fn request(
        &mut self,
        method: &str,
        params: Option<Value>,
        meta: &Meta,
        patience: Duration,
    ) -> Outcome {
        let tool = params.as_ref().filter(|_| method == "tools/call").map(|params| params["name"].clone());
        let began = Instant::now();
        let outcome = self.session.request_with(method, params, meta, patience).await;
        if let Some(tool) = tool {
            self.around.survey.timed(&tool, began.elapsed());
        }
        outcome
    }

    /// Sends a legal request for a coded case.
    pub async fn ask(&mut self, method: &str, params: Value) -> Outcome {
        let patience = self.session.timeout();
        self.request(method, Some(params), &Meta::Standard, patience).await
    }

    fn http_call(&mut self, spec: &HttpSpec) -> Result<HttpCall, Missing> {
        let headers = self.fill(&Value::Object(spec.headers.clone()))?;
        let headers = headers
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().map(str::to_owned)));
        Ok(HttpCall {
            method: spec.method.clone(),
            headers: headers.collect(),
            message: spec.body.as_ref().map(|body| self.fill(body)).transpose()?,
            raw: spec.raw.clone().map(Bytes::from),
            path: spec.path.clone(),
            apart: spec.apart,
            ..HttpCall::default()
        })
    }

    fn fill_meta(&mut self, meta: &Meta) -> Result<Meta, Missing> {
        Ok(match meta {
            Meta::Changed(changes) => match self.fill(&Value::Object(changes.clone()))? {
                Value::Object(changes) => Meta::Changed(changes),
                _ => Meta::Standard,
            },
            other => other.clone(),
        })
    }

    fn fill_text(&mut self, template: &str) -> Result<String, Missing> {
        let filled = self.fill(&Value::String(template.to_owned()))?;
        Ok(filled.as_str().map_or_else(|| filled.to_string(), str::to_owned))
    }

    fn fill(&mut self, template: &Value) -> Result<Value, Missing> {
        let session = &mut *self.session;
        let names = Names::new(&self.captured, self.around);
        fill(template, &mut |name| match name {
            "id" => Some(session.new_id().to_value()),
            name => names.lookup(name),
        })
    }
}

/// Whether the message is a request that JSON-RPC demands an answer to.
fn is_request(message: &Value) -> bool {
    let class = Message::from_value(message.clone()).map(|message| message.class());
    let id = Id::from_value(&message["id"]);
    class == Some(Class::Request)
        && id.is_legal()
        && message["jsonrpc"] == "2.0"
        && message["method"].is_string()
}

/// What the names in templates mean.
pub(super) struct Names<'r> {
    captured: &'r HashMap<String, Value>,
    listed: &'r Value,
}

impl<'r> Names<'r> {
    /// What they mean now that these values were captured.
    pub(super) fn new(captured: &'r HashMap<String, Value>, around: &Surroundings<'r>) -> Self {
        Self { captured, listed: around.survey.surface() }
    }

    /// What `${name/pointer}` stands for.
    pub(super) fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(length) = name.strip_prefix("long:") {
            return length.parse().ok().map(|length| Value::String("x".repeat(length)));
        }
        let (base, pointer) = match name.find('/') {
            Some(slash) => name.split_at(slash),
            None => (name, ""),
        };
        // What a case captures hides what is built in.
        let base = self.captured.get(base).or((base == "listed").then_some(self.listed))?;
        let value = base.pointer(pointer)?;
        (!value.is_null()).then(|| value.clone())
    }
}
