//! `mcp-conform init`: a commented profile, written by looking at the server.

use std::io::Write;
use std::path::PathBuf;

use super::options::{Basics, Judging};
use super::over::Over;
use super::{Usage, complain};
use crate::report;
use crate::report::text::shell_word;
use crate::runner::{ExitCode, look};

/// Arguments of `init`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    target: Over<Writing>,
}

/// Where the profile goes.
#[derive(clap::Args, Debug)]
struct Writing {
    #[command(flatten)]
    basics: Basics,
    /// The file to write (`-` = standard output)
    #[arg(long, value_name = "FILE", default_value = "mcp-conform.toml")]
    output: PathBuf,
    /// Write it even if there is one
    #[arg(long)]
    force: bool,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let (writing, part) = args.target.part(|own| Judging::of(own.basics.clone()))?;
    let (file, shown) = (&writing.output, writing.output.display());
    let is_stdout = file.as_os_str() == "-";
    if !is_stdout && file.exists() && !writing.force {
        return Err(
            Usage(format!("{shown} is there already; --force writes it anew, --output another one")).into()
        );
    }
    let seen = match part.start().await {
        Ok(_host) => look(&part.plan, &[]).await,
        Err(error) => Err(error.to_string()),
    };
    let offers = match seen {
        Ok(offers) => offers,
        Err(problem) => {
            complain(&part.plan.secrets.mask(&problem));
            return Ok(ExitCode::Unreachable);
        }
    };
    let Some(offer) = offers.first() else { return Ok(ExitCode::Inconclusive) };
    let profile = part.plan.secrets.mask(&report::suggest(offer, &part.plan.policy));
    if is_stdout {
        std::io::stdout().write_all(profile.as_bytes())?;
        return Ok(ExitCode::Clean);
    }
    std::fs::write(file, profile).map_err(|error| Usage(format!("--output {shown}: {error}")))?;
    let rerun = &part.plan.rerun;
    writeln!(
        std::io::stdout(),
        "{shown} is written; use it: {} --profile {}{}",
        rerun.head,
        shell_word(&file.to_string_lossy()),
        rerun.tail
    )?;
    Ok(ExitCode::Clean)
}
