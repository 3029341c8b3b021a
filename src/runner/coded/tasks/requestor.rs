//! The server as the one who asks for tasks: what it does about those that the client runs for it (2025-11-25).

use std::time::Duration;

use serde_json::Value;

use super::{given_up, judge, unaided};
use crate::case::List;
use crate::protocol::{Class, Message};
use crate::runner::call_of;
use crate::runner::coded::SOME;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::{CURSOR, POLL_INTERVAL_MS, Session};

/// Two questions that are less than half of the interval apart do not heed it.
const HASTE: Duration = Duration::from_millis(POLL_INTERVAL_MS / 2);

/// Tools that only a client with tasks is offered.
const MOST: usize = 20;
/// How long a tool is waited for that has made no task of ours.
const SHORT: Duration = Duration::from_secs(1);

/// A task of the client, and what the server asked about it.
pub(super) struct Job {
    pub id: Value,
    pub made: u64,
    pub asked: Vec<Asked>,
}

/// One question, and the state that was shown for it.
pub(super) struct Asked {
    pub seq: u64,
    pub at: Duration,
    pub method: String,
    shown: String,
}

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let mut patient = Vec::new();
    for (tool, is_own) in tools(run) {
        let from = run.session.transcript.last() + 1;
        let reply = call(run, &tool, is_own).await;
        let made = jobs(run.session, from);
        for job in &made {
            heeds_interval(run, job);
            goes_on(run, job);
            fetches_early(run, job);
        }
        cursors(run, from);
        unaided::look(run, &tool, &made, reply.as_ref()).await;
        // Who asks without a pause would do so until it gives up.
        let is_patient = !made.is_empty() && !made.iter().any(Job::is_pressed);
        patient.extend(is_patient.then_some(tool));
    }
    given_up::wait(run, &patient).await;
    run.rest_unseen("no tool that may be called asks for something that the client runs as a task");
}

/// Calls a tool. One that most probably has nothing to do with tasks is soon given up, unless it made one; one whose server does
/// not look after its task is awaited until the server gives up, if its user knows when.
async fn call(run: &mut CaseRun<'_>, tool: &Value, is_own: bool) -> Option<Value> {
    let from = run.session.transcript.last() + 1;
    let begun = run.session.begin("tools/call", Some(call_of(tool)));
    let patience = run.session.timeout();
    let first = if is_own { patience } else { patience.min(SHORT) };
    let is_done = run.session.is_answered(&begun, first).await;
    let is_done = is_done || run.session.is_answered(&begun, rest(run, tool, is_own, from)).await;
    // What comes of a call that we cancel says nothing of the server.
    let reply = run.session.reply_so_far(&begun.id);
    if !is_done {
        run.session.cancel(&begun).await;
    }
    reply
}

/// How much longer a call is awaited that has taken long.
fn rest(run: &CaseRun<'_>, tool: &Value, is_own: bool, from: u64) -> Duration {
    let made = jobs(run.session, from);
    let is_idle = !made.iter().any(Job::is_looked_after);
    match run.around.survey.gives_up(&tool["name"]).filter(|_| is_idle) {
        _ if made.is_empty() => Duration::ZERO,
        Some(end) => end + SHORT,
        None if is_own => Duration::ZERO,
        None => run.session.timeout(),
    }
}

/// Those that only such a client is offered, which is true of them, and some of the others.
fn tools(run: &CaseRun<'_>) -> Vec<(Value, bool)> {
    let plain: Vec<&Value> = run.around.plain.all(List::Tools).map(|tool| &tool["name"]).collect();
    let all = run.around.survey.all(List::CallableTools).cloned();
    let (others, own): (Vec<Value>, Vec<Value>) = all.partition(|tool| plain.contains(&&tool["name"]));
    let own = own.into_iter().map(|tool| (tool, true));
    let others = others.into_iter().map(|tool| (tool, false));
    own.take(MOST).chain(others.take(SOME)).collect()
}

/// The tasks that were made since an entry of the transcript.
pub(super) fn jobs(session: &Session, from: u64) -> Vec<Job> {
    let transcript = &session.transcript;
    let made = transcript.sent().filter(|(entry, _)| entry.seq >= from);
    let tasks = made
        .filter_map(|(entry, reply)| Some((entry.seq, reply.get("result")?["task"].get("taskId")?.clone())));
    let job = |(made, id): (u64, Value)| {
        let since = transcript.received().filter(|(entry, _)| entry.seq > made);
        let about = since
            .filter(|(_, message)| message.class() == Class::Request && message.params()["taskId"] == id);
        let asked = about.map(|(entry, message)| Asked {
            seq: entry.seq,
            at: entry.at,
            method: message.method().unwrap_or_default().to_owned(),
            shown: shown(session, &message),
        });
        Job { id: id.clone(), made, asked: asked.collect() }
    };
    tasks.map(job).collect()
}

