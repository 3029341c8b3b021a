//! `mcp-conform http`: judge a server over Streamable HTTP.

use std::ffi::OsString;
use std::net::TcpListener;

use super::Usage;
use super::options::Judging;
use super::output::Output;
use super::perform::perform;
use super::stdio::{Launch, judging_options};
use crate::report::text::shell_word;
use crate::runner::{ExitCode, Plan, Rerun, Secrets, TargetInfo, derived};
use crate::transport::{Endpoint, Host, HostError, Target};

/// Arguments of `http`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub judging: Judging,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub launch: Launch,
    #[command(flatten)]
    pub address: Address,
    /// A server to start first and stop after, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// Where the server is, and how it is spoken to.
#[derive(clap::Args, Debug)]
pub struct Address {
    /// Add a header to every request, such as `Authorization: Bearer …`; may be repeated. Its value is masked in reports
    #[arg(long, value_name = "K: V", value_parser = header, help_heading = "The server")]
    header: Vec<(String, String)>,
    /// Send the value of this environment variable as a bearer token
    #[arg(long, value_name = "NAME", help_heading = "The server")]
    bearer_env: Option<String>,
    /// The MCP endpoint, such as http://127.0.0.1:3000/mcp. `{port}` in it, in the command and in --env becomes a free port
    #[arg(value_name = "URL")]
    url: String,
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
    let (plan, output, host) = prepare(args, "mcp-conform http").await?;
    match host {
        Ok(_host) => perform(&plan, &output).await,
        Err(error) => super::perform::unreachable(&plan, &output, error.to_string()),
    }
}

/// Validates the arguments and starts the command, if there is one.
pub async fn prepare(
    mut args: Args,
    head: &str,
) -> anyhow::Result<(Plan, Output, Result<Option<Host>, HostError>)> {
    let rerun = rerun(&args, head);
    args.fill_port()?;
    let url = address(&args.address.url)?;
    let headers = args.headers()?;
    let secrets = headers.iter().chain(&args.launch.env).map(|(_, value)| value.clone());
    let secrets = Secrets::new(secrets.chain(token(&headers)));
    let command: Vec<String> = args.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let info = TargetInfo { transport: "http", command, url: Some(url.to_string()) };
    let target = Target::Http(Endpoint { url: url.clone(), headers });
    let plan = args.judging.plan(target, info, rerun, secrets)?;
    let host = match args.command.is_empty() {
        true => Ok(None),
        false => {
            let command = args.launch.command(&args.command)?;
            Host::start(&command, &url, args.judging.basics.startup_timeout).await.map(Some)
        }
    };
    Ok((plan, args.output, host))
}

/// The token inside an `Authorization` header is as secret as the header, and so is what is made of it for tests.
fn token(headers: &[(String, String)]) -> Vec<String> {
    let tokens = headers.iter().filter_map(|(_, value)| value.split_once(' ')).map(|(_, token)| token);
    tokens.flat_map(|token| [vec![token.to_owned()], derived(token)].concat()).collect()
}

fn rerun(args: &Args, head: &str) -> Rerun {
    let headers: String = args
        .address
        .header
        .iter()
        .map(|(name, _)| format!(" --header \"{name}: ${}\"", name.to_uppercase().replace('-', "_")))
        .collect();
    let bearer =
        args.address.bearer_env.iter().map(|name| format!(" --bearer-env {name}")).collect::<String>();
    let command = match args.command.is_empty() {
        true => String::new(),
        false => {
            let words = args.command.iter().map(|word| shell_word(&word.to_string_lossy()));
            format!(" -- {}", words.collect::<Vec<_>>().join(" "))
        }
    };
    let (judging, launch, url) =
        (judging_options(&args.judging), args.launch.options(), shell_word(&args.address.url));
    Rerun { head: head.to_owned(), tail: format!("{judging}{launch}{headers}{bearer} {url}{command}") }
}

fn address(text: &str) -> Result<url::Url, Usage> {
    let url = url::Url::parse(text).map_err(|error| {
        Usage(format!("`{text}` is not an address: {error} (such as http://127.0.0.1:3000/mcp)"))
    })?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(Usage(format!("`{text}`: the scheme must be http or https, not {other}"))),
    }
}

impl Args {
    /// Replaces `{port}` by one free port, everywhere.
    fn fill_port(&mut self) -> anyhow::Result<()> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
        let fill = |text: &str| text.replace("{port}", &port);
        self.address.url = fill(&self.address.url);
        for word in &mut self.command {
            if let Some(text) = word.to_str() {
                *word = fill(text).into();
            }
        }
        for (_, value) in &mut self.launch.env {
            *value = fill(value);
        }
        Ok(())
    }

    fn headers(&self) -> Result<Vec<(String, String)>, Usage> {
        let mut headers = self.address.header.clone();
        if let Some(name) = &self.address.bearer_env {
            let token = std::env::var(name)
                .map_err(|_| Usage(format!("--bearer-env {name}: there is no such environment variable")))?;
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        Ok(headers)
    }
}
