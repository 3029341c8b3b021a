//! `mcp-conform judge`: recorded traffic, judged offline by the always-on rules.

use std::path::PathBuf;

use super::Usage;
use super::output::Output;
use super::perform::Audience;
use crate::protocol::Revision;
use crate::runner::{ExitCode, judge_transcript};
use crate::session::transcript;

/// Arguments of `judge`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    output: Output,
    /// The revision that was spoken, if the file does not say so
    #[arg(long, value_name = "DATE")]
    revision: Option<Revision>,
    /// A violated SHOULD (warn) fails the run, too
    #[arg(long)]
    strict: bool,
    /// A transcript, as `--transcript` writes it: JSON Lines
    #[arg(value_name = "TRANSCRIPT")]
    file: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Usage(format!("{shown} cannot be read: {error}")))?;
    let transcript =
        transcript::read(&text, args.revision).map_err(|error| Usage(format!("{shown}, {error}")))?;
    let mut audience = Audience::new(args.output.reporters(args.strict)?);
    let (events, finished) = judge_transcript(&transcript, &shown.to_string(), args.strict);
    for event in &events {
        audience.tell(event)?;
    }
    audience.close(finished)
}
