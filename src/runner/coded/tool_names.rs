//! Names of tools: one tool each, and letters that count.

use serde_json::Value;

use super::walk::Walk;
use super::{Called, call, called};
use crate::case::List;
use crate::catalogue::{Requirement, Verdict};
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let walk = Walk::of_pages(run.around.survey.pages(), "tools/list", "tools");
    if !walk.keys("name").is_empty() {
        for id in ["tools.name.unique", "tools.name.identifies-one-tool"] {
            if let Some(requirement) = run.judged(id) {
                unique(run, requirement, &walk).await;
            }
        }
        case_sensitive(run, &walk).await;
    }
    run.rest_unseen("the server lists no tools, or none that may be called has a letter in its name");
}

async fn unique(run: &mut CaseRun<'_>, requirement: &'static Requirement, walk: &Walk) {
    let Some(name) = twice(walk) else {
        return run.note(requirement, Verdict::Pass, "every name stands for one tool");
    };
    let again = Walk::take(run.session, "tools/list", "tools").await;
    let pages = |name: &str| -> Vec<String> {
        let on = |page: &Vec<Value>| page.iter().any(|tool| tool["name"] == name);
        (1..)
            .zip(&again.pages)
            .filter(|(_, page)| on(page))
            .map(|(number, _): (u32, _)| number.to_string())
            .collect()
    };
    match twice(&again).filter(|found| *found == name) {
        None => run.note(requirement, Verdict::NotObserved, "the list changed while it was walked"),
        Some(name) => run.violation(
            requirement,
            Violation {
                message: format!("two tools are called `{name}`"),
                expected: "a name of its own for each tool".into(),
                got: format!("`{name}` twice, on page {}", pages(&name).join(" and ")),
                span: again.span,
                at_most: None,
            },
        ),
    }
}

/// A name that two tools have. The very same tool on two pages is a matter of pagination.
fn twice(walk: &Walk) -> Option<String> {
    let tools: Vec<(usize, &Value)> = walk
        .pages
        .iter()
        .enumerate()
        .flat_map(|(page, tools)| tools.iter().map(move |tool| (page, tool)))
        .collect();
    tools.iter().enumerate().find_map(|(at, (page, tool))| {
        let name = tool["name"].as_str()?;
        let clash = |(other_page, other): &&(usize, &Value)| {
            other["name"] == name && (other_page == page || other != tool)
        };
        tools[..at].iter().find(clash).map(|_| name.to_owned())
    })
}

async fn case_sensitive(run: &mut CaseRun<'_>, walk: &Walk) {
    let Some(requirement) = run.judged("tools.name.case-sensitive") else { return };
    let listed = walk.set("name");
    let candidate = run.around.survey.things(List::CallableTools).iter().find_map(|tool| {
        let name = tool["name"].as_str()?;
        let other = swapped(name);
        (other != name && !listed.contains(&other)).then(|| (tool.clone(), other))
    });
    let Some((tool, other)) = candidate else { return };
    let outcome = call(run, &other.as_str().into(), &tool["arguments"]).await;
    match called(&outcome) {
        Called::Refused => run.note(requirement, Verdict::Pass, format!("`{other}` is another tool")),
        Called::Done if called(&call(run, &tool["name"], &tool["arguments"]).await) == Called::Done => run
            .violation(
                requirement,
                Violation {
                    message: format!("`{other}` is taken for {}", tool["name"]),
                    expected: "an error: no such tool".into(),
                    got: outcome.to_value().to_string(),
                    span: outcome.span,
                    at_most: None,
                },
            ),
        _ => {}
    }
}

fn swapped(name: &str) -> String {
    let swap = |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
    name.chars().map(swap).collect()
}
