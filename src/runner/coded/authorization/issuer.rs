//! The metadata of the authorization servers: RFC 8414 and OpenID Connect Discovery. An authorization server elsewhere is not
//! the MCP server: what is wrong there is at most a warning.

use serde_json::{Map, Value};

use super::discovery::Discovery;
use super::document::{
    address, at, empty_member, form_problem, is_insecure, issuer_problem, object, well_known,
};
use super::legacy;
use super::site::Site;
use super::{Seen, kept, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::protocol::Revision;
use crate::runner::interpret::CaseRun;
use crate::transport::Fetched;

pub(super) const OAUTH: &str = "oauth-authorization-server";
pub(super) const OPENID: &str = "openid-configuration";
const RESPONSE: &str = "auth.as.metadata-response";
/// How many authorization servers are looked at.
const MOST: usize = 3;

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let refusal = site.ask(run, &[]).await;
    let found = Discovery::of(run, &site, &refusal).await;
    let listed = found.document().and_then(|document| document.get("authorization_servers").cloned());
    let servers: Vec<String> = listed
        .iter()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|server| server.as_str().map(str::to_owned))
        .collect();
    if run.session.revision == Revision::V2025_03_26 {
        legacy::run(run, &site, &servers).await;
    } else {
        for issuer in servers.iter().filter(|issuer| issuer_problem(issuer).is_none()).take(MOST) {
            server(run, &site, issuer).await;
        }
    }
    run.rest_unseen("no metadata of an authorization server was found");
}

/// An authorization server that is looked at.
pub(super) struct Server<'i> {
    /// Its identifier, as it was named.
    pub issuer: &'i str,
    /// The worst verdict on it, if it is not that of the level.
    pub at_most: Option<Verdict>,
}

impl Server<'_> {
    pub(super) fn say(
        &self,
        run: &mut CaseRun<'_>,
        id: &str,
        seen: &Seen,
        expected: &str,
        problem: Option<String>,
    ) {
        say_at_most(run, id, seen, expected, problem, self.at_most);
    }
}

/// Looks for the metadata as clients do.
async fn server(run: &mut CaseRun<'_>, site: &Site, issuer: &str) {
    let Some(url) = address(issuer) else { return };
    let server = Server { issuer, at_most: (url.origin() != site.url.origin()).then_some(Verdict::Warn) };
    let oauth = site.fetch(run, &well_known(&url, OAUTH)).await;
    let mut openid = site.fetch(run, &well_known(&url, OPENID)).await;
    let path = url.path().trim_end_matches('/');
    if object(&openid).is_none() && !path.is_empty() {
        openid = site.fetch(run, &at(&url, &format!("{path}/.well-known/{OPENID}"))).await;
    }
    if let (Some(problem), Some(_)) = (&oauth.failed, &openid.failed) {
        let why = format!("{issuer} cannot be looked at: {problem}");
        return run.judges().into_iter().for_each(|requirement| unseen(run, &requirement.id, &why));
    }
    offered(run, &server, &oauth, &openid);
    for (name, fetched) in [(OAUTH, &oauth), (OPENID, &openid)] {
        if let Some(members) = object(fetched) {
            let seen = Seen::document(fetched);
            server.say(run, RESPONSE, &seen, "a JSON object as application/json", form_problem(fetched));
            document(run, &server, name == OPENID, &members, &seen);
        }
    }
}

fn offered(run: &mut CaseRun<'_>, server: &Server<'_>, oauth: &Fetched, openid: &Fetched) {
    let (has_oauth, has_openid) = (object(oauth).is_some(), object(openid).is_some());
    let seen = Seen::document(oauth);
    let problem = (!has_oauth).then(|| format!("{} has no RFC 8414 metadata", server.issuer));
    server.say(run, "auth.as.metadata-rfc8414", &seen, "authorization server metadata", problem);
    let problem =
        (!has_oauth && !has_openid).then(|| format!("{} has no metadata of either kind", server.issuer));
    server.say(run, "auth.as.metadata-oauth-or-oidc", &seen, "RFC 8414 or OpenID metadata", problem);
    let other = [oauth, openid].into_iter().find(|fetched| matches!(fetched.status, 200..=399));
    if let (false, false, Some(other)) = (has_oauth, has_openid, other) {
        let problem = Some("the metadata address does not lead to metadata".to_owned());
        server.say(run, RESPONSE, &Seen::document(other), "HTTP 200 with a JSON object", problem);
    }
}

