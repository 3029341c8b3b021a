//! Tools that send requests to the client while they are called (handshake era): answered in every way that a client may.

use std::time::Duration;

use serde_json::{Value, json};

use super::outcomes::{compare, nonsense_message};
use super::{End, answered, complains, end, kept, roots, silence, violated};
use crate::case::List;
use crate::protocol::{Message, code};
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Outcome, Session, can_misfill};

const FINISHES: &str = "client-features.originating-call-finishes";
const TOLERATED: &str = "client-features.malformed-result-tolerated";
const DECLINED: &str = "elicitation.outcomes-handled";
const VALIDATED: [&str; 2] = ["elicitation.both-validate", "elicitation.server-validates"];
const CONTENT: &str = "sampling.content-validated";
const LOOP: &str = "sampling.tool-loop-limited";

/// How long a slow tool may take to ask for something.
const SOON: Duration = Duration::from_secs(2);
/// Tools called, and tools looked at closely.
const MOST: usize = 40;
const CLOSELY: usize = 8;
/// From so many rounds on, a loop counts as one without end.
const LOOPS: usize = 50;

/// A call during which the server asked the client for something.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub tool: Value,
    /// The requests of the server: `{method, params}`.
    pub wishes: Vec<Value>,
    pub outcome: Outcome,
}

impl Asking {
    pub fn name(&self) -> &str {
        self.tool["name"].as_str().unwrap_or_default()
    }

    pub fn asks_for(&self, method: &str) -> bool {
        self.wishes.iter().any(|wish| wish["method"] == method)
    }
}

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let tools: Vec<Value> = run.around.survey.all(List::CallableTools).take(MOST).cloned().collect();
    let mut asking = Vec::new();
    for tool in tools {
        if let Some(call) = asks(run, &tool).await {
            asking.push(call);
        }
    }
    roots::look(run, &asking).await;
    if let Some(call) = asking.first() {
        silence::tokens(run, call).await;
    }
    for call in asking.iter().filter(|call| end(&call.outcome) != End::Silent).take(CLOSELY) {
        closely(run, call).await;
    }
    run.rest_unseen("no tool that may be called asked the client for anything");
}

/// Calls a tool, and again if something was asked meanwhile: what comes by chance does not come twice.
async fn asks(run: &mut CaseRun<'_>, tool: &Value) -> Option<Asking> {
    let first = call(run, tool, Manner::Willing).await;
    if first.wishes.is_empty() {
        return None;
    }
    if run.around.survey.is_slow(&tool["name"]) {
        return asks_soon(run, tool).await.then_some(first);
    }
    let second = call(run, tool, Manner::Willing).await;
    (!second.wishes.is_empty()).then_some(second)
}

/// Whether a tool that is slow asks for something soon; the end of the call is not awaited once more.
async fn asks_soon(run: &mut CaseRun<'_>, tool: &Value) -> bool {
    let begun = silence::begin(run, tool);
    let asks = |session: &Session| !silence::questions(session, begun.from).is_empty();
    let is_asking = run.session.wait_until(SOON, asks).await;
    run.session.cancel(&begun).await;
    is_asking
}

/// Calls a tool as a client with this manner.
pub(super) async fn call(run: &mut CaseRun<'_>, tool: &Value, manner: Manner) -> Asking {
    let from = run.session.transcript.last();
    run.session.client_mut().manner = manner;
    let params = call_of(tool);
    let outcome = run.ask("tools/call", params).await;
    run.session.client_mut().manner = Manner::Willing;
    Asking { tool: tool.clone(), wishes: wishes(run, from), outcome }
}

/// What the server asked the client after an entry of the transcript.
pub(super) fn wishes(run: &CaseRun<'_>, from: u64) -> Vec<Value> {
    let wish = |question: &Message| Some(json!({"method": question.method()?, "params": question.params()}));
    silence::questions(run.session, from).iter().filter_map(wish).collect()
}

async fn closely(run: &mut CaseRun<'_>, asking: &Asking) {
    if run.session.dead().is_some() || !refused(run, asking).await || !careless(run, asking).await {
        return;
    }
    if asking.asks_for("elicitation/create") && declined(run, asking).await {
        misfilled(run, asking).await;
    }
    if asking.asks_for("sampling/createMessage") {
        let listed = call(run, &asking.tool, Manner::Listing).await;
        compare(run, asking.name(), &asking.outcome, &listed.outcome);
        let nonsense = call(run, &asking.tool, Manner::Careless(nonsense_message())).await;
        answered(run, CONTENT, &nonsense.outcome, "content of an unknown kind");
        tools(run, asking).await;
    }
}

/// The client refuses: the call still comes to an end.
async fn refused(run: &mut CaseRun<'_>, asking: &Asking) -> bool {
    for code in [code::METHOD_NOT_FOUND, code::INVALID_PARAMS, code::INTERNAL_ERROR, -1] {
        let refused = call(run, &asking.tool, Manner::Refusing(code)).await;
        if !answered(run, FINISHES, &refused.outcome, &format!("the client refused with {code}")) {
            return false;
        }
    }
    true
}

/// The client answers with nonsense.
async fn careless(run: &mut CaseRun<'_>, asking: &Asking) -> bool {
    let long = "x".repeat(100_000);
    for answer in [json!({}), json!({"action": "maybe", "content": 7, "roots": 7}), json!({"action": long})] {
        let careless = call(run, &asking.tool, Manner::Careless(answer)).await;
        if !answered(run, TOLERATED, &careless.outcome, "an answer that breaks its schema") {
            return false;
        }
    }
    true
}

async fn declined(run: &mut CaseRun<'_>, asking: &Asking) -> bool {
    for (manner, words) in [(Manner::Declining, "a decline"), (Manner::Cancelling, "a cancel")] {
        let declined = call(run, &asking.tool, manner).await;
        if !answered(run, DECLINED, &declined.outcome, words) {
            return false;
        }
    }
    true
}

async fn misfilled(run: &mut CaseRun<'_>, asking: &Asking) {
    let can = |wish: &Value| can_misfill(&wish["params"]["requestedSchema"]);
    if !asking.wishes.iter().any(can) {
        return;
    }
    let misfilled = call(run, &asking.tool, Manner::Misfilling).await;
    let asked_again = misfilled.wishes.len() > asking.wishes.len();
    for id in VALIDATED {
        match end(&misfilled.outcome) {
            End::Done(result) if complains(&result) => {}
            End::Done(_) if !asked_again => violated(
                run,
                id,
                format!("`{}` takes content that its own schema forbids", asking.name()),
                "an error, or another question",
                &misfilled.outcome,
            ),
            End::Silent => {}
            _ => kept(run, id, format!("`{}` refuses content that its schema forbids", asking.name())),
        }
    }
}

/// A model that uses tools, once and for ever; a rule watches how it is answered.
async fn tools(run: &mut CaseRun<'_>, asking: &Asking) {
    if !asking.wishes.iter().any(|wish| wish["params"]["tools"].is_array()) {
        return;
    }
    call(run, &asking.tool, Manner::UsingTools).await;
    let looping = call(run, &asking.tool, Manner::Looping).await;
    match (looping.wishes.len() < LOOPS, end(&looping.outcome)) {
        (true, End::Silent) => {}
        (true, _) => kept(run, LOOP, format!("`{}` ends the loop", asking.name())),
        (false, _) => violated(
            run,
            LOOP,
            format!("`{}` still goes on after {LOOPS} rounds with tools", asking.name()),
            "an end to the loop",
            &looping.outcome,
        ),
    }
}
