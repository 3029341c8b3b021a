//! `mcp-conform completions`: a completion script for a shell.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::runner::ExitCode;

/// Arguments of `completions`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The shell
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    clap_complete::generate(args.shell, &mut super::Cli::command(), "mcp-conform", &mut std::io::stdout());
    Ok(ExitCode::Clean)
}
