//! A failure inside the server is told as one.

use serde_json::Value;

use super::Seen;
use crate::catalogue::Verdict;
use crate::protocol::code;
use crate::runner::interpret::CaseRun;
use crate::session::Outcome;

const ID: &str = "base.errors.internal-error";
/// What says that the request was wrong, which it was not.
const BLAME: [i64; 3] = [code::PARSE_ERROR, code::INVALID_REQUEST, code::METHOD_NOT_FOUND];

pub(super) async fn run(run: &mut CaseRun<'_>) {
    for request in run.around.survey.failing() {
        let method = request["method"].as_str().unwrap_or_default();
        let outcome = run.ask(method, request["params"].clone()).await;
        if let Some((got, worst)) = wrong(&outcome) {
            tell(run, request, got, worst, &outcome);
        } else if let (Some(code::INTERNAL_ERROR), Some(requirement)) = (outcome.code(), run.judged(ID)) {
            run.note(requirement, Verdict::Pass, format!("{method} fails with -32603"));
        }
        if outcome.died.is_some() {
            break;
        }
    }
    run.rest_unseen("what is said to fail was not answered, or turned away by HTTP");
}

/// What is wrong about the answer of a handler that fails, and how bad that is at most.
fn wrong(outcome: &Outcome) -> Option<(String, Option<Verdict>)> {
    if let (true, Some(why)) = (outcome.is_none(), &outcome.died) {
        return Some((why.clone(), None));
    }
    let doubtful = Some(Verdict::Warn);
    match (outcome.code(), outcome.result(), outcome.status) {
        (Some(code::INTERNAL_ERROR), ..) => None,
        _ if super::is_limited(outcome) || outcome.is_turned_away() => None,
        (Some(code), ..) if BLAME.contains(&code) => {
            Some((format!("{code}, which blames the request"), None))
        }
        (Some(code), ..) => Some((format!("the code {code}"), doubtful)),
        (None, Some(_), _) => Some(("a result".to_owned(), doubtful)),
        (None, None, Some(status)) if status >= 500 => {
            Some((format!("HTTP {status} without a reply"), doubtful))
        }
        _ => None,
    }
}

fn tell(run: &mut CaseRun<'_>, request: &Value, got: String, at_most: Option<Verdict>, outcome: &Outcome) {
    let params = &request["params"];
    let name = if params["uri"].is_null() { &params["name"] } else { &params["uri"] };
    let method = request["method"].as_str().unwrap_or_default();
    let seen = Seen {
        message: format!("{method} of {name}, whose handler fails, gives no internal error"),
        expected: "an error with the code -32603".into(),
        got,
        from: outcome.span.0,
        at_most,
    };
    super::hold(run, ID, false, seen);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Message;
    use serde_json::json;

    fn worst(reply: Value) -> Option<Option<Verdict>> {
        let reply = Message::from_value(reply);
        wrong(&Outcome { reply, ..Outcome::default() }).map(|(_, worst)| worst)
    }

    #[test]
    fn only_what_blames_the_request_or_breaks_off_is_surely_wrong() {
        let error = |code: i64| json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "x"}});
        assert_eq!(worst(error(-32603)), None);
        assert_eq!(worst(error(-32601)), Some(None));
        for code in [0, 500, -32002, -32602, -32000] {
            assert_eq!(worst(error(code)), Some(Some(Verdict::Warn)), "{code}");
        }
        assert_eq!(worst(json!({"jsonrpc": "2.0", "id": 1, "result": {}})), Some(Some(Verdict::Warn)));
        let dead = Outcome { died: Some("the server process ended".into()), ..Outcome::default() };
        assert_eq!(wrong(&dead).map(|(_, worst)| worst), Some(None));
        assert_eq!(wrong(&Outcome { status: Some(401), ..Outcome::default() }), None);
    }
}
