//! Options from the profile: each is put on the command line, unless the user has said something else there.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches, Parser};
use toml::Value;

use super::{Cli, Usage};
use crate::catalogue::did_you_mean;
use crate::config::{Place, Variables};
use crate::runner::{OptionTable, Profile};

/// Why there is no command line to obey.
pub enum Refusal {
    /// What clap says: also help and version.
    Clap(clap::Error),
    /// A mistake in the profile.
    Usage(Usage),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Clap(error)
    }
}

/// The command line, completed by its profile.
pub fn parse(words: &[OsString]) -> Result<Cli, Refusal> {
    let matches = Cli::command().try_get_matches_from(words)?;
    let Some(file) = profile_of(&matches) else { return Ok(Cli::from_arg_matches(&matches)?) };
    let (text, profile) = read(&file).map_err(Refusal::Usage)?;
    let mut words = words.to_vec();
    if given::<PathBuf>(leaf(&matches).1, "profile").is_none() {
        words.insert(1 + leaf(&matches).0.len(), option("profile", &file.to_string_lossy()));
    }
    let completed = complete(&words, &profile.options, &Origin { file: &file, text: &text });
    completed.map_err(Refusal::Usage)
}

/// The command line for one server of the profile, with its own options.
pub fn parse_for(words: &[OsString], file: &Path, server: &str) -> Result<Cli, Usage> {
    let (text, profile) = read(file)?;
    let origin = Origin { file, text: &text };
    let mut options = profile.options;
    let own = profile.servers.get(server).map(|server| server.options.clone()).unwrap_or_default();
    options.retain(|key, _| !own.contains_key(key));
    options.extend(own);
    let mut words = words.to_vec();
    words.insert(2, option("profile", &file.to_string_lossy()));
    complete(&words, &options, &origin)
}

/// Where options come from, for errors.
struct Origin<'o> {
    file: &'o Path,
    text: &'o str,
}

impl Origin<'_> {
    fn wrong(&self, at: usize, problem: &str) -> Usage {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        Usage(format!("{}:{line}: {problem}", self.file.display()))
    }
}

/// The profile that was asked for: of `config`, the file itself may be one.
fn profile_of(matches: &ArgMatches) -> Option<PathBuf> {
    let (path, leaf) = leaf(matches);
    let is_profile = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "toml");
    let of_config = || given::<PathBuf>(leaf, "file").filter(|file| path == ["config"] && is_profile(file));
    given::<PathBuf>(leaf, "profile").or_else(of_config)
}

fn read(file: &Path) -> Result<(String, Profile), Usage> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Usage(format!("--profile {shown} cannot be read: {error}")))?;
    let profile = Profile::parse(&text).map_err(|error| Usage(format!("--profile {shown}: {error}")))?;
    Ok((text, profile))
}

/// The names of the subcommands, and what the innermost one was given.
fn leaf(matches: &ArgMatches) -> (Vec<&str>, &ArgMatches) {
    let (mut path, mut here) = (Vec::new(), matches);
    while let Some((name, below)) = here.subcommand() {
        path.push(name);
        here = below;
    }
    (path, here)
}

fn given<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    matches.try_get_one::<T>(id).ok().flatten().cloned()
}

fn complete(words: &[OsString], options: &OptionTable, origin: &Origin<'_>) -> Result<Cli, Usage> {
    let command = Cli::command();
    let refused = |at: usize, error: &clap::Error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        origin.wrong(at, &first)
    };
    let matches = command.clone().try_get_matches_from(words).map_err(|error| refused(0, &error))?;
    let (path, leaf) = leaf(&matches);
    let here = path.iter().fold(&command, |at, name| at.find_subcommand(name).unwrap_or(at));
    let at = 1 + path.len();
    let with = |added: &[OsString]| [&words[..at], added, &words[at..]].concat();
    let mut added = Vec::new();
    for (key, value) in options {
        let place = key.span().start;
        let name = key.get_ref().as_str();
        if !is_option(&command, name) {
            return Err(origin.wrong(place, &unknown(&command, name)));
        }
        let Some(arg) = here.get_arguments().find(|arg| arg.get_long() == Some(name)) else { continue };
        if leaf.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let is_flag = matches!(arg.get_action(), ArgAction::SetTrue);
        // `json` is a file where something is judged, and a flag elsewhere.
        if is_flag && !value.is_bool() && takes_value(&command, name) {
            continue;
        }
        let its = words_of(name, value, is_flag).map_err(|problem| origin.wrong(place, &problem))?;
        // One at a time, so that a mistake is told with its line.
        command.clone().try_get_matches_from(with(&its)).map_err(|error| refused(place, &error))?;
        added.extend(its);
    }
    Cli::try_parse_from(with(&added)).map_err(|error| refused(0, &error))
}

/// Whether any command has such an option. The others do not mind.
fn is_option(command: &Command, name: &str) -> bool {
    name != "profile" && longs(command).iter().any(|long| long == name)
}

/// Whether any command has such an option with a value.
fn takes_value(command: &Command, name: &str) -> bool {
    let mut own = command.get_arguments().filter(|arg| arg.get_long() == Some(name));
    own.any(|arg| arg.get_action().takes_values())
        || command.get_subcommands().any(|below| takes_value(below, name))
}

fn longs(command: &Command) -> Vec<String> {
    let own = command.get_arguments().filter_map(|arg| arg.get_long().map(str::to_owned));
    own.chain(command.get_subcommands().flat_map(longs)).collect()
}

fn unknown(command: &Command, name: &str) -> String {
    let longs = longs(command);
    format!("there is no option `{name}`{}", did_you_mean(name, longs.iter().map(String::as_str)))
}

fn option(name: &str, value: &str) -> OsString {
    format!("--{name}={value}").into()
}

/// An option as on the command line: lists repeat it, tables are pairs.
fn words_of(name: &str, value: &Value, is_flag: bool) -> Result<Vec<OsString>, String> {
    match value {
        Value::Boolean(on) if is_flag => Ok(on.then(|| format!("--{name}").into()).into_iter().collect()),
        _ if is_flag => Err(format!("`{name}` is true or false")),
        Value::Array(items) => items.iter().map(|item| Ok(option(name, &scalar(name, item)?))).collect(),
        Value::Table(pairs) => {
            let between = if name == "header" { ": " } else { "=" };
            let pair = |(key, item): (&String, &Value)| {
                Ok(option(name, &format!("{key}{between}{}", scalar(name, item)?)))
            };
            pairs.iter().map(pair).collect()
        }
        one => Ok(vec![option(name, &scalar(name, one)?)]),
    }
}

fn scalar(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => {
            let place = Place { server: "of this profile", entry: name };
            Variables::default().fill(text, place)
        }
        Value::Integer(number) => Ok(number.to_string()),
        other => Err(format!("`{name}` cannot be {}", other.type_str())),
    }
}
