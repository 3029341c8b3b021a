//! A refresh token of a public client that is used twice. It is the user's, and spent by that: once in a run, however many
//! revisions are judged.

use serde_json::{Map, Value};

use super::document::object;
use super::provider::Provider;
use super::site::Site;
use super::{Seen, kept, say_at_most, unseen};
use crate::catalogue::Verdict;
use crate::runner::Rotation;
use crate::runner::interpret::CaseRun;
use crate::transport::{Fetched, Plain};

const ROTATION: &str = "auth.as.refresh-rotation";
const HINT: &str = "needs a refresh token that may be spent: set refresh_token_env in the profile, [authorization]: the environment variable \
                    with a refresh token of client_id";
const FORM: &str = "application/x-www-form-urlencoded";

pub(in super::super) async fn run(run: &mut CaseRun<'_>) {
    let Some(site) = Site::find(run).await else { return };
    let tokens = run.around.tokens;
    let (Some(refresh), Some(client)) = (&tokens.refresh, &tokens.client_id) else {
        return run.rest_unseen(HINT);
    };
    let provider = Provider::find(run, &site).await;
    let endpoint = provider.as_ref().and_then(|provider| provider.endpoint("token_endpoint"));
    let (Some(provider), Some(endpoint)) = (provider, endpoint) else {
        return run.rest_unseen("no metadata names a token endpoint");
    };
    let desk = Desk { provider: &provider, endpoint, client };
    let spent = async || (desk.endpoint.to_string(), desk.spend(run, &refresh.token).await);
    let (place, rotation) = refresh.rotation.get_or_init(spent).await;
    match *place == desk.endpoint.to_string() {
        true => judge(run, &desk, rotation),
        false => unseen(run, ROTATION, &format!("the refresh token was spent at {place}")),
    }
}

fn judge(run: &mut CaseRun<'_>, desk: &Desk<'_>, rotation: &Rotation) {
    let problem = match rotation {
        Rotation::Unseen(why) => return unseen(run, ROTATION, why),
        Rotation::Refused => return kept(run, ROTATION, "a refresh token is refused the second time"),
        Rotation::Kept => "a refresh token works twice, and no new one is issued for it",
        Rotation::Grace => {
            "a refresh token works twice, although a new one was issued (it may be a time of grace)"
        }
    };
    let at_most = match rotation {
        Rotation::Grace => Some(Verdict::Warn),
        _ => desk.provider.at_most,
    };
    // What the endpoint sends holds tokens.
    let got =
        format!("POST {}: an access token, also for the refresh token that was used before", desk.endpoint);
    let expected = "a new refresh token each time, and invalid_grant for the old one";
    say_at_most(run, ROTATION, &Seen::beside(got), expected, Some(problem.to_owned()), at_most);
}

/// Where tokens are issued.
struct Desk<'p> {
    provider: &'p Provider<'p>,
    endpoint: url::Url,
    client: &'p str,
}

impl Desk<'_> {
    async fn spend(&self, run: &CaseRun<'_>, token: &str) -> Rotation {
        let mut resource = Some(self.provider.resource.as_str());
        let mut first = self.refresh(run, token, resource).await;
        if error(&first).as_deref() == Some("invalid_target") {
            // Not every authorization server knows resources; the token is still there.
            resource = None;
            first = self.refresh(run, token, resource).await;
        }
        let Some(issued) = issued(&first) else { return Rotation::Unseen(refusal(&first)) };
        let kind = issued.get("token_type").and_then(Value::as_str).unwrap_or_default();
        if kind.eq_ignore_ascii_case("dpop") {
            return Rotation::Unseen(
                "the tokens are bound to a key, so that they need not be rotated".to_owned(),
            );
        }
        let new = issued.get("refresh_token").and_then(Value::as_str).filter(|new| *new != token);
        let second = self.refresh(run, token, resource).await;
        match second.status {
            _ if is_issued(&second) && new.is_some() => Rotation::Grace,
            _ if is_issued(&second) => Rotation::Kept,
            429 => Rotation::Unseen("the second use is refused with HTTP 429: too many requests".to_owned()),
            400..=499 => Rotation::Refused,
            _ => Rotation::Unseen(format!("the second use shows nothing: {}", status(&second))),
        }
    }

    async fn refresh(&self, run: &CaseRun<'_>, token: &str, resource: Option<&str>) -> Fetched {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token");
        form.append_pair("refresh_token", token).append_pair("client_id", self.client);
        form.extend_pairs(resource.map(|resource| ("resource", resource)));
        let plain = Plain::post(&self.endpoint, FORM, form.finish());
        self.provider.site.exchange(run, plain).await
    }
}

/// The response, if it has an access token in it.
fn issued(response: &Fetched) -> Option<Map<String, Value>> {
    object(response).filter(|members| members.get("access_token").is_some_and(Value::is_string))
}

fn is_issued(response: &Fetched) -> bool {
    issued(response).is_some()
}

/// The error code in a refusal.
fn error(response: &Fetched) -> Option<String> {
    let body: Value = serde_json::from_slice(&response.body).ok()?;
    body["error"].as_str().map(str::to_owned)
}

fn status(response: &Fetched) -> String {
    response.failed.clone().unwrap_or_else(|| format!("HTTP {}", response.status))
}

/// Why a refresh token was not taken the first time.
fn refusal(response: &Fetched) -> String {
    match error(response).as_deref() {
        Some("invalid_client" | "unauthorized_client") => {
            "the client has to authenticate itself: only public clients need new refresh tokens".to_owned()
        }
        Some("invalid_grant") => {
            "the refresh token is refused: it is spent already, or has expired".to_owned()
        }
        Some(code @ ("invalid_request" | "invalid_scope" | "invalid_target" | "unsupported_grant_type")) => {
            format!("the refresh token is refused: {}, {code}", status(response))
        }
        _ => format!("the refresh token is refused: {}", status(response)),
    }
}
