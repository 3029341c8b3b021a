//! Judging the reference server in this process.

#![allow(dead_code)]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mcp_conform::case::{self, Case};
use mcp_conform::catalogue::Verdict;
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{
    self, CLIENT, CONSENT, Fault, OTHER_CLIENT, REDIRECT, REFRESH, Settings, TOKENS,
};
pub use mcp_conform::runner::in_memory;
use mcp_conform::runner::{
    Check, Choice, Documents, Event, Finished, Handle, Plan, Policy, Profile, PromptProfile, Refresh,
    ResourceProfile, Tokens, ToolProfile, Tools, run,
};
use mcp_conform::session::Options;
use mcp_conform::transport::{Command, Endpoint, Target};
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

/// A plan that judges everything, with every tool allowed.
pub fn plan(target: Target, revision: Revision) -> Plan {
    Plan {
        options: Options { timeout: Duration::from_secs(5), ..Options::default() },
        revisions: Choice::Pinned(vec![revision]),
        policy: Policy { tools: Tools::All, profile: profile() },
        ..Plan::of(target, cases().to_vec())
    }
}

/// The built-in cases, loaded once.
pub fn cases() -> &'static [Case] {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| case::builtin().expect("built-in cases load"));
    &CASES
}

/// What a user of the reference server would tell about it.
fn profile() -> Profile {
    let slow = ToolProfile { slow: Some(json!({"steps": 12})), ..ToolProfile::default() };
    let log =
        ToolProfile { arguments: Some(json!({"level": "error", "text": "test"})), ..ToolProfile::default() };
    let asks = ToolProfile { gives_up: Some(Duration::from_secs(6)), ..ToolProfile::default() };
    let later = asks.clone();
    let tools = [("slow", slow), ("log", log), ("ask-later", later), ("ask-roots", asks)];
    let tools = tools.into_iter().chain(personal()).map(|(name, tool)| (name.to_owned(), tool));
    Profile {
        tools: tools.collect(),
        prompts: [("broken".to_owned(), PromptProfile { fails: true, ..PromptProfile::default() })].into(),
        resources: resources(),
        ..Profile::default()
    }
}

/// What he would tell about the tools that are offered on demand. They are called only for that.
fn personal() -> impl Iterator<Item = (&'static str, ToolProfile)> {
    let at = "/structuredContent/id".to_owned();
    let handle = Handle { at, tool: "see-cart".to_owned(), argument: "cart".to_owned() };
    let plain = ToolProfile { allow: Some(false), ..ToolProfile::default() };
    let reads = Some("path".to_owned());
    let tools = [
        ("open-cart", ToolProfile { handle: Some(handle), ..plain.clone() }),
        ("nickname", ToolProfile { remembers: true, ..plain.clone() }),
        ("whoami", ToolProfile { identity: true, ..plain.clone() }),
        ("redeem", ToolProfile { once: true, ..plain.clone() }),
        ("read-file", ToolProfile { reads, ..plain }),
    ];
    tools.into_iter()
}

/// What a user would tell about its resources.
fn resources() -> ResourceProfile {
    let outside = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/outside.txt");
    let outside = url::Url::from_file_path(outside).expect("an absolute path");
    let failing = Some("memo://broken".to_owned());
    ResourceProfile { outside: Some(outside), failing, fetch: true }
}

/// Runs a plan: its checks and its end.
pub async fn judge(plan: &Plan) -> (Vec<Check>, Finished) {
    let (events, mut incoming) = unbounded_channel();
    let (finished, _) = run(plan, &events).await;
    drop(events);
    let mut checks = Vec::new();
    while let Some(event) = incoming.recv().await {
        if let Event::Checked(check) = event {
            checks.push(*check);
        }
    }
    (checks, finished)
}

/// The reference server over HTTP on the loopback interface.
pub async fn over_http(mut settings: Settings) -> Target {
    // Here time passes: a job is to be cancelled before its end, also on a busy machine.
    settings.options.job.get_or_insert(Duration::from_millis(300));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let is_protected = is_protected(&settings);
    tokio::spawn(reference::serve_http(Arc::new(settings), listener));
    // A name, so that its letters can be tested.
    let host = if is_protected { format!("localhost:{}", address.port()) } else { address.to_string() };
    let url = format!("http://{host}/mcp").parse().expect("a URL");
    let credentials = ("Authorization".to_owned(), format!("Bearer {}", TOKENS[0].text));
    Target::Http(Endpoint { url, headers: Vec::from_iter(is_protected.then_some(credentials)), host: None })
}

fn is_protected(settings: &Settings) -> bool {
    settings.options.authorization == Some(true)
}

