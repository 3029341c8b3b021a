//! What belongs to the handshake era only: `initialize`, `ping`, log levels, resource subscriptions.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Ask, Failure, Outcome, level, notification, object, text};
use super::conversation::Conversation;
use super::icons;
use super::identity::{INSTRUCTIONS, capabilities, server_info};
use super::interactive::{self, Answers, Pending};
use super::options::Requestor;
use super::output::{Output, Route};
use super::rewrite::{Context, Point};
use super::server::Change;
use super::{feature, resources, tasks};
use crate::protocol::{Era, Id, Message, Revision};

impl Conversation {
    pub(super) fn handshake(&mut self, value: &Value, message: &Message) -> Vec<Output> {
        let method = message.method().unwrap_or_default();
        let result = match (method, self.opened) {
            ("initialize", None) => self.initialize(message.params()),
            ("initialize", Some(_)) => Err(Failure::invalid("Already initialized")),
            ("ping", _) => Ok(json!({}).into()),
            ("server/discover", None) => Err(Failure::method(method)),
            (_, None) => Err(Failure::invalid("Not initialized").with_status(400)),
            (_, Some(revision)) => self.serve(method, message.params(), revision),
        };
        let revision = self.opened.unwrap_or(Revision::NEWEST_HANDSHAKE);
        match result {
            Ok(outcome) if !outcome.asks.is_empty() => {
                let link = outcome.asks.iter().find_map(|(_, ask)| ask["params"]["elicitationId"].as_str());
                let pending = Pending {
                    request: value.clone(),
                    link: link.unwrap_or_default().to_owned(),
                    open: Vec::new(),
                    answers: Answers::new(),
                    task: None,
                    until: self.now,
                };
                self.ask_client(pending, outcome.asks, revision)
            }
            result => self.answer(value, revision, result),
        }
    }

    /// Puts questions to the client; the call waits for the answers.
    fn ask_client(
        &mut self,
        mut pending: Pending,
        asks: Vec<(String, Value)>,
        revision: Revision,
    ) -> Vec<Output> {
        let call = pending.id();
        pending.until = self.now + self.patience;
        let mut outputs = vec![Output::Open(call.clone())];
        let route = match self.server.settings.options.asides {
            Some(true) => Route::Session,
            _ => Route::Call(call),
        };
        for (key, ask) in asks {
            let is_held = self.is_held(&ask);
            let id = Id::Text(format!("ask-{}", self.next_ask));
            self.next_ask += 1;
            let asked = self.questions(vec![(key.clone(), ask.clone())], &pending.request, revision);
            pending.open.push((id.clone(), key, ask));
            for (_, mut question) in asked.into_iter().filter(|_| !is_held) {
                question["jsonrpc"] = "2.0".into();
                question["id"] = id.to_value();
                let context = Context {
                    point: Point::Other,
                    request: Some(&pending.request),
                    revision: Some(revision),
                };
                outputs.extend(self.outgoing(question, context, |emission| emission.route = route.clone()));
            }
        }
        outputs.extend(self.give_up(&pending, &route, revision));
        self.pending.push(pending);
        outputs
    }

    /// What is said if the client does not answer in time: its questions are taken back, and the call fails.
    fn give_up(&self, pending: &Pending, route: &Route, revision: Revision) -> Vec<Output> {
        let asked = pending.open.iter().filter(|(.., question)| !self.is_held(question));
        let taken_back = asked.flat_map(|(id, ..)| {
            let cancelled = json!({"requestId": id.to_value(), "reason": "No answer in time"});
            let cancelled = notification("notifications/cancelled", cancelled);
            self.notification(cancelled, Some(&pending.request), revision, |emission| {
                emission.route = route.clone()
            })
        });
        let failed = interactive::said("The client did not answer in time.", true);
        let mut outputs: Vec<(Duration, Output)> = Vec::new();
        let at_once = |output| (Duration::ZERO, output);
        outputs.extend(taken_back.map(at_once));
        let manner = self.server.settings.options.requestor;
        for (after, message) in interactive::leave(manner, &self.client, pending) {
            let context = Context { point: Point::Other, request: None, revision: Some(revision) };
            let sent = self.outgoing(message, context, |emission| emission.route = route.clone());
            outputs.extend(sent.into_iter().map(|output| (after, output)));
        }
        outputs.extend(self.answer(&pending.request, revision, Ok(failed)).into_iter().map(at_once));
        for (after, output) in &mut outputs {
            if let Output::Send(emission) = output {
                emission.at = Some(pending.until + *after);
                emission.request = Some(Pending::key(&pending.id()));
                if emission.route == Route::Reply {
                    emission.route = Route::Call(pending.id());
                }
            }
        }
        outputs.into_iter().map(|(_, output)| output).collect()
    }

    /// Whether a question is put off until the end of the task was told, as only a fault does.
    fn is_held(&self, question: &Value) -> bool {
        self.server.settings.options.requestor == Some(Requestor::Told)
            && question["method"] == "tasks/result"
    }

