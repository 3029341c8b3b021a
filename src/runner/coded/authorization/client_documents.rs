//! Clients that are known by the address of a document about them (Client ID Metadata Documents). The documents are served by
//! this tool, at an address that the user forwards to it; nobody logs in.

use std::hash::{BuildHasher, RandomState};

use serde_json::{Value, json};

use super::browser::{Browser, Landing, authorization_request, is_refusal, param, place};
use super::consent_page::Page;
use super::provider::Provider;
use super::site::Site;
use super::{Seen, kept, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::Documents;
use crate::runner::interpret::CaseRun;
use crate::transport::{Fetched, Pages};

const VALIDATION: &str = "auth.as.cimd-validation";
const CACHE: &str = "auth.as.cimd-fetch-and-cache";
const SUPPORTED: &str = "client_id_metadata_document_supported";
const HINT: &str = "needs documents that the authorization server can fetch: set documents = { url = \"https://…\", listen = \"127.0.0.1:9000\" } \
                    in the profile, [authorization]: an address that leads to this tool, and where it listens";
const NOT_FETCHED: &str =
    "the authorization server does not fetch the document before a log-in, or its address does not lead here";
const NAME: &str = "mcp-conform test client";
const REDIRECT: &str = "http://127.0.0.1/callback";
const ELSEWHERE: &str = "https://mcp-conform.invalid/callback";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let Some(documents) = &run.around.tokens.documents else { return run.rest_unseen(HINT) };
    let Some(provider) = Provider::find(run, &site).await else {
        return run.rest_unseen("no metadata of an authorization server was found");
    };
    let Some(endpoint) = provider.endpoint("authorization_endpoint").filter(|_| provider.promises(SUPPORTED))
    else {
        return run.rest_unseen("the metadata of the authorization server does not offer such clients");
    };
    match Shelf::open(&provider, endpoint, documents).await {
        Err(why) => run.rest_unseen(&why),
        Ok(shelf) => judge(run, &shelf).await,
    }
}

async fn judge(run: &mut CaseRun<'_>, shelf: &Shelf<'_>) {
    let good = shelf.good("good", REDIRECT);
    let control = shelf.show(run, "good", good.to_string()).await;
    let first = control.fetched;
    let again = shelf.visit(run, "good").await;
    let why = match &control.landing {
        _ if first == 0 => Some(NOT_FETCHED.to_owned()),
        landing if !alike(landing, &again) => Some(format!(
            "the same request has another end each time: {}, {}",
            landing.shown(),
            again.shown()
        )),
        Landing::Page(_) => None,
        Landing::Away(url) if param(url.as_str(), "error").is_none() => None,
        landing => Some(format!("a client with a right document is not served: {}", landing.shown())),
    };
    if let Some(why) = why {
        return run.rest_unseen(&why);
    }
    cached(run, shelf, first, shelf.pages.fetched(&shelf.path("good")));
    for (name, what, text) in broken(shelf) {
        let seen = shelf.show(run, name, text).await;
        validated(run, shelf, &control.landing, &seen, what);
    }
}

fn cached(run: &mut CaseRun<'_>, shelf: &Shelf<'_>, first: usize, both: usize) {
    let problem =
        (both > first).then(|| "a document that may be kept for an hour is fetched each time".to_owned());
    let got = format!("fetched {first} times for the first request, {both} times for both");
    let expected = "the document is fetched, and kept as long as Cache-Control: max-age=3600 lets it";
    say_at_most(run, CACHE, &Seen::beside(got), expected, problem, shelf.provider.at_most);
}

/// Documents that must not be accepted: their names, what is wrong, and their texts.
fn broken(shelf: &Shelf<'_>) -> [(&'static str, &'static str, String); 4] {
    let mut wrong_id = shelf.good("wrong-client-id", REDIRECT);
    wrong_id["client_id"] = shelf.url("somebody-else").into();
    let mut without = shelf.good("no-redirect-uris", REDIRECT);
    without.as_object_mut().map(|members| members.shift_remove("redirect_uris"));
    let other = shelf.good("other-redirect-uri", ELSEWHERE);
    [
        ("wrong-client-id", "a document with another client_id than its address", wrong_id.to_string()),
        ("no-redirect-uris", "a document without redirect_uris", without.to_string()),
        ("other-redirect-uri", "a redirect_uri that the document does not list", other.to_string()),
        ("not-json", "a document that is no JSON", format!("<p>{NAME}</p>")),
    ]
}

