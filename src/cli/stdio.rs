//! `mcp-conform stdio`: launch a server and judge it over its standard streams.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Usage;
use super::options::Judging;
use super::part::Part;
use super::snapshots::Telling;
use super::work::Work;
use crate::report::text::shell_word;
use crate::runner::{ExitCode, Plan, Rerun, Secrets, TargetInfo};
use crate::transport::{Command, Target};

/// Arguments of `stdio`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    pub judging: Judging,
    #[command(flatten)]
    pub telling: Telling,
    #[command(flatten)]
    pub launch: Launch,
    /// The server: a command with its arguments, after `--`. Without one, the built-in reference server is judged
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// How a command is launched.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "The server")]
pub struct Launch {
    /// Set a variable in the server's environment; may be repeated. A value of six letters or more is masked in reports
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub env: Vec<(String, String)>,
    /// Working folder of the server
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<PathBuf>,
}

/// Reads `NAME=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is written NAME=VALUE".to_owned()),
    }
}

impl Launch {
    /// The command to launch.
    pub fn command(&self, words: &[OsString]) -> Result<Command, Usage> {
        let (program, args) = words.split_first().ok_or_else(|| Usage("the command is empty".to_owned()))?;
        Ok(Command {
            program: program.clone(),
            args: args.to_vec(),
            env: self.env.clone(),
            folder: self.cwd.clone(),
        })
    }

    /// Options that a rerun needs. Values of variables are not shown: the shell's own are used.
    pub fn options(&self) -> String {
        let variables = self.env.iter().map(|(name, value)| match value.as_str() {
            // No shell knows the port.
            "{port}" => format!(" --env '{name}={{port}}'"),
            _ => format!(" --env {name}=\"${name}\""),
        });
        let folder =
            self.cwd.iter().map(|folder| format!(" --cwd {}", shell_word(&folder.to_string_lossy())));
        variables.chain(folder).collect()
    }
}

/// Options of the judging that change what happens, for a rerun.
pub fn judging_options(judging: &Judging) -> String {
    let mut options = String::new();
    if judging.basics.tools != "read-only" {
        options.push_str(&format!(" --tools {}", shell_word(&judging.basics.tools)));
    }
    for folder in &judging.cases {
        options.push_str(&format!(" --cases {}", shell_word(&folder.to_string_lossy())));
    }
    if let Some(profile) = &judging.basics.profile {
        options.push_str(&format!(" --profile {}", shell_word(&profile.to_string_lossy())));
    }
    options.push_str(&judging.basics.patience.options());
    options
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let plan = plan(&args.judging, &args.launch, &args.command, "mcp-conform stdio")?;
    Work::One(Box::new(Part::of(plan))).perform(args.judging.again, &args.telling).await
}

/// The command to launch: the user's, or the built-in server.
pub fn words(command: &[OsString]) -> anyhow::Result<Vec<OsString>> {
    Ok(match command.is_empty() {
        true => vec![std::env::current_exe()?.into_os_string(), "serve".into()],
        false => command.to_vec(),
    })
}

/// Validates the arguments.
pub fn plan(judging: &Judging, launch: &Launch, given: &[OsString], head: &str) -> anyhow::Result<Plan> {
    let words = words(given)?;
    let command = launch.command(&words)?;
    let shown: Vec<String> = match given.is_empty() {
        true => vec!["mcp-conform".to_owned(), "serve".to_owned()],
        false => words.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
    };
    let target_words = match given.is_empty() {
        true => String::new(),
        false => format!(" -- {}", shown.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")),
    };
    let tail = format!("{}{}{target_words}", judging_options(judging), launch.options());
    let replay = format!("{}{}{target_words}", judging.basics.patience.options(), launch.options());
    let rerun = Rerun { head: head.to_owned(), tail, replay };
    let secrets = Secrets::new(launch.env.iter().map(|(_, value)| value.clone()));
    let info = TargetInfo { transport: "stdio", command: shown, url: None, config: None };
    judging.plan(Target::Command(command), info, rerun, secrets)
}
