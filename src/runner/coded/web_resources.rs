//! Resources with `https` URIs are those that a client can fetch by itself.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::Seen;
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::transport::{Fetched, visit};

const DIRECT: &str = "resources.uri.https-directly-fetchable";
const OTHER: &str = "resources.uri.other-scheme-otherwise";
const HINT: &str =
    "`[resources] fetch = true` in the profile allows to fetch listed https resources from here";
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of fetching an address.
#[derive(Debug, PartialEq)]
enum Reach {
    Fetched,
    /// Not without credentials, or never: why.
    Refused(String),
    /// What may be the fault of the network here: why.
    Unknown(String),
}

pub(super) async fn run(run: &mut CaseRun<'_>) {
    if !run.around.policy.profile.resources.fetch {
        return run.rest_unseen(HINT);
    }
    let all = run.around.survey.things(List::Resources);
    let uris: Vec<String> = all.iter().filter_map(of_the_web).collect();
    if uris.is_empty() {
        return run.rest_unseen("the server lists no resource with an https URI");
    }
    let (mut fetched, mut unknown) = (0, None);
    for uri in &uris {
        match Url::parse(uri).ok().map(reach) {
            None => {}
            Some(reach) => match reach.await {
                Reach::Fetched => fetched += 1,
                Reach::Refused(why) => refused(run, uri, why).await,
                Reach::Unknown(why) => unknown = unknown.or(Some(why)),
            },
        }
    }
    let is_clean = ![DIRECT, OTHER].iter().any(|id| run.is_observed(id));
    if is_clean && fetched > 0 {
        for requirement in run.judges() {
            run.note(
                requirement,
                Verdict::Pass,
                format!("fetched from the web: {fetched} of {}", uris.len()),
            );
        }
    }
    run.rest_unseen(
        &unknown.unwrap_or_else(|| "what was found is told under the other of the two".to_owned()),
    );
}

fn of_the_web(resource: &Value) -> Option<String> {
    let uri = resource["uri"].as_str()?;
    uri.to_lowercase().starts_with("https://").then(|| uri.to_owned())
}

async fn reach(url: Url) -> Reach {
    // No lookup is needed: these names are set aside (RFC 6761).
    if url.host_str().is_some_and(|host| host.ends_with(".invalid")) {
        return Reach::Refused("its host is a name that never resolves".to_owned());
    }
    weigh(&visit(&url, PATIENCE).await)
}

fn weigh(fetched: &Fetched) -> Reach {
    // What resolvers say of a name that there is not; anything else may be the network.
    const NOBODY: [&str; 4] = [
        "Name or service not known",
        "No address associated",
        "nodename nor servname",
        "No such host is known",
    ];
    match (&fetched.failed, fetched.status) {
        (Some(why), _) if NOBODY.iter().any(|words| why.contains(words)) => {
            Reach::Refused("its host does not resolve".to_owned())
        }
        (Some(why), _) => Reach::Unknown(format!("{} could not be fetched: {why}", fetched.url)),
        (None, 200..=299) => Reach::Fetched,
        (None, status @ (401 | 403 | 404 | 410)) => {
            Reach::Refused(format!("HTTP {status} without credentials"))
        }
        (None, status) => Reach::Unknown(format!("{} gives HTTP {status}", fetched.url)),
    }
}

/// What the server has is told as a matter of the scheme, what it has not either as one of the address: each once.
async fn refused(run: &mut CaseRun<'_>, uri: &str, why: String) {
    let outcome = run.ask("resources/read", json!({"uri": uri})).await;
    let contents = outcome.result().and_then(|result| result["contents"].as_array());
    let is_served = contents.is_some_and(|contents| !contents.is_empty());
    let uri = Value::from(uri);
    let (id, message, expected) = match is_served {
        true => (
            OTHER,
            format!("{uri} can be read through the server only, and has an https URI"),
            "another scheme for what a client cannot fetch by itself",
        ),
        false => (
            DIRECT,
            format!("{uri} cannot be fetched from the web"),
            "https only for what a client can fetch by itself",
        ),
    };
    let seen = Seen { message, expected: expected.into(), got: why, from: outcome.span.0, at_most: None };
    super::hold(run, id, false, seen);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers each request by the status that its path names.
    async fn serve(listener: TcpListener) {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let length = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            assert!(!head.to_lowercase().contains("authorization"), "{head}");
            let status = head.split(['/', ' ']).nth(2).unwrap().to_owned();
            let more = if status == "302" { "Location: /200\r\n" } else { "" };
            let text = format!("HTTP/1.1 {status} X\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(text.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_refused_without_credentials_is_no_resource_of_the_web() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener));
        let reach = async |status: u16| reach(format!("http://{address}/{status}").parse().unwrap()).await;
        assert_eq!(reach(200).await, Reach::Fetched);
        assert_eq!(reach(302).await, Reach::Fetched);
        assert_eq!(reach(403).await, Reach::Refused("HTTP 403 without credentials".to_owned()));
        assert!(matches!(reach(500).await, Reach::Unknown(_)));
    }

    #[test]
    fn a_network_that_is_down_is_no_reproach() {
        let failed = |why: &str| weigh(&Fetched { failed: Some(why.to_owned()), ..Fetched::default() });
        assert!(matches!(failed("dns error: Name or service not known"), Reach::Refused(_)));
        assert!(matches!(failed("dns error: Temporary failure in name resolution"), Reach::Unknown(_)));
        assert!(matches!(failed("tcp connect error: Connection refused"), Reach::Unknown(_)));
    }
}
