//! The profile, `mcp-conform.toml`: what the user tells about servers, and options in place of the command line's.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use toml::Spanned;
use url::Url;

use super::baseline::{Accepted, Baseline};
use super::tokens::Tokens;
use crate::catalogue::did_you_mean;
use crate::pattern::Mask;

/// Options by the names that they have on the command line, with their places in the file.
pub type OptionTable = BTreeMap<Spanned<String>, toml::Value>;

/// What the user tells about the server: `mcp-conform.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Options, as on the command line, which goes before them.
    #[serde(default)]
    pub options: OptionTable,
    /// Tools by name.
    #[serde(default)]
    pub tools: HashMap<String, ToolProfile>,
    /// Prompts by name.
    #[serde(default)]
    pub prompts: HashMap<String, PromptProfile>,
    /// Its resources.
    #[serde(default)]
    pub resources: ResourceProfile,
    /// What the server does with the icons of clients.
    #[serde(default)]
    pub icons: IconProfile,
    /// Tokens for tests of authorization.
    #[serde(default)]
    pub authorization: Tokens,
    /// How snapshots are kept.
    #[serde(default)]
    pub snapshot: SnapshotProfile,
    /// Findings that are accepted, as in a baseline file.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
    /// Servers by name, for `mcp-conform config`.
    #[serde(default)]
    pub servers: BTreeMap<String, ServerProfile>,
}

/// What the user tells about snapshots.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotProfile {
    /// What changes from run to run, and is no difference: `[[snapshot.mask]]`.
    #[serde(default)]
    pub mask: Vec<Mask>,
}

/// What the user tells about a tool.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolProfile {
    /// Whether it may be called; absent = as `--tools` says.
    #[serde(default)]
    pub allow: Option<bool>,
    /// Arguments to call it with; absent = made up from its input schema.
    #[serde(default)]
    pub arguments: Option<Value>,
    /// Arguments with which it takes long, so that it can be cancelled.
    #[serde(default)]
    pub slow: Option<Value>,
    /// How long the server waits for what this tool asks of the client, such as `10s`.
    #[serde(default, deserialize_with = "duration")]
    pub gives_up: Option<Duration>,
    /// How the state is named that it makes.
    #[serde(default)]
    pub handle: Option<Handle>,
    /// Whether it asks the user something once and remembers the answer.
    #[serde(default)]
    pub remembers: bool,
    /// Whether it tells who the user is.
    #[serde(default)]
    pub identity: bool,
    /// The argument that holds the path of the file that it reads, within the roots of the client.
    #[serde(default)]
    pub reads: Option<String>,
    /// Whether what it does may happen only once for each time that the user agrees.
    #[serde(default)]
    pub once: bool,
}

/// How the state is named that a tool makes for its user, and which tool takes that name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Handle {
    /// Where the name stands in the result: a JSON pointer such as `/structuredContent/id`.
    #[serde(deserialize_with = "pointer")]
    pub at: String,
    /// The tool that works with the state.
    pub tool: String,
    /// The argument of that tool that takes the name.
    pub argument: String,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let problem = || format!("`{text}` is not a duration such as 500ms or 2s");
    crate::case::duration(&text).map(Some).ok_or_else(|| serde::de::Error::custom(problem()))
}

fn pointer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let problem = || format!("`{text}` is not a JSON pointer such as /structuredContent/id");
    if text.starts_with('/') { Ok(text) } else { Err(serde::de::Error::custom(problem())) }
}

/// What the user tells about a prompt.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptProfile {
    /// Arguments to get it with.
    #[serde(default)]
    pub arguments: Option<Value>,
    /// Whether its handler fails inside the server.
    #[serde(default)]
    pub fails: bool,
}

/// What the user tells about the resources of the server.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceProfile {
    /// The `file://` URI of a file that the server does not offer.
    #[serde(default, deserialize_with = "file_uri")]
    pub outside: Option<Url>,
    /// The URI of a resource whose handler fails inside the server.
    #[serde(default)]
    pub failing: Option<String>,
    /// Whether listed `https` resources may be fetched from here.
    #[serde(default)]
    pub fetch: bool,
}