/// The state in our reply to the question.
fn shown(session: &Session, question: &Message) -> String {
    let mut sent = session.transcript.sent();
    let reply = sent.find(|(_, reply)| reply.is_reply() && reply.get("id") == question.get("id"));
    let status = reply.and_then(|(_, reply)| Some(reply.get("result")?["status"].as_str()?.to_owned()));
    status.unwrap_or_default()
}

impl Job {
    /// The two questions how it is that are closest to each other, and how far apart they are.
    fn closest(&self) -> Option<(&Asked, &Asked, Duration)> {
        let polls: Vec<&Asked> = self.asked.iter().filter(|asked| asked.method == "tasks/get").collect();
        let pairs = polls.windows(2).map(|pair| (pair[0], pair[1], pair[1].at - pair[0].at));
        pairs.min_by_key(|(.., gap)| *gap)
    }

    /// Whether the server has asked how it is, or what came of it.
    pub(super) fn is_looked_after(&self) -> bool {
        self.asked.iter().any(|asked| matches!(asked.method.as_str(), "tasks/get" | "tasks/result"))
    }

    fn is_pressed(&self) -> bool {
        self.closest().is_some_and(|(.., gap)| gap < HASTE)
    }
}

fn heeds_interval(run: &mut CaseRun<'_>, job: &Job) {
    let Some((first, second, gap)) = job.closest() else { return };
    judge(run, "tasks.requestor-polls-sanely", gap >= HASTE, || Violation {
        message: format!("the server asked again for {} after {} ms", job.id, gap.as_millis()),
        expected: format!("about {POLL_INTERVAL_MS} ms between two questions, as the client asks for"),
        got: format!("{} ms", gap.as_millis()),
        span: (first.seq, second.seq),
        at_most: None,
    });
}

/// Until the end is shown, or the result fetched.
fn goes_on(run: &mut CaseRun<'_>, job: &Job) {
    let is_end = |asked: &Asked| asked.method != "tasks/get" || asked.shown == "completed";
    let last = job.asked.last().map_or(job.made, |asked| asked.seq);
    judge(run, "tasks.requestor-polls-to-end", job.asked.iter().any(is_end), || Violation {
        message: format!("the server lost sight of {}, a task of the client that goes on", job.id),
        expected: "tasks/get until the end, or tasks/result".into(),
        got: format!("{} questions about it", job.asked.len()),
        span: (job.made, last),
        at_most: None,
    });
}

/// What waits for input gets it when the result is asked for.
fn fetches_early(run: &mut CaseRun<'_>, job: &Job) {
    let Some(at) = job.asked.iter().position(|asked| asked.shown == "input_required") else { return };
    let Some(next) = job.asked.get(at + 1) else { return };
    judge(run, "tasks.requestor-input-required", next.method != "tasks/get", || Violation {
        message: format!("the server saw that {} waits for input, and asked how it is once more", job.id),
        expected: "tasks/result, once the task waits for input".into(),
        got: next.method.clone(),
        span: (job.asked[at].seq, next.seq),
        at_most: None,
    });
}

fn cursors(run: &mut CaseRun<'_>, from: u64) {
    let received = run.session.transcript.received().filter(|(entry, _)| entry.seq >= from);
    let lists = received
        .filter(|(_, message)| message.class() == Class::Request && message.method() == Some("tasks/list"));
    let given: Vec<(u64, Value)> = lists
        .filter_map(|(entry, message)| Some((entry.seq, message.params().get("cursor")?.clone())))
        .filter(|(_, cursor)| !cursor.is_null())
        .collect();
    for (seq, cursor) in given {
        judge(run, "tasks.requestor-opaque-cursor", cursor == CURSOR, || Violation {
            message: "the server asks for a page of the client's tasks with a cursor that it made up".into(),
            expected: format!("the cursor {CURSOR:?}, as it was handed out"),
            got: cursor.to_string(),
            span: (seq, seq),
            at_most: None,
        });
    }
}
