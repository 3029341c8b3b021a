//! Where the protected resource metadata is: by the challenge, and at the well-known addresses.

use serde_json::{Map, Value};

use super::document::{address, at, object, well_known};
use super::said::Said;
use super::site::Site;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;
use crate::transport::{Fetched, may_fetch};

const NAME: &str = "oauth-protected-resource";

/// Every place where the metadata was looked for.
pub(super) struct Discovery {
    /// Where the challenge points.
    pub header: Option<Fetched>,
    /// At the well-known name before the endpoint's path.
    pub inserted: Fetched,
    /// At the root, where that is another place.
    pub root: Option<Fetched>,
    /// Behind the endpoint's path, where it does not belong; looked for only when it is nowhere else.
    pub appended: Option<Fetched>,
}

impl Discovery {
    /// Looks everywhere. Nothing that the user keeps secret is sent along.
    pub async fn of(run: &CaseRun<'_>, site: &Site, refusal: &Outcome) -> Self {
        let said = Said::of(refusal);
        let header = match said.param("resource_metadata").and_then(address) {
            Some(url) => Some(site.fetch(run, &url).await),
            None => None,
        };
        let url = well_known(&site.url, NAME);
        let root = at(&site.url, &format!("/.well-known/{NAME}"));
        let mut found = Self {
            header,
            inserted: site.fetch(run, &url).await,
            root: if root == url { None } else { Some(site.fetch(run, &root).await) },
            appended: None,
        };
        let path = site.url.path().trim_end_matches('/');
        if found.place().is_none() && !path.is_empty() {
            let appended = at(&site.url, &format!("{path}/.well-known/{NAME}"));
            found.appended = Some(site.fetch(run, &appended).await);
        }
        found
    }

    /// The response that holds the metadata, the first in the order in which clients look.
    pub fn place(&self) -> Option<&Fetched> {
        let places = [self.header.as_ref(), Some(&self.inserted), self.root.as_ref(), self.appended.as_ref()];
        places.into_iter().flatten().find(|fetched| object(fetched).is_some())
    }

    /// The metadata.
    pub fn document(&self) -> Option<Map<String, Value>> {
        self.place().and_then(object)
    }

    /// The response of a well-known address that holds metadata.
    pub fn well_known(&self) -> Option<&Fetched> {
        [Some(&self.inserted), self.root.as_ref()]
            .into_iter()
            .flatten()
            .find(|fetched| object(fetched).is_some())
    }

    /// Why a place that may hold the metadata could not be looked at.
    pub fn obstacle(&self) -> Option<String> {
        let places = [self.header.as_ref(), Some(&self.inserted)];
        places
            .into_iter()
            .flatten()
            .find_map(|fetched| Some(format!("{}: {}", fetched.url, fetched.failed.as_ref()?)))
    }

    /// Whether the address in the challenge is one that this tool does not go to.
    pub fn is_header_shunned(&self, site: &Site) -> bool {
        let url = self.header.as_ref().and_then(|fetched| url::Url::parse(&fetched.url).ok());
        url.is_some_and(|url| !may_fetch(&url, &site.url))
    }
}
