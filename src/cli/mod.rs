//! The command line: one file per subcommand. Arguments become validated options before any work is done.

mod accept;
mod completions;
mod config;
mod diff;
mod explain;
mod fuzz;
mod http;
mod init;
mod inspect;
mod judge;
mod keeper;
mod list;
mod man;
mod merge;
mod mistaken;
mod observe;
mod options;
mod output;
mod over;
mod part;
mod perform;
mod profile;
mod replay;
mod screen;
mod serve;
mod several;
mod shard;
mod signals;
mod snapshots;
mod state;
mod stdio;
mod watch;
mod work;

use std::process::ExitCode as ProcessExit;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use crate::report::text;
use crate::runner::ExitCode;

/// Is my MCP server right, and if not, what exactly is wrong?
///
/// mcp-conform launches a Model Context Protocol server over stdio, or reaches it over HTTP, and judges it against every
/// revision of the specification that it speaks. The server needs no preparation. Without a command, `mcp-conform stdio`
/// judges the built-in reference server.
#[derive(Parser)]
#[command(name = "mcp-conform", version, max_term_width = 110, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  mcp-conform stdio -- node dist/index.js             judge a server over stdio
  mcp-conform http http://127.0.0.1:3000/mcp          judge a running server over HTTP
  mcp-conform http 'http://127.0.0.1:{port}/mcp' -- node dist/http.js --port '{port}'
  mcp-conform config .mcp.json                        judge every server of a file that you have
  mcp-conform stdio --junit report.xml -- ./server    write a JUnit report for CI
  mcp-conform inspect stdio -- ./server               what a server offers; `--call TOOL JSON` calls a tool
  mcp-conform explain tools.list.result-shape         what a requirement means, and why

Exit codes:
    0  clean
    1  violations, findings of the fuzzer, a changed snapshot or a stale baseline entry
    2  wrong usage, or a bad config, profile, case or baseline file
    3  the server could not be started or reached, or never spoke MCP
    4  nothing was judged, or the server cut the run short
   70  a bug in mcp-conform
  130  interrupted";

#[derive(Subcommand)]
enum Command {
    /// Launch a server and judge it over stdio
    Stdio(stdio::Args),
    /// Judge a server over HTTP; a command, if given, is started first and stopped after
    Http(http::Args),
    /// Judge the servers of a .mcp.json, claude_desktop_config.json, VS Code or Cursor mcp.json, or smithery.yaml
    Config(config::Args),
    /// A campaign of malformed messages: generated, judged by the rules, shrunk, saved
    Fuzz(fuzz::Args),
    /// Run one saved finding of a campaign again: reproduced, flaky or fixed
    Replay(replay::Args),
    /// Judge recorded traffic offline, with the always-on rules
    Judge(judge::Args),
    /// What a server offers: identity, versions, capabilities, tools, resources, prompts; one call on request
    Inspect(inspect::Args),
    /// Write a commented profile, mcp-conform.toml, by looking at the server
    Init(init::Args),
    /// One report out of several: of shards, or of jobs that judged different revisions
    Merge(merge::Args),
    /// What changed between two snapshots, two folders of them, or two JSON reports, and what it means
    #[command(after_help = diff::CODES)]
    Diff(diff::Args),
    /// What exists, and what covers what: requirements, cases or faults
    List(list::Args),
    /// What a requirement or a case means, why, how it is tested, and where the specification says so
    Explain(explain::Args),
    /// Run the built-in reference server
    Serve(serve::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
    /// End what carries a mark, once the input ends: started by the others, see `keeper`
    #[command(hide = true)]
    Keep(keeper::Args),
    /// Print the manual page, or write one for every subcommand
    Man(man::Args),
}

/// A mistake of the user's: what, where, what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Runs the command line and returns the exit code of the process.
pub fn main() -> ProcessExit {
    let words: Vec<_> = std::env::args_os().collect();
    let cli = match profile::parse(&words) {
        Ok(cli) => cli,
        Err(profile::Refusal::Usage(usage)) => {
            complain(&usage.to_string());
            return ExitCode::Usage.code().into();
        }
        Err(profile::Refusal::Clap(error)) => {
            // Help and version are no mistakes, but clap prints them as errors.
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Clean };
            let _ = error.print();
            return code.code().into();
        }
    };
    let code = std::panic::catch_unwind(|| dispatch(cli.command)).unwrap_or_else(|_| {
        eprintln!("mcp-conform: this is a bug in mcp-conform, not in the server. Please report it with the text above.");
        ExitCode::Bug
    });
    code.code().into()
}

