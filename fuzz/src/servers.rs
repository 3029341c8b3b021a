//! Whole conversations: with a server that says anything at all, and with the reference server.

use std::sync::Arc;
use std::time::Duration;

use mcp_conform::fuzz::Probe;
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{Settings, serve_stream};
use mcp_conform::rule;
use mcp_conform::session::{Options, Session, Transcript};
use mcp_conform::transport::{MemoryServer, Target};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// A session survives whatever its peer says, comes to an end, and its transcript can be judged. Bytes are the answers, one
/// to each line; `!` in them stands for the newest id.
pub fn session(bytes: &[u8]) {
    let Some((first, script)) = bytes.split_first() else { return };
    let revision = Revision::ALL[usize::from(*first) % Revision::ALL.len()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let target = Target::Memory(peer(script.into()));
        let transcript = converse(&target, revision).await;
        let _ = rule::judge(&rule::Context::new(&transcript));
    });
}

async fn converse(target: &Target, revision: Revision) -> Transcript {
    let options = Options { timeout: Duration::from_secs(1), ..Options::default() };
    let mut session = match Session::open(target, revision, &options).await {
        Ok(session) => session,
        Err(failure) => return failure.transcript,
    };
    session.request("tools/list", None).await;
    session.together(&[("resources/list".to_owned(), None), ("prompts/list".to_owned(), None)]).await;
    session.notify("notifications/roots/list_changed", None).await;
    session.fence().await;
    session.finish().await
}

fn peer(script: Arc<[u8]>) -> MemoryServer {
    MemoryServer::new(move |input, mut output, _| {
        let script = script.clone();
        async move {
            let mut answers = script.split(|byte| *byte == 0);
            let mut lines = BufReader::new(input).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let Some(answer) = answers.next() else { continue };
                let asked: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                let id = asked["id"].to_string();
                let pieces: Vec<&[u8]> = answer.split(|byte| *byte == b'!').collect();
                if output.write_all(&pieces.join(id.as_bytes())).await.is_err() {
                    break;
                }
            }
            0
        }
    })
}

/// The reference server obeys the rules whatever it is sent: coverage of both is the guide. The first byte chooses the
/// revision.
pub fn reference(bytes: &[u8]) {
    thread_local! {
        static PROBES: Vec<Probe> = Revision::ALL.iter().map(|revision| probe(*revision)).collect();
    }
    let Some((first, script)) = bytes.split_first() else { return };
    PROBES.with(|probes| probes[usize::from(*first) % probes.len()].check(script));
}

fn probe(revision: Revision) -> Probe {
    let settings = Arc::new(Settings::default());
    let server = MemoryServer::new(move |input, output, stderr| {
        let settings = settings.clone();
        async move { serve_stream(settings, input, output, |text| stderr.push(text.as_bytes())).await }
    });
    Probe::new(server, revision).expect("the reference server speaks every revision")
}
