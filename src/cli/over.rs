//! The server that a subcommand looks at: `stdio [-- <command>]` or `http <url> [-- <command>]`.

use std::ffi::OsString;

use clap::Subcommand;

use super::http::{self, Address};
use super::options::Judging;
use super::part::Part;
use super::stdio::{self, Launch};

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
    /// Validates everything.
    pub fn part(self, judging: impl FnOnce(&A) -> Judging) -> anyhow::Result<(A, Part)> {
        match self {
            Self::Stdio { own, launch, command } => {
                let plan = stdio::plan(&judging(&own), &launch, &command, "mcp-conform stdio")?;
                Ok((*own, Part::of(plan)))
            }
            Self::Http { own, launch, address, command } => {
                let judging = judging(&own);
                Ok((*own, http::part(&judging, launch, *address, command, "mcp-conform http")?))
            }
        }
    }
}
