//! `mcp-conform man`: the manual pages.

use std::io::Write;
use std::path::PathBuf;

use clap::CommandFactory;

use super::Usage;
use crate::runner::ExitCode;

/// Arguments of `man`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Write a page for every subcommand there, in place of the first page to standard output
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let command = super::Cli::command();
    match &args.dir {
        Some(folder) => {
            let wrong = |error: std::io::Error| Usage(format!("--dir {}: {error}", folder.display()));
            std::fs::create_dir_all(folder).map_err(wrong)?;
            clap_mangen::generate_to(command, folder).map_err(wrong)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            std::io::stdout().write_all(&page)?;
        }
    }
    Ok(ExitCode::Clean)
}
