//! A server finds out by itself how the tasks of the client go, as nobody need tell it (2025-11-25).

use std::time::Duration;

use serde_json::Value;

use super::met;
use super::requestor::{Job, jobs};
use crate::catalogue::Verdict;
use crate::runner::call_of;
use crate::runner::interpret::CaseRun;
use crate::runner::note::Violation;
use crate::session::Session;

const ID: &str = "tasks.requestor-not-relying-on-notifications";
/// How soon a server looks once it was told that the task has ended.
const SOON: Duration = Duration::from_secs(1);

/// Looks at the tasks that a call made; nothing was told of them. If nobody asked for them, the call is made again, and their
/// end told: who asks now has waited for that.
pub(super) async fn look(run: &mut CaseRun<'_>, tool: &Value, made: &[Job], untold: Option<&Value>) {
    let Some(first) = made.first() else { return };
    if made.iter().any(Job::is_looked_after) {
        return met(run, ID);
    }
    let from = run.session.transcript.last() + 1;
    let begun = run.session.begin("tools/call", Some(call_of(tool)));
    run.session.wait_until(SOON, |session| !jobs(session, from).is_empty()).await;
    let ids: Vec<Value> = jobs(run.session, from).into_iter().map(|job| job.id).collect();
    ids.iter().for_each(|id| run.session.complete_task(id));
    let is_asked = |session: &Session| jobs(session, from).iter().any(Job::is_looked_after);
    let relied = run.session.wait_until(SOON, is_asked).await;
    run.session.await_or_cancel(&begun, SOON).await;
    if relied {
        let told = run.session.reply_so_far(&begun.id);
        // A call that fails untold and succeeds once the end is told leaves no doubt; else the server may be slow to ask.
        let is_sure = untold.is_some_and(has_failed) && told.is_some_and(|reply| !has_failed(&reply));
        relies(run, first, from, (!is_sure).then_some(Verdict::Warn));
    }
}

fn has_failed(reply: &Value) -> bool {
    reply.get("error").is_some() || reply["result"]["isError"] == true
}

fn relies(run: &mut CaseRun<'_>, untold: &Job, from: u64, at_most: Option<Verdict>) {
    let Some(requirement) = run.judged(ID) else { return };
    let violation = Violation {
        message: format!(
            "the server did not ask for {}, but asked for another task at once when its end was told",
            untold.id
        ),
        expected: "tasks/get or tasks/result, whether or not anything is told".into(),
        got: "no question about the task of which nothing was told".into(),
        span: (from, run.session.transcript.last()),
        at_most,
    };
    run.violation(requirement, violation);
}
