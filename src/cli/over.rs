//! The server that a subcommand looks at: `stdio [-- <command>]` or `http <url> [-- <command>]`.

use std::ffi::OsString;

use clap::Subcommand;

use super::http::{self, Address, Hosted};
use super::options::Judging;
use super::stdio::{self, Launch};
use crate::runner::Plan;

/// How the server is reached, with the options `A` of the subcommand.
#[derive(Subcommand, Debug)]
pub enum Over<A: clap::Args> {
    /// A server over stdio
    Stdio {
        #[command(flatten)]
        own: Box<A>,
        #[command(flatten)]
        launch: Launch,
        /// The server: a command with its arguments, after `--`. Without one, the built-in reference server
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
    /// A server over HTTP
    Http {
        #[command(flatten)]
        own: Box<A>,
        #[command(flatten)]
        launch: Launch,
        #[command(flatten)]
        address: Box<Address>,
        /// A server to start first and stop after, after `--`
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
}

impl<A: clap::Args> Over<A> {
    /// Validates everything and starts the server where that is asked for.
    pub async fn plan(self, judging: impl FnOnce(&A) -> Judging) -> anyhow::Result<(A, Plan, Hosted)> {
        match self {
            Self::Stdio { own, launch, command } => {
                let plan = stdio::plan(&judging(&own), &launch, &command, "mcp-conform stdio")?;
                Ok((*own, plan, Ok(None)))
            }
            Self::Http { own, launch, address, command } => {
                let judging = judging(&own);
                let (plan, host) =
                    http::plan(&judging, launch, *address, command, "mcp-conform http").await?;
                Ok((*own, plan, host))
            }
        }
    }
}
