//! The survey: everything that the server lists, page by page, before cases use it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use super::fixture;
use super::policy::Policy;
use crate::case::{Action, Body, Case, List, Things};
use crate::pattern::is_small;
use crate::protocol::{Revision, method};
use crate::sample;
use crate::session::{Session, client_meta};

/// Pages taken of one list, and things that a case repeats itself over.
const MAX_PAGES: usize = 50;
const MAX_THINGS: usize = 20;
/// Tools and prompts that calls are prepared for.
const MAX_PREPARED: usize = 200;
/// From here on a tool counts as slow.
const SLOW: Duration = Duration::from_secs(2);

/// The parameters with which a callable tool is called.
pub(crate) fn call_of(tool: &Value) -> Value {
    json!({"name": tool["name"], "arguments": tool["arguments"]})
}

/// What the server offers.
#[derive(Debug, Default)]
pub struct Survey {
    /// What is offered, as it was said: what snapshots show. Large, so that it is shared.
    surface: Arc<Value>,
    /// Every page: `{method, result}`.
    pages: Vec<Value>,
    /// `{method, member}` of the lists that the declared capabilities promise.
    methods: Vec<Value>,
    /// Those of them that were answered.
    answered: Vec<Value>,
    /// Resources and tools that can be asked for: what tells them apart is a text.
    resources: Vec<Value>,
    tools: Vec<Value>,
    /// Tools that may be called plainly, with `arguments`.
    callable: Vec<Value>,
    /// Tools that may be called, as tasks (2025-11-25).
    task_tools: Vec<Value>,
    /// The tool that takes long, with `slow`: the arguments with which it does.
    slow_tool: Option<Value>,
    /// Tools whose server gives up on a silent client, and when.
    gives_up: Vec<(Value, Duration)>,
    /// `{method, params}` of requests whose handlers fail.
    failing: Vec<Value>,
    /// Calls that the input schema forbids.
    invalid: Vec<Value>,
    /// Prompts with `arguments` and `declared`.
    prompts: Vec<Value>,
    /// A call, a prompt and a resource: legal requests with a name.
    named: Vec<Value>,
    /// Tools that took too long to be called again.
    slow: Mutex<HashSet<String>>,
    /// Identity and capabilities.
    server: Value,
    /// By which request it can be seen that a token is needed; `None` when none is. Found by the first case that asks.
    pub guarded: OnceCell<Option<Guarded>>,
}

/// A request that is refused without a token.
#[derive(Debug, Clone)]
pub struct Guarded {
    /// Its method.
    pub method: String,
    /// Its parameters.
    pub params: Option<Value>,
    /// Whether everything is refused, down to the opening of a conversation.
    pub whole: bool,
    /// Whether the request opens a conversation: nothing within one is refused.
    pub opens: bool,
}

