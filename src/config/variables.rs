//! Variables in texts: `${NAME}`, `${NAME:-default}`, `${env:NAME}`, `${input:id}`, `${workspaceFolder}` and their like.

use std::collections::HashMap;
use std::path::PathBuf;

/// What a file asks its user for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub id: String,
    /// What it is about.
    pub about: Option<String>,
    /// The value, if there is one.
    pub value: Option<String>,
}

/// Where values come from.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// Variables that go before those of the environment.
    pub own: HashMap<String, String>,
    /// What the file asks for.
    pub inputs: Vec<Input>,
    /// The project of the file.
    pub workspace: Option<PathBuf>,
}

/// Where a variable stands, for the error.
#[derive(Debug, Clone, Copy)]
pub struct Place<'p> {
    /// The server.
    pub server: &'p str,
    /// The entry, such as "header `Authorization`".
    pub entry: &'p str,
}

impl Variables {
    /// The text with every variable filled in. The error names the place and says what to do.
    pub fn fill(&self, text: &str, place: Place<'_>) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(length) = rest[start..].find('}') else { break };
            let (inner, whole) = (&rest[start + 2..start + length], &rest[start..=start + length]);
            out.push_str(&rest[..start]);
            match self.value(inner) {
                Ok(Some(value)) => out.push_str(&value),
                Ok(None) => out.push_str(whole),
                Err(problem) => {
                    return Err(format!("server `{}`, {}: `{whole}`: {problem}", place.server, place.entry));
                }
            }
            rest = &rest[start + length + 1..];
        }
        Ok(out + rest)
    }

    /// The value of what stands between the braces; `None` when that is no variable of ours.
    fn value(&self, inner: &str) -> Result<Option<String>, String> {
        if let Some(id) = inner.strip_prefix("input:") {
            return self.input(id).map(Some);
        }
        if let Some(value) = self.predefined(inner)? {
            return Ok(Some(value));
        }
        let inner = inner.strip_prefix("env:").unwrap_or(inner);
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Ok(None);
        }
        let found = self.own.get(name).cloned().or_else(|| std::env::var(name).ok());
        // As in a shell: an empty value counts as none where there is a default.
        let found = found.filter(|value| !(value.is_empty() && default.is_some()));
        found
            .or_else(|| default.map(str::to_owned))
            .map(Some)
            .ok_or_else(|| format!("the variable {name} is not set; set it, or say --env {name}=…"))
    }

    fn input(&self, id: &str) -> Result<String, String> {
        let known = self.inputs.iter().find(|input| input.id == id);
        let about = known.and_then(|input| input.about.as_deref()).map(|about| format!(" ({about})"));
        known.and_then(|input| input.value.clone()).ok_or_else(|| {
            format!("this asks you for a value{}; say --input {id}=…", about.unwrap_or_default())
        })
    }

    fn predefined(&self, name: &str) -> Result<Option<String>, String> {
        let workspace =
            || self.workspace.clone().ok_or_else(|| "this file belongs to no project folder".to_owned());
        Ok(match name {
            "workspaceFolder" => Some(workspace()?.display().to_string()),
            "workspaceFolderBasename" => {
                workspace()?.file_name().map(|name| name.to_string_lossy().into_owned())
            }
            "userHome" => std::env::home_dir().map(|home| home.display().to_string()),
            "pathSeparator" | "/" => Some(std::path::MAIN_SEPARATOR.to_string()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_in_and_a_missing_one_is_named() {
        let input = |id: &str, value: Option<&str>| Input {
            id: id.to_owned(),
            about: Some("the token".to_owned()),
            value: value.map(str::to_owned),
        };
        let variables = Variables {
            own: HashMap::from([("A".to_owned(), "1".to_owned()), ("EMPTY".to_owned(), String::new())]),
            inputs: vec![input("id", Some("x")), input("token", None)],
            workspace: Some("/app".into()),
        };
        let place = Place { server: "s", entry: "header `H`" };
        let fill = |text: &str| variables.fill(text, place);
        assert_eq!(fill("${A}-${env:A}-${input:id}").unwrap(), "1-1-x");
        assert_eq!(fill("${NOPE_X:-d}${EMPTY:-e}${EMPTY}").unwrap(), "de");
        assert_eq!(fill("${workspaceFolder}/x ${a b} ${ $A {").unwrap(), "/app/x ${a b} ${ $A {");
        let missing = fill("Bearer ${NOPE_X}").unwrap_err();
        assert!(missing.contains("server `s`, header `H`") && missing.contains("NOPE_X"), "{missing}");
        let missing = fill("${input:token}").unwrap_err();
        assert!(missing.contains("the token") && missing.contains("--input token="), "{missing}");
    }
}
