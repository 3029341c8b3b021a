//! `mcp-conform http`: judge a server over Streamable HTTP.

use std::ffi::OsString;
use std::net::TcpListener;

use super::Usage;
use super::options::Judging;
use super::part::Part;
use super::snapshots::Telling;
use super::stdio::{Launch, judging_options};
use super::work::Work;
use crate::report::text::shell_word;
use crate::runner::{ExitCode, Rerun, Secrets, TargetInfo, derived};
use crate::transport::{Endpoint, Host, Target};

/// Arguments of `http`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub judging: Judging,
    #[command(flatten)]
    pub telling: Telling,
    #[command(flatten)]
    pub launch: Launch,
    #[command(flatten)]
    pub address: Address,
    /// A server to start first and stop after, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// What every request carries.
#[derive(clap::Args, Debug)]
pub struct Credentials {
    /// Add a header to every request, such as `Authorization: Bearer …`; may be repeated. A value of six letters or more is
    /// masked in reports
    #[arg(long, value_name = "K: V", value_parser = header, help_heading = "The server")]
    header: Vec<(String, String)>,
    /// Send the value of this environment variable as a bearer token
    #[arg(long, value_name = "NAME", help_heading = "The server")]
    bearer_env: Option<String>,
}

/// Where the server is, and how it is spoken to.
#[derive(clap::Args, Debug)]
pub struct Address {
    #[command(flatten)]
    pub credentials: Credentials,
    /// The MCP endpoint, such as http://127.0.0.1:3000/mcp. `{port}` in it, in the command and in --env becomes a free port
    #[arg(value_name = "URL")]
    pub url: String,
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a header is written `Name: value`".to_owned()),
    }
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Args { judging, telling, launch, address, command } = args;
    let part = part(&judging, launch, address, command, "mcp-conform http")?;
    Work::One(Box::new(part)).perform(judging.again, &telling).await
}

/// Validates the arguments.
pub fn part(
    judging: &Judging,
    mut launch: Launch,
    mut address: Address,
    mut command: Vec<OsString>,
    head: &str,
) -> anyhow::Result<Part> {
    let rerun = rerun(judging, &launch, &address, &command, head);
    fill_port(&mut launch, &mut address, &mut command)?;
    let url = endpoint(&address.url)?;
    let headers = address.credentials.headers()?;
    let secrets = headers.iter().chain(&launch.env).map(|(_, value)| value.clone());
    let secrets = Secrets::new(secrets.chain(token(&headers)));
    let shown: Vec<String> = command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let info = TargetInfo { transport: "http", command: shown, url: Some(url.to_string()), config: None };
    let host = match command.is_empty() {
        true => None,
        false => Some(Host::new(launch.command(&command)?, url.clone())),
    };
    let target = Target::Http(Endpoint { url, headers, host });
    Ok(Part::of(judging.plan(target, info, rerun, secrets)?))
}

/// The token inside an `Authorization` header is as secret as the header, and so is what is made of it for tests.
pub fn token(headers: &[(String, String)]) -> Vec<String> {
    let tokens = headers.iter().filter_map(|(_, value)| value.split_once(' ')).map(|(_, token)| token);
    tokens.flat_map(|token| [vec![token.to_owned()], derived(token)].concat()).collect()
}

fn rerun(judging: &Judging, launch: &Launch, address: &Address, command: &[OsString], head: &str) -> Rerun {
    let headers = address.credentials.options();
    let command = match command.is_empty() {
        true => String::new(),
        false => {
            let words = command.iter().map(|word| shell_word(&word.to_string_lossy()));
            format!(" -- {}", words.collect::<Vec<_>>().join(" "))
        }
    };
    let patience = judging.basics.patience.options();
    let (judging, launch, url) = (judging_options(judging), launch.options(), shell_word(&address.url));
    Rerun {
        head: head.to_owned(),
        tail: format!("{judging}{launch}{headers} {url}{command}"),
        replay: format!("{patience}{launch}{headers} --url {url}{command}"),
    }
}

/// Reads an address.
pub fn endpoint(text: &str) -> Result<url::Url, Usage> {
    let url = url::Url::parse(text).map_err(|error| {
        Usage(format!("`{text}` is not an address: {error} (such as http://127.0.0.1:3000/mcp)"))
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(Usage(format!("`{text}`: the scheme must be http or https, not {other}"))),
    }
}

/// Replaces `{port}` by one free port, everywhere.
fn fill_port(launch: &mut Launch, address: &mut Address, command: &mut [OsString]) -> anyhow::Result<()> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let fill = |text: &str| text.replace("{port}", &port);
    address.url = fill(&address.url);
    for word in command {
        if let Some(text) = word.to_str() {
            *word = fill(text).into();
        }
    }
    for (_, value) in &mut launch.env {
        *value = fill(value);
    }
    Ok(())
}

impl Credentials {
    /// Whether there are any.
    pub fn are_given(&self) -> bool {
        !self.header.is_empty() || self.bearer_env.is_some()
    }

    /// Options that a rerun needs. Values are not shown: the shell's own are used.
    pub fn options(&self) -> String {
        let variable = |name: &str| name.to_uppercase().replace('-', "_");
        let headers =
            self.header.iter().map(|(name, _)| format!(" --header \"{name}: ${}\"", variable(name)));
        let bearer = self.bearer_env.iter().map(|name| format!(" --bearer-env {name}"));
        headers.chain(bearer).collect()
    }

    /// The headers to send.
    pub fn headers(&self) -> Result<Vec<(String, String)>, Usage> {
        let mut headers = self.header.clone();
        if let Some(name) = &self.bearer_env {
            let token = std::env::var(name)
                .map_err(|_| Usage(format!("--bearer-env {name}: there is no such environment variable")))?;
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        Ok(headers)
    }
}
