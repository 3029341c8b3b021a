//! Reading cases, with errors that name file, line and column.

use std::path::Path;
use std::time::Duration;

use globset::Glob;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::file::{CaseFile, CheckFile, StepFile};
use super::model::{Action, Body, Case, CheckSpec, Declared, List, Step, Things};
use super::{Expectation, model};
use crate::catalogue::{self, Requirement, did_you_mean, requirement, requirements};
use crate::pattern::names;
use crate::session::Meta;

/// A case file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {problem}")]
pub struct CaseError {
    /// The file.
    pub path: String,
    /// The line, from 1; 0 when unknown.
    pub line: u64,
    /// The column, from 1; 0 when unknown.
    pub column: u64,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// The cases that are compiled in.
pub fn builtin() -> Result<Vec<Case>, CaseError> {
    catalogue::files("")
        .iter()
        .map(|file| parse(&format!("cases/{}", file.path), file.path, file.text))
        .collect()
}

/// The cases of a folder of the user's.
pub fn load(folder: &Path) -> Result<Vec<Case>, CaseError> {
    let mut cases = Vec::new();
    walk(folder, folder, &mut cases)?;
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(cases)
}

fn walk(root: &Path, folder: &Path, cases: &mut Vec<Case>) -> Result<(), CaseError> {
    let fail = |path: &Path, error: std::io::Error| CaseError {
        path: path.display().to_string(),
        line: 0,
        column: 0,
        problem: format!("cannot be read: {error}"),
    };
    for entry in std::fs::read_dir(folder).map_err(|e| fail(folder, e))? {
        let path = entry.map_err(|e| fail(folder, e))?.path();
        if path.is_dir() {
            walk(root, &path, cases)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).map_err(|e| fail(&path, e))?;
            let relative = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            cases.push(parse(&path.display().to_string(), &relative, &text)?);
        }
    }
    Ok(())
}

/// Reads one case. Errors name `path`; `relative` becomes its id.
pub fn parse(path: &str, relative: &str, text: &str) -> Result<Case, CaseError> {
    let file: CaseFile = catalogue::yaml(text).map_err(|error| {
        let location = error.location();
        CaseError {
            path: path.to_owned(),
            line: location.map_or(0, |l| l.line()),
            column: location.map_or(0, |l| l.column()),
            problem: error.to_string(),
        }
    })?;
    let reader = Reader { path };
    let transports = match &file.transports {
        None => ["stdio", "http", "sse"].map(str::to_owned).to_vec(),
        Some(named) => reader.transports(named)?,
    };
    let body = reader.body(&file)?;
    let client = file.client.as_ref().map(|client| reader.client(client)).transpose()?;
    let case = Case {
        id: relative.trim_end_matches(".yaml").replace('\\', "/"),
        path: path.to_owned(),
        title: file.title,
        revisions: file.revisions,
        transports,
        needs: file.needs,
        lacks: file.lacks,
        client,
        connection: file.connection,
        hint: file.hint,
        body,
    };
    reader.lint(&case)?;
    Ok(case)
}

struct Reader<'p> {
    path: &'p str,
}

/// Names that need no capture.
const BUILT_IN: [&str; 7] = ["id", "revision", "server", "listed", "client", "http", "long"];

