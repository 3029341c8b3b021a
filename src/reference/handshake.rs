//! What belongs to the handshake era only: `initialize`, `ping`, log levels, resource subscriptions.

use serde_json::{Value, json};

use super::answer::{Ask, Failure, Outcome, level, notification, object, text};
use super::conversation::Conversation;
use super::identity::{INSTRUCTIONS, capabilities, server_info};
use super::output::{Output, Route};
use super::server::Change;
use super::{feature, resources, tasks};
use crate::protocol::{Era, Message, Revision};

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
        self.answer(value, revision, result)
    }

    fn initialize(&mut self, params: &Value) -> Result<Outcome, Failure> {
        let wanted = text(params, "protocolVersion")?;
        object(params, "capabilities")?.ok_or_else(|| Failure::params("`capabilities` is missing"))?;
        let client =
            object(params, "clientInfo")?.ok_or_else(|| Failure::params("`clientInfo` is missing"))?;
        text(client, "name")?;
        text(client, "version")?;
        let spoken = self.server.settings.spoken(Era::Handshake);
        let newest = spoken.last().copied().unwrap_or(Revision::NEWEST_HANDSHAKE);
        let revision = spoken.iter().copied().find(|revision| revision.as_str() == wanted).unwrap_or(newest);
        self.opened = Some(revision);
        Ok(json!({
            "protocolVersion": revision,
            "capabilities": capabilities(&self.server, revision),
            "serverInfo": server_info(revision),
            "instructions": INSTRUCTIONS,
        })
        .into())
    }

    fn serve(&mut self, method: &str, params: &Value, revision: Revision) -> Result<Outcome, Failure> {
        let ask = Ask {
            server: &self.server,
            revision,
            params,
            level: Some(self.level),
            owner: self.number,
            now: self.now,
        };
        match method {
            "logging/setLevel" if ask.server.declares("logging") => {
                let name = ask.text("level")?;
                self.level =
                    level(name).ok_or_else(|| Failure::params(format!("Unknown log level: {name}")))?;
                Ok(json!({}).into())
            }
            "resources/subscribe" | "resources/unsubscribe" if ask.server.declares("resources.subscribe") => {
                let uri = ask.text("uri")?;
                match (method, resources::exists(ask.server, uri)) {
                    ("resources/subscribe", false) => return Err(resources::not_found(uri, revision)),
                    ("resources/subscribe", true) => self.subscribed.insert(uri.to_owned()),
                    _ => self.subscribed.remove(uri),
                };
                Ok(json!({}).into())
            }
            _ => feature::handler(ask.server, method, revision).ok_or_else(|| Failure::method(method))?(&ask),
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
            Change::Task(id) => match self.server.tasks.find(id).filter(|task| task.owner == self.number) {
                Some(task) if task.is_legacy => tasks::status_message(&task, self.now),
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        self.notification(message, None, revision, |emission| emission.route = Route::Session)
    }
}
