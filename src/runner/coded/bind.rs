//! Whether a server at the loopback address listens at others, too.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Host;

use super::http::{Seen, say};
use crate::runner::interpret::CaseRun;
use crate::transport::fetch;

const ID: &str = "http.bind.loopback-only";
/// An address of this machine that no other can reach either: only who listens at every address answers there.
const ASIDE: &str = "127.0.0.2";
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(url) = run.session.address().filter(|url| is_usual(url)).cloned() else {
        return run.rest_unseen("the server is at no `http` address `127.0.0.1` or `localhost`");
    };
    if !has_aside().await {
        return run.rest_unseen("this system has no second loopback address");
    }
    let mut aside = url.clone();
    let Ok(()) = aside.set_host(Some(ASIDE)) else { return };
    // Whatever is answered, it is an answer; an event stream would have no end.
    aside.set_path("/");
    let answered = fetch(&aside, &url, PATIENCE).await;
    let got = match &answered.failed {
        None => format!("HTTP {} from {aside}", answered.status),
        Some(why) => why.clone(),
    };
    let seen = Seen {
        message: "the server listens at every address of this machine, not at the loopback address alone",
        expected: "no answer at another address of this machine",
        got,
        // What shows it is beside the conversation.
        span: (u64::MAX, u64::MAX),
        ..Seen::default()
    };
    say(run, ID, answered.failed.is_some(), &seen);
}

/// Whether the server is where local servers are told to be.
fn is_usual(url: &url::Url) -> bool {
    let is_address = match url.host() {
        Some(Host::Ipv4(address)) => address.octets() == [127, 0, 0, 1],
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    is_address && url.scheme() == "http"
}

/// Whether this system knows the other address: on Linux all of 127.0.0.0/8 is loopback, elsewhere seldom.
async fn has_aside() -> bool {
    let Ok(listener) = TcpListener::bind((ASIDE, 0)).await else { return false };
    let Ok(address) = listener.local_addr() else { return false };
    matches!(timeout(PATIENCE, TcpStream::connect(address)).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_at_the_usual_loopback_addresses_is_looked_at() {
        let is_usual = |url: &str| is_usual(&url.parse().unwrap());
        assert!(
            ["http://127.0.0.1:3000/mcp", "http://localhost:1/mcp", "http://[::1]:1/"]
                .iter()
                .all(|u| is_usual(u))
        );
        assert!(
            !["https://127.0.0.1/mcp", "http://127.0.0.2/mcp", "http://10.0.0.1/mcp", "http://example.com/"]
                .iter()
                .any(|u| is_usual(u))
        );
    }
}
