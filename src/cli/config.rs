//! `mcp-conform config`: judge the servers of a configuration file that people already have.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use super::Usage;
use super::http::{Credentials, endpoint, token};
use super::options::Judging;
use super::part::Part;
use super::profile;
use super::several::Servers;
use super::snapshots::Telling;
use super::stdio::{Launch, judging_options, pair};
use super::work::Work;
use crate::catalogue::{did_you_mean, fingerprint};
use crate::config::{self, Config, Entry, Place, Variables};
use crate::report::text::shell_word;
use crate::runner::{ExitCode, Plan, Policy, Rerun, Secrets, TargetInfo};
use crate::transport::{Command, Endpoint, Host, Target};

/// Arguments of `config`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    judging: Judging,
    #[command(flatten)]
    telling: Telling,
    #[command(flatten)]
    launch: Launch,
    #[command(flatten)]
    credentials: Credentials,
    /// Judge only this server; may be repeated [default: all that the file does not switch off]
    #[arg(long, value_name = "NAME", help_heading = "The server")]
    server: Vec<String>,
    /// The value of `${input:ID}` in the file; may be repeated. One of six letters or more is masked in reports
    #[arg(long, value_name = "ID=VALUE", value_parser = pair, help_heading = "The server")]
    input: Vec<(String, String)>,
    /// .mcp.json, claude_desktop_config.json, the mcp.json of VS Code or Cursor, smithery.yaml, or a profile with `[servers]`
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = config::read(&args.file).map_err(|error| Usage(error.to_string()))?;
    let variables = args.variables(&config);
    let chosen = args.chosen(&config)?;
    let jobs = args.judging.jobs();
    // Servers share what may run at once.
    let each = (jobs / chosen.len().clamp(1, jobs)).max(1);
    let parts = chosen.into_iter().map(|entry| {
        let server = Server::fill(entry, &variables, &args)
            .map_err(|problem| Usage(format!("{}: {problem}", args.file.display())))?;
        let own = args.of_server(&entry.origin)?;
        server.part(own.as_ref().unwrap_or(&args), &entry.origin, each)
    });
    let parts: Vec<Part> = parts.collect::<anyhow::Result<_>>()?;
    let file = Servers { path: args.file.clone(), is_whole: args.server.is_empty(), jobs };
    let work = Work::Several { parts, file };
    work.perform(args.judging.again, &args.telling).await
}

impl Args {
    /// The arguments with what the profile says about one server; `None` where there is no profile to say anything.
    fn of_server(&self, name: &str) -> Result<Option<Self>, Usage> {
        if self.file.extension().is_none_or(|extension| extension != "toml") {
            return Ok(None);
        }
        let words: Vec<_> = std::env::args_os().collect();
        match profile::parse_for(&words, &self.file, name)?.command {
            super::Command::Config(args) => Ok(Some(args)),
            _ => Ok(None),
        }
    }

    fn variables(&self, config: &Config) -> Variables {
        let mut inputs = config.inputs.clone();
        for (id, value) in &self.input {
            let given = config::Input { id: id.clone(), about: None, value: Some(value.clone()) };
            inputs.retain(|input| input.id != *id);
            inputs.push(given);
        }
        Variables {
            own: self.launch.env.iter().cloned().collect(),
            inputs,
            workspace: config::workspace(&self.file),
        }
    }

    /// The servers that were named, else all that are not switched off.
    fn chosen<'c>(&self, config: &'c Config) -> Result<Vec<&'c Entry>, Usage> {
        let names = || config.servers.iter().map(|entry| entry.name.as_str());
        if let Some(unknown) = self.server.iter().find(|name| !names().any(|known| known == **name)) {
            let hint = Some(did_you_mean(unknown, names())).filter(|hint| !hint.is_empty());
            let hint =
                hint.unwrap_or_else(|| format!("; it names {}", names().collect::<Vec<_>>().join(", ")));
            return Err(Usage(format!("{} names no server `{unknown}`{hint}", self.file.display())));
        }
        let is_chosen = |entry: &&Entry| match self.server.is_empty() {
            true => !entry.disabled,
            false => self.server.contains(&entry.name),
        };
        let chosen: Vec<&Entry> = config.servers.iter().filter(is_chosen).collect();
        match chosen.is_empty() {
            true => Err(Usage(format!(
                "{} switches every server off; name one with --server",
                self.file.display()
            ))),
            false => Ok(chosen),
        }
    }
}

/// A server of which everything is known.
struct Server {
    name: String,
    command: Option<Command>,
    url: Option<url::Url>,
    /// Whether the address is that of an event stream.
    sse: bool,
    headers: Vec<(String, String)>,
    /// The words of the command for reports.
    shown: Vec<String>,
    secrets: Vec<String>,
}

