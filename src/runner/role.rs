//! What the profile says that only the user knows. Tools of which it says something are called for that whatever `allow` says.

use serde_json::{Value, json};

use super::interpret::CaseRun;
use super::policy::Policy;
use super::profile::{Profile, ToolProfile};
use super::survey::Survey;
use crate::case::{Body, Case, List};

/// Whether a coded case has something to do only where the profile says so, and it does not.
pub(super) fn lacks_role(case: &Case, profile: &Profile) -> bool {
    let Body::Code(name, _) = &case.body else { return false };
    match name.as_str() {
        "root_files" => !profile.tools.values().any(|tool| tool.reads.is_some()),
        "client_icons" => !profile.icons.fetched,
        _ => false,
    }
}

impl CaseRun<'_> {
    /// The first tool on offer of which the user says something, as parameters of a call, and what is said.
    pub fn told<T>(&self, said: impl Fn(&ToolProfile) -> Option<T>) -> Option<(Value, T)> {
        told(self.around.policy, self.around.survey, said)
    }

    /// The parameters of a call of a tool on offer, with the arguments of the profile, else made up.
    pub fn call_of(&self, name: &str) -> Option<Value> {
        call_of(self.around.policy, self.around.survey.tool(name)?)
    }
}

/// The first tool that is offered of which the user says something, as parameters of a call, and what is said.
pub(crate) fn told<T>(
    policy: &Policy,
    survey: &Survey,
    said: impl Fn(&ToolProfile) -> Option<T>,
) -> Option<(Value, T)> {
    let named = |tool: &Value| policy.profile.tools.get(tool["name"].as_str()?).and_then(&said);
    survey.all(List::Tools).find_map(|tool| Some((call_of(policy, tool)?, named(tool)?)))
}

fn call_of(policy: &Policy, tool: &Value) -> Option<Value> {
    let arguments = policy.arguments(tool).unwrap_or_else(|| json!({}));
    Some(json!({"name": tool["name"].as_str()?, "arguments": arguments}))
}
