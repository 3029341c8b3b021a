//! The survey: everything that the server lists, page by page, before cases use it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::policy::Policy;
use crate::case::{List, Things};
use crate::protocol::method;
use crate::sample;
use crate::session::Session;

/// Pages taken of one list, and things that a case repeats itself over.
const MAX_PAGES: usize = 50;
const MAX_THINGS: usize = 20;
/// From here on a tool counts as slow.
const SLOW: Duration = Duration::from_secs(2);

/// What the server offers.
#[derive(Debug, Default)]
pub struct Survey {
    /// Things listed, by list method.
    lists: Map<String, Value>,
    /// Every page: `{method, result}`.
    pages: Vec<Value>,
    /// `{method, member}` of the lists that the declared capabilities promise.
    methods: Vec<Value>,
    /// Those of them that were answered.
    answered: Vec<Value>,
    /// Resources and tools that can be asked for: what tells them apart is a text.
    resources: Vec<Value>,
    tools: Vec<Value>,
    /// Tools that may be called, with `arguments`.
    callable: Vec<Value>,
    /// Calls that the input schema forbids.
    invalid: Vec<Value>,
    /// Prompts with `arguments` and `declared`.
    prompts: Vec<Value>,
    /// Tools that took too long to be called again.
    slow: Mutex<HashSet<String>>,
    /// Identity and capabilities.
    server: Value,
}

impl Survey {
    /// Walks every list of the declared capabilities.
    pub async fn take(session: &mut Session, policy: &Policy) -> Self {
        let mut survey = Self::default();
        for (name, member) in method::LISTS {
            let capability =
                method::find(name, session.revision).and_then(|m| m.capability).unwrap_or_default();
            if method::declares(&session.server.capabilities, capability) && session.dead().is_none() {
                survey.methods.push(json!({"method": name, "member": member}));
                let things = survey.walk(session, name, member).await;
                if survey.pages.iter().any(|page| page["method"] == *name) {
                    survey.answered.push(json!({"method": name, "member": member}));
                }
                survey.lists.insert((*name).to_owned(), Value::Array(things));
            }
        }
        survey.server = json!({
            "name": session.server.info["name"],
            "info": session.server.info,
            "capabilities": session.server.capabilities,
            "instructions": session.server.instructions,
            "versions": session.server.versions,
        });
        session.learn_tools(survey.listed("tools/list"));
        survey.prepare(policy);
        survey
    }

    async fn walk(&mut self, session: &mut Session, method: &str, member: &str) -> Vec<Value> {
        let mut things = Vec::new();
        let mut seen = Vec::new();
        let mut cursor = Value::Null;
        while seen.len() < MAX_PAGES {
            let params = (!cursor.is_null()).then(|| json!({"cursor": cursor}));
            let outcome = session.request(method, params).await;
            let Some(result) = outcome.result().filter(|result| result.is_object()) else { break };
            self.pages.push(json!({"method": method, "result": result}));
            things.extend(result[member].as_array().into_iter().flatten().cloned());
            seen.push(cursor);
            cursor = result["nextCursor"].clone();
            // A cursor that comes again would go round for ever.
            if !cursor.is_string() || seen.contains(&cursor) {
                break;
            }
        }
        things
    }

    fn listed(&self, method: &str) -> &[Value] {
        self.lists.get(method).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    fn prepare(&mut self, policy: &Policy) {
        let with = |things: &[Value], key: &str| -> Vec<Value> {
            things.iter().filter(|thing| thing[key].is_string()).cloned().collect()
        };
        self.resources = with(self.listed("resources/list"), "uri");
        self.tools = with(self.listed("tools/list"), "name");
        for tool in self.listed("tools/list").to_vec() {
            if let (true, Some(arguments)) = (policy.may_call(&tool), policy.arguments(&tool)) {
                for broken in sample::invalid(&tool["inputSchema"]) {
                    let (name, schema) = (&tool["name"], &tool["inputSchema"]);
                    self.invalid.push(json!({"name": name, "arguments": broken.instance, "reason": broken.reason, "inputSchema": schema}));
                }
                let mut tool = tool;
                tool["arguments"] = arguments;
                self.callable.push(tool);
            }
        }
        for prompt in self.listed("prompts/list").to_vec() {
            if prompt["name"].is_string() {
                let mut prompt = prompt;
                let arguments = policy.prompt_arguments(&prompt);
                prompt["declared"] = prompt["arguments"].take();
                prompt["arguments"] = arguments;
                self.prompts.push(prompt);
            }
        }
    }

    /// The things that a case can repeat itself over.
    pub fn things(&self, list: List) -> Vec<Value> {
        self.all(list).take(MAX_THINGS).cloned().collect()
    }

    /// Those of them that have the right name.
    pub fn wanted(&self, things: &Things) -> Vec<Value> {
        self.all(things.list).filter(|thing| things.wants(thing)).take(MAX_THINGS).cloned().collect()
    }

    /// The things of a list, without the bound that holds for loops.
    pub fn all(&self, list: List) -> impl Iterator<Item = &Value> {
        let all = match list {
            List::Tools => &self.tools,
            List::CallableTools => &self.callable,
            List::InvalidCalls => &self.invalid,
            List::Resources => &self.resources,
            List::Templates => self.listed("resources/templates/list"),
            List::Prompts => &self.prompts,
            List::Lists => &self.answered,
            List::DeclaredLists => &self.methods,
            List::Pages => &self.pages,
        };
        let is_quick = move |thing: &&Value| match list {
            List::CallableTools | List::InvalidCalls => !self.is_slow(&thing["name"]),
            _ => true,
        };
        all.iter().filter(is_quick)
    }

    /// Notes how long a tool took; one that is slow is not called again.
    pub fn timed(&self, tool: &Value, took: Duration) {
        if let (Some(name), true) = (tool.as_str(), took >= SLOW) {
            self.slow.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        }
    }

    fn is_slow(&self, tool: &Value) -> bool {
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        tool.as_str().is_some_and(|name| slow.contains(name))
    }

    /// Every list page, without the bound that holds for loops.
    pub fn pages(&self) -> &[Value] {
        &self.pages
    }

    /// What `${server/…}` means.
    pub fn server(&self) -> &Value {
        &self.server
    }

    /// The surface for the snapshot: what is offered, as it was said.
    pub fn surface(&self) -> Value {
        let mut surface = Map::new();
        let server = &self.server;
        for (name, value) in [
            ("server", &server["info"]),
            ("capabilities", &server["capabilities"]),
            ("instructions", &server["instructions"]),
        ] {
            if !value.is_null() {
                surface.insert(name.to_owned(), value.clone());
            }
        }
        for (method, member) in method::LISTS {
            if let Some(things) = self.lists.get(*method) {
                surface.insert((*member).to_owned(), things.clone());
            }
        }
        Value::Object(surface)
    }
}