/// `control` is the end for the right document.
fn validated(run: &mut CaseRun<'_>, shelf: &Shelf<'_>, control: &Landing, seen: &Shown, what: &str) {
    let landing = &seen.landing;
    let is_client = |url: &url::Url| url.as_str().starts_with(REDIRECT);
    let has = |url: &url::Url, name| param(url.as_str(), name).is_some();
    let is_told = |response: &Fetched| Page::of(response).is_some_and(|page| page.tells(NAME));
    let (problem, at_most) = match landing {
        _ if seen.fetched == 0 => return unseen(run, VALIDATION, &format!("{what}: it was not fetched")),
        Landing::Refused(response) if is_refusal(response) => {
            return kept(run, VALIDATION, format!("{what}: {}", landing.shown()));
        }
        Landing::Away(url) if is_client(url) && has(url, "code") => {
            ("a code is issued", shelf.provider.at_most)
        }
        Landing::Away(url) if is_client(url) && has(url, "error") => {
            ("the browser is sent to the client all the same", Some(Verdict::Warn))
        }
        Landing::Away(url) if has(url, "error") => return kept(run, VALIDATION, format!("{what}: an error")),
        Landing::Page(response) if is_told(response) && alike(control, landing) => {
            ("the page is that for a right document", shelf.provider.at_most)
        }
        // A page that does not speak of the client may be a log-in, after which the document is looked at.
        _ => {
            let why = format!("{what}: {}, which need not be the end", landing.shown());
            return unseen(run, VALIDATION, &why);
        }
    };
    let got = Seen::beside(landing.shown());
    say_at_most(
        run,
        VALIDATION,
        &got,
        "an error page, without a redirect",
        Some(format!("{what}: {problem}")),
        at_most,
    );
}

/// Whether two browsers came to the same end.
fn alike(one: &Landing, other: &Landing) -> bool {
    match (one, other) {
        (Landing::Page(one), Landing::Page(other)) => {
            let pages = (Page::of(one), Page::of(other));
            one.status == other.status
                && place(&one.url) == place(&other.url)
                && matches!(pages, (Some(one), Some(other)) if one.words() == other.words())
        }
        (Landing::Away(one), Landing::Away(other)) => place(one.as_str()) == place(other.as_str()),
        (Landing::Refused(one), Landing::Refused(other)) => one.status == other.status,
        _ => false,
    }
}

/// Where the documents are.
struct Shelf<'p> {
    provider: &'p Provider<'p>,
    endpoint: url::Url,
    pages: Pages,
    base: String,
    /// A folder that nobody guesses.
    folder: String,
}

/// What came of a document.
struct Shown {
    landing: Landing,
    /// How often it was fetched.
    fetched: usize,
}

impl<'p> Shelf<'p> {
    async fn open(
        provider: &'p Provider<'p>,
        endpoint: url::Url,
        documents: &Documents,
    ) -> Result<Self, String> {
        let pages = Pages::listen(documents.listen).await;
        let pages = pages.map_err(|error| format!("cannot listen at {}: {error}", documents.listen))?;
        let url = documents.at(pages.address.port());
        let base = url.map(|url| url.as_str().trim_end_matches('/').to_owned());
        let base = base.ok_or_else(|| format!("`{}` is no address", documents.url))?;
        let folder = format!("mcp-conform-{:016x}", RandomState::new().hash_one(()));
        Ok(Self { provider, endpoint, pages, base, folder })
    }

    fn path(&self, name: &str) -> String {
        format!("/{}/{name}.json", self.folder)
    }

    fn url(&self, name: &str) -> String {
        format!("{}{}", self.base, self.path(name))
    }

    /// The right document for a client with this address.
    fn good(&self, name: &str, redirect: &str) -> Value {
        json!({
            "client_id": self.url(name),
            "client_name": NAME,
            "redirect_uris": [redirect],
            "grant_types": ["authorization_code"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none",
        })
    }

    /// Serves a document, and sends a browser to the authorization server on behalf of its client.
    async fn show(&self, run: &CaseRun<'_>, name: &str, text: String) -> Shown {
        self.pages.add(&self.path(name), text);
        let landing = self.visit(run, name).await;
        Shown { landing, fetched: self.pages.fetched(&self.path(name)) }
    }

    async fn visit(&self, run: &CaseRun<'_>, name: &str) -> Landing {
        let url = authorization_request(&self.endpoint, &self.url(name), REDIRECT, &[]);
        Browser::new(self.provider.site, "").visit(run, &url).await
    }
}
