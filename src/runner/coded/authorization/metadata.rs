//! The protected resource metadata (RFC 9728): where it is, and what it says.

use serde_json::{Map, Value};

use super::discovery::Discovery;
use super::document::{
    address, at, empty_member, form_problem, is_insecure, is_near, issuer_problem, object,
};
use super::said::Said;
use super::site::Site;
use super::{Seen, kept, say, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::transport::{Fetched, is_loopback};

const IMPLEMENTED: &str = "auth.prm.implemented";
const RESOLVES: &str = "auth.prm.header-url-resolves";
const ANONYMOUS: &str = "auth.prm.anonymous";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let refusal = site.ask(run, &[]).await;
    let found = Discovery::of(run, &site, &refusal).await;
    if found.place().is_none() && Said::of(&refusal).bearer().is_none() {
        return run.rest_unseen("there is no Bearer challenge and no metadata: a scheme of its own");
    }
    anonymous(run, &found);
    resolves(run, &site, &found);
    if !implemented(run, &found) {
        return;
    }
    location(run, &found);
    if let (Some(place), Some(document)) = (found.place(), found.document()) {
        let seen = Seen::document(place);
        say(run, "auth.prm.status-and-type", &seen, "a JSON object as application/json", form_problem(place));
        content(run, &document, &seen);
        resource(run, &site, &found, &document, &seen);
    }
    run.rest_unseen("the metadata does not say anything about this");
}

fn anonymous(run: &mut CaseRun<'_>, found: &Discovery) {
    let places = [found.header.as_ref(), Some(&found.inserted)];
    let place = places.into_iter().flatten().find(|fetched| fetched.status != 0 && fetched.status != 404);
    let Some(place) = place else { return unseen(run, ANONYMOUS, "there is no metadata") };
    let problem = matches!(place.status, 401 | 403).then(|| "the metadata itself is protected".to_owned());
    say(run, ANONYMOUS, &Seen::document(place), "metadata without a token", problem);
}

fn resolves(run: &mut CaseRun<'_>, site: &Site, found: &Discovery) {
    let Some(place) = &found.header else {
        return unseen(run, RESOLVES, "the challenge names no metadata address");
    };
    match (&place.failed, place.status) {
        (Some(_), _) if found.is_header_shunned(site) => {
            unseen(run, RESOLVES, "only https addresses, the server itself, and this machine are looked at")
        }
        (None, 401 | 403) => run.depends(RESOLVES, ANONYMOUS),
        _ => {
            let problem = object(place)
                .is_none()
                .then(|| "the address in the challenge does not lead to metadata".into());
            say(run, RESOLVES, &Seen::document(place), "HTTP 200 with the metadata", problem);
        }
    }
}

/// Whether there is metadata anywhere; everything else depends on it.
fn implemented(run: &mut CaseRun<'_>, found: &Discovery) -> bool {
    let seen = Seen::document(found.header.as_ref().unwrap_or(&found.inserted));
    let is_there = found.place().is_some();
    match (is_there, found.obstacle()) {
        (false, Some(obstacle)) => {
            run.rest_unseen(&obstacle);
            return false;
        }
        (false, None) if run.is_violated(RESOLVES) || run.is_violated(ANONYMOUS) => {
            let cause = if run.is_violated(RESOLVES) { RESOLVES } else { ANONYMOUS };
            run.rest_depends(cause);
            return false;
        }
        _ => {}
    }
    let problem = (!is_there).then(|| "there is no protected resource metadata".to_owned());
    say(run, IMPLEMENTED, &seen, "protected resource metadata", problem);
    if !is_there {
        run.rest_depends(IMPLEMENTED);
    }
    is_there
}

fn location(run: &mut CaseRun<'_>, found: &Discovery) {
    const CONSTRUCTION: &str = "auth.prm.well-known-construction";
    let by_header = found.header.as_ref().is_some_and(|fetched| object(fetched).is_some());
    let known = found.well_known().is_some();
    let Some(place) = found.place() else { return };
    let seen = Seen::document(place);
    let problem = (!by_header && !known)
        .then(|| "neither the challenge nor a well-known address leads to it".to_owned());
    say(run, "auth.prm.discoverable", &seen, "metadata by the challenge or at a well-known address", problem);
    match (known, found.appended.as_ref().is_some_and(|fetched| object(fetched).is_some())) {
        (true, _) => kept(run, CONSTRUCTION, "at a well-known address"),
        (false, true) => {
            let problem = Some("the well-known name stands behind the path instead of before it".to_owned());
            say(run, CONSTRUCTION, &seen, &found.inserted.url, problem);
        }
        (false, false) => unseen(run, CONSTRUCTION, "the metadata is at no well-known address"),
    }
}

