//! What belongs to the stateless era only: metadata on every request, `server/discover`, `subscriptions/listen`.

use serde_json::{Map, Value, json};

use super::answer::{Ask, Failure, Outcome, level, notification, object, text};
use super::conversation::Conversation;
use super::feature;
use super::icons;
use super::identity::{INSTRUCTIONS, capabilities, server_info};
use super::output::{Emission, Output, Route};
use super::server::Change;
use super::task::{Status, Task};
use super::{jobs, tasks};
use crate::protocol::{Era, Id, Message, Revision, code};

/// How long a result may be reused, in milliseconds.
const TTL_MS: u64 = 60_000;
const CACHEABLE: [&str; 6] = [
    "server/discover",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
];
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// An open `subscriptions/listen` request.
#[derive(Debug, Clone)]
pub(super) struct Listen {
    /// Tells apart requests of several clients that chose the same id.
    pub key: u64,
    pub id: Id,
    /// What was granted.
    filter: Value,
    revision: Revision,
}

impl Conversation {
    pub(super) fn stateless(&mut self, value: &Value, message: &Message) -> Vec<Output> {
        let method = message.method().unwrap_or_default();
        let newest = Revision::NEWEST_STATELESS;
        if method == "initialize" {
            return self.answer(value, newest, Err(self.unsupported(&message.params()["protocolVersion"])));
        }
        let (revision, level) = match self.metadata(message.params()) {
            Ok(metadata) => metadata,
            Err(failure) => return self.answer(value, newest, Err(failure.with_status(400))),
        };
        if method == "subscriptions/listen" {
            return self.listen(value, message, revision);
        }
        let result = match method {
            "server/discover" => Ok(self.discover(revision).into()),
            _ => match feature::handler(&self.server, method, revision) {
                Some(handler) => {
                    let (server, params, owner) = (&*self.server, message.params(), self.owner);
                    let client = &params["_meta"][CAPABILITIES];
                    handler(&Ask { server, revision, params, level, client, owner, now: self.now })
                }
                None => Err(Failure::method(method).with_status(404)),
            },
        };
        let result =
            result.map(|outcome| complete(self.with_questions(outcome, value, revision), method, revision));
        self.answer(value, revision, result)
    }

    /// Puts what the client is asked into the result.
    fn with_questions(&self, mut outcome: Outcome, request: &Value, revision: Revision) -> Outcome {
        if !outcome.asks.is_empty() {
            let asks = std::mem::take(&mut outcome.asks);
            let questions = self.questions(asks, request, revision);
            outcome.result["resultType"] = "input_required".into();
            outcome.result["inputRequests"] = Value::Object(questions.into_iter().collect());
        }
        outcome
    }

    /// The revision and log level that a request asks for.
    fn metadata(&self, params: &Value) -> Result<(Revision, Option<usize>), Failure> {
        let meta = object(params, "_meta")?.ok_or_else(|| Failure::params("`_meta` is missing"))?;
        let wanted = text(meta, VERSION)?;
        let spoken = self.server.settings.spoken(Era::Stateless);
        let revision = spoken.into_iter().find(|revision| revision.as_str() == wanted);
        let revision = revision.ok_or_else(|| self.unsupported(&meta[VERSION]))?;
        object(meta, CAPABILITIES)?.ok_or_else(|| Failure::params(format!("`{CAPABILITIES}` is missing")))?;
        if let Some(client) = object(meta, CLIENT)? {
            text(client, "name")?;
            text(client, "version")?;
            icons::fetch(self.server.settings.options.icons, client);
        }
        let level = match meta.get(LOG_LEVEL) {
            None => None,
            Some(Value::String(name)) if level(name).is_some() => level(name),
            Some(other) => return Err(Failure::params(format!("Unknown log level: {other}"))),
        };
        Ok((revision, level))
    }

    fn unsupported(&self, requested: &Value) -> Failure {
        let requested = requested.as_str().unwrap_or_default();
        let settings = &self.server.settings;
        let supported: Vec<_> =
            Revision::ALL.into_iter().rev().filter(|revision| settings.speaks(*revision)).collect();
        Failure::new(code::UNSUPPORTED_VERSION, "Unsupported protocol version")
            .with_data(json!({"supported": supported, "requested": requested}))
            .with_status(400)
    }

    fn discover(&self, revision: Revision) -> Value {
        let settings = &self.server.settings;
        let supported: Vec<_> =
            Revision::ALL.into_iter().filter(|revision| settings.speaks(*revision)).collect();
        json!({
            "supportedVersions": supported,
            "capabilities": capabilities(&self.server, revision),
            "instructions": INSTRUCTIONS,
        })
    }

    fn listen(&mut self, value: &Value, message: &Message, revision: Revision) -> Vec<Output> {
        let filter = match object(message.params(), "notifications") {
            Ok(Some(filter)) => self.granted(filter, message.params()),
            Ok(None) => Err(Failure::params("`notifications` is missing")),
            Err(failure) => Err(failure),
        };
        let filter = match filter {
            Ok(filter) => filter,
            Err(failure) => return self.answer(value, revision, Err(failure)),
        };
        let id = Id::from_value(&value["id"]);
        let key = self.next_listen;
        self.next_listen += 1;
        let listen = Listen { key, id: id.clone(), filter, revision };
        let granted = json!({"notifications": listen.filter});
        let acknowledged = listen.message("notifications/subscriptions/acknowledged", granted);
        let mut outputs = vec![Output::Listen(key)];
        outputs.extend(
            self.notification(acknowledged, Some(value), revision, |emission| emission.request = Some(id)),
        );
        outputs.extend(listen.task_ids().flat_map(|id| self.upcoming(&listen, id)));
        self.listens.push(listen);
        outputs
    }

