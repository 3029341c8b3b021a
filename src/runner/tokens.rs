//! Tokens that the user gives for tests, besides the one that the run uses. Only the names of environment variables are written down.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use tokio::sync::OnceCell;

use crate::transport::is_loopback;

/// Section `[authorization]` of `mcp-conform.toml`. Tokens are given by the names of environment variables, which are read when
/// the file is.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tokens {
    /// A token that has expired.
    #[serde(rename = "expired_token_env", deserialize_with = "variable")]
    pub expired: Option<String>,
    /// A token of the same authorization server for another resource.
    #[serde(rename = "foreign_token_env", deserialize_with = "variable")]
    pub foreign: Option<String>,
    /// A valid token that may not call tools.
    #[serde(rename = "narrow_token_env", deserialize_with = "variable")]
    pub narrow: Option<String>,
    /// That token after its scopes were widened as the server asked.
    #[serde(rename = "widened_token_env", deserialize_with = "variable")]
    pub widened: Option<String>,
    /// A token with one broad scope that implies those for calling tools.
    #[serde(rename = "broad_token_env", deserialize_with = "variable")]
    pub broad: Option<String>,
    /// A valid token of another user.
    #[serde(rename = "other_user_token_env", deserialize_with = "variable")]
    pub other_user: Option<String>,
    /// A refresh token of the client, which will be spent.
    #[serde(rename = "refresh_token_env", deserialize_with = "refresh")]
    pub refresh: Option<Refresh>,
    /// The cookies of a browser whose user has agreed to the client.
    #[serde(rename = "consent_cookie_env", deserialize_with = "variable")]
    pub consent_cookie: Option<String>,
    /// A client that is registered at the authorization server.
    pub client_id: Option<String>,
    /// An address that was registered for it.
    pub redirect_uri: Option<String>,
    /// Whether clients may be registered at the authorization server, where they may stay.
    pub register: bool,
    /// Whether the server passes log-ins on to another authorization server, where it has one client id for all.
    pub proxy: bool,
    /// Another client with the same address, to which that user has not agreed.
    pub other_client_id: Option<String>,
    /// The address of the server to which the other authorization server returns.
    pub callback: Option<String>,
    /// Where documents about clients can be served to the authorization server.
    pub documents: Option<Documents>,
}

impl Tokens {
    /// All that is secret: the tokens, and the cookies, also each by itself.
    pub fn secrets(&self) -> impl Iterator<Item = String> {
        let access =
            [&self.expired, &self.foreign, &self.narrow, &self.widened, &self.broad, &self.other_user];
        let refresh = self.refresh.as_ref().map(|refresh| &refresh.token);
        let tokens = access.into_iter().flatten().chain(refresh).cloned();
        let header = self.consent_cookie.as_deref();
        let cookies = header.into_iter().flat_map(|header| header.split(';'));
        let values = cookies.filter_map(|cookie| cookie.split_once('=').map(|(_, value)| value.trim()));
        tokens.chain(header.into_iter().chain(values).map(str::to_owned))
    }
}

/// Where documents about clients are served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Documents {
    /// Where the authorization server finds them: https, or on this machine. `{port}` is the port that is listened at.
    #[serde(deserialize_with = "public")]
    pub url: String,
    /// Where this tool listens for what comes to that address.
    pub listen: SocketAddr,
}

impl Documents {
    /// The address for documents when this port is listened at.
    pub fn at(&self, port: u16) -> Option<url::Url> {
        url::Url::parse(&self.url.replace("{port}", &port.to_string())).ok()
    }
}

/// A refresh token, and what using it twice showed: it can be used once only, however many revisions are judged.
#[derive(Clone)]
pub struct Refresh {
    /// The token.
    pub token: String,
    /// Where it was used, and what that showed, once it was.
    pub rotation: Arc<OnceCell<(String, Rotation)>>,
}

impl Refresh {
    /// A token that was not used yet.
    pub fn new(token: String) -> Self {
        Self { token, rotation: Arc::default() }
    }
}

/// What using a refresh token twice shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing, and why.
    Unseen(String),
    /// The second time it is refused.
    Refused,
    /// It works twice, and no other one came for it.
    Kept,
    /// It works twice, although a new one was issued.
    Grace,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.secrets().count())
    }
}

fn variable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let value = std::env::var(&name);
    value
        .map(Some)
        .map_err(|_| serde::de::Error::custom(format!("there is no environment variable `{name}`")))
}

fn refresh<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Refresh>, D::Error> {
    Ok(variable(deserializer)?.map(Refresh::new))
}

/// An address at which an authorization server may look for documents.
fn public<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let url = url::Url::parse(&text.replace("{port}", "1")).ok();
    match url.is_some_and(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url))) {
        true => Ok(text),
        false => Err(serde::de::Error::custom(format!("`{text}` is neither https nor on this machine"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_the_environment_and_are_not_shown() {
        let tokens: Tokens = toml::from_str("narrow_token_env = \"PATH\"").unwrap();
        assert_eq!(tokens.narrow, std::env::var("PATH").ok());
        assert_eq!(format!("{tokens:?}"), "1 secrets");
        let error = toml::from_str::<Tokens>("broad_token_env = \"NO_SUCH_THING\"").unwrap_err();
        assert!(error.to_string().contains("no environment variable `NO_SUCH_THING`"), "{error}");
        let tokens: Tokens = toml::from_str("consent_cookie_env = \"PATH\"").unwrap();
        assert_eq!(tokens.secrets().next(), std::env::var("PATH").ok());
    }

    #[test]
    fn documents_about_clients_are_served_over_https_or_here() {
        let documents = |url: &str| {
            toml::from_str::<Tokens>(&format!(
                "documents = {{ url = \"{url}\", listen = \"127.0.0.1:9000\" }}"
            ))
        };
        let at = |url: &str| documents(url).unwrap().documents.unwrap().at(9000).unwrap().to_string();
        assert_eq!(at("https://a.example/x"), "https://a.example/x");
        assert_eq!(at("http://127.0.0.1:{port}"), "http://127.0.0.1:9000/");
        let error = documents("http://a.example").unwrap_err();
        assert!(error.to_string().contains("neither https nor on this machine"), "{error}");
    }
}