    /// Fetches what came of a task of the client, once its end was told.
    pub(super) fn told(&self, task: &Value) -> Vec<Output> {
        let mut outputs = Vec::new();
        for pending in &self.pending {
            let is_due = |question: &Value| self.is_held(question) && question["params"]["taskId"] == *task;
            for (id, _, question) in pending.open.iter().filter(|(.., question)| is_due(question)) {
                let mut question = question.clone();
                question["jsonrpc"] = "2.0".into();
                question["id"] = id.to_value();
                let context = Context { point: Point::Other, request: None, revision: self.opened };
                let route = Route::Call(pending.id());
                outputs.extend(self.outgoing(question, context, |emission| emission.route = route));
            }
        }
        outputs
    }

    /// Takes a response of the client: the call that waited for it may go on.
    pub(super) fn answered(&mut self, response: &Value) -> Vec<Output> {
        let now = self.now;
        self.pending.retain(|pending| pending.until > now);
        let Some(index) = self.pending.iter_mut().position(|pending| pending.take(response)) else {
            return Vec::new();
        };
        let Some(revision) = self.opened.filter(|_| self.pending[index].open.is_empty()) else {
            return Vec::new();
        };
        let pending = self.pending.remove(index);
        let call = pending.id();
        let params = &pending.request["params"];
        let name = params["name"].as_str().unwrap_or_default();
        let ask = self.ask(params, revision);
        let Some(about) = interactive::find_tool(name, &ask) else { return Vec::new() };
        let result = interactive::go_on(&ask, about, &params["arguments"], &pending.answers, &pending.link);
        let mut outputs = vec![Output::Cancel(Pending::key(&call))];
        outputs.extend(match result {
            Ok(outcome) if !outcome.asks.is_empty() => self.ask_client(pending, outcome.asks, revision),
            result => self.answer(&pending.request, revision, result),
        });
        outputs.retain(|output| !matches!(output, Output::Open(_)));
        for output in &mut outputs {
            if let Output::Send(emission) = output
                && emission.route == Route::Reply
            {
                emission.route = Route::Call(call.clone());
            }
        }
        outputs
    }

    fn initialize(&mut self, params: &Value) -> Result<Outcome, Failure> {
        let wanted = text(params, "protocolVersion")?;
        object(params, "capabilities")?.ok_or_else(|| Failure::params("`capabilities` is missing"))?;
        let client =
            object(params, "clientInfo")?.ok_or_else(|| Failure::params("`clientInfo` is missing"))?;
        text(client, "name")?;
        text(client, "version")?;
        icons::fetch(self.server.settings.options.icons, client);
        let spoken = self.server.settings.spoken(Era::Handshake);
        let newest = spoken.last().copied().unwrap_or(Revision::NEWEST_HANDSHAKE);
        let revision = spoken.iter().copied().find(|revision| revision.as_str() == wanted).unwrap_or(newest);
        self.opened = Some(revision);
        self.client = params["capabilities"].clone();
        Ok(json!({
            "protocolVersion": revision,
            "capabilities": capabilities(&self.server, revision),
            "serverInfo": server_info(revision),
            "instructions": INSTRUCTIONS,
        })
        .into())
    }

    fn ask<'a>(&'a self, params: &'a Value, revision: Revision) -> Ask<'a> {
        Ask {
            server: &self.server,
            revision,
            params,
            level: Some(self.server.shared_level().unwrap_or(self.level)),
            client: &self.client,
            owner: self.owner,
            now: self.now,
        }
    }

    fn serve(&mut self, method: &str, params: &Value, revision: Revision) -> Result<Outcome, Failure> {
        match method {
            "logging/setLevel" if self.server.declares("logging") => {
                let name = text(params, "level")?;
                self.level =
                    level(name).ok_or_else(|| Failure::params(format!("Unknown log level: {name}")))?;
                self.server.note_level(self.level);
                Ok(json!({}).into())
            }
            "resources/subscribe" | "resources/unsubscribe"
                if self.server.declares("resources.subscribe") =>
            {
                let uri = text(params, "uri")?;
                match (method, resources::exists(&self.server, uri)) {
                    ("resources/subscribe", false) => return Err(resources::not_found(uri, revision)),
                    ("resources/subscribe", true) => self.subscribed.insert(uri.to_owned()),
                    _ => self.subscribed.remove(uri),
                };
                Ok(json!({}).into())
            }
            _ => {
                let handler = feature::handler(&self.server, method, revision);
                handler.ok_or_else(|| Failure::method(method))?(&self.ask(params, revision))
            }
        }
    }

    pub(super) fn changed_for_session(&self, change: &Change, revision: Revision) -> Vec<Output> {
        let message = match change {
            Change::Tools if self.server.declares("tools.listChanged") => {
                json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
            }
            Change::Resource(uri) if self.subscribed.contains(uri) => {
                notification("notifications/resources/updated", json!({"uri": uri}))
            }
            Change::Task(id) => match self.server.tasks.find(id).filter(|task| task.owner == self.owner) {
                Some(task) if task.is_legacy => tasks::status_message(&task, self.now),
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        self.notification(message, None, revision, |emission| emission.route = Route::Session)
    }
}
