//! A server that passes log-ins on to another authorization server under one client id: what it asks its users before, and
//! what it takes when they come back. Nobody logs in.

use super::browser::{Browser, Landing, authorization_request, is_refusal, param, place};
use super::consent_cookie;
use super::consent_page::Page;
use super::document::address;
use super::provider::Provider;
use super::site::Site;
use super::{Seen, kept, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;

const PAGE: &str = "auth.proxy.consent-page";
const PER_CLIENT: &str = "auth.proxy.consent-per-client";
const STATE: &str = "auth.proxy.state-and-redirect";
const HINT: &str = "only you know whether the server passes log-ins on to another authorization server under one client id: set \
                    proxy = true, client_id and redirect_uri in the profile, [authorization], if so";
const OTHER_HINT: &str = "needs a client that the user has not agreed to: set consent_cookie_env (the cookie of a browser that has agreed \
                          to client_id) and other_client_id (with the same redirect_uri) in the profile, [authorization]";
const CALLBACK_HINT: &str = "needs the way back: set callback in the profile, [authorization]: the address of the server to which the other \
                             authorization server returns";
const LOGIN: &str =
    "the page does not look like one on which a user agrees to this client: that may come after it";
/// Neither a code nor a state that anybody issued.
const MADE_UP: &str = "mcp-conform-made-up";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let tokens = run.around.tokens;
    let (true, Some(client), Some(redirect)) = (tokens.proxy, &tokens.client_id, &tokens.redirect_uri) else {
        return run.rest_unseen(HINT);
    };
    let provider = Provider::find(run, &site).await;
    let endpoint = provider.as_ref().and_then(|provider| provider.endpoint("authorization_endpoint"));
    let (Some(provider), Some(endpoint)) = (provider, endpoint) else {
        return run.rest_unseen("no metadata names an authorization endpoint");
    };
    let proxy = Proxy { provider: &provider, endpoint, client, redirect };
    let (_, fresh) = proxy.visit(run, client, "").await;
    page(run, &proxy, &fresh);
    let cookie = tokens.consent_cookie.as_deref();
    consent_cookie::judge(run, &proxy, cookie, &fresh).await;
    match (cookie, &tokens.other_client_id) {
        (Some(cookie), Some(other)) => other_client(run, &proxy, cookie, other).await,
        _ => unseen(run, PER_CLIENT, OTHER_HINT),
    }
    match tokens.callback.as_deref().and_then(address) {
        Some(callback) => way_back(run, &proxy, &callback, cookie).await,
        None => unseen(run, STATE, CALLBACK_HINT),
    }
}

/// The proxy, and who asks there.
pub(super) struct Proxy<'t> {
    pub provider: &'t Provider<'t>,
    pub endpoint: url::Url,
    pub client: &'t str,
    redirect: &'t str,
}

impl Proxy<'_> {
    /// Sends a browser with these cookies there, on behalf of a client: the browser after it, and where it ends up.
    pub async fn visit(&self, run: &CaseRun<'_>, client: &str, cookies: &str) -> (Browser<'_>, Landing) {
        let mut browser = Browser::new(self.provider.site, cookies);
        let url = authorization_request(&self.endpoint, client, self.redirect, &[]);
        let landing = browser.visit(run, &url).await;
        (browser, landing)
    }

    /// Whether an address is the one of the client.
    fn is_client(&self, url: &url::Url) -> bool {
        url.as_str().starts_with(self.redirect)
    }

    /// Whether the log-in of a client was passed on: to another server, which knows only the proxy.
    fn is_passed_on(&self, url: &url::Url, client: &str) -> bool {
        let known_as = param(url.as_str(), "client_id");
        !self.is_client(url) && known_as.is_some_and(|id| id != client)
    }
}

