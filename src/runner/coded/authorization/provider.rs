//! The authorization server of a protected server, as its metadata tells.

use serde_json::{Map, Value};

use super::discovery::Discovery;
use super::document::{address, object, well_known};
use super::issuer::{OAUTH, OPENID};
use super::site::Site;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;

/// The first authorization server that the server names, or the one at its own host.
pub(super) struct Provider<'s> {
    pub site: &'s Site,
    /// Its identifier.
    pub issuer: String,
    /// The resource for which it issues tokens, as the server calls itself.
    pub resource: String,
    /// Its metadata.
    members: Map<String, Value>,
    /// The worst verdict on an authorization server that is not the MCP server.
    pub at_most: Option<Verdict>,
}

impl<'s> Provider<'s> {
    /// Looks for the metadata as clients do.
    pub async fn find(run: &mut CaseRun<'_>, site: &'s Site) -> Option<Self> {
        let refusal = site.ask(run, &[]).await;
        let found = Discovery::of(run, site, &refusal).await.document().unwrap_or_default();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let listed = text(found.get("authorization_servers").and_then(|listed| listed.get(0)));
        let issuer = listed.unwrap_or_else(|| site.url.origin().ascii_serialization());
        let resource = text(found.get("resource")).unwrap_or_else(|| site.url.to_string());
        let url = address(&issuer)?;
        for name in [OAUTH, OPENID] {
            let fetched = site.fetch(run, &well_known(&url, name)).await;
            let Some(members) = object(&fetched) else { continue };
            let at_most = (url.origin() != site.url.origin()).then_some(Verdict::Warn);
            return Some(Self { site, issuer, resource, members, at_most });
        }
        None
    }

    /// An address that the metadata names.
    pub fn endpoint(&self, name: &str) -> Option<url::Url> {
        address(self.members.get(name)?.as_str()?)
    }

    /// Whether the metadata says that it can do something.
    pub fn promises(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| *value == true)
    }
}
