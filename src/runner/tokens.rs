//! Tokens that the user gives for tests, besides the one that the run uses. Only the names of environment variables are written down.

use serde::{Deserialize, Deserializer};

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
    /// A client that is registered at the authorization server.
    pub client_id: Option<String>,
    /// An address that was registered for it.
    pub redirect_uri: Option<String>,
}

impl Tokens {
    /// All of them, to keep them secret. A client id is none.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        let Self { expired, foreign, narrow, widened, broad, other_user, client_id: _, redirect_uri: _ } =
            self;
        [expired, foreign, narrow, widened, broad, other_user].into_iter().flatten()
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} tokens", self.all().count())
    }
}

fn variable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let value = std::env::var(&name);
    value
        .map(Some)
        .map_err(|_| serde::de::Error::custom(format!("there is no environment variable `{name}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_from_the_environment_and_are_not_shown() {
        let tokens: Tokens = toml::from_str("narrow_token_env = \"PATH\"").unwrap();
        assert_eq!(tokens.narrow, std::env::var("PATH").ok());
        assert_eq!(format!("{tokens:?}"), "1 tokens");
        let error = toml::from_str::<Tokens>("broad_token_env = \"NO_SUCH_THING\"").unwrap_err();
        assert!(error.to_string().contains("no environment variable `NO_SUCH_THING`"), "{error}");
    }
}