impl Server {
    /// Fills in the variables. The error names the server and the entry.
    fn fill(entry: &Entry, variables: &Variables, args: &Args) -> Result<Self, String> {
        let port = free_port(entry)?;
        let fill = |text: &str, what: &str| {
            let place = Place { server: &entry.name, entry: what };
            variables
                .fill(text, place)
                .map(|text| port.iter().fold(text, |text, port| text.replace("{port}", port)))
        };
        let pairs = |pairs: &[(String, String)], what: &str| -> Result<Vec<(String, String)>, String> {
            let filled = |(name, value): &(String, String)| {
                Ok((name.clone(), fill(value, &format!("{what} `{name}`"))?))
            };
            pairs.iter().map(filled).collect()
        };
        let words: Vec<String> =
            entry.command.iter().map(|word| fill(word, "the command")).collect::<Result<_, _>>()?;
        let folder = entry.cwd.as_deref().map(|cwd| fill(cwd, "`cwd`")).transpose()?.map(PathBuf::from);
        let folder = args.launch.cwd.clone().or(folder).or_else(|| variables.workspace.clone());
        let mut env = match &entry.env_file {
            Some(file) => env_file(&fill(file, "`envFile`")?, &entry.name)?,
            None => Vec::new(),
        };
        env.extend(pairs(&entry.env, "the variable")?);
        env.extend(args.launch.env.iter().cloned());
        let mut headers = pairs(&entry.headers, "header")?;
        let url = entry.url.as_deref().map(|url| fill(url, "`url`")).transpose()?;
        let url = url.map(|url| endpoint(&url).map_err(|error| format!("server `{}`: {error}", entry.name)));
        let url = url.transpose()?;
        if url.is_some() {
            headers.extend(args.credentials.headers().map_err(|error| error.to_string())?);
        }
        let secrets = env.iter().chain(&headers).chain(&args.input).map(|(_, value)| value.clone());
        let secrets = secrets.chain(token(&headers)).collect();
        let command = words.split_first().map(|(program, rest)| Command {
            program: program.into(),
            args: rest.iter().map(Into::into).collect(),
            env,
            folder,
        });
        // What a variable put into the command may be secret: the file's own words are shown.
        Ok(Self {
            name: entry.name.clone(),
            command,
            url,
            sse: entry.sse,
            headers,
            shown: entry.command.clone(),
            secrets,
        })
    }

    fn part(self, args: &Args, origin: &str, jobs: usize) -> anyhow::Result<Part> {
        let transport = if self.url.is_some() { "http" } else { "stdio" };
        let url = self.url.as_ref().map(ToString::to_string);
        let info = TargetInfo { transport, command: self.shown, url, config: None };
        let target = match (self.url, self.command) {
            (Some(url), command) => {
                let host = command.map(|command| Host::new(command, url.clone()));
                let endpoint = Endpoint { url, headers: self.headers, host };
                if self.sse { Target::Sse(endpoint) } else { Target::Http(endpoint) }
            }
            (None, command) => Target::Command(command.unwrap_or_default()),
        };
        let rerun = args.rerun(&self.name);
        let plan = args.judging.plan(target, info, rerun, Secrets::new(self.secrets))?;
        let transcripts = plan.transcripts.map(|folder| folder.join(file_name(&self.name)));
        let profile = plan.policy.profile.of_server(origin);
        let policy = Policy { profile, ..plan.policy };
        let plan = Plan { name: Some(self.name), jobs, transcripts, policy, ..plan };
        Ok(Part::of(plan))
    }
}

impl Args {
    fn rerun(&self, server: &str) -> Rerun {
        let inputs = self
            .input
            .iter()
            .map(|(id, _)| format!(" --input {id}=\"${}\"", id.to_uppercase().replace('-', "_")));
        let (judging, launch) = (judging_options(&self.judging), self.launch.options());
        let options: String = inputs.chain([judging, launch, self.credentials.options()]).collect();
        let (file, server) = (shell_word(&self.file.to_string_lossy()), shell_word(server));
        let tail = format!("{options} --server {server} {file}");
        // No campaign goes through a file of servers: there is nothing to replay.
        Rerun { head: "mcp-conform config".to_owned(), tail, replay: String::new() }
    }
}

/// A name that is safe for a file. One that has to be altered gets its fingerprint, so that no two names become one.
pub fn file_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).take(80).collect();
    match plain == name && !name.is_empty() {
        true => plain,
        false => format!("{plain}-{}", fingerprint(name.bytes())),
    }
}

/// A free port, if the entry asks for one.
fn free_port(entry: &Entry) -> Result<Option<String>, String> {
    if !entry.url.as_ref().is_some_and(|url| url.contains("{port}")) {
        return Ok(None);
    }
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    port.map(|address| Some(address.port().to_string())).map_err(|error| format!("no free port: {error}"))
}

/// Reads `NAME=value` lines.
fn env_file(file: &str, server: &str) -> Result<Vec<(String, String)>, String> {
    let text = std::fs::read_to_string(Path::new(file))
        .map_err(|error| format!("server `{server}`: `envFile` {file} cannot be read: {error}"))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.strip_prefix("export ").unwrap_or(line).split_once('='));
    Ok(pairs.map(|(name, value)| (name.trim().to_owned(), unquoted(value.trim()).to_owned())).collect())
}

fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_apart_as_files() {
        assert_eq!(file_name("db-prod_2"), "db-prod_2");
        let names = ["db-prod", "db.prod", "db prod", "天気", "地図", "", "../x"].map(file_name);
        let apart: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(apart.len(), names.len(), "{names:?}");
        assert!(names.iter().all(|name| !name.contains(['.', '/']) && !name.is_empty()), "{names:?}");
    }
}
