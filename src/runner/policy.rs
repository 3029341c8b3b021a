//! Which tools may be called, and with what: decided by the user, never by the server alone.

use std::time::Duration;

use globset::GlobMatcher;
use serde_json::Value;

use super::profile::Profile;
use crate::sample;

/// Which tools may be called with arguments that fit.
#[derive(Debug, Clone, Default)]
pub enum Tools {
    /// None.
    None,
    /// Those annotated read-only.
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
    /// Whether the tool may be called with arguments that fit.
    pub fn may_call(&self, tool: &Value) -> bool {
        let Some(name) = tool["name"].as_str() else { return false };
        if let Some(allowed) = self.profile.tools.get(name).and_then(|tool| tool.allow) {
            return allowed;
        }
        match &self.tools {
            Tools::None => false,
            Tools::All => true,
            Tools::ReadOnly => tool["annotations"]["readOnlyHint"] == true,
            Tools::Named(glob) => glob.is_match(name),
        }
    }

    /// Arguments for a call: the user's, else made up from the input schema.
    pub fn arguments(&self, tool: &Value) -> Option<Value> {
        let name = tool["name"].as_str()?;
        let given = self.profile.tools.get(name).and_then(|tool| tool.arguments.clone());
        given.or_else(|| sample::valid(&tool["inputSchema"])).filter(Value::is_object)
    }

    /// Arguments with which the tool takes long, if the user knows some.
    pub fn slow_arguments(&self, tool: &Value) -> Option<Value> {
        self.profile.tools.get(tool["name"].as_str()?)?.slow.clone()
    }

    /// How long the server waits for what the tool asks of the client, if the user knows.
    pub fn gives_up(&self, tool: &Value) -> Option<Duration> {
        self.profile.tools.get(tool["name"].as_str()?)?.gives_up
    }

    /// Arguments for a prompt: the user's, else a short text for each required one.
    pub fn prompt_arguments(&self, prompt: &Value) -> Value {
        let name = prompt["name"].as_str().unwrap_or_default();
        if let Some(given) = self.profile.prompts.get(name).and_then(|prompt| prompt.arguments.clone()) {
            return given;
        }
        let declared = prompt["arguments"].as_array().into_iter().flatten();
        let required = declared.filter(|argument| argument["required"] == true);
        let pairs =
            required.filter_map(|argument| Some((argument["name"].as_str()?.to_owned(), "test".into())));
        Value::Object(pairs.collect())
    }
}
