//! `[servers]` of a profile: servers with everything that can be said about them, and matrices of them.

use super::{Config, Entry};
use crate::runner::{Profile, ServerProfile};

/// The servers of a profile, each once for every combination of its matrix. The error reads after the name of the file.
pub fn parse(text: &str) -> Result<Config, String> {
    let profile = Profile::parse(text).map_err(|problem| format!(": {problem}"))?;
    let mut servers = Vec::new();
    for (name, server) in &profile.servers {
        if server.command.is_empty() && server.url.is_none() {
            return Err(format!(": server `{name}`: it has neither `command` nor `url`"));
        }
        servers.extend(combinations(server).iter().map(|values| entry(name, server, values)));
    }
    Ok(Config { servers, inputs: Vec::new() })
}

/// One value for each key of a matrix.
type Values<'p> = Vec<(&'p str, &'p str)>;

/// Every combination of one value per key.
fn combinations(server: &ServerProfile) -> Vec<Values<'_>> {
    let mut all: Vec<Values<'_>> = vec![Vec::new()];
    for (key, values) in &server.matrix {
        all = all.iter().flat_map(|one| extended(one, key, values)).collect();
    }
    all
}

fn extended<'p>(one: &Values<'p>, key: &'p str, values: &'p [String]) -> Vec<Values<'p>> {
    values.iter().map(|value| [one.as_slice(), &[(key, value.as_str())]].concat()).collect()
}

fn entry(name: &str, server: &ServerProfile, values: &[(&str, &str)]) -> Entry {
    let fill = |text: &String| {
        values.iter().fold(text.clone(), |text, (key, value)| text.replace(&format!("{{{key}}}"), value))
    };
    let pairs = |pairs: &std::collections::BTreeMap<String, String>| {
        pairs.iter().map(|(name, value)| (name.clone(), fill(value))).collect()
    };
    let parts = std::iter::once(name).chain(values.iter().map(|(_, value)| *value));
    Entry {
        name: parts.collect::<Vec<_>>().join("-"),
        origin: name.to_owned(),
        command: server.command.iter().map(fill).collect(),
        env: pairs(&server.env),
        env_file: None,
        cwd: server.cwd.as_ref().map(fill),
        url: server.url.as_ref().map(fill),
        sse: false,
        headers: pairs(&server.headers),
        disabled: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matrix_makes_one_server_of_every_combination() {
        let text = "[servers.web]\ncommand = ['node{node}', 'x', '--mode', '{mode}']\nenv = { MODE = '{mode}' }\n\
                    [servers.web.matrix]\nnode = ['20', '22']\nmode = ['a', 'b']\n";
        let servers = parse(text).unwrap().servers;
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["web-a-20", "web-a-22", "web-b-20", "web-b-22"]);
        assert_eq!(servers[1].command, ["node22", "x", "--mode", "a"]);
        assert_eq!(servers[2].env, [("MODE".to_owned(), "b".to_owned())]);
    }
}