impl Survey {
    /// Walks every list of the declared capabilities.
    pub async fn take(session: &mut Session, policy: &Policy) -> Self {
        let mut survey = Self::default();
        let mut lists = Map::new();
        for (name, member) in method::LISTS {
            let capability =
                method::find(name, session.revision).and_then(|m| m.capability).unwrap_or_default();
            if method::declares(&session.server.capabilities, capability) && session.dead().is_none() {
                survey.methods.push(json!({"method": name, "member": member}));
                let things = survey.walk(session, name, member).await;
                if survey.pages.iter().any(|page| page["method"] == *name) {
                    survey.answered.push(json!({"method": name, "member": member}));
                }
                lists.insert((*member).to_owned(), Value::Array(things));
            }
        }
        survey.server = json!({
            "name": session.server.info["name"],
            "info": session.server.info,
            "capabilities": session.server.capabilities,
            "instructions": session.server.instructions,
            "versions": session.server.versions,
        });
        survey.surface = Arc::new(survey.surface_of(lists));
        session.learn_tools(survey.listed("tools"));
        survey.prepare(policy, has_tasks(session));
        let is_served = |request: &Value| {
            let capability = request["method"].as_str().and_then(|name| name.split('/').next());
            method::declares(&session.server.capabilities, capability.unwrap_or_default())
        };
        survey.failing = policy.failing(survey.listed("prompts"));
        survey.failing.retain(is_served);
        survey.named = survey.named_requests(session.revision);
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

    fn listed(&self, member: &str) -> &[Value] {
        self.surface[member].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    fn prepare(&mut self, policy: &Policy, has_tasks: bool) {
        let with = |things: &[Value], key: &str| -> Vec<Value> {
            let is_usable = |thing: &&Value| thing[key].as_str().is_some_and(is_usable) && is_small(thing);
            things.iter().filter(is_usable).cloned().collect()
        };
        self.resources = with(self.listed("resources"), "uri");
        self.tools = with(self.listed("tools"), "name");
        let surface = self.surface.clone();
        let offered = surface["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
        if let Some(tool) = offered.iter().find(|tool| tool["name"] == fixture::RECONNECTION)
            && fixture::is_part(tool, offered)
        {
            self.timed(&tool["name"], SLOW);
        }
        let may_call =
            |tool: &&Value| policy.may_call(tool, offered) || policy.slow_arguments(tool).is_some();
        let tools: Vec<Value> = self.tools.iter().filter(may_call).take(MAX_PREPARED).cloned().collect();
        for tool in tools {
            if let Some(arguments) = policy.slow_arguments(&tool) {
                let mut tool = tool.clone();
                tool["slow"] = arguments;
                self.slow_tool = Some(tool);
            }
            if let (true, Some(arguments)) = (policy.may_call(&tool, offered), policy.arguments(&tool)) {
                let support = tool["execution"]["taskSupport"].as_str().filter(|_| has_tasks);
                if matches!(support, Some("optional" | "required")) {
                    let mut tool = tool.clone();
                    tool["arguments"] = arguments.clone();
                    self.task_tools.push(tool);
                }
                if support == Some("required") {
                    continue;
                }
                for broken in sample::invalid(&tool["inputSchema"]) {
                    let (name, schema) = (&tool["name"], &tool["inputSchema"]);
                    self.invalid.push(json!({"name": name, "arguments": broken.instance, "reason": broken.reason, "inputSchema": schema}));
                }
                let mut tool = tool;
                tool["arguments"] = arguments;
                if let Some(patience) = policy.gives_up(&tool) {
                    self.gives_up.push((tool.clone(), patience));
                }
                self.callable.push(tool);
            }
        }
        for mut prompt in with(self.listed("prompts"), "name").into_iter().take(MAX_PREPARED) {
            let arguments = policy.prompt_arguments(&prompt);
            prompt["declared"] = prompt["arguments"].take();
            prompt["arguments"] = arguments;
            self.prompts.push(prompt);
        }
    }

    /// One legal request of each kind that asks for something by its name, with the name in Base64 too.
    fn named_requests(&self, revision: Revision) -> Vec<Value> {
        let call = |thing: &Value| json!({"name": thing["name"], "arguments": thing["arguments"]});
        let read = |thing: &Value| json!({"uri": thing["uri"]});
        let first = [
            ("tools/call", "name", self.callable.first().map(call)),
            ("prompts/get", "name", self.prompts.first().map(call)),
            ("resources/read", "uri", self.resources.first().map(read)),
        ];
        let requests = first.into_iter().filter_map(|(method, key, params)| {
            let mut params = params?;
            let name = params[key].as_str()?.to_owned();
            params["_meta"] = Value::Object(client_meta(revision, &json!({})));
            let encoded = base64::engine::general_purpose::STANDARD.encode(&name);
            Some(json!({"method": method, "params": params, "name": name, "encoded": encoded}))
        });
        requests.collect()
    }

    /// The things that a case can repeat itself over.
    pub fn things(&self, list: List) -> Vec<Value> {
        self.all(list).take(MAX_THINGS).cloned().collect()
    }

    /// Those of them that have the right name.
    pub fn wanted(&self, things: &Things) -> Vec<Value> {
        let all = self.whole(things.list).iter().filter(|thing| things.wants(thing));
        // Whoever names a tool wants it, however slow it is.
        let wanted = all.filter(|thing| things.named.is_some() || self.is_quick(things.list, thing));
        wanted.take(MAX_THINGS).cloned().collect()
    }

    /// The things of a list, without the bound that holds for loops.
    pub fn all(&self, list: List) -> impl Iterator<Item = &Value> {
        self.whole(list).iter().filter(move |thing| self.is_quick(list, thing))
    }

    fn whole(&self, list: List) -> &[Value] {
        match list {
            List::Tools => &self.tools,
            List::CallableTools => &self.callable,
            List::InvalidCalls => &self.invalid,
            List::Resources => &self.resources,
            List::Templates => self.listed("resourceTemplates"),
            List::Prompts => &self.prompts,
            List::Lists => &self.answered,
            List::DeclaredLists => &self.methods,
            List::Pages => &self.pages,
            List::NamedRequests => &self.named,
        }
    }

    /// Whether something can be asked for again and again.
    fn is_quick(&self, list: List, thing: &Value) -> bool {
        match list {
            List::CallableTools | List::InvalidCalls => !self.is_slow(&thing["name"]),
            _ => true,
        }
    }

    /// The tools that may be called as tasks (2025-11-25), with `arguments`.
    pub fn task_tools(&self) -> &[Value] {
        &self.task_tools
    }

    /// Notes how long a tool took; one that is slow is not called again.
    pub fn timed(&self, tool: &Value, took: Duration) {
        if let (Some(name), true) = (tool.as_str(), took >= SLOW) {
            self.slow.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
        }
    }

    /// Whether a tool took too long to be called again.
    pub fn is_slow(&self, tool: &Value) -> bool {
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner);
        tool.as_str().is_some_and(|name| slow.contains(name))
    }

    /// Whether there is anything that the case could do on a connection of its own.
    pub fn has_work_for(&self, case: &Case) -> bool {
        match &case.body {
            Body::Steps(steps) => steps.iter().any(|step| match &step.action {
                Action::For(_, list, _) => !self.wanted(list).is_empty(),
                _ => true,
            }),
            Body::Code(name, _) => match name.as_str() {
                "slow_tool" | "hang_up" => self.slow_tool.is_some(),
                "client_silence" => !self.gives_up.is_empty(),
                "internal_error" => !self.failing.is_empty(),
                "log_levels" => !self.callable.is_empty(),
                "changes" => self.has_changing_tools(),
                _ => true,
            },
        }
    }

    /// Whether a tool may be called that is not said to change nothing.
    pub fn has_changing_tools(&self) -> bool {
        self.callable.iter().any(|tool| tool["annotations"]["readOnlyHint"] != true)
    }

    /// A tool that may be called, with the time after which its server gives up on a client that does not answer.
    pub fn tool_that_gives_up(&self) -> Option<(Value, Duration)> {
        self.gives_up.last().cloned()
    }

    /// When the server gives up on what this tool asks of a client that does not answer, if the user knows.
    pub fn gives_up(&self, tool: &Value) -> Option<Duration> {
        self.gives_up.iter().find(|(known, _)| known["name"] == *tool).map(|(_, patience)| *patience)
    }

    /// A tool by its name, whether it may be called or not.
    pub fn tool(&self, name: &str) -> Option<&Value> {
        self.tools.iter().find(|tool| tool["name"] == name)
    }

    /// Requests whose handlers fail, as the user says: `{method, params}`.
    pub fn failing(&self) -> &[Value] {
        &self.failing
    }

    /// The tool that the user calls slow, with the arguments in `slow`.
    pub fn slow_tool(&self) -> Option<&Value> {
        self.slow_tool.as_ref()
    }

    /// Every list page, without the bound that holds for loops.
    pub fn pages(&self) -> &[Value] {
        &self.pages
    }

    /// What `${server/…}` means.
    pub fn server(&self) -> &Value {
        &self.server
    }

    /// What is offered, as it was said: what `${listed/…}` means, and what snapshots show.
    pub fn surface(&self) -> &Arc<Value> {
        &self.surface
    }

    fn surface_of(&self, lists: Map<String, Value>) -> Value {
        let said = [("server", "info"), ("capabilities", "capabilities"), ("instructions", "instructions")];
        let said = said.into_iter().map(|(name, member)| (name.to_owned(), self.server[member].clone()));
        let mut surface: Map<_, _> = said.filter(|(_, value)| !value.is_null()).collect();
        surface.extend(lists);
        Value::Object(surface)
    }
}

/// Whether a name can be asked for: very long ones would be repeated in every message about them.
fn is_usable(name: &str) -> bool {
    const LONGEST: usize = 16 << 10;
    name.len() <= LONGEST
}

/// Whether tools can be called as tasks, with the member `task` (2025-11-25).
fn has_tasks(session: &Session) -> bool {
    session.revision == Revision::V2025_11_25
        && method::declares(&session.server.capabilities, "tasks.requests.tools.call")
}
