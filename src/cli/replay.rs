//! `mcp-conform replay`: run one saved finding again.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Usage;
use super::stdio::{Launch, words};
use crate::fuzz::{Finding, Replayed, replay};
use crate::runner::ExitCode;
use crate::session::Options;
use crate::transport::{Endpoint, Target};

/// Arguments of `replay`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    launch: Launch,
    /// Replay over HTTP, at this address
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    url: Option<url::Url>,
    /// The file that `mcp-conform fuzz --findings-dir` saved
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The server: a command with its arguments, after `--`. Without one, the built-in reference server
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command: exit code 1 while the finding comes, 0 once it does not.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Usage(format!("{shown} cannot be read: {error}")))?;
    let finding = Finding::read(&text).map_err(|error| Usage(format!("{shown}: {error}")))?;
    let target = match args.url {
        Some(url) => Target::Http(Endpoint { url, headers: Vec::new() }),
        None => Target::Command(args.launch.command(&words(&args.command)?)?),
    };
    let what = format!("{} {}: {}", finding.kind.as_str(), finding.finding, finding.message);
    match replay(&finding, &target, &Options::default()).await {
        Ok(Replayed::Reproduced) => {
            println!("reproduced  {what}");
            Ok(ExitCode::Findings)
        }
        Ok(Replayed::Flaky) => {
            println!("flaky  {what}");
            Ok(ExitCode::Findings)
        }
        Ok(Replayed::Fixed) => {
            println!("fixed  {what}");
            Ok(ExitCode::Clean)
        }
        Err(failure) => {
            eprintln!("mcp-conform: {}", failure.error);
            Ok(ExitCode::Unreachable)
        }
    }
}
