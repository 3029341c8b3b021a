//! Elicitation by link: ids, completion, the error that asks for it, and what an address may not hold.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use url::Url;

use super::wish::wishes;
use super::{Context, Findings, Rule};
use crate::catalogue::Verdict;
use crate::protocol::{ask, code};

const PERSONAL: &str = "elicitation.url-no-personal-data";
const UNIQUE: &str = "elicitation.id-unique";
const KNOWN: &str = "elicitation.complete-has-id";
const INITIATOR: &str = "elicitation.complete-to-initiator-only";
const CODE: &str = "elicitation.url-required-code";
const ONLY_THEN: &str = "elicitation.url-required-only-then";
const LIST: &str = "elicitation.url-required-list";
const MODE: &str = "elicitation.mode-supported";

pub const RULE: Rule = Rule {
    id: "rule/links",
    judges: &[PERSONAL, UNIQUE, KNOWN, INITIATOR, CODE, ONLY_THEN, LIST, MODE],
    hint: "a tool that may be called has to send the user to a page",
    run,
};

/// A page that the user is sent to.
struct Link<'c> {
    params: &'c Value,
    entries: Vec<u64>,
}

fn run(context: &Context<'_>, findings: &mut Findings) {
    let asked = wishes(context).into_iter().filter(|wish| wish.params["mode"] == "url");
    let mut links: Vec<Link<'_>> =
        asked.map(|wish| Link { params: wish.params, entries: wish.entries }).collect();
    errors(context, &mut links, findings);
    links.iter().for_each(|link| personal(link, findings));
    unique(&links, findings);
    completed(context, &links, findings);
}

/// The error -32042 lists pages, and nothing else does.
fn errors<'c>(context: &'c Context<'_>, links: &mut Vec<Link<'c>>, findings: &mut Findings) {
    let mut seen = false;
    if context.revision().is_stateless() {
        return;
    }
    for (entry, message) in &context.received {
        let Some(error) = message.get("error") else { continue };
        let listed = error["data"]["elicitations"].as_array();
        let is_about_links = error["code"] == code::URL_ELICITATION_REQUIRED;
        seen |= is_about_links;
        let mut hold = |id, is_kept: bool, problem: &str, expected: &str| match is_kept {
            true => findings.kept(id),
            false => findings.violated(id, problem, expected, error.to_string(), &[entry.seq]),
        };
        let has_links = listed.is_some_and(|listed| listed.iter().any(|one| one["url"].is_string()));
        if has_links {
            hold(
                CODE,
                is_about_links,
                "an error asks for pages to be visited under another code",
                "the code -32042",
            );
        }
        if is_about_links {
            hold(
                ONLY_THEN,
                listed.is_some(),
                "the error -32042 names no page to visit",
                "a list of URL elicitations",
            );
            // A list that is not there is the business of a schema.
            hold(
                LIST,
                listed.is_none_or(|listed| !listed.is_empty()),
                "the list of elicitations is empty",
                "at least one elicitation",
            );
            match !has_links || ask::declares(&context.client, "elicitation.url") {
                true => findings.kept(MODE),
                false => findings.violated_as(
                    Some(Verdict::Warn),
                    MODE,
                    "the server wants a page visited, but the client did not declare `elicitation.url`",
                    "only modes that the client declared",
                    error.to_string(),
                    &[entry.seq],
                ),
            }
        }
        let params = listed.into_iter().flatten();
        links.extend(params.map(|params| Link { params, entries: vec![entry.seq] }));
    }
    if !seen && !context.received.is_empty() {
        findings.kept(ONLY_THEN);
    }
}

static MAIL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)[a-z0-9._+-]+(?:@|%40)[a-z0-9-]+\.[a-z]{2,}").ok());
static TOKEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}").ok());

fn personal(link: &Link<'_>, findings: &mut Findings) {
    let Some(url) = link.params["url"].as_str().and_then(|url| Url::parse(url).ok()) else { return };
    let rest = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    let holds = |regex: &LazyLock<Option<Regex>>| regex.as_ref().is_some_and(|regex| regex.is_match(&rest));
    let problem = match () {
        () if !url.username().is_empty() || url.password().is_some() => {
            Some(("a user name or password", None))
        }
        () if holds(&MAIL) => Some(("an e-mail address", Some(Verdict::Warn))),
        () if holds(&TOKEN) => Some(("a signed token", Some(Verdict::Warn))),
        () => None,
    };
    match problem {
        None => findings.kept(PERSONAL),
        Some((what, verdict)) => findings.violated_as(
            verdict,
            PERSONAL,
            format!("the address that the user is sent to holds {what}"),
            "an address without credentials or personal data",
            url.as_str(),
            &link.entries,
        ),
    }
}

/// Different pages have different ids; the same one may be asked for again.
fn unique(links: &[Link<'_>], findings: &mut Findings) {
    for (index, link) in links.iter().enumerate() {
        let Some(id) = link.params["elicitationId"].as_str() else { continue };
        let twin = links[..index].iter().find(|other| other.params["elicitationId"] == id);
        match twin.filter(|twin| {
            twin.params["url"] != link.params["url"] || twin.params["message"] != link.params["message"]
        }) {
            None => findings.kept(UNIQUE),
            Some(twin) => findings.violated(
                UNIQUE,
                format!("two elicitations have the id `{id}`"),
                "an id of its own for each elicitation",
                link.params.to_string(),
                &[twin.entries.as_slice(), &link.entries].concat(),
            ),
        }
    }
}

fn completed(context: &Context<'_>, links: &[Link<'_>], findings: &mut Findings) {
    // Without an id there is nothing to compare with.
    if links.iter().any(|link| link.params["elicitationId"].is_null()) {
        return;
    }
    let notes =
        context.received.iter().filter(|(_, m)| m.method() == Some("notifications/elicitation/complete"));
    let mut done: Vec<&Value> = Vec::new();
    for (entry, message) in notes {
        let id = &message.params()["elicitationId"];
        let is_ours = links.iter().any(|link| {
            link.params["elicitationId"] == *id && link.entries.iter().all(|seq| *seq < entry.seq)
        });
        let is_new = !done.contains(&id);
        done.push(id);
        let rules = [Some(KNOWN), (!context.is_stdio()).then_some(INITIATOR)];
        for rule in rules.into_iter().flatten() {
            match is_ours && is_new {
                true => findings.kept(rule),
                false => findings.violated(
                    rule,
                    format!("{id} is the id of no elicitation that is open on this connection"),
                    "the elicitationId of an elicitation that this client was asked for",
                    message.to_string(),
                    &[entry.seq],
                ),
            }
        }
    }
}
