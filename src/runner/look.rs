//! Looking at a server without judging it: what it offers in each revision, and what it answers to one call.

use std::sync::Arc;

use serde_json::{Value, json};

use super::plan::Plan;
use super::run::{problem, reach};
use super::survey::Survey;
use crate::protocol::Revision;
use crate::session::{Session, Transcript};

/// One request that the user wants to be made.
#[derive(Debug, Clone)]
pub struct Question {
    /// The method.
    pub method: &'static str,
    /// Its parameters.
    pub params: Value,
}

impl Question {
    /// A call of a tool.
    pub fn call(tool: &str, arguments: Value) -> Self {
        Self { method: "tools/call", params: json!({"name": tool, "arguments": arguments}) }
    }

    /// Reading a resource.
    pub fn read(uri: &str) -> Self {
        Self { method: "resources/read", params: json!({"uri": uri}) }
    }

    /// Getting a prompt.
    pub fn get(prompt: &str, arguments: Value) -> Self {
        Self { method: "prompts/get", params: json!({"name": prompt, "arguments": arguments}) }
    }
}

/// A question with what came of it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The question.
    pub question: Question,
    /// The whole reply; null when none came.
    pub reply: Value,
    /// Why no reply came.
    pub problem: Option<String>,
}

/// What a server offers in one revision.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The revision.
    pub revision: Revision,
    /// The revisions that the server says that it speaks; empty where the era does not tell.
    pub versions: Vec<String>,
    /// `server`, `capabilities`, `instructions` and the lists; what is not offered is absent.
    pub surface: Arc<Value>,
    /// Time from launch to the first reply, in milliseconds.
    pub startup_ms: u64,
    /// What was asked, in the newest revision only.
    pub answers: Vec<Answer>,
    /// Everything that crossed the wire.
    pub transcript: Transcript,
}

/// Looks at the server in each revision that the plan chooses, newest first; the questions are asked in the first one.
/// The error says why there is nothing to see.
pub async fn look(plan: &Plan, questions: &[Question]) -> Result<Vec<Offer>, String> {
    let (older, sessions, failures) = reach(plan).await;
    let plan = older.as_ref().unwrap_or(plan);
    let why = problem(plan, &sessions, &failures);
    let mut offers = Vec::new();
    for session in sessions {
        let asked = if offers.is_empty() { questions } else { &[] };
        offers.push(offer(plan, session, asked).await);
    }
    match offers.is_empty() {
        true => Err(why.unwrap_or_else(|| "the server speaks no revision of MCP".to_owned())),
        false => Ok(offers),
    }
}

async fn offer(plan: &Plan, mut session: Session, questions: &[Question]) -> Offer {
    let survey = Survey::take(&mut session, &plan.policy).await;
    let mut answers = Vec::new();
    for question in questions {
        answers.push(ask(plan, &mut session, question).await);
    }
    Offer {
        revision: session.revision,
        versions: session.server.versions.clone(),
        surface: survey.surface().clone(),
        startup_ms: session.transcript.startup_ms(),
        answers,
        transcript: session.finish().await,
    }
}

async fn ask(plan: &Plan, session: &mut Session, question: &Question) -> Answer {
    let outcome = session.request(question.method, Some(question.params.clone())).await;
    let reply = outcome.reply.map(crate::protocol::Message::into_value).unwrap_or_default();
    let problem = reply.is_null().then(|| {
        let waited = plan.options.timeout;
        let silence = || format!("no reply within {waited:?} (a slow call needs --timeout)");
        outcome
            .failed
            .clone()
            .or_else(|| outcome.died.clone())
            .or_else(|| session.dead())
            .unwrap_or_else(silence)
    });
    Answer { question: question.clone(), reply, problem }
}
