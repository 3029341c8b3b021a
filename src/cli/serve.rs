//! `mcp-conform serve`: the built-in reference server.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Usage;
use crate::protocol::Revision;
use crate::reference::{self, Settings};
use crate::runner::ExitCode;

/// Arguments of `serve`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Serve Streamable HTTP at this address, path /mcp, instead of stdio
    #[arg(long, value_name = "ADDR")]
    http: Option<SocketAddr>,
    /// Ask for bearer tokens over HTTP; tokens for tests are printed at the start
    #[arg(long, requires = "http")]
    authorization: bool,
    /// Speak only this revision; may be repeated [default: all]
    #[arg(long, value_name = "DATE")]
    revision: Vec<Revision>,
    /// Violate a requirement in a known way; see `mcp-conform list faults`; may be repeated
    #[arg(long, value_name = "ID")]
    fault: Vec<String>,
    /// Be odd in a known, legal way; may be repeated
    #[arg(long, value_name = "ID")]
    quirk: Vec<String>,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let mut settings = Settings::with(&args.fault, &args.quirk).map_err(|error| Usage(error.to_string()))?;
    if !args.revision.is_empty() {
        settings = settings.only(&args.revision);
    }
    if args.authorization {
        settings.options.authorization = Some(true);
    }
    let settings = Arc::new(settings);
    match args.http {
        None => {
            let code = reference::serve_stdio(settings).await;
            // The server's own exit code, whatever it means.
            std::process::exit(code);
        }
        Some(address) => {
            let listener = tokio::net::TcpListener::bind(address)
                .await
                .map_err(|error| Usage(format!("--http {address}: {error}")))?;
            eprintln!("listening at http://{}/mcp", listener.local_addr()?);
            if settings.options.authorization == Some(true) {
                print_tokens();
            }
            let code = reference::serve_http(settings, listener).await?;
            std::process::exit(code);
        }
    }
}

/// Tells the tokens that the server knows, ready to be pasted into a shell.
fn print_tokens() {
    eprintln!("it asks for a token; these are for tests:");
    for token in reference::TOKENS.iter().chain([&reference::REFRESH, &reference::CONSENT]) {
        eprintln!("  export {}={}  # {}", token.variable, token.text, token.about);
    }
    eprintln!("  client_id {}, redirect_uri {}", reference::CLIENT, reference::REDIRECT);
    eprintln!("  other_client_id {}, callback at the path /callback", reference::OTHER_CLIENT);
}