/// What the server does with the icons of its clients.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IconProfile {
    /// Whether it fetches them.
    #[serde(default)]
    pub fetched: bool,
}

fn file_uri<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let uri = Url::parse(&text).ok().filter(|uri| uri.scheme() == "file" && uri.path().len() > 1);
    let problem = || format!("`{text}` is not the URI of a file, such as file:///etc/hostname");
    uri.map(Some).ok_or_else(|| serde::de::Error::custom(problem()))
}

/// One server of several, or a matrix of them.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerProfile {
    /// The program and its arguments; with an address, it is started first and stopped after.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its address; absent = it speaks over its standard streams.
    #[serde(default)]
    pub url: Option<String>,
    /// Variables of its environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    #[serde(default)]
    pub cwd: Option<String>,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Values by key: the server is judged once for each combination, with `{key}` replaced everywhere.
    #[serde(default)]
    pub matrix: BTreeMap<String, Vec<String>>,
    /// Options of this server, before those of all.
    #[serde(default)]
    pub options: OptionTable,
    /// Its tools by name, before those of all.
    #[serde(default)]
    pub tools: HashMap<String, ToolProfile>,
    /// Its prompts by name, before those of all.
    #[serde(default)]
    pub prompts: HashMap<String, PromptProfile>,
    /// Its resources, in place of what is told about those of all.
    #[serde(default)]
    pub resources: Option<ResourceProfile>,
}

impl Profile {
    /// Reads a profile; the error says what is wrong, with line and column, and what may be meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let profile: Self = toml::from_str(text).map_err(|error| explained(&error))?;
        Baseline::default().with(profile.accepted.clone()).validate()?;
        Ok(profile)
    }

    /// What is told about one server.
    pub fn of_server(&self, name: &str) -> Self {
        let mut profile = self.clone();
        if let Some(server) = self.servers.get(name) {
            profile.tools.extend(server.tools.clone());
            profile.prompts.extend(server.prompts.clone());
            profile.resources = server.resources.clone().unwrap_or(profile.resources);
        }
        profile
    }
}

/// An error of a TOML file, with the known name that a mistyped one comes closest to.
pub fn explained(error: &toml::de::Error) -> String {
    let message = error.message();
    let mut names = message.split('`').skip(1).step_by(2);
    let hint = match (message.starts_with("unknown field"), names.next()) {
        (true, Some(unknown)) => did_you_mean(unknown, names),
        _ => String::new(),
    };
    format!("{}{hint}\n", error.to_string().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_errors_with_line_and_suggestion() {
        let wrong = |text: &str| Profile::parse(text).unwrap_err();
        let error = wrong("[tools.x]\nalow = true\n");
        assert!(error.contains("line 2") && error.contains("did you mean allow"), "{error}");
        let error = wrong("[tools.x]\nhandle = { at = 'id', tool = 'y', argument = 'z' }\n");
        assert!(error.contains("line 2") && error.contains("not a JSON pointer"), "{error}");
        let error = wrong("[option]\nstrict = true\n");
        assert!(error.contains("line 1") && error.contains("did you mean options"), "{error}");
        let error = wrong("[resources]\noutside = '/etc/hostname'\n");
        assert!(error.contains("line 2") && error.contains("is not the URI of a file"), "{error}");
        let error = wrong("[[accepted]]\nrequirement = 'a'\nreason = ''\n");
        assert!(error.contains("needs a reason"), "{error}");
    }

    #[test]
    fn what_is_told_about_a_server_goes_before_what_is_told_about_all() {
        let text = "[tools.a]\nallow = true\n[tools.b]\nallow = true\n[servers.s]\ncommand = ['x']\n[servers.s.tools.a]\nallow = false\n";
        let profile = Profile::parse(text).unwrap().of_server("s");
        assert_eq!((profile.tools["a"].allow, profile.tools["b"].allow), (Some(false), Some(true)));
    }
}
