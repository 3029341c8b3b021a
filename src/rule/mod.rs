//! Always-on rules: pure functions over a transcript. Conformance runs, fuzzing and `judge` all use them.
//!
//! A rule is one file with one `Rule` value, and one line in [`RULES`].

mod batches;
mod cancelled;
mod capabilities;
mod codes;
mod context;
mod elicitation;
mod envelope;
mod finding;
mod flight;
mod form;
mod handshake;
mod http;
mod input_required;
mod internals;
mod links;
mod listen_end;
mod log_contents;
mod log_messages;
mod meta_keys;
mod notifications;
mod own;
mod pings;
mod placement;
mod progress;
mod reliance;
mod replies;
mod resources;
mod respects_revision;
mod result_type;
mod roots;
mod sampling;
mod schema;
mod server_requests;
mod stdout;
mod subscriptions;
mod tasks;
mod texts;
mod tokens;
mod tool_uses;
mod wish;
#[cfg(test)]
mod written;

pub use context::{Context, is_deliberate, written_ids};
pub use finding::{Finding, Findings, Observation};
pub(crate) use internals::{is_trace, source_path};

use crate::catalogue::Schemas;
use crate::protocol::Revision;

/// An always-on rule.
pub struct Rule {
    /// Its name in reports: `rule/…`.
    pub id: &'static str,
    /// The requirements that it judges.
    pub judges: &'static [&'static str],
    /// What would make it visible, when nothing was observed.
    pub hint: &'static str,
    /// The function.
    pub run: fn(&Context<'_>, &mut Findings),
}

/// Every rule. The wire schemas come on top, see [`judge`].
pub const RULES: &[Rule] = &[
    envelope::RULE,
    replies::RULE,
    notifications::RULE,
    codes::RULE,
    stdout::RULE,
    batches::RULE,
    handshake::RULE,
    server_requests::RULE,
    input_required::RULE,
    roots::RULE,
    sampling::RULE,
    tool_uses::RULE,
    elicitation::RULE,
    links::RULE,
    capabilities::RULE,
    result_type::RULE,
    meta_keys::RULE,
    progress::RULE,
    tasks::STATES,
    tasks::MESSAGES,
    tasks::REQUESTOR,
    tasks::RELATED,
    tasks::GIVEN_UP,
    tasks::EXTENSION,
    cancelled::RULE,
    log_messages::RULE,
    log_contents::RULE,
    pings::RULE,
    placement::RULE,
    subscriptions::RULE,
    listen_end::RULE,
    reliance::RULE,
    respects_revision::RULE,
    resources::RULE,
    texts::RULE,
    own::RULE,
    tokens::RULE,
    http::post::RULE,
    http::stream::RULE,
    http::scope::RULE,
    http::get::RULE,
    http::refusal::RULE,
    http::session::RULE,
    http::resume::RULE,
    http::asks::RULE,
];

/// Holds a transcript against every rule and every wire schema.
pub fn judge(context: &Context<'_>) -> Findings {
    let mut findings = Findings::new(context.revision());
    for rule in RULES {
        findings.begin(rule.id);
        (rule.run)(context, &mut findings);
    }
    schema::judge(context, &mut findings);
    findings
}

/// A check that rules or schemas can make.
#[derive(Debug, Clone)]
pub struct Possible {
    /// The rule, or `schema`.
    pub check: &'static str,
    /// The requirement.
    pub requirement: String,
    /// What would make it visible, when nothing was observed.
    pub hint: String,
}

/// Every check that rules and schemas can make in a revision.
pub fn checks(revision: Revision) -> Vec<Possible> {
    let rules = RULES.iter().flat_map(|rule| {
        rule.judges.iter().map(|requirement| Possible {
            check: rule.id,
            requirement: (*requirement).to_owned(),
            hint: rule.hint.to_owned(),
        })
    });
    let schemas = Schemas::of(revision).tagged().into_iter().map(|(requirement, messages)| Possible {
        check: schema::ID,
        requirement,
        hint: format!("the server has to send what this is about, in: {}", brief(&messages)),
    });
    rules.chain(schemas).collect()
}

fn brief(messages: &[String]) -> String {
    match messages {
        [some @ .., _] if some.len() > 3 => format!("{}, …", some[..3].join(", ")),
        all => all.join(", "),
    }
}