/// Judges what a document says.
pub(super) fn document(
    run: &mut CaseRun<'_>,
    server: &Server<'_>,
    is_openid: bool,
    members: &Map<String, Value>,
    seen: &Seen,
) {
    identity(run, server, members, seen);
    let missing = missing(members);
    server.say(run, "auth.as.required-fields", seen, "the endpoints and response types", missing);
    let empty = empty_member(members, "");
    let expected = "members without a value are left out";
    say_at_most(run, "auth.as.no-empty-arrays", seen, expected, empty, Some(Verdict::Warn));
    let kind = if is_openid { "auth.as.pkce-advertised-oidc" } else { "auth.as.pkce-advertised-rfc8414" };
    let has_pkce = has(members, "code_challenge_methods_supported", "S256");
    let problem = (!has_pkce).then(|| "code_challenge_methods_supported does not have S256".to_owned());
    server.say(run, kind, seen, "code_challenge_methods_supported with S256", problem);
    registration(run, server, members, seen);
    grants(run, members, seen);
    endpoints(run, server, members, seen);
}

fn has(members: &Map<String, Value>, name: &str, value: &str) -> bool {
    let listed = members.get(name).and_then(Value::as_array);
    listed.is_some_and(|values| values.iter().any(|known| known == value))
}

fn identity(run: &mut CaseRun<'_>, server: &Server<'_>, members: &Map<String, Value>, seen: &Seen) {
    let Some(issuer) = members.get("issuer").and_then(Value::as_str) else { return };
    let problem = (issuer != server.issuer).then(|| format!("`issuer` is {issuer}, not {}", server.issuer));
    server.say(run, "auth.as.issuer-identical", seen, server.issuer, problem);
    server.say(run, "auth.as.issuer-form", seen, "https without query and fragment", issuer_problem(issuer));
}

fn missing(members: &Map<String, Value>) -> Option<String> {
    let is_text = |name: &str| members.get(name).is_some_and(Value::is_string);
    let only_machines = members.contains_key("grant_types_supported")
        && !has(members, "grant_types_supported", "authorization_code")
        && !has(members, "grant_types_supported", "implicit");
    let mut wanted = vec!["issuer", "token_endpoint"];
    wanted.extend((!only_machines).then_some("authorization_endpoint"));
    let text = wanted.into_iter().find(|name| !is_text(name));
    let list = (!members.get("response_types_supported").is_some_and(Value::is_array))
        .then_some("response_types_supported");
    text.or(list).map(|name| format!("`{name}` is missing, or of the wrong type"))
}

fn registration(run: &mut CaseRun<'_>, server: &Server<'_>, members: &Map<String, Value>, seen: &Seen) {
    let problem =
        (!members.contains_key("registration_endpoint")).then(|| "there is no registration_endpoint".into());
    server.say(run, "auth.as.dcr-recommended", seen, "dynamic client registration", problem);
    let is_offered = members.get("client_id_metadata_document_supported") == Some(&Value::Bool(true));
    let problem = (!is_offered).then(|| "client_id_metadata_document_supported is not true".to_owned());
    server.say(run, "auth.as.cimd", seen, "client_id_metadata_document_supported: true", problem);
}

fn grants(run: &mut CaseRun<'_>, members: &Map<String, Value>, seen: &Seen) {
    let implicit =
        ["implicit", "password"].into_iter().find(|grant| has(members, "grant_types_supported", grant));
    let token = has(members, "response_types_supported", "token").then_some("the response type `token`");
    let problem =
        implicit.or(token).map(|grant| format!("{grant} is offered, which OAuth 2.1 does not have"));
    // A general identity provider offers more than MCP uses.
    say_at_most(
        run,
        "auth.as.oauth21",
        seen,
        "no implicit and no password grant",
        problem,
        Some(Verdict::Warn),
    );
    if members.get("grant_types_supported").is_some_and(Value::is_array) {
        let suits = ["authorization_code", "client_credentials"]
            .iter()
            .any(|grant| has(members, "grant_types_supported", grant));
        let problem =
            (!suits).then(|| "neither authorization_code nor client_credentials is offered".to_owned());
        say_at_most(
            run,
            "auth.as.grant-types",
            seen,
            "authorization_code or client_credentials",
            problem,
            None,
        );
    } else {
        kept(run, "auth.as.grant-types", "authorization_code, which is the default");
    }
}

const ENDPOINTS: [&str; 4] =
    ["authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri"];

fn endpoints(run: &mut CaseRun<'_>, server: &Server<'_>, members: &Map<String, Value>, seen: &Seen) {
    let named = ENDPOINTS.iter().filter_map(|name| Some((name, members.get(*name)?.as_str()?)));
    let problem =
        named.filter(|(_, text)| is_insecure(text)).map(|(name, text)| format!("{name} is {text}")).next();
    server.say(run, "auth.tls.endpoints-https", seen, "https", problem);
}
