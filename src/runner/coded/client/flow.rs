//! Following a request that asks for input to its end.

use serde_json::{Value, json};

use super::{End, end};
use crate::protocol::ask;
use crate::runner::interpret::CaseRun;
use crate::session::{Manner, Meta, Outcome};

/// Rounds after which a server that still asks is left alone.
const ROUNDS: usize = 8;
/// The same for a model that uses tools for ever: servers may allow it many rounds.
const LOOPS: usize = 50;

/// A tool, prompt or resource that asks for input.
#[derive(Debug, Clone)]
pub(in crate::runner::coded) struct Primitive {
    pub method: &'static str,
    pub params: Value,
}

impl Primitive {
    /// Its name, for reports.
    pub fn name(&self) -> String {
        let name = if self.method == "resources/read" { &self.params["uri"] } else { &self.params["name"] };
        name.as_str().unwrap_or_default().to_owned()
    }

    /// Asks for it, with other parameters added.
    pub async fn ask(&self, run: &mut CaseRun<'_>, added: &Value) -> Outcome {
        run.ask(self.method, self.with(added)).await
    }

    /// Asks for it as a client that declares exactly these capabilities.
    pub async fn ask_as(&self, run: &mut CaseRun<'_>, capabilities: &Value) -> Outcome {
        let key = "io.modelcontextprotocol/clientCapabilities".to_owned();
        let meta = Meta::Changed([(key, capabilities.clone())].into_iter().collect());
        let patience = run.session.timeout();
        run.session.request_with(self.method, Some(self.params.clone()), &meta, patience).await
    }

    /// Asks for it in a way that no client should.
    pub async fn ask_wrongly(&self, run: &mut CaseRun<'_>, added: &Value) -> Outcome {
        let (_, message) = run.session.compose(self.method, Some(self.with(added)), &Meta::Standard);
        run.session.message(&message, true).await
    }

    /// Its parameters with others added.
    pub fn with(&self, added: &Value) -> Value {
        let mut params = self.params.clone();
        for (name, value) in added.as_object().into_iter().flatten() {
            params[name] = value.clone();
        }
        params
    }
}

/// A request followed to its end.
#[derive(Debug, Clone)]
pub(in crate::runner::coded) struct Flow {
    pub primitive: Primitive,
    /// What was asked, round by round.
    pub rounds: Vec<Value>,
    /// What came at last.
    pub last: Outcome,
}

impl Flow {
    /// The last round of questions.
    pub fn question(&self) -> &Value {
        self.rounds.last().unwrap_or(&Value::Null)
    }

    /// The state that came with it.
    pub fn state(&self) -> Option<&str> {
        self.question()["requestState"].as_str()
    }

    /// What it asks for, round by round, and whether it keeps state: flows that agree in this are much alike.
    pub fn kind(&self) -> String {
        let mut kind = self.primitive.method.to_owned();
        for round in &self.rounds {
            let mut asked: Vec<&str> = requests(round)
                .filter_map(|request| ask::needed(request["method"].as_str()?, &request["params"]))
                .collect();
            asked.sort_unstable();
            kind.push_str(&format!(" {} {}", asked.join("+"), round.get("requestState").is_some()));
        }
        kind
    }

    /// Whether it came to a good end.
    pub fn result(&self) -> Option<Value> {
        match end(&self.last) {
            End::Done(result) => Some(result),
            _ => None,
        }
    }
}

/// The requests inside a result.
pub(in crate::runner::coded) fn requests(interim: &Value) -> impl Iterator<Item = &Value> {
    interim["inputRequests"].as_object().into_iter().flatten().map(|(_, request)| request)
}

/// The answers of a client with this manner to a result that asks for input, as parameters of the retry.
pub(in crate::runner::coded) fn retry(run: &mut CaseRun<'_>, interim: &Value, manner: Manner) -> Value {
    let mut added = json!({});
    if let Some(requests) = interim.get("inputRequests") {
        let client = run.session.client_mut();
        client.manner = manner;
        added["inputResponses"] = client.responses(requests);
        client.manner = Manner::Willing;
    }
    if let Some(state) = interim.get("requestState").filter(|state| state.is_string()) {
        added["requestState"] = state.clone();
    }
    added
}

/// Asks and answers until there is an end.
pub(in crate::runner::coded) async fn follow(
    run: &mut CaseRun<'_>,
    primitive: &Primitive,
    manner: &Manner,
) -> Flow {
    let last = primitive.ask(run, &json!({})).await;
    go_on(run, primitive, last, manner).await
}

/// Answers until there is an end.
pub(in crate::runner::coded) async fn go_on(
    run: &mut CaseRun<'_>,
    primitive: &Primitive,
    mut last: Outcome,
    manner: &Manner,
) -> Flow {
    let mut rounds = Vec::new();
    let most = if *manner == Manner::Looping { LOOPS } else { ROUNDS };
    while let (End::Asks(interim), true) = (end(&last), rounds.len() < most) {
        let added = retry(run, &interim, manner.clone());
        rounds.push(interim);
        last = primitive.ask(run, &added).await;
    }
    Flow { primitive: primitive.clone(), rounds, last }
}

/// Goes through the rounds again up to the last questions, which stay unanswered.
pub(in crate::runner::coded) async fn up_to_last(run: &mut CaseRun<'_>, flow: &Flow) -> Option<Value> {
    let mut last = flow.primitive.ask(run, &json!({})).await;
    for _ in 1..flow.rounds.len() {
        let End::Asks(interim) = end(&last) else { return None };
        let added = retry(run, &interim, Manner::Willing);
        last = flow.primitive.ask(run, &added).await;
    }
    match end(&last) {
        End::Asks(interim) => Some(interim),
        _ => None,
    }
}
