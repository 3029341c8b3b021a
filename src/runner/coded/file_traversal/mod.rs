//! File paths are sanitised: no spelling of a URI reaches a file outside of what the server offers (2026-07-28).

mod forged;

use serde_json::{Value, json};

use self::forged::{Outside, folder, forms};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

const ID: &str = "resources.uri.file-traversal";
const HINT: &str = "`[resources] outside = \"file:///…\"` in the profile names a harmless file that the server does not offer";
const WITHIN: &str =
    "the file that `outside` names, or one that is the same, is also below a folder of what is offered";
const NOT_ANSWERED: &str = "a resource was not answered, or turned away by HTTP";
/// Folders that are started from.
const MOST: usize = 3;

/// What came of reading a URI.
#[derive(Debug, PartialEq)]
enum Read {
    /// The bytes of each part that has some.
    Contents(Vec<Vec<u8>>),
    Refused,
    /// No reply, or one that says nothing of the URI.
    Nothing,
}

/// What the server gave for a forged URI.
enum Given {
    /// What it offers, in another spelling.
    Own,
    /// The content of the file, which it also has below the folder.
    Within,
    /// The content of the file outside.
    Outside,
    /// Something that it has not for the file's neighbour, but whether it is the file is not known here.
    Doubtful,
}

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(uri) = run.around.policy.profile.resources.outside.clone() else { return run.rest_unseen(HINT) };
    let offered = offered(run);
    let folders = folders(run, &offered);
    if folders.is_empty() {
        return run.rest_unseen("the server lists no file:// resource, and no template of such");
    }
    if let Some(own) = offered.first()
        && !matches!(read(run, own).await, Read::Contents(_))
    {
        return run.rest_unseen("the file:// resource that is listed first cannot be read");
    }
    match read(run, uri.as_str()).await {
        Read::Contents(_) => run.rest_unseen(
            "the server serves the file that `outside` names by its plain URI: it is not outside",
        ),
        Read::Nothing => run.rest_unseen(NOT_ANSWERED),
        Read::Refused => try_all(run, &folders, &Outside::of(&uri)).await,
    }
}

/// The file:// URIs that are listed.
fn offered(run: &CaseRun<'_>) -> Vec<String> {
    let all = run.around.survey.things(List::Resources);
    let uris = all.iter().filter_map(|resource| resource["uri"].as_str());
    uris.filter(|uri| uri.starts_with("file://")).map(str::to_owned).collect()
}

/// The folders of what is listed, and those in which templates begin.
fn folders(run: &CaseRun<'_>, offered: &[String]) -> Vec<String> {
    let templates = run.around.survey.things(List::Templates);
    let texts = templates.iter().filter_map(|template| template["uriTemplate"].as_str());
    let begun = texts.filter_map(|text| text.split('{').next());
    let mut found: Vec<String> = Vec::new();
    for folder in begun.chain(offered.iter().map(String::as_str)).filter_map(folder) {
        if !found.contains(&folder) {
            found.push(folder);
        }
    }
    found.truncate(MOST);
    found
}

async fn read(run: &mut CaseRun<'_>, uri: &str) -> Read {
    let outcome = run.ask("resources/read", json!({"uri": uri})).await;
    let is_about_uri = |status: u16| (400..500).contains(&status) && !matches!(status, 401 | 429);
    match (outcome.result(), outcome.error()) {
        (Some(result), _) => match forged::parts(&result["contents"]) {
            parts if parts.is_empty() => Read::Refused,
            parts => Read::Contents(parts),
        },
        (None, Some(_)) if !super::is_limited(&outcome) => Read::Refused,
        (None, None) if outcome.status.is_some_and(is_about_uri) => Read::Refused,
        _ => Read::Nothing,
    }
}

async fn try_all(run: &mut CaseRun<'_>, folders: &[String], outside: &Outside) {
    let (mut tried, mut doubtful) = (0, None);
    for folder in folders {
        for (uri, neighbour) in forms(folder, outside) {
            let from = run.session.transcript.last() + 1;
            let parts = match read(run, &uri).await {
                Read::Nothing => return run.rest_unseen(NOT_ANSWERED),
                Read::Refused => Vec::new(),
                Read::Contents(parts) => parts,
            };
            let span = (from, run.session.transcript.last());
            tried += 1;
            match weigh(run, folder, outside, &neighbour, &parts).await {
                Given::Own => {}
                Given::Within => return run.rest_unseen(WITHIN),
                Given::Outside => return tell(run, &uri, outside, span, None),
                Given::Doubtful => doubtful = doubtful.or(Some((uri, span))),
            }
        }
    }
    match (doubtful, run.judged(ID)) {
        (Some((uri, span)), _) => tell(run, &uri, outside, span, Some(Verdict::Warn)),
        (None, Some(requirement)) => {
            run.note(requirement, Verdict::Pass, format!("none of {tried} spellings leads to the file"));
        }
        (None, None) => {}
    }
}

/// What was given for a forged URI. A server that takes the dots away may have found something of its own; and if the file
/// lies below the folder after all, it is none outside.
async fn weigh(
    run: &mut CaseRun<'_>,
    folder: &str,
    outside: &Outside,
    neighbour: &str,
    parts: &[Vec<u8>],
) -> Given {
    if parts.is_empty() {
        return Given::Own;
    }
    for own in outside.ends() {
        if read(run, &format!("{folder}{own}")).await == Read::Contents(parts.to_vec()) {
            return if outside.is_in(parts) { Given::Within } else { Given::Own };
        }
    }
    if outside.is_in(parts) {
        return Given::Outside;
    }
    match read(run, neighbour).await {
        Read::Refused => Given::Doubtful,
        Read::Contents(_) | Read::Nothing => Given::Own,
    }
}

fn tell(run: &mut CaseRun<'_>, uri: &str, outside: &Outside, span: (u64, u64), at_most: Option<Verdict>) {
    let Some(requirement) = run.judged(ID) else { return };
    let (leads, got) = match at_most {
        None => ("leads", "the content of the file"),
        Some(_) => {
            ("may lead", "contents that cannot be compared, and none for a neighbour that does not exist")
        }
    };
    let violation = Violation {
        message: format!("{} {leads} out of what the server offers", Value::from(uri)),
        expected: format!("an error, as for {}", outside.uri),
        got: got.to_owned(),
        span,
        at_most,
    };
    run.violation(requirement, violation);
}