fn dispatch(command: Command) -> ExitCode {
    let done = match command {
        Command::Stdio(args) => launching(stdio::run(args)),
        Command::Http(args) => launching(http::run(args)),
        Command::Config(args) => launching(config::run(args)),
        Command::Fuzz(args) => launching(fuzz::run(args)),
        Command::Replay(args) => launching(until_ended(replay::run(args))),
        Command::Judge(args) => judge::run(&args),
        Command::Inspect(args) => launching(until_ended(inspect::run(args))),
        Command::Init(args) => launching(until_ended(init::run(args))),
        Command::Merge(args) => merge::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::List(args) => launching(until_ended(list::run(args))),
        Command::Explain(args) => block_on(explain::run(args)),
        // A server has one thing to do at a time: no thread needs to wake another.
        Command::Serve(args) => block_on_with(Builder::new_current_thread(), serve::run(args)),
        Command::Keep(args) => {
            keeper::run(&args);
            Ok(ExitCode::Clean)
        }
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    };
    done.unwrap_or_else(|error| {
        // Somebody closed our output: nobody is there to be told.
        if is_broken_pipe(&error) {
            return ExitCode::Clean;
        }
        complain(&format!("{error:#}"));
        // A disk that is full is no bug of ours.
        let is_theirs = error.is::<Usage>() || error.is::<std::io::Error>();
        if is_theirs { ExitCode::Usage } else { ExitCode::Bug }
    })
}

/// Tells on standard error what is wrong. A server may have had a say in it: nothing in it commands a terminal or a CI job.
fn complain(problem: &str) {
    eprintln!("mcp-conform: {}", text::lines(problem, 40, 1_000).join("\n"));
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Does work that launches servers: nothing of them is left when it is over.
fn launching<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let _keeper = keeper::Keeper::start();
    signals::listen();
    block_on(work)
}

/// Does work that leaves nothing half done wherever it ends.
async fn until_ended(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    signals::unless_ended(work).await.unwrap_or(Ok(ExitCode::Interrupted))
}

fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut several = Builder::new_multi_thread();
    several.worker_threads(2);
    block_on_with(several, work)
}

fn block_on_with<T>(
    mut runtime: Builder,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let runtime = runtime.enable_all().build()?;
    let done = runtime.block_on(work);
    // Reads of standard input cannot be cancelled: do not wait for them.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command line that a text shows, as words.
    fn commands(text: &str) -> impl Iterator<Item = Vec<String>> {
        let shown =
            text.lines().filter_map(|line| line.find("mcp-conform ").map(|at| (&line[..at], &line[at..])));
        let is_command = |before: &str| {
            matches!(before.trim_end().rsplit(' ').next(), Some("" | "-" | "run:" | "time" | "`time"))
        };
        shown.filter(move |(before, _)| is_command(before)).map(|(_, line)| {
            let line = line.split(['#', '`']).next().unwrap_or(line).replace("${{ ", "").replace(" }}", "");
            let line =
                line.replace("matrix.part", "1").replace("github.run_number", "7").replace("DIR…", "DIR");
            let line = line.replace("auto/", "1/");
            let command = line.split("   ").next().unwrap_or(&line);
            command.split_whitespace().map(|word| word.replace(['\'', '"'], "")).collect()
        })
    }

    #[test]
    fn the_command_lines_of_the_documentation_are_understood() {
        let mut tried = 0;
        for text in [include_str!("../../README.md"), EXAMPLES] {
            for words in commands(text) {
                if let Err(error) = Cli::try_parse_from(&words) {
                    assert!(!error.use_stderr(), "{words:?}: {error}");
                }
                tried += 1;
            }
        }
        assert!(tried > 15, "only {tried} command lines were found");
    }
}