impl Reader<'_> {
    fn error<T>(&self, at: &Spanned<T>, problem: impl Into<String>) -> CaseError {
        CaseError {
            path: self.path.to_owned(),
            line: at.referenced.line(),
            column: at.referenced.column(),
            problem: problem.into(),
        }
    }

    fn transports(&self, named: &[Spanned<String>]) -> Result<Vec<String>, CaseError> {
        match named.iter().find(|name| !matches!(name.value.as_str(), "stdio" | "http" | "sse")) {
            Some(name) => {
                Err(self.error(name, format!("unknown transport `{}` (known: stdio, http, sse)", name.value)))
            }
            None => Ok(named.iter().map(|name| name.value.clone()).collect()),
        }
    }

    fn client(&self, client: &Spanned<Value>) -> Result<Declared, CaseError> {
        match &client.value {
            Value::String(word) if word == "everything" => Ok(Declared::Everything),
            capabilities @ Value::Object(_) => Ok(Declared::Capabilities(capabilities.clone())),
            other => {
                Err(self
                    .error(client, format!("`client` is `everything` or a map of capabilities, not {other}")))
            }
        }
    }

    fn body(&self, file: &CaseFile) -> Result<Body, CaseError> {
        match &file.code {
            Some(name) if file.steps.is_empty() => {
                let judges = file.judges.iter().map(|id| self.requirement(id)).collect::<Result<_, _>>()?;
                Ok(Body::Code(name.value.clone(), judges))
            }
            Some(name) => Err(self.error(name, "`code` and `steps` exclude each other")),
            None => {
                match file.judges.first() {
                    Some(id) => Err(self
                        .error(id, "`judges` goes with `code`: of steps, each check names its requirement")),
                    None => self.steps(&file.steps).map(Body::Steps),
                }
            }
        }
    }

    fn requirement(&self, id: &Spanned<String>) -> Result<&'static Requirement, CaseError> {
        requirement(&id.value).ok_or_else(|| {
            let hint = did_you_mean(&id.value, requirements().iter().map(|r| r.id.as_str()));
            self.error(id, format!("unknown requirement `{}`{hint}", id.value))
        })
    }

    fn steps(&self, steps: &[Spanned<StepFile>]) -> Result<Vec<Step>, CaseError> {
        steps.iter().map(|step| self.step(step)).collect()
    }

    fn step(&self, step: &Spanned<StepFile>) -> Result<Step, CaseError> {
        let file = &step.value;
        let timeout = match &file.timeout {
            Some(text) => Some(duration(text).ok_or_else(|| {
                self.error(step, format!("`{text}` is not a duration (such as 500ms or 2s)"))
            })?),
            None => None,
        };
        Ok(Step {
            line: step.referenced.line(),
            action: self.action(step)?,
            name: file.r#as.clone(),
            timeout,
            hint: file.hint.clone(),
            checks: file.checks.iter().map(|check| self.check(check)).collect::<Result<_, _>>()?,
        })
    }

    fn check(&self, check: &Spanned<CheckFile>) -> Result<CheckSpec, CaseError> {
        let expect = &check.value.expect;
        Ok(CheckSpec {
            line: check.referenced.line(),
            requirement: self.requirement(&check.value.requirement)?,
            expectation: Expectation::parse(&expect.value).map_err(|problem| self.error(expect, problem))?,
        })
    }

    fn action(&self, step: &Spanned<StepFile>) -> Result<Action, CaseError> {
        let file = &step.value;
        let newline = file.newline.unwrap_or(true);
        let mut actions = Vec::new();
        if let Some(method) = &file.request {
            let meta = self.meta(step, file.meta.as_ref())?;
            actions.push(Action::Request(method.clone(), file.params.clone(), meta));
        }
        if let Some(calls) = &file.together {
            let calls = calls.iter().map(|call| (call.method.clone(), call.params.clone()));
            actions.push(Action::Together(calls.collect()));
        }
        if let Some(method) = &file.notify {
            actions.push(Action::Notify(method.clone(), file.params.clone()));
        }
        if let Some(message) = &file.message {
            actions.push(Action::Message(message.clone()));
        }
        if let Some(raw) = &file.raw {
            let pieces = match raw {
                Value::Array(pieces) => pieces.clone(),
                whole => vec![whole.clone()],
            };
            if let Some(other) = pieces.iter().find(|piece| !piece.is_string()) {
                return Err(self.error(step, format!("`raw` must be a text or a list of texts, not {other}")));
            }
            actions.push(Action::Raw(pieces, newline));
        }
        if let Some(hex) = &file.hex {
            let bytes =
                unhex(hex).ok_or_else(|| self.error(step, "`hex` must be pairs of hexadecimal digits"))?;
            actions.push(Action::Bytes(bytes, newline));
        }
        actions.extend(file.fence.as_ref().map(|_| Action::Fence));
        actions.extend(file.http.clone().map(Action::Http));
        actions.extend(file.close.as_ref().map(|_| Action::CloseInput));
        actions.extend(file.signal.as_ref().map(|_| Action::Terminate));
        actions.extend(file.value.clone().map(Action::Value));
        if let Some(head) = &file.r#for {
            actions.push(self.repeat(step, head)?);
        }
        match (actions.pop(), actions.is_empty()) {
            (Some(action), true) => Ok(action),
            _ => Err(self.error(
                step,
                "a step needs exactly one of request, together, notify, message, raw, hex, fence, http, close, signal, value, for",
            )),
        }
    }

    fn meta(&self, step: &Spanned<StepFile>, meta: Option<&Value>) -> Result<Meta, CaseError> {
        match meta {
            None => Ok(Meta::Standard),
            Some(Value::String(word)) if word == "none" => Ok(Meta::Absent),
            Some(Value::Object(changes)) => Ok(Meta::Changed(changes.clone())),
            Some(other) => Err(self.error(step, format!("`meta` must be `none` or a map, not {other}"))),
        }
    }

    fn repeat(&self, step: &Spanned<StepFile>, head: &str) -> Result<Action, CaseError> {
        let found = head.split_once(" in ").and_then(|(name, list)| {
            let (list, named) = match list.split_once(" named ") {
                Some((list, glob)) => (list, Some(Glob::new(glob.trim()).ok()?.compile_matcher())),
                None => (list, None),
            };
            let list = List::ALL.iter().find(|(known, _)| *known == list.trim())?.1;
            Some((name.trim().to_owned(), Things { list, named }))
        });
        let known = List::ALL.map(|(name, _)| name).join(", ");
        let (name, list) = found.ok_or_else(|| {
            self.error(
                step,
                format!("`{head}` is not NAME in LIST or NAME in LIST named GLOB (lists: {known})"),
            )
        })?;
        Ok(Action::For(name, list, self.steps(&step.value.steps)?))
    }

    /// Names that are used before they are captured, and cases that judge nothing.
    fn lint(&self, case: &Case) -> Result<(), CaseError> {
        let error = |line, problem| CaseError { path: self.path.to_owned(), line, column: 1, problem };
        if case.requirements().is_empty() {
            return Err(error(1, "the case judges nothing: no check names a requirement".to_owned()));
        }
        if case.revisions.is_empty() {
            return Err(error(1, "no revision lies in `revisions`".to_owned()));
        }
        let Body::Steps(steps) = &case.body else { return Ok(()) };
        let mut known: Vec<&str> = BUILT_IN.to_vec();
        for step in model::all_steps(steps) {
            if let Action::For(name, _, _) = &step.action {
                known.push(name);
            }
            for name in templates(step).iter().flat_map(names) {
                let base = name.split(['/', ':']).next().unwrap_or_default();
                if !known.contains(&base) {
                    return Err(error(step.line, format!("`${{{name}}}` is used before it is captured")));
                }
            }
            known.extend(step.name.as_deref());
            for check in &step.checks {
                if check.requirement.revisions().iter().all(|revision| !case.revisions.contains(revision)) {
                    let id = &check.requirement.id;
                    return Err(error(check.line, format!("`{id}` holds in none of the case's revisions")));
                }
            }
        }
        Ok(())
    }
}

