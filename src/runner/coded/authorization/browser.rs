//! What a browser does at an authorization server.

use super::site::Site;
use crate::runner::interpret::CaseRun;
use crate::transport::{Fetched, Plain};

/// An authorization request, right but for the changes; `None` leaves a parameter out.
pub(super) fn authorization_request(
    endpoint: &url::Url,
    client: &str,
    redirect: &str,
    changes: &[(&str, Option<&str>)],
) -> url::Url {
    let mut url = endpoint.clone();
    let usual = [
        ("response_type", "code"),
        ("client_id", client),
        ("redirect_uri", redirect),
        ("state", "mcp-conform"),
        // The example of RFC 7636.
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in usual {
        let changed = changes.iter().find(|(known, _)| *known == name);
        if let Some(value) = changed.map_or(Some(value), |(_, value)| *value) {
            url.query_pairs_mut().append_pair(name, value);
        }
    }
    url
}

/// Where a response sends the browser at once.
pub(super) fn target(response: &Fetched) -> Option<&str> {
    response.header("location").filter(|_| (300..400).contains(&response.status))
}

/// Whether what was asked is refused, and not only for now.
pub(super) fn is_refusal(response: &Fetched) -> bool {
    matches!(response.status, 400..=499) && response.status != 429
}

/// A parameter of an address.
pub(super) fn param(target: &str, name: &str) -> Option<String> {
    let url = url::Url::parse(target).ok()?;
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// A browser with its cookies: it follows redirects as long as they stay at the host where it began.
pub(super) struct Browser<'s> {
    site: &'s Site,
    cookies: Vec<(String, String)>,
    /// What the server asked to keep: the values of `Set-Cookie`.
    pub set: Vec<String>,
}

/// Where a browser ends up.
#[derive(Debug)]
pub(super) enum Landing {
    /// At a page of the same host.
    Page(Fetched),
    /// It is sent to another host.
    Away(url::Url),
    /// It gets an error.
    Refused(Fetched),
    /// Nothing of this.
    Lost(Fetched),
}

/// Redirects that are followed.
const MOST: usize = 5;

impl<'s> Browser<'s> {
    /// A browser with the cookies of this `Cookie` header.
    pub fn new(site: &'s Site, cookies: &str) -> Self {
        let pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
        let cookies = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { site, cookies, set: Vec::new() }
    }

    /// Goes to an address.
    pub async fn visit(&mut self, run: &CaseRun<'_>, url: &url::Url) -> Landing {
        let mut here = url.clone();
        for _ in 0..MOST {
            let response = self.open(run, &here).await;
            match (response.status, target(&response).and_then(|target| here.join(target).ok())) {
                (_, Some(next)) if next.origin() == url.origin() => here = next,
                (_, Some(next)) => return Landing::Away(next),
                (200..=299, None) => return Landing::Page(response),
                (400.., None) => return Landing::Refused(response),
                _ => return Landing::Lost(response),
            }
        }
        let failed = Some("redirects without end".to_owned());
        Landing::Lost(Fetched { method: "GET", url: here.to_string(), failed, ..Fetched::default() })
    }

    async fn open(&mut self, run: &CaseRun<'_>, url: &url::Url) -> Fetched {
        let mut plain = Plain::get(url, "text/html, */*");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            plain.headers.push(("Cookie".to_owned(), pairs.join("; ")));
        }
        let response = self.site.exchange(run, plain).await;
        let set = response.headers.iter().filter(|(name, _)| name == "set-cookie");
        for (_, text) in set.clone() {
            self.keep(text);
        }
        self.set.extend(set.map(|(_, text)| text.clone()));
        response
    }

    fn keep(&mut self, text: &str) {
        let pair = text.split(';').next().and_then(|pair| pair.trim().split_once('='));
        let Some((name, value)) = pair else { return };
        self.cookies.retain(|(known, _)| known != name);
        self.cookies.push((name.to_owned(), value.to_owned()));
    }
}

impl Landing {
    /// In words, without what an address may give away.
    pub fn shown(&self) -> String {
        match self {
            Self::Page(page) => format!("a page: GET {}: HTTP {}", place(&page.url), page.status),
            Self::Away(url) => format!("sent to {}", place(url.as_str())),
            Self::Refused(response) => format!("HTTP {}", response.status),
            Self::Lost(response) => match &response.failed {
                Some(problem) => problem.clone(),
                None => format!("HTTP {}", response.status),
            },
        }
    }
}

/// An address without its query.
pub(super) fn place(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}
