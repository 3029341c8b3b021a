//! Is the server protected, and by which request can that be seen?

use serde_json::Value;

use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::runner::survey::Guarded;
use crate::session::{HttpCall, Meta, Outcome};
use crate::transport::{Fetched, Plain, exchange, fetch};

/// A protected server, as a case needs to know it.
pub(super) struct Site {
    /// A request that is refused without a token.
    pub guarded: Guarded,
    /// The user's token.
    pub token: Option<String>,
    /// Where the server is.
    pub url: url::Url,
}

const OPEN: &str = "the server serves requests without a token";
const OTHER_SCHEME: &str = "the server has an authorization scheme of its own";

impl Site {
    /// The protected server; `None`, with everything noted, if there is none.
    pub async fn find(run: &mut CaseRun<'_>) -> Option<Self> {
        let credentials = run.session.authorization().map(str::to_owned);
        let token = credentials.as_deref().and_then(token_of);
        if credentials.is_some() && token.is_none() {
            return excluded(run, OTHER_SCHEME);
        }
        let survey = run.around.survey;
        let guarded = survey.guarded.get_or_init(|| search(run, credentials.is_some())).await.clone();
        let url = run.session.url().cloned();
        match (guarded, url) {
            (Some(guarded), Some(url)) => Some(Self { guarded, token, url }),
            _ => excluded(run, OPEN),
        }
    }

    /// Sends the guarded request with these `Authorization` headers, and no other.
    pub async fn ask(&self, run: &mut CaseRun<'_>, authorization: &[&str]) -> Outcome {
        self.ask_so(run, headers(authorization), None).await
    }

    /// Sends the guarded request with these headers, and perhaps to another path.
    pub async fn ask_so(
        &self,
        run: &mut CaseRun<'_>,
        mut headers: Vec<(String, Option<String>)>,
        path: Option<String>,
    ) -> Outcome {
        let Guarded { method, params, opens, .. } = &self.guarded;
        headers.extend(opens.then(no_session));
        post(run, method, params.clone(), headers, path).await
    }

    /// Sends the guarded request with this token.
    pub async fn ask_with(&self, run: &mut CaseRun<'_>, token: &str) -> Outcome {
        self.ask(run, &[&format!("Bearer {token}")]).await
    }

    /// Fetches a document without any credentials.
    pub async fn fetch(&self, run: &CaseRun<'_>, url: &url::Url) -> Fetched {
        fetch(url, &self.url, run.session.timeout()).await
    }

    /// Sends a request without the credentials of the conversation.
    pub async fn exchange(&self, run: &CaseRun<'_>, plain: Plain) -> Fetched {
        exchange(plain, &self.url, run.session.timeout()).await
    }

    /// Whether the user's token is accepted now; false without one.
    pub async fn is_served(&self, run: &mut CaseRun<'_>) -> bool {
        match &self.token {
            Some(token) => is_served(&self.ask_with(run, token).await),
            None => false,
        }
    }
}

/// What the user sends as `Authorization`; `None`, with everything noted, without it.
pub(super) fn credentials(run: &mut CaseRun<'_>) -> Option<String> {
    match run.session.authorization().map(str::to_owned) {
        None => excluded(run, "the conversation goes without credentials"),
        given => given,
    }
}

fn excluded<T>(run: &mut CaseRun<'_>, why: &str) -> Option<T> {
    for requirement in run.judges() {
        run.note(requirement, Verdict::NotApplicable, why);
    }
    None
}

/// The token of a bearer credential.
pub(super) fn token_of(credentials: &str) -> Option<String> {
    let (scheme, token) = credentials.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// Headers in place of the user's credentials.
pub(super) fn headers(authorization: &[&str]) -> Vec<(String, Option<String>)> {
    let name = "Authorization".to_owned();
    match authorization {
        [] => vec![(name, None)],
        values => values.iter().map(|value| (name.clone(), Some((*value).to_owned()))).collect(),
    }
}

/// Sends a request of the era with other headers, and perhaps another path.
pub(super) async fn post(
    run: &mut CaseRun<'_>,
    method: &str,
    params: Option<Value>,
    headers: Vec<(String, Option<String>)>,
    path: Option<String>,
) -> Outcome {
    let (_, message) = run.session.compose(method, params, &Meta::Standard);
    let call =
        HttpCall { method: "POST".into(), headers, message: Some(message), path, ..HttpCall::default() };
    run.session.http(&call).await
}

/// Whether a request was performed.
pub(super) fn is_served(outcome: &Outcome) -> bool {
    outcome.result().is_some()
}

/// Opens a conversation anew, without the session that there is.
pub(super) async fn open(run: &mut CaseRun<'_>, authorization: &[&str]) -> Outcome {
    let mut headers = headers(authorization);
    headers.push(no_session());
    post(run, opening(run), None, headers, None).await
}

fn opening(run: &CaseRun<'_>) -> &'static str {
    if run.session.revision.is_stateless() { "server/discover" } else { "initialize" }
}

fn no_session() -> (String, Option<String>) {
    ("Mcp-Session-Id".to_owned(), None)
}

async fn search(run: &mut CaseRun<'_>, has_credentials: bool) -> Option<Guarded> {
    // Without credentials the conversation was opened without any.
    let whole = has_credentials && open(run, &[]).await.status == Some(401);
    for (method, params) in candidates(run, has_credentials) {
        let without = post(run, &method, params.clone(), headers(&[]), None).await;
        let is_refused = match has_credentials {
            false => without.status == Some(401),
            // Whatever the refusal is like: it is one if the credentials help.
            true => !is_served(&without) && is_served(&run.session.request(&method, params.clone()).await),
        };
        if is_refused {
            return Some(Guarded { method, params, whole, opens: false });
        }
    }
    let method = opening(run).to_owned();
    whole.then_some(Guarded { method, params: None, whole, opens: true })
}

/// Requests that may be protected, harmless ones first. Without credentials those that were served need no second look.
fn candidates(run: &CaseRun<'_>, has_credentials: bool) -> Vec<(String, Option<Value>)> {
    let survey = run.around.survey;
    let method = |list: &Value| Some((list["method"].as_str()?.to_owned(), None));
    let answered = survey.things(List::Lists);
    let mut found = Vec::new();
    if has_credentials {
        found.push((run.session.revision.fence().to_owned(), None));
        found.extend(answered.iter().filter_map(method));
    } else {
        let declared = survey.things(List::DeclaredLists);
        found.extend(declared.iter().filter(|list| !answered.contains(list)).filter_map(method));
    }
    let tools = survey.things(List::CallableTools);
    found.extend(tools.first().map(|tool| ("tools/call".to_owned(), Some(call_of(tool)))));
    found
}
