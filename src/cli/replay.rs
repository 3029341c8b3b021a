//! `mcp-conform replay`: run one saved finding again.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use super::http::{self, Address, Credentials};
use super::options::{Basics, Judging, Patience};
use super::part::Part;
use super::stdio::{self, Launch};
use super::{Usage, complain};
use crate::fuzz::{Finding, Replayed, replay};
use crate::report::text;
use crate::runner::ExitCode;

/// Arguments of `replay`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    launch: Launch,
    #[command(flatten)]
    credentials: Credentials,
    #[command(flatten)]
    patience: Patience,
    /// Replay over HTTP, at this address; a command, if given, is started first and stopped after. `{port}` in it, in the
    /// command and in --env becomes a free port
    #[arg(long, value_name = "URL")]
    url: Option<String>,
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
    let part = args.part()?;
    let secrets = &part.plan.secrets;
    let host = match part.start().await {
        Ok(host) => host,
        Err(error) => {
            complain(&secrets.mask(&error.to_string()));
            return Ok(ExitCode::Unreachable);
        }
    };
    let what = format!("{} {}: {}", finding.kind.as_str(), finding.finding, finding.message);
    let what = text::brief(&what, 1_000);
    let replayed = replay(&finding, &part.plan.target, &part.plan.options).await;
    drop(host);
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
            complain(&secrets.mask(&failure.error.to_string()));
            Ok(ExitCode::Unreachable)
        }
    }
}

impl Args {
    /// The server, as the campaign reached it.
    fn part(self) -> anyhow::Result<Part> {
        let judging = Judging::of(Basics::of(self.patience));
        let Self { launch, credentials, url, command, .. } = self;
        let head = "mcp-conform replay";
        match url {
            Some(url) => http::part(&judging, launch, Address { credentials, url }, command, head),
            None if credentials.are_given() => {
                Err(Usage("--header and --bearer-env need --url: only HTTP has headers".to_owned()).into())
            }
            None => Ok(Part::of(stdio::plan(&judging, &launch, &command, head)?)),
        }
    }
}

fn tell(outcome: &str, what: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{outcome}  {what}")
}
