//! Judging recorded traffic: the always-on rules and wire schemas, without a server.

use serde_json::Value;

use super::check::Check;
use super::event::{Event, Finished, RunFinished, RunStarted, Started, TargetInfo};
use super::evidence::{self, Secrets};
use super::exit::ExitCode;
use super::plan::fails;
use super::run::now;
use crate::catalogue::{Verdict, requirement};
use crate::protocol::Revision;
use crate::rule::{self, Context, Finding};
use crate::session::Transcript;

/// Judges a transcript: the events to tell, and the end.
pub fn judge_transcript(transcript: &Transcript, file: &str, strict: bool) -> (Vec<Event>, Finished) {
    let context = Context::new(transcript);
    let findings = rule::judge(&context);
    let transport = if transcript.http || transcript.legacy { "http" } else { "stdio" };
    let target = TargetInfo { transport, command: Vec::new(), url: None, config: None };
    let revision = transcript.revision;
    let rerun = format!("mcp-conform judge {file} --revision {revision}");
    let mut checks = Vec::new();
    for kept in findings.observations() {
        let violated = |f: &Finding| f.check == kept.check && f.requirement == kept.requirement;
        if !findings.violations.iter().any(violated) {
            let mut check = plain(&kept.check, kept.requirement, revision, &rerun);
            check.observations = kept.kept;
            checks.push(check);
        }
    }
    for finding in &findings.violations {
        checks.push(Check {
            verdict: finding.verdict,
            message: finding.message.clone(),
            expected: Some(finding.expected.clone()),
            got: Some(evidence::bounded(&finding.got)),
            wire: evidence::entries(transcript, &finding.entries, &Secrets::default()),
            ..plain(&finding.check, finding.requirement, revision, &rerun)
        });
    }
    let exit = match () {
        () if checks.iter().any(|check| fails(check.verdict, strict)) => ExitCode::Findings,
        () if checks.is_empty() => ExitCode::Inconclusive,
        () => ExitCode::Clean,
    };
    let begun = RunStarted {
        name: None,
        revision,
        transport,
        server: Value::Null,
        capabilities: context.server.clone().unwrap_or_default(),
        startup_ms: 0,
        planned: checks.len(),
    };
    let mut events = vec![Event::Started(Started { seed: 0, at: now(), target }), Event::RunStarted(begun)];
    events.extend(checks.into_iter().map(|check| Event::Checked(Box::new(check))));
    events.push(Event::RunFinished(RunFinished { spawns: 0, duration_ms: 0 }));
    (events, Finished { duration_ms: 0, exit, problem: None })
}

fn plain(check: &str, id: &str, revision: Revision, rerun: &str) -> Check {
    let requirement = requirement(id);
    Check {
        id: check.to_owned(),
        requirement: id.to_owned(),
        level: requirement.map_or(crate::catalogue::Level::Must, |requirement| requirement.level),
        verdict: Verdict::Pass,
        observations: 1,
        message: "as it must be".to_owned(),
        expected: None,
        got: None,
        spec: requirement.and_then(|r| r.link(revision)).map(|link| link.url()).unwrap_or_default(),
        case: None,
        wire: Vec::new(),
        stderr: None,
        blocked_by: None,
        rerun: rerun.to_owned(),
    }
}
