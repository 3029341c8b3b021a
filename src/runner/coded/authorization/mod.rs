//! Authorization over HTTP: the server as an OAuth resource server.
//!
//! | module | what it judges |
//! |---|---|
//! | `challenge` | what a request without a token gets |
//! | `requests` | that each request needs one, in a session, too |
//! | `tokens` | which tokens are accepted, and how they may be sent |
//! | `forged` | tokens of our own making |
//! | `metadata` | the protected resource metadata (RFC 9728) |
//! | `issuer` | the metadata of the authorization servers (RFC 8414, OpenID) |
//! | `authorize` | the authorization endpoint, for a client that the user registered |
//! | `refresh` | a refresh token that is used twice |
//! | `register` | the registration of clients |
//! | `client_documents` | clients that are known by the address of a document |
//! | `proxy`, `consent_page`, `consent_cookie` | a server that passes log-ins on to another authorization server |
//! | `legacy` | the authorization base URL of 2025-03-26 |
//! | `scopes` | a token that may not do everything |
//! | `users` | two users |
//! | `remembered` | what the server asked one user, once for all |
//! | `identity` | who the user is |
//! | `handles` | state of one user, whose handle somebody else knows |
//! | `state` | what one user was asked, answered by the other |
//! | `tasks` | the tasks of one user, asked for by the other |
//!
//! What they share: `site` is the protected server, `discovery` its metadata, `provider` its authorization server, and
//! `browser` what a browser does there.

pub(super) mod answers;
pub(super) mod authorize;
mod browser;
pub(super) mod challenge;
pub(super) mod client_documents;
mod consent_cookie;
mod consent_page;
mod discovery;
mod document;
mod forged;
pub(super) mod handles;
pub(super) mod identity;
pub(super) mod issuer;
mod legacy;
pub(super) mod metadata;
mod provider;
pub(super) mod proxy;
pub(super) mod refresh;
pub(super) mod register;
pub(super) mod remembered;
pub(super) mod requests;
mod said;
pub(super) mod scopes;
mod site;
pub(super) mod state;
pub(super) mod tasks;
pub(super) mod tokens;
pub(super) mod users;

pub use forged::derived;

use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Outcome;
use crate::transport::Fetched;

/// What a verdict rests on.
#[derive(Debug, Clone)]
struct Seen {
    got: String,
    span: (u64, u64),
}

impl Seen {
    fn outcome(outcome: &Outcome) -> Self {
        let status = outcome.status.map_or("no response".to_owned(), |status| format!("HTTP {status}"));
        let challenge = said::header(outcome).map(|text| format!(", WWW-Authenticate: {text}"));
        let reply = outcome.reply.as_ref().map(|reply| reply.to_string());
        let body = reply.or_else(|| outcome.body.clone()).filter(|body| !body.is_empty());
        let body = body.map(|body| format!(", {body}"));
        let got = format!("{status}{}{}", challenge.unwrap_or_default(), body.unwrap_or_default());
        Self { got, span: outcome.span }
    }

    fn document(fetched: &Fetched) -> Self {
        Self::beside(fetched.shown())
    }

    /// What came beside the conversation, so that its transcript has nothing to show.
    fn beside(got: String) -> Self {
        Self { got, span: (0, 0) }
    }
}

/// Notes that a requirement is kept.
fn kept(run: &mut CaseRun<'_>, id: &str, words: impl Into<String>) {
    if let Some(requirement) = run.judged(id) {
        run.note(requirement, Verdict::Pass, words);
    }
}

/// Notes that there was nothing to judge.
fn unseen(run: &mut CaseRun<'_>, id: &str, why: &str) {
    if let Some(requirement) = run.judged(id) {
        run.note(requirement, Verdict::NotObserved, why);
    }
}

/// Notes a violation, or that there is none.
fn say(run: &mut CaseRun<'_>, id: &str, seen: &Seen, expected: &str, problem: Option<String>) {
    say_at_most(run, id, seen, expected, problem, None);
}

/// The same, with a verdict milder than that of the level.
fn say_at_most(
    run: &mut CaseRun<'_>,
    id: &str,
    seen: &Seen,
    expected: &str,
    problem: Option<String>,
    at_most: Option<Verdict>,
) {
    let Some(requirement) = run.judged(id) else { return };
    match problem {
        None => run.note(requirement, Verdict::Pass, expected),
        Some(message) => {
            let (got, span) = (seen.got.clone(), seen.span);
            run.violation(requirement, Violation { message, expected: expected.into(), got, span, at_most });
        }
    }
}
