//! Which tools may be called, and with what: decided by the user, never by the server alone.

use std::time::Duration;

use globset::GlobMatcher;
use serde_json::{Value, json};

use super::fixture;
use super::profile::Profile;
use crate::sample;

/// Which tools may be called with arguments that fit.
#[derive(Debug, Clone, Default)]
pub enum Tools {
    /// None.
    None,
    /// Those annotated read-only, and the fixture of the official conformance suite.
    #[default]
    ReadOnly,
    /// All.
    All,
    /// Those whose name matches.
    Named(GlobMatcher),
}

/// The rules about calls.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// What `--tools` says.
    pub tools: Tools,
    /// What the profile says.
    pub profile: Profile,
}

impl Policy {
    /// Whether the tool, one of those that are offered, may be called with arguments that fit.
    pub fn may_call(&self, tool: &Value, offered: &[Value]) -> bool {
        let Some(name) = tool["name"].as_str() else { return false };
        if let Some(allowed) = self.profile.tools.get(name).and_then(|tool| tool.allow) {
            return allowed;
        }
        match &self.tools {
            Tools::None => false,
            Tools::All => true,
            Tools::ReadOnly => tool["annotations"]["readOnlyHint"] == true || fixture::is_part(tool, offered),
            Tools::Named(glob) => glob.is_match(name),
        }
    }

    /// Arguments for a call: the user's, else those of the fixture, else made up from the input schema.
    pub fn arguments(&self, tool: &Value) -> Option<Value> {
        let name = tool["name"].as_str()?;
        let given = self.profile.tools.get(name).and_then(|tool| tool.arguments.clone());
        let usual = || fixture::arguments(tool).or_else(|| sample::valid(&tool["inputSchema"]));
        given.or_else(usual).filter(Value::is_object)
    }

    /// Arguments with which the tool takes long, if the user knows some.
    pub fn slow_arguments(&self, tool: &Value) -> Option<Value> {
        self.profile.tools.get(tool["name"].as_str()?)?.slow.clone()
    }

    /// How long the server waits for what the tool asks of the client, if the user knows.
    pub fn gives_up(&self, tool: &Value) -> Option<Duration> {
        self.profile.tools.get(tool["name"].as_str()?)?.gives_up
    }

    /// Requests whose handlers fail inside the server, if the user knows some: `{method, params}`.
    pub fn failing(&self, prompts: &[Value]) -> Vec<Value> {
        let resource = self.profile.resources.failing.iter();
        let mut all: Vec<Value> =
            resource.map(|uri| json!({"method": "resources/read", "params": {"uri": uri}})).collect();
        let mut names: Vec<&String> =
            self.profile.prompts.iter().filter(|(_, prompt)| prompt.fails).map(|(name, _)| name).collect();
        names.sort();
        all.extend(names.into_iter().map(|name| {
            let unlisted = json!({"name": name});
            let prompt = prompts.iter().find(|prompt| prompt["name"] == **name).unwrap_or(&unlisted);
            let params = json!({"name": name, "arguments": self.prompt_arguments(prompt)});
            json!({"method": "prompts/get", "params": params})
        }));
        all
    }

    /// Arguments for a prompt: the user's, else a short text for each required one.
    pub fn prompt_arguments(&self, prompt: &Value) -> Value {
        let name = prompt["name"].as_str().unwrap_or_default();
        if let Some(given) = self.profile.prompts.get(name).and_then(|prompt| prompt.arguments.clone()) {
            return given;
        }
        let declared = prompt["arguments"].as_array().into_iter().flatten();
        let required = declared.filter(|argument| argument["required"] == true);
        let pairs = required.filter_map(|argument| {
            let name = argument["name"].as_str()?;
            let text = match name {
                name if asks_for_address(name) => "test://mcp-conform",
                name if sample::asks_for_mail(name) => sample::ADDRESS,
                _ => "test",
            };
            Some((name.to_owned(), text.into()))
        });
        Value::Object(pairs.collect())
    }
}

/// Whether a prompt argument of this name asks for an address.
pub fn asks_for_address(argument: &str) -> bool {
    let name = argument.to_lowercase();
    ["uri", "url"].iter().any(|kind| name.ends_with(kind))
}
