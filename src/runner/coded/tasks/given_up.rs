//! Tasks of the client that never end: the server gives up on them, and does not come back to what it cancelled (2025-11-25).

use std::time::Duration;

use serde_json::Value;

use super::judge;
use super::requestor::{Job, jobs};
use crate::catalogue::Verdict;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::{Manner, POLL_INTERVAL_MS, Session};

const ID: &str = "tasks.requestor-cancelled-not-retained";
const HINT: &str = "the situation needs a tool that asks the client for something as a task, with `[tools.NAME] gives_up = \"10s\"` in \
                    the profile: how long its server waits";
/// How long after the patience of a server its end may be told.
const SOON: Duration = Duration::from_millis(500);
/// Long enough for a server that asks on to do so several times.
const LONG: Duration = Duration::from_millis(POLL_INTERVAL_MS * 5);
/// A question that comes so soon after our last answer may have been under way before.
const CROSSING: Duration = Duration::from_millis(100);
/// So often a server may ask for what it knows to be gone.
const FEW: usize = 2;

/// Calls a tool whose server asks for something as a task, and lets that task work until the server gives up.
pub(super) async fn wait(run: &mut CaseRun<'_>, tools: &[Value]) {
    let known = |tool: &Value| Some((tool.clone(), run.around.survey.gives_up(&tool["name"])?));
    if let Some((tool, patience)) = tools.iter().find_map(known) {
        let from = run.session.transcript.last() + 1;
        run.session.client_mut().manner = Manner::Stalling;
        let begun = run.session.begin("tools/call", Some(call_of(&tool)));
        run.session.is_answered(&begun, patience + SOON).await;
        run.session.wait_until(SOON, |session| cancelled(session, from).is_some()).await;
        if let Some(job) = cancelled(run.session, from) {
            run.session.wait_for(LONG, |_| false).await;
            clings(run, from, &job);
        }
        run.session.client_mut().manner = Manner::Willing;
        run.session.await_or_cancel(&begun, Duration::ZERO).await;
    }
    if let Some(requirement) = run.judged(ID).filter(|_| !run.is_observed(ID)) {
        run.note(requirement, Verdict::NotObserved, HINT);
    }
}

/// A task that the server has cancelled since an entry of the transcript.
fn cancelled(session: &Session, from: u64) -> Option<Job> {
    jobs(session, from).into_iter().find(|job| job.asked.iter().any(|asked| asked.method == "tasks/cancel"))
}

/// What is asked about a task long after its end was confirmed, and its loss told.
fn clings(run: &mut CaseRun<'_>, from: u64, cancelled: &Job) {
    let Some(job) = jobs(run.session, from).into_iter().find(|job| job.id == cancelled.id) else { return };
    let since = job.asked.iter().skip_while(|asked| asked.method != "tasks/cancel");
    let times: Vec<(u64, Duration)> = since.map(|asked| (asked.seq, asked.at)).collect();
    let late = times.windows(2).filter(|pair| pair[1].1 - pair[0].1 >= CROSSING).count();
    // The first of them is how the server learns that the task is gone.
    judge(run, ID, late <= FEW + 1, || Violation {
        message: format!("the server asks on for {}, which it cancelled and which is gone", job.id),
        expected: "no more questions, once the server was told that there is no such task".into(),
        got: format!("{late} questions after tasks/cancel"),
        span: (times[0].0, times[times.len() - 1].0),
        at_most: None,
    });
}
