//! The cookie in which a proxy keeps what a user has agreed to.

use super::browser::{Landing, param};
use super::proxy::Proxy;
use super::{Seen, kept, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;

const COOKIES: &str = "auth.proxy.consent-cookies";
const HINT: &str = "needs a user who has agreed: set consent_cookie_env in the profile, [authorization]: the environment variable with \
                    the cookie, NAME=VALUE, of a browser that has agreed to client_id";
const EXPECTED: &str = "__Host-NAME=…; Secure; HttpOnly; SameSite=Lax";

/// `fresh` is where a browser without the cookie ends up.
pub(super) async fn judge(run: &mut CaseRun<'_>, proxy: &Proxy<'_>, cookie: Option<&str>, fresh: &Landing) {
    let Some(cookie) = cookie else { return unseen(run, COOKIES, HINT) };
    if run.judged(COOKIES).is_none() {
        return;
    }
    let (browser, known) = proxy.visit(run, proxy.client, cookie).await;
    let goes_on =
        |landing: &Landing| matches!(landing, Landing::Away(url) if param(url.as_str(), "error").is_none());
    if !goes_on(&known) || !matches!(fresh, Landing::Page(_)) {
        let (with, without) = (known.shown(), fresh.shown());
        let why = format!(
            "the cookie does not stand for a user who has agreed: with it {with}, without it {without}"
        );
        return unseen(run, COOKIES, &why);
    }
    let names: Vec<&str> = names(cookie).collect();
    // Where there is no TLS, as in a test, some servers leave the prefix out; and one of several may be meant.
    let is_doubtful = proxy.endpoint.scheme() == "http" || names.len() > 1;
    let at_most = if is_doubtful { Some(Verdict::Warn) } else { proxy.provider.at_most };
    if !names.iter().any(|name| name.starts_with("__Host-")) {
        let seen = Seen::beside(names.join(", "));
        let problem = Some("the cookie has no __Host- prefix".to_owned());
        return say_at_most(run, COOKIES, &seen, EXPECTED, problem, at_most);
    }
    kept(run, COOKIES, "the cookie has the __Host- prefix");
    let sent = browser.set.iter().filter(|set| names.contains(&name(set)));
    for set in sent.filter(|set| !is_removal(set)) {
        let problem = flaw(set).map(|flaw| format!("the cookie is set without {flaw}"));
        let got = format!("{}=***; {}", name(set), attributes(set).collect::<Vec<_>>().join("; "));
        say_at_most(run, COOKIES, &Seen::beside(got), EXPECTED, problem, at_most);
    }
}

/// The names in a `Cookie` header.
fn names(cookie: &str) -> impl Iterator<Item = &str> {
    cookie.split(';').map(name).filter(|name| !name.is_empty())
}

/// The name of one cookie.
fn name(pair: &str) -> &str {
    pair.split(['=', ';']).next().unwrap_or_default().trim()
}

/// What a `Set-Cookie` says besides name and value, in small letters.
fn attributes(set: &str) -> impl Iterator<Item = String> {
    set.split(';').skip(1).map(|attribute| attribute.trim().to_ascii_lowercase())
}

fn is_removal(set: &str) -> bool {
    attributes(set)
        .any(|attribute| attribute == "max-age=0" || attribute.starts_with("expires=thu, 01 jan 1970"))
}

/// The first attribute that is missing.
fn flaw(set: &str) -> Option<&'static str> {
    let has = |wanted: &[&str]| attributes(set).any(|attribute| wanted.contains(&attribute.as_str()));
    match () {
        () if !has(&["secure"]) => Some("Secure"),
        () if !has(&["httponly"]) => Some("HttpOnly"),
        () if !has(&["samesite=lax", "samesite=strict"]) => Some("SameSite=Lax"),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_needs_three_attributes() {
        assert_eq!(flaw("__Host-a=1; Path=/; Secure; HttpOnly; SameSite=Lax"), None);
        assert_eq!(flaw("a=1; secure; httponly; samesite=STRICT"), None);
        assert_eq!(flaw("a=1; HttpOnly; SameSite=Lax"), Some("Secure"));
        assert_eq!(flaw("a=Secure; Secure; SameSite=Lax"), Some("HttpOnly"));
        assert_eq!(flaw("a=1; Secure; HttpOnly; SameSite=None"), Some("SameSite=Lax"));
    }

    #[test]
    fn cookies_have_names() {
        assert_eq!(names("__Host-a=b=c; d=e;").collect::<Vec<_>>(), ["__Host-a", "d"]);
        assert!(is_removal("a=; Max-Age=0") && !is_removal("a=1; Max-Age=60"));
    }
}
