//! The authorization base URL of 2025-03-26: the authorization server is at the root of the MCP server's own host.

use serde_json::Value;

use super::document::{address, at, form_problem, object};
use super::issuer::{Server, document};
use super::site::Site;
use super::{Seen, kept, say, unseen};
use crate::runner::interpret::CaseRun;
use crate::transport::Fetched;

const NAME: &str = "oauth-authorization-server";
const OFFERED: &str = "auth.as.metadata-2025-03-26";
const ROOT: &str = "auth.as.metadata-at-root";
const FALLBACK: &str = "auth.as.fallback-endpoints";

/// `elsewhere` are authorization servers that the server names in the way of later revisions.
pub(super) async fn run(run: &mut CaseRun<'_>, site: &Site, named: &[String]) {
    let is_elsewhere = |issuer: &String| address(issuer).is_some_and(|url| url.origin() != site.url.origin());
    if !named.is_empty() && named.iter().all(is_elsewhere) {
        return run
            .rest_unseen("the authorization server is on another host, and named as later revisions do");
    }
    let root = site.fetch(run, &at(&site.url, &format!("/.well-known/{NAME}"))).await;
    if let Some(problem) = &root.failed {
        return run.rest_unseen(&format!("{}: {problem}", root.url));
    }
    match object(&root) {
        Some(members) => {
            kept(run, OFFERED, "metadata at the root");
            kept(run, ROOT, "metadata at the root");
            unseen(run, FALLBACK, "the server has metadata");
            let origin = site.url.origin().ascii_serialization();
            let named = members.get("issuer").and_then(Value::as_str);
            // Nobody named the issuer before: a slash behind it leads to the same address.
            let issuer = named.filter(|named| named.trim_end_matches('/') == origin).unwrap_or(&origin);
            let server = Server { issuer, at_most: None };
            let seen = Seen::document(&root);
            let form = form_problem(&root);
            server.say(run, "auth.as.metadata-response", &seen, "a JSON object as application/json", form);
            document(run, &server, false, &members, &seen);
        }
        None => without_root(run, site, &root).await,
    }
}

async fn without_root(run: &mut CaseRun<'_>, site: &Site, root: &Fetched) {
    let path = site.url.path().trim_end_matches('/').to_owned();
    for other in [format!("/.well-known/{NAME}{path}"), format!("{path}/.well-known/{NAME}")] {
        let other = site.fetch(run, &at(&site.url, &other)).await;
        if object(&other).is_some() {
            kept(run, OFFERED, "metadata, but not at the root");
            let problem = Some(format!("the metadata is at {} instead of the root", other.url));
            say(run, ROOT, &Seen::document(&other), &root.url, problem);
            return unseen(run, FALLBACK, "the server has metadata");
        }
    }
    fallback(run, site, root).await;
}

/// Without metadata, clients go to fixed places.
async fn fallback(run: &mut CaseRun<'_>, site: &Site, root: &Fetched) {
    unseen(run, ROOT, "the server has no metadata");
    let mut missing = Vec::new();
    for path in ["/authorize", "/token"] {
        let endpoint = site.fetch(run, &at(&site.url, path)).await;
        if matches!(endpoint.status, 0 | 404) {
            missing.push(path);
        }
    }
    let seen = Seen::document(root);
    match missing.as_slice() {
        [] => {
            kept(run, OFFERED, "no metadata, but the default endpoints");
            kept(run, FALLBACK, "the default endpoints are there");
        }
        ["/authorize", "/token"] => {
            let problem = Some("there is neither metadata nor one of the default endpoints".to_owned());
            say(run, OFFERED, &seen, "authorization server metadata", problem);
            run.depends(FALLBACK, OFFERED);
        }
        some => {
            kept(run, OFFERED, "no metadata, but a default endpoint");
            let problem = Some(format!("there is no metadata, and nothing at {}", some.join(", ")));
            say(run, FALLBACK, &seen, "/authorize and /token", problem);
        }
    }
}