/// The tokens of the reference server, as its user would give them.
fn tokens(target: &Target) -> Tokens {
    let token = |variable| {
        let known = TOKENS.iter().find(|token| token.variable == variable);
        Some(known.unwrap_or_else(|| panic!("no token {variable}")).text.to_owned())
    };
    let callback = match target {
        Target::Http(endpoint) => endpoint.url.join("/callback").ok().map(String::from),
        _ => None,
    };
    Tokens {
        expired: token("MCP_TOKEN_EXPIRED"),
        foreign: token("MCP_TOKEN_FOREIGN"),
        narrow: token("MCP_TOKEN_NARROW"),
        widened: token("MCP_TOKEN_WIDENED"),
        broad: token("MCP_TOKEN_BROAD"),
        other_user: token("MCP_TOKEN_OTHER_USER"),
        refresh: Some(Refresh::new(REFRESH.text.to_owned())),
        client_id: Some(CLIENT.to_owned()),
        redirect_uri: Some(REDIRECT.to_owned()),
        register: true,
        proxy: true,
        other_client_id: Some(OTHER_CLIENT.to_owned()),
        consent_cookie: Some(CONSENT.text.to_owned()),
        callback,
        documents: Some(Documents {
            url: "http://127.0.0.1:{port}".to_owned(),
            listen: ([127, 0, 0, 1], 0).into(),
        }),
    }
}

/// Which cases are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Those that judge a requirement.
    Requirement(&'static str),
    /// Those that judge a requirement of the same area: `tools` is what begins with `tools.`.
    Area(&'static str),
    /// Those that list and call what the server offers.
    Surface,
    /// All.
    Whole,
}

impl Scope {
    /// Whether a case is run.
    pub fn includes(self, case: &Case) -> bool {
        case.requirements().iter().any(|requirement| match self {
            Self::Requirement(id) => requirement.id == id,
            Self::Area(id) => area(&requirement.id) == area(id),
            Self::Surface => ["tools", "resources", "prompts"].contains(&area(&requirement.id)),
            Self::Whole => true,
        })
    }
}

fn area(id: &str) -> &str {
    id.split('.').next().unwrap_or_default()
}

/// Judges the reference server in memory; time passes only when nothing happens.
pub fn judge_in_memory(settings: Settings, revision: Revision, scope: Scope) -> (Vec<Check>, Finished) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let mut plan = plan(in_memory(settings), revision);
        plan.cases.retain(|case| scope.includes(case));
        judge(&plan).await
    })
}

/// Where time passes, nobody waits until the server gives up, unless its patience is what a fault or quirk is about.
fn wait_where_it_matters(profile: &mut Profile, patience: Option<Duration>) {
    const SHORT: Duration = Duration::from_secs(2);
    profile.tools.retain(|_, tool| tool.gives_up.is_none() || patience.is_some());
    profile.tools.values_mut().for_each(|tool| tool.gives_up = tool.gives_up.map(|_| SHORT));
}

/// Judges the reference server over HTTP.
pub fn judge_over_http(
    settings: Settings,
    revision: Revision,
    scope: Scope,
    timeout: Duration,
) -> (Vec<Check>, Finished) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let fetches_icons = settings.options.icons.is_some();
        let patience = settings.options.patience;
        let is_protected = is_protected(&settings);
        let mut plan = plan(over_http(settings).await, revision);
        if is_protected {
            plan.policy.profile.authorization = tokens(&plan.target);
        }
        plan.policy.profile.icons.fetched = fetches_icons;
        plan.cases.retain(|case| scope.includes(case));
        wait_where_it_matters(&mut plan.policy.profile, patience);
        plan.options.timeout = timeout;
        judge(&plan).await
    })
}

/// Judges the reference server with a fault or quirk as a process of its own.
pub fn judge_process(fault: &Fault, revision: Revision, scope: Scope) -> (Vec<Check>, Finished) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let kind = if fault.requirement.is_some() { "--fault" } else { "--quirk" };
    let args = ["serve", kind, &fault.id].map(Into::into).to_vec();
    let program = env!("CARGO_BIN_EXE_mcp-conform").into();
    let target = Target::Command(Command { program, args, ..Command::default() });
    runtime.expect("a runtime").block_on(async {
        let mut plan = plan(target, revision);
        plan.policy.profile.icons.fetched = fault.options.icons.is_some();
        plan.cases.retain(|case| scope.includes(case));
        judge(&plan).await
    })
}

/// Judges the reference server over HTTP+SSE.
pub fn judge_over_sse(
    settings: Settings,
    revision: Revision,
    scope: Scope,
    timeout: Duration,
) -> (Vec<Check>, Finished) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let patience = settings.options.patience;
        let Target::Http(endpoint) = over_http(settings).await else { panic!("over HTTP") };
        let url = endpoint.url.join("/sse").expect("a URL");
        let mut plan = plan(Target::Sse(Endpoint { url, ..endpoint }), revision);
        wait_where_it_matters(&mut plan.policy.profile, patience);
        plan.cases.retain(|case| scope.includes(case));
        plan.options.timeout = timeout;
        judge(&plan).await
    })
}

/// What a report would show as wrong, one line each.
pub fn findings(checks: &[Check]) -> Vec<String> {
    let is_finding = |check: &&Check| matches!(check.verdict, Verdict::Fail | Verdict::Warn | Verdict::Error);
    let mut lines: Vec<String> = checks
        .iter()
        .filter(is_finding)
        .map(|check| format!("{} {} › {}", check.verdict.as_str(), check.id, check.requirement))
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Works on all items with as many threads as there are processors; the results stay in order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    in_threads(std::thread::available_parallelism().map_or(2, usize::from), items, work)
}

/// The same in so many threads: more than there are processors where they wait most of the time.
pub fn in_threads<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let Some(item) = items.get(index) else { return done };
                done.push((index, work(item)));
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