/// The page that a browser sees which has agreed to nothing.
fn page(run: &mut CaseRun<'_>, proxy: &Proxy<'_>, landing: &Landing) {
    let Landing::Page(response) = landing else {
        return unseen(run, PAGE, &format!("the browser sees no page of the server: {}", landing.shown()));
    };
    let Some(page) = Page::of(response) else { return unseen(run, PAGE, "the page is no HTML") };
    let host = address(proxy.redirect).and_then(|url| url.host_str().map(str::to_owned));
    let host = host.unwrap_or_else(|| proxy.redirect.to_owned());
    let names = (page.tells(&host), page.tells(proxy.client));
    let framed = || "another site can show the page in a frame".to_owned();
    let (problem, at_most) = match (page.forbids_framing, names) {
        (true, (true, _)) => {
            return kept(run, PAGE, "the page forbids frames, and names where the browser is sent");
        }
        (true, (false, true)) => {
            (format!("the page does not say that the browser is sent to {host}"), Some(Verdict::Warn))
        }
        (true, (false, false)) if page.has_script => {
            return kept(run, PAGE, "the page forbids frames; what it names is drawn by a script");
        }
        (false, (true, _)) if !page.is_login => (framed(), proxy.provider.at_most),
        // It may be another page than that on which the user agrees.
        (false, _) if !page.is_login => (framed(), Some(Verdict::Warn)),
        _ => return unseen(run, PAGE, LOGIN),
    };
    let header = |name: &str| format!("{name}: {}", response.header(name).unwrap_or("none"));
    let got =
        format!("{}, {}, {}", landing.shown(), header("x-frame-options"), header("content-security-policy"));
    let expected = "frame-ancestors or X-Frame-Options: DENY, and the address of the client on the page";
    say_at_most(run, PAGE, &Seen::beside(got), expected, Some(problem), at_most);
}

/// A browser that has agreed to one client comes for another.
async fn other_client(run: &mut CaseRun<'_>, proxy: &Proxy<'_>, cookie: &str, other: &str) {
    let (_, landing) = proxy.visit(run, other, cookie).await;
    let problem = match &landing {
        Landing::Page(_) => return kept(run, PER_CLIENT, "the other client gets a page first"),
        Landing::Away(url) if proxy.is_client(url) && param(url.as_str(), "code").is_some() => {
            "a client to which the user has not agreed gets a code at once"
        }
        Landing::Away(url) if proxy.is_client(url) && param(url.as_str(), "error").is_some() => {
            return kept(run, PER_CLIENT, "the other client gets an error");
        }
        Landing::Away(url) if proxy.is_passed_on(url, other) => {
            "the log-in of a client to which the user has not agreed is passed on at once"
        }
        _ => {
            let why = format!("the other client is not served here: {}", landing.shown());
            return unseen(run, PER_CLIENT, &why);
        }
    };
    let seen = Seen::beside(landing.shown());
    say_at_most(
        run,
        PER_CLIENT,
        &seen,
        "a page of the server",
        Some(problem.to_owned()),
        proxy.provider.at_most,
    );
}

/// Somebody comes back with a code that nobody issued, and without the state of any log-in.
async fn way_back(run: &mut CaseRun<'_>, proxy: &Proxy<'_>, callback: &url::Url, cookie: Option<&str>) {
    let is_same = callback.origin() == proxy.endpoint.origin();
    let cookie = cookie.filter(|_| is_same).unwrap_or_default();
    for state in [None, Some(MADE_UP)] {
        let mut url = callback.clone();
        url.query_pairs_mut().append_pair("code", MADE_UP).extend_pairs(state.map(|state| ("state", state)));
        let landing = Browser::new(proxy.provider.site, cookie).visit(run, &url).await;
        let which = if state.is_some() { "a made-up state" } else { "no state" };
        match &landing {
            Landing::Refused(response) if is_refusal(response) => {
                kept(run, STATE, format!("{which}: {}", landing.shown()))
            }
            Landing::Away(url) if proxy.is_client(url) && param(url.as_str(), "code").is_some() => {
                let problem =
                    Some(format!("who comes back with {which} is sent on to the client with a code"));
                let seen = Seen::beside(landing.shown());
                say_at_most(run, STATE, &seen, "HTTP 400", problem, proxy.provider.at_most);
            }
            Landing::Away(url) if param(url.as_str(), "error").is_some() => {
                kept(run, STATE, format!("{which}: an error"))
            }
            Landing::Page(page) if place(&page.url) != place(url.as_str()) => {
                kept(run, STATE, format!("{which}: sent to another page of the server"));
            }
            _ => unseen(run, STATE, &format!("{which}: {}, which tells nothing", landing.shown())),
        }
    }
}
