//! Access tokens belong into one header, and nowhere else.

use std::collections::HashSet;

use super::{Context, Findings, Rule};
use crate::protocol::Class;
use crate::session::transcript::{Entry, What};

const ECHOED: &str = "auth.token.not-echoed";
/// Said by two pages.
const STDIO: [&str; 2] = ["auth.stdio-uses-environment", "stdio.auth.environment-credentials"];

pub const RULE: Rule = Rule {
    id: "rule/tokens",
    judges: &[ECHOED, STDIO[0], STDIO[1]],
    hint: "the server has to accept a token (--bearer-env NAME), or speak over stdio",
    run,
};

/// Shorter texts may come back by chance.
const SHORTEST: usize = 8;

fn run(context: &Context<'_>, findings: &mut Findings) {
    if context.is_stdio() {
        return challenges(context, findings);
    }
    let tokens = accepted(context);
    let received = context.transcript.entries.iter().filter(|entry| entry.direction() == "<-");
    let echo = received.filter(|_| !tokens.is_empty()).find(|entry| holds(entry, &tokens));
    match echo {
        Some(entry) => findings.violated(
            ECHOED,
            "the server quotes the access token",
            "tokens do not show up in what the server sends",
            entry.text(),
            &[entry.seq],
        ),
        None if !tokens.is_empty() => findings.kept(ECHOED),
        None => {}
    }
}

fn holds(entry: &Entry, tokens: &HashSet<&str>) -> bool {
    let text = entry.text();
    tokens.iter().any(|token| text.contains(token))
}

/// The bearer tokens of requests that succeeded.
fn accepted<'t>(context: &Context<'t>) -> HashSet<&'t str> {
    let entries = &context.transcript.entries;
    let succeeded: HashSet<u32> = entries
        .iter()
        .filter_map(|entry| match entry.what {
            What::Response { exchange, status: 200..=299, .. } => Some(exchange),
            _ => None,
        })
        .collect();
    let requests = entries.iter().filter_map(|entry| match &entry.what {
        What::Request { exchange, headers, .. } if succeeded.contains(exchange) => Some(headers),
        _ => None,
    });
    let credentials = requests.flatten().filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    let tokens = credentials.filter_map(|(_, value)| value.split_once(' ')).map(|(_, token)| token);
    tokens.filter(|token| token.len() >= SHORTEST).collect()
}

/// Over stdio there are no challenges: credentials come from the environment.
fn challenges(context: &Context<'_>, findings: &mut Findings) {
    for (entry, message) in &context.received {
        match message.class() {
            Class::Error => {
                let text = message.value()["error"].to_string().to_lowercase();
                match text.contains("www-authenticate") || text.contains("resource_metadata") {
                    true => STDIO.iter().for_each(|id| {
                        let problem = "the server demands an access token over stdio";
                        let expected = "credentials from the environment";
                        findings.violated(id, problem, expected, text.clone(), &[entry.seq]);
                    }),
                    false => STDIO.iter().for_each(|id| findings.kept(id)),
                }
            }
            Class::Result => STDIO.iter().for_each(|id| findings.kept(id)),
            Class::Request | Class::Notification | Class::Invalid => {}
        }
    }
}
