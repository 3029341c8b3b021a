//! The icons of clients: fetched only where the options say so.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// How the icons of clients are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Icons {
    /// Without credentials, and from where they are said to be.
    Careful,
    /// With a cookie and a token; only faults do this.
    Credentials,
    /// From wherever they are redirected to; only faults do this.
    Redirected,
}

/// Redirects that are followed, and bytes of a response that are read.
const HOPS: usize = 3;
const LONGEST: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(2);

/// Fetches the icons that a client names, beside everything else.
pub(super) fn fetch(how: Option<Icons>, client: &Value) {
    let Some(how) = how else { return };
    let icons = client["icons"].as_array().into_iter().flatten();
    let urls: Vec<Url> = icons.filter_map(|icon| Url::parse(icon["src"].as_str()?).ok()).collect();
    if !urls.is_empty() {
        std::thread::spawn(move || {
            for url in &urls {
                get(url, how, HOPS);
            }
        });
    }
}

/// One GET over plain HTTP. An icon that cannot be had is none.
fn get(url: &Url, how: Icons, hops: usize) -> Option<()> {
    let (host, port) = (url.host_str().filter(|_| url.scheme() == "http")?, url.port_or_known_default()?);
    let mut stream = TcpStream::connect((host, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let credentials = match how {
        Icons::Credentials => "Cookie: session=7\r\nAuthorization: Bearer x\r\n",
        Icons::Careful | Icons::Redirected => "",
    };
    let path = url.path();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{credentials}Connection: close\r\n\r\n")
        .ok()?;
    let mut response = String::new();
    stream.take(LONGEST).read_to_string(&mut response).ok()?;
    let next = location(&response).filter(|_| how == Icons::Redirected && hops > 0)?;
    get(&url.join(next).ok()?, how, hops - 1)
}

fn location(response: &str) -> Option<&str> {
    let head = response.lines().take_while(|line| !line.is_empty());
    let mut fields = head.filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case("location")).map(|(_, value)| value.trim())
}
