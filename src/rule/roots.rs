//! Roots: asked for only where the client has them.

use super::wish::wishes;
use super::{Context, Findings, Rule};

const CAPABILITY: &str = "roots.check-capability";

pub const RULE: Rule =
    Rule { id: "rule/roots", judges: &[CAPABILITY], hint: "the server has to send something", run };

fn run(context: &Context<'_>, findings: &mut Findings) {
    let wishes = wishes(context);
    let mut asked = wishes.iter().filter(|wish| wish.method == "roots/list").peekable();
    if asked.peek().is_none() && !context.received.is_empty() {
        findings.kept(CAPABILITY);
    }
    for wish in asked {
        match wish.undeclared() {
            None => findings.kept(CAPABILITY),
            Some(capability) => findings.violated(
                CAPABILITY,
                format!("the server asked for roots, but the client did not declare `{capability}`"),
                "no `roots/list` for a client without roots",
                wish.got(),
                &wish.entries,
            ),
        }
    }
}
