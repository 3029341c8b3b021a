//! `mcp-conform replay`: run one saved finding again.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use super::stdio::{Launch, words};
use super::{Usage, complain};
use crate::fuzz::{Finding, Replayed, replay};
use crate::report::text;
use crate::runner::ExitCode;
use crate::session::Options;
use crate::transport::{Endpoint, Host, Target};

/// Arguments of `replay`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    launch: Launch,
    /// Replay over HTTP, at this address; a command, if given, is started first and stopped after
    #[arg(long, value_name = "URL")]
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
    let options = Options::default();
    let mut hosted = None;
    let target = match args.url {
        Some(url) => {
            let mut host = None;
            if !args.command.is_empty() {
                let started = Host::new(args.launch.command(&args.command)?, url.clone());
                match host.insert(started).start(options.startup_timeout).await {
                    Ok(started) => hosted = Some(started),
                    Err(error) => {
                        complain(&error.to_string());
                        return Ok(ExitCode::Unreachable);
                    }
                }
            }
            Target::Http(Endpoint { url, headers: Vec::new(), host })
        }
        None => Target::Command(args.launch.command(&words(&args.command)?)?),
    };
    let what = format!("{} {}: {}", finding.kind.as_str(), finding.finding, finding.message);
    let what = text::brief(&what, 1_000);
    let replayed = replay(&finding, &target, &options).await;
    drop(hosted);
    match replayed {
        Ok(Replayed::Reproduced) => {
            tell("reproduced", &what)?;
            Ok(ExitCode::Findings)
        }
        Ok(Replayed::Flaky) => {
            tell("flaky", &what)?;
            Ok(ExitCode::Findings)
        }
        Ok(Replayed::Fixed) => {
            tell("fixed", &what)?;
            Ok(ExitCode::Clean)
        }
        Err(failure) => {
            complain(&failure.error.to_string());
            Ok(ExitCode::Unreachable)
        }
    }
}

fn tell(outcome: &str, what: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{outcome}  {what}")
}
