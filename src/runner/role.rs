//! Tools of which the profile says what only their user knows. They are called for that whatever `allow` says.

use serde_json::{Value, json};

use super::interpret::CaseRun;
use super::profile::ToolProfile;
use crate::case::List;

impl CaseRun<'_> {
    /// The first tool on offer of which the user says something, as parameters of a call, and what is said.
    pub fn told<T>(&self, said: impl Fn(&ToolProfile) -> Option<T>) -> Option<(Value, T)> {
        let profile = &self.around.policy.profile;
        let tools = self.around.survey.all(List::Tools);
        let mut named = tools.filter_map(|tool| tool["name"].as_str());
        named.find_map(|name| Some((self.call_of(name)?, said(profile.tools.get(name)?)?)))
    }

    /// The parameters of a call of a tool on offer, with the arguments of the profile, else made up.
    pub fn call_of(&self, name: &str) -> Option<Value> {
        let tool = self.around.survey.tool(name)?;
        let arguments = self.around.policy.arguments(tool).unwrap_or_else(|| json!({}));
        Some(json!({"name": name, "arguments": arguments}))
    }
}
