//! A tool that reads files keeps to the roots of the client: a folder is made for it, with files inside and outside.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::flow::{Primitive, follow};
use super::{End, end, kept, questions, violated};
use crate::runner::interpret::CaseRun;
use crate::runner::{Survey, told};
use crate::session::{Manner, Outcome};

const BOUNDARIES: &str = "roots.boundaries-respected";
const VALIDATED: &str = "roots.paths-validated";
const HINT: &str = "needs a tool that reads files within the roots of the client: `[tools.NAME] reads = \"ARGUMENT\"` in the profile \
             names it, and its argument for the path";
const INSIDE: &str = "root/inside.txt";
/// A plain path to a file outside.
const OUTSIDE: [&str; 1] = ["elsewhere/outside.txt"];
/// Paths that look as if they led into the root.
const DISGUISED: [&str; 4] = [
    "root-other/outside.txt",
    "root/../elsewhere/outside.txt",
    "root/%2e%2e/elsewhere/outside.txt",
    "root/link/outside.txt",
];
/// How long a server may take to ask for the roots.
const SOON: Duration = Duration::from_secs(1);

/// How the tool wants a path written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Path,
    Uri,
    /// From the root on.
    Relative,
}

/// A temporary folder; it is removed at the end.
struct Folder {
    at: PathBuf,
    /// What is in the file inside the root, and in those outside.
    inside: String,
    outside: String,
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.at));
    }
}

impl Folder {
    fn make() -> io::Result<Self> {
        let random = || format!("mcp-conform-{:016x}", RandomState::new().build_hasher().finish());
        let at = std::env::temp_dir().join(random());
        std::fs::create_dir(&at)?;
        let mut folder = Self { at, inside: random(), outside: random() };
        // The way that servers find out.
        folder.at = folder.at.canonicalize()?;
        for name in ["root", "root-other", "elsewhere"] {
            std::fs::create_dir(folder.at.join(name))?;
        }
        std::fs::write(folder.at.join(INSIDE), &folder.inside)?;
        for name in ["root-other/outside.txt", "elsewhere/outside.txt"] {
            std::fs::write(folder.at.join(name), &folder.outside)?;
        }
        link(&folder.at.join("elsewhere"), &folder.at.join("root/link"))?;
        Ok(folder)
    }

    fn uri(&self) -> String {
        url::Url::from_file_path(&self.at).map(String::from).unwrap_or_default()
    }

    /// A place below the folder, as the tool wants it written.
    fn written(&self, place: &str, form: Form) -> String {
        match (form, place.strip_prefix("root/")) {
            (Form::Path, _) => format!("{}/{place}", self.at.display()),
            (Form::Uri, _) => format!("{}/{place}", self.uri()),
            (Form::Relative, Some(inner)) => inner.to_owned(),
            (Form::Relative, None) => format!("../{place}"),
        }
    }
}

#[cfg(unix)]
fn link(to: &Path, from: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, from)
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// A tool that reads files, as it has to be asked.
struct Reader {
    params: Value,
    argument: String,
    form: Form,
}

impl Reader {
    async fn read(&self, run: &mut CaseRun<'_>, path: &str) -> Outcome {
        let mut params = self.params.clone();
        params["arguments"][&self.argument] = path.into();
        follow(run, &Primitive { method: "tools/call", params }, &Manner::Willing).await.last
    }
}

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let policy = run.around.policy;
    if !policy.profile.tools.values().any(|tool| tool.reads.is_some()) {
        return run.rest_unseen(HINT);
    }
    let folder = match Folder::make() {
        Ok(folder) => folder,
        Err(error) => return run.rest_unseen(&format!("no temporary folder could be made: {error}")),
    };
    run.session.client_mut().roots = vec![json!({"uri": format!("{}/root", folder.uri()), "name": "root"})];
    if run.session.set_up().await.is_err() {
        return run.rest_unseen("no conversation could be opened");
    }
    let survey = Survey::take(run.session, policy).await;
    let Some((params, argument)) = told(policy, &survey, |tool| tool.reads.clone()) else {
        return run.rest_unseen("the server does not offer the tool that is said to read files");
    };
    let mut reader = Reader { params, argument, form: Form::Path };
    if !finds_form(run, &folder, &mut reader).await {
        return run.rest_unseen(
            "the tool that is said to read files does not read one inside the root: is the server on this machine, and does it keep to the roots of the client?",
        );
    }
    judge(run, &folder, &reader, BOUNDARIES, &OUTSIDE).await;
    judge(run, &folder, &reader, VALIDATED, &DISGUISED).await;
}

/// Reads the file inside, its path written in one way or the other; false if nothing brings it.
async fn finds_form(run: &mut CaseRun<'_>, folder: &Folder, reader: &mut Reader) -> bool {
    for is_last in [false, true] {
        for form in [Form::Path, Form::Uri, Form::Relative] {
            reader.form = form;
            let outcome = reader.read(run, &folder.written(INSIDE, form)).await;
            if holds(&outcome, &folder.inside) {
                return true;
            }
        }
        if !is_last {
            // Some servers ask for the roots by themselves, and may not have them yet.
            run.session.wait_until(SOON, |session| !questions(session, 0).is_empty()).await;
            run.session.fence().await;
        }
    }
    false
}

fn holds(outcome: &Outcome, secret: &str) -> bool {
    outcome.reply.as_ref().is_some_and(|reply| reply.to_string().contains(secret))
}

async fn judge(run: &mut CaseRun<'_>, folder: &Folder, reader: &Reader, id: &str, places: &[&str]) {
    for place in places {
        let outcome = reader.read(run, &folder.written(place, reader.form)).await;
        match end(&outcome) {
            _ if holds(&outcome, &folder.outside) => {
                let problem = format!("a file outside of the root is read as {place}");
                violated(run, id, problem, "only files within the roots are read", &outcome);
            }
            End::Silent => {}
            _ => kept(run, id, "only files within the roots are read"),
        }
    }
    if !run.is_observed(id)
        && let Some(requirement) = run.judged(id)
    {
        run.note(requirement, crate::catalogue::Verdict::NotObserved, "the calls were not answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_there_and_goes_again() {
        let folder = Folder::make().unwrap();
        let outside = folder.written("root/link/outside.txt", Form::Path);
        assert_eq!(std::fs::read_to_string(outside).unwrap(), folder.outside);
        assert_eq!(folder.written(INSIDE, Form::Relative), "inside.txt");
        assert_eq!(folder.written("elsewhere/outside.txt", Form::Relative), "../elsewhere/outside.txt");
        assert!(folder.written(INSIDE, Form::Uri).starts_with("file:///"));
        let at = folder.at.clone();
        drop(folder);
        assert!(!at.exists());
    }
}
