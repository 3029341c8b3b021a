//! Authorization from the user's side: what is said without a token, what is judged, and where tokens never go.

mod common;

use std::sync::Arc;
use std::sync::Mutex;

use common::{findings, judge, over_http, plan};
use mcp_conform::catalogue::Verdict;
use mcp_conform::protocol::Revision;
use mcp_conform::reference::{CLIENT, CONSENT, REDIRECT, REFRESH, Settings, TOKENS, parse};
use mcp_conform::runner::{Check, ExitCode, Finished};
use mcp_conform::transport::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Judges the reference server with a quirk, without the token that the plan of other tests has.
fn without_token(quirks: &[&str], revision: Revision) -> (Vec<Check>, Finished) {
    let settings = Settings::with(&[] as &[&str], quirks).expect("known quirks");
    run(async move {
        let mut plan = plan(over_http(settings).await, revision);
        if let Target::Http(endpoint) = &mut plan.target {
            endpoint.headers.clear();
        }
        judge(&plan).await
    })
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

fn authorization(checks: &[Check]) -> impl Iterator<Item = &Check> {
    checks.iter().filter(|check| check.id.starts_with("authorization/"))
}

#[test]
fn a_server_that_asks_for_a_token_is_not_judged_without_one() {
    let (checks, finished) = without_token(&["authorization"], Revision::V2025_11_25);
    assert_eq!(finished.exit, ExitCode::Unreachable);
    let problem = finished.problem.expect("a problem");
    assert!(problem.contains("--bearer-env") && problem.contains("resource_metadata"), "{problem}");
    assert!(checks.is_empty());
}

#[test]
fn an_open_server_has_nothing_to_do_with_authorization() {
    let (checks, _) = without_token(&[], Revision::V2026_07_28);
    assert!(authorization(&checks).count() > 50);
    for check in authorization(&checks) {
        assert_eq!(check.verdict, Verdict::NotApplicable, "{}: {}", check.requirement, check.message);
    }
}

#[test]
fn what_needs_a_token_is_not_observed_where_the_rest_is_open() {
    for revision in [Revision::V2025_03_26, Revision::V2026_07_28] {
        let (checks, finished) = without_token(&["authorization-tools-only"], revision);
        assert_eq!(findings(&checks), [] as [String; 0], "{:?}", finished.problem);
        let verdict =
            |id: &str| checks.iter().find(|check| check.requirement == id).map(|check| check.verdict);
        assert_eq!(verdict("auth.401.unauthenticated"), Some(Verdict::Pass));
        assert_eq!(verdict("tools.call.listed-tool-callable"), Some(Verdict::NotObserved));
    }
}

/// A web server that remembers what it is asked, and publishes metadata.
async fn elsewhere() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = Arc::new(Mutex::new(String::new()));
    let ears = heard.clone();
    let body = format!(r#"{{"resource": "{base}/mcp", "authorization_servers": ["{base}"]}}"#);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap_or(0);
            ears.lock().expect("not poisoned").push_str(&String::from_utf8_lossy(&bytes[..length]));
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:";
            stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).await.ok();
        }
    });
    (base, heard)
}

#[test]
fn the_token_goes_nowhere_but_to_the_server() {
    let heard = run(async {
        let (base, heard) = elsewhere().await;
        let fault = format!(
            r#"
- id: elsewhere
  about: The metadata is on another host, and the endpoint redirects.
  options: {{ authorization: true }}
  rewrite:
    - on: http *
      match: {{ status: 401 }}
      do: [{{ header: {{ WWW-Authenticate: 'Bearer resource_metadata="{base}/metadata"' }} }}]
    - {{ on: http GET, do: [{{ status: 307 }}, {{ header: {{ Location: '{base}/stream' }} }}] }}
"#
        );
        let mut settings = Settings::default();
        settings.add(&parse("elsewhere.yaml", &fault).expect("a fault")[0]);
        judge(&plan(over_http(settings).await, Revision::V2025_11_25)).await;
        heard.lock().expect("not poisoned").clone()
    });
    assert!(heard.contains("GET /metadata"), "{heard}");
    assert!(!heard.contains("GET /stream") && !heard.to_lowercase().contains("authorization:"), "{heard}");
    assert!(TOKENS.iter().all(|token| !heard.contains(token.text)), "{heard}");
}

/// Judges `mcp-conform serve --authorization` as a user would; the variables are those that it tells at its start.
fn from_the_command_line(options: &[&str]) -> std::process::Output {
    let binary = env!("CARGO_BIN_EXE_mcp-conform");
    let mut command = std::process::Command::new(binary);
    command.args(["http", "--fuzz-cases", "0"]).args(options).arg("http://127.0.0.1:{port}/mcp");
    command.args(["--", binary, "serve", "--authorization", "--http", "127.0.0.1:{port}"]);
    let known = TOKENS.iter().chain([&REFRESH, &CONSENT]);
    command.envs(known.map(|token| (token.variable, token.text)));
    command.output().expect("the binary runs")
}

#[test]
fn tokens_of_the_user_are_used_and_never_shown() {
    let folder = std::env::temp_dir().join(format!("mcp-conform-authorization-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str| folder.join(name).display().to_string();
    let profile = format!(
        "[authorization]\nnarrow_token_env = \"MCP_TOKEN_NARROW\"\nforeign_token_env = \"MCP_TOKEN_FOREIGN\"\n\
         refresh_token_env = \"MCP_REFRESH_TOKEN\"\nconsent_cookie_env = \"MCP_CONSENT_COOKIE\"\nproxy = true\n\
         client_id = \"{CLIENT}\"\nredirect_uri = \"{REDIRECT}\"\n"
    );
    std::fs::write(file("profile.toml"), profile).expect("a file");
    let (report, wire, profile) = (file("report.json"), file("wire"), file("profile.toml"));
    let files = ["--json", &report, "--transcript", &wire, "--profile", &profile];
    let output = from_the_command_line(&[&files[..], &["--bearer-env", "MCP_TOKEN"]].concat());
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{shown}");

    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&report).expect("a report")).expect("JSON");
    let checks = report["runs"][0]["checks"].as_array().expect("checks");
    for id in [
        "auth.403.insufficient-scope",
        "auth.token.audience",
        "auth.401.every-request",
        "auth.as.refresh-rotation",
        "auth.proxy.consent-cookies",
    ] {
        let check = checks.iter().find(|check| check["requirement"] == id).expect(id);
        assert_eq!(check["verdict"], "pass", "{check}");
    }
    let transcripts = std::fs::read_dir(&wire).expect("transcripts").flatten();
    let texts = transcripts.map(|entry| std::fs::read_to_string(entry.path()).expect("text"));
    let everything = texts.chain([report.to_string(), shown]).collect::<String>();
    assert!(everything.contains("Bearer ***"));
    // The last one is the valid token with a letter changed, which tells as much.
    for secret in
        ["token-alice", "token-reader", "token-foreign", "mcp-conformA", "refresh-alice", "agreed-by-alice"]
    {
        assert!(!everything.contains(secret), "{secret}");
    }
    std::fs::remove_dir_all(&folder).ok();
}

#[test]
fn a_forgotten_token_is_told_and_is_no_success() {
    let output = from_the_command_line(&[]);
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{shown}");
    assert!(shown.contains("asks for a token") && shown.contains("--bearer-env"), "{shown}");
}