fn content(run: &mut CaseRun<'_>, document: &Map<String, Value>, seen: &Seen) {
    servers(run, document.get("authorization_servers"), seen);
    let empty = empty_member(document, "bearer_methods_supported");
    let expected = "members without a value are left out";
    say_at_most(run, "auth.prm.no-empty-arrays", seen, expected, empty, Some(Verdict::Warn));
    methods(run, document.get("bearer_methods_supported"), seen);
    scopes(run, document.get("scopes_supported"), seen);
    if let Some(name) = document.get("resource_name") {
        let problem = (!name.is_string()).then(|| "resource_name is no text".to_owned());
        say(run, "auth.prm.resource-name", seen, "a text", problem);
    }
    keys(run, document, seen);
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn servers(run: &mut CaseRun<'_>, listed: Option<&Value>, seen: &Seen) {
    const ID: &str = "auth.prm.authorization-servers";
    const VALID: &str = "auth.prm.issuers-valid";
    let servers = listed.and_then(texts).filter(|servers| !servers.is_empty());
    let problem =
        servers.is_none().then(|| "authorization_servers is no list with at least one text".to_owned());
    say(run, ID, seen, "authorization_servers with at least one", problem);
    match servers {
        None => run.depends(VALID, ID),
        Some(servers) => {
            let problem = servers.into_iter().find_map(issuer_problem);
            say(run, VALID, seen, "https addresses without query and fragment", problem);
        }
    }
}

fn methods(run: &mut CaseRun<'_>, listed: Option<&Value>, seen: &Seen) {
    let Some(listed) = listed else { return };
    let methods = texts(listed);
    let is_known = |method: &&str| ["header", "body"].contains(method);
    let is_fine = methods.is_some_and(|methods| {
        methods.is_empty() || methods.iter().all(is_known) && methods.contains(&"header")
    });
    let problem = (!is_fine).then(|| format!("bearer_methods_supported is {listed}"));
    say(run, "auth.prm.bearer-methods", seen, "header, and not query", problem);
}

/// Scopes that the security page calls mistakes.
const OMNIBUS: [&str; 3] = ["*", "all", "full-access"];

fn scopes(run: &mut CaseRun<'_>, listed: Option<&Value>, seen: &Seen) {
    const ID: &str = "auth.prm.scopes-supported";
    // An empty list is told where members without a value are.
    let Some(listed) = listed.filter(|listed| !listed.is_null()) else { return };
    let Some(scopes) = texts(listed) else {
        return say(run, ID, seen, "a list of texts", Some(format!("scopes_supported is {listed}")));
    };
    kept(run, ID, "a list of texts");
    let offline =
        scopes.contains(&"offline_access").then(|| "scopes_supported has offline_access".to_owned());
    say(run, "auth.scope.no-offline-access-in-prm", seen, "no offline_access", offline);
    let omnibus = scopes.iter().find(|scope| OMNIBUS.contains(scope));
    let problem = omnibus.map(|scope| format!("scopes_supported has `{scope}`"));
    say(run, "auth.scope.minimal-supported", seen, "the scopes of basic functions", problem);
}

fn keys(run: &mut CaseRun<'_>, document: &Map<String, Value>, seen: &Seen) {
    const ID: &str = "auth.prm.key-and-signature-fields";
    if let Some(keys) = document.get("jwks_uri") {
        let is_fine = keys.as_str().is_some_and(|text| address(text).is_some() && !is_insecure(text));
        let problem = (!is_fine).then(|| format!("jwks_uri is {keys}"));
        say(run, ID, seen, "keys over https", problem);
    }
    if let Some(algorithms) = document.get("resource_signing_alg_values_supported") {
        let none = texts(algorithms).is_some_and(|algorithms| algorithms.contains(&"none"));
        say(run, ID, seen, "signatures", none.then(|| "`none` is among the signing algorithms".to_owned()));
    }
}

fn resource(
    run: &mut CaseRun<'_>,
    site: &Site,
    found: &Discovery,
    document: &Map<String, Value>,
    seen: &Seen,
) {
    const PRESENT: &str = "auth.prm.resource-present";
    let named = document.get("resource").and_then(Value::as_str);
    let problem = match named {
        None => Some("there is no `resource`".to_owned()),
        Some(text) if address(text).is_none() => Some(format!("`{text}` is no absolute address")),
        Some(text) if text.contains('#') => Some(format!("`{text}` has a fragment")),
        Some(_) => None,
    };
    let is_usable = problem.is_none();
    say(run, PRESENT, seen, "`resource`, an absolute address without fragment", problem);
    if !is_usable {
        for id in ["resource-matches-well-known", "resource-matches-request-url", "no-trailing-slash"] {
            run.depends(&format!("auth.prm.{id}"), PRESENT);
        }
        return;
    }
    let own_slash = site.url.path().len() > 1 && site.url.path().ends_with('/');
    let slash = named.filter(|text| text.ends_with('/') && !own_slash);
    let problem = slash.map(|text| format!("`{text}` ends with a slash"));
    say(run, "auth.prm.no-trailing-slash", seen, "no trailing slash", problem);
    matches(run, site, found);
}

/// Each document names the resource that it was found for.
fn matches(run: &mut CaseRun<'_>, site: &Site, found: &Discovery) {
    let origin = at(&site.url, "/");
    let places = [
        ("auth.prm.resource-matches-request-url", found.header.as_ref(), vec![&site.url]),
        ("auth.prm.resource-matches-well-known", Some(&found.inserted), vec![&site.url]),
        // Clients look there for servers with a path, too.
        ("auth.prm.resource-matches-well-known", found.root.as_ref(), vec![&site.url, &origin]),
    ];
    for (id, place, wanted) in places {
        let Some(place) = place else { continue };
        let by_header = id.ends_with("request-url");
        let is_same = !by_header && found.header.as_ref().is_some_and(|header| header.url == place.url);
        let named = object(place).and_then(|document| address(document.get("resource")?.as_str()?));
        if let (Some(named), false) = (named, is_same) {
            compare(run, id, place, &named, &wanted, &site.url);
        }
    }
}

fn compare(
    run: &mut CaseRun<'_>,
    id: &str,
    place: &Fetched,
    named: &url::Url,
    wanted: &[&url::Url],
    own: &url::Url,
) {
    let is_right = wanted.iter().any(|wanted| is_same(named, wanted));
    let problem = (!is_right).then(|| format!("`resource` is {named}, but the server was reached at {own}"));
    // In a test the server may be reached at an address that is not its real one.
    let is_elsewhere = is_near(own) && !is_near(named) && named.scheme() == "https";
    let at_most = (named.origin() == own.origin() || is_elsewhere).then_some(Verdict::Warn);
    say_at_most(run, id, &Seen::document(place), own.as_str(), problem, at_most);
}

/// Whether two addresses are the same. A trailing slash is told by itself; this machine has several names.
fn is_same(a: &url::Url, b: &url::Url) -> bool {
    let path = |url: &url::Url| url.path().trim_end_matches('/').to_owned();
    let host = |url: &url::Url| match is_loopback(url) {
        true => "localhost".to_owned(),
        false => url.host_str().unwrap_or_default().to_owned(),
    };
    let key = |url: &url::Url| (url.scheme().to_owned(), host(url), url.port_or_known_default(), path(url));
    key(a) == key(b) && a.query() == b.query()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_this_machine_and_slashes_make_no_difference() {
        let same = |a: &str, b: &str| is_same(&a.parse().unwrap(), &b.parse().unwrap());
        assert!(same("http://localhost:80/mcp/", "http://127.0.0.1/mcp"));
        assert!(same("HTTPS://A.example/", "https://a.example"));
        assert!(!same("https://a.example/mcp", "https://a.example"));
        assert!(!same("http://127.0.0.1:1/mcp", "http://127.0.0.1:2/mcp"));
    }
}