    /// Ends every subscription as a server does that ends itself: with the response to its request.
    pub(super) fn end_listens(&mut self) -> Vec<Output> {
        let listens = std::mem::take(&mut self.listens);
        let end = |listen: Listen| {
            let request = json!({"id": listen.id.to_value(), "method": "subscriptions/listen"});
            let mut outcome = complete(json!({}).into(), "subscriptions/listen", listen.revision);
            outcome.result["_meta"][SUBSCRIPTION] = listen.id.to_value();
            self.answer(&request, listen.revision, Ok(outcome))
        };
        listens.into_iter().flat_map(end).collect()
    }

    fn task(&self, id: &Value) -> Option<Task> {
        self.server.tasks.find(id.as_str()?)
    }

    /// What a subscription will hear of a task next, if nothing else happens to it.
    fn upcoming(&self, listen: &Listen, id: &Value) -> Vec<Output> {
        let now = self.now;
        let Some(task) = self.task(id).filter(|task| task.status(now) == Status::Working) else {
            return Vec::new();
        };
        self.tell_listener(
            listen,
            listen.message("notifications/tasks", task.detail(task.end())),
            |emission| {
                emission.at = Some(task.end());
                emission.request = Some(Task::key(&task.id));
            },
        )
    }

    fn tell_listener(
        &self,
        listen: &Listen,
        message: Value,
        adjust: impl FnOnce(&mut Emission),
    ) -> Vec<Output> {
        self.notification(message, None, listen.revision, |emission| {
            emission.route = Route::Subscription(listen.key);
            adjust(emission);
        })
    }

    /// The part of the filter that can be served.
    fn granted(&self, filter: &Value, params: &Value) -> Result<Value, Failure> {
        let mut granted = Map::new();
        for (flag, capability) in [
            ("toolsListChanged", "tools.listChanged"),
            ("promptsListChanged", "prompts.listChanged"),
            ("resourcesListChanged", "resources.listChanged"),
        ] {
            match filter.get(flag) {
                Some(Value::Bool(true)) if self.server.declares(capability) => {
                    granted.insert(flag.into(), true.into());
                }
                None | Some(Value::Bool(_)) => {}
                Some(_) => return Err(Failure::params(format!("`{flag}` must be a boolean"))),
            }
        }
        match filter.get("resourceSubscriptions") {
            None => {}
            Some(Value::Array(uris)) if uris.iter().all(Value::is_string) => {
                let served = self.server.declares("resources.subscribe").then(|| uris.clone().into());
                granted.extend(served.map(|uris| ("resourceSubscriptions".to_owned(), uris)));
            }
            Some(_) => return Err(Failure::params("`resourceSubscriptions` must be an array of strings")),
        }
        if let Some(ids) =
            filter.get("taskIds").filter(|_| jobs::offered(&self.server, Revision::V2026_07_28))
        {
            tasks::need_extension(&params["_meta"][CAPABILITIES])?;
            let ids = ids.as_array().ok_or_else(|| Failure::params("`taskIds` must be an array"))?;
            let is_own = |id: &&Value| self.task(id).is_some_and(|task| task.owner.user == self.owner.user);
            let known = ids.iter().filter(is_own).cloned().collect();
            granted.insert("taskIds".into(), Value::Array(known));
        }
        Ok(Value::Object(granted))
    }

    pub(super) fn changed_for_listeners(&self, change: &Change) -> Vec<Output> {
        let tell = |listen: &Listen| match change {
            Change::Task(id) => self.task_news(listen, &id.as_str().into()),
            Change::Tools | Change::Resource(_) => match listen.wants(change) {
                Some((method, params)) => self.tell_listener(listen, listen.message(method, params), |_| {}),
                None => Vec::new(),
            },
        };
        self.listens.iter().flat_map(tell).collect()
    }

    /// Where a task stands now, and where it will.
    fn task_news(&self, listen: &Listen, id: &Value) -> Vec<Output> {
        let Some(task) = self.task(id).filter(|_| listen.task_ids().any(|wanted| wanted == id)) else {
            return Vec::new();
        };
        let message = listen.message("notifications/tasks", task.detail(self.now));
        let mut outputs = self.tell_listener(listen, message, |_| {});
        outputs.extend(self.upcoming(listen, id));
        outputs
    }
}

impl Listen {
    fn wants(&self, change: &Change) -> Option<(&'static str, Value)> {
        match change {
            Change::Tools => {
                self.filter.get("toolsListChanged").map(|_| ("notifications/tools/list_changed", json!({})))
            }
            Change::Resource(uri) => {
                let uris = self.filter.get("resourceSubscriptions")?.as_array()?;
                let wanted = uris.iter().any(|wanted| wanted.as_str() == Some(uri));
                wanted.then(|| ("notifications/resources/updated", json!({"uri": uri})))
            }
            Change::Task(_) => None,
        }
    }

    fn task_ids(&self) -> impl Iterator<Item = &Value> {
        self.filter["taskIds"].as_array().into_iter().flatten()
    }

    fn message(&self, method: &str, mut params: Value) -> Value {
        params["_meta"] = json!({ SUBSCRIPTION: self.id.to_value() });
        notification(method, params)
    }
}

/// Adds what every result of this era carries.
fn complete(mut outcome: Outcome, method: &str, revision: Revision) -> Outcome {
    let result = &mut outcome.result;
    if result.get("resultType").is_none() {
        result["resultType"] = "complete".into();
    }
    if CACHEABLE.contains(&method) && result["resultType"] == "complete" {
        result["ttlMs"] = TTL_MS.into();
        result["cacheScope"] = "public".into();
    }
    result["_meta"] = json!({"io.modelcontextprotocol/serverInfo": server_info(revision)});
    outcome
}
