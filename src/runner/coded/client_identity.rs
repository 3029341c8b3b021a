//! What a client calls itself changes nothing (2026-07-28).

use serde_json::json;

use super::Seen;
use super::walk::{key, keys};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::Meta;

const SAME: [&str; 3] = [
    "base.meta.client-info-not-behavioural",
    "base.meta.client-info-not-security",
    "auth.clientinfo.not-security",
];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for list in run.around.survey.things(List::Lists) {
        let text = |member: &str| list[member].as_str().unwrap_or_default().to_owned();
        let (method, member) = (text("method"), text("member"));
        let from = run.session.transcript.last() + 1;
        let names = ["mcp-conform", "another-client", "mcp-conform"];
        let mut pages = Vec::new();
        for name in names {
            pages.push(page(run, &method, &member, name).await);
        }
        match (pages[0] == pages[1], pages[0] == pages[2]) {
            (false, false) => {}
            (is_met, _) => SAME.iter().for_each(|id| {
                let seen = Seen {
                    message: format!("{method} depends on the name of the client"),
                    expected: format!("the same for each client: {}", pages[0].join(", ")),
                    got: pages[1].join(", "),
                    from,
                    at_most: Some(Verdict::Warn),
                };
                super::hold(run, id, is_met, seen);
            }),
        }
    }
    run.rest_unseen("the lists change by themselves, or there are none");
}

async fn page(run: &mut CaseRun<'_>, method: &str, member: &str, name: &str) -> Vec<String> {
    let info = json!({"io.modelcontextprotocol/clientInfo": {"name": name, "version": "1.0"}});
    let meta = Meta::Changed(info.as_object().cloned().unwrap_or_default());
    let patience = run.session.timeout();
    let outcome = run.session.request_with(method, None, &meta, patience).await;
    let page = outcome.result().and_then(|result| result[member].as_array()).cloned().unwrap_or_default();
    let mut names = keys(&page, key(member));
    names.sort();
    names
}