fn templates(step: &Step) -> Vec<Value> {
    match &step.action {
        Action::Request(_, params, meta) => {
            let changes = match meta {
                Meta::Changed(changes) => Value::Object(changes.clone()),
                Meta::Standard | Meta::Absent => Value::Null,
            };
            vec![params.clone().unwrap_or_default(), changes]
        }
        Action::Notify(_, params) => params.iter().cloned().collect(),
        Action::Together(calls) => calls.iter().filter_map(|(_, params)| params.clone()).collect(),
        Action::Message(value) | Action::Value(value) => vec![value.clone()],
        Action::Raw(pieces, _) => pieces.clone(),
        Action::Http(spec) => vec![
            Value::Object(spec.headers.clone()),
            spec.body.clone().unwrap_or_default(),
            spec.raw.clone().unwrap_or_default().into(),
        ],
        Action::Bytes(..) | Action::Fence | Action::CloseInput | Action::Terminate | Action::For(..) => {
            Vec::new()
        }
    }
}

/// A duration such as `500ms`, `2s` or `3m`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let number = text.trim_end_matches(char::is_alphabetic);
    let value: f64 = number.parse().ok()?;
    let factor = match &text[number.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    Duration::try_from_secs_f64(value * factor).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        parse("x.yaml", "x.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_built_in_case_loads() {
        if let Err(error) = builtin() {
            panic!("{error}");
        }
    }

    #[test]
    fn errors_name_line_and_column() {
        let text = "title: t\nsteps:\n- request: ping\n  checks:\n  - requirement: base.response.same-di\n    expect: { result: $object }\n";
        let error = problem(text);
        assert!(error.starts_with("x.yaml:5:"), "{error}");
        assert!(error.contains("did you mean base.response.same-id"), "{error}");
    }

    #[test]
    fn a_step_has_exactly_one_verb() {
        assert!(problem("title: t\nsteps:\n- request: ping\n  fence: {}\n").contains("exactly one of"));
        assert!(problem("title: t\nsteps:\n- params: {}\n").contains("exactly one of"));
    }

    #[test]
    fn unknown_keys_and_uncaptured_names_are_errors() {
        assert!(problem("title: t\nstep: []\n").contains("unknown field `step`"));
        assert!(problem("title: t\njudges: [a]\nsteps: []\n").starts_with("x.yaml:2:10: `judges` goes with"));
        let text = "title: t\nsteps:\n- request: ping\n  params: { a: '${list/x}' }\n  checks:\n  - requirement: base.response.same-id\n    expect: { result: $object }\n";
        assert!(problem(text).contains("used before it is captured"));
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2"), None);
        assert_eq!(duration("1m"), Some(Duration::from_secs(60)));
    }
}
