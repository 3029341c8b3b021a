//! Tasks that were made in a session of 2025-11-25, asked for in 2026-07-28 by a client that knows only those (HTTP).

use serde_json::{Value, json};

use super::extension::{tools, under};
use super::{TTL, judge, mildly, shows};
use crate::protocol::{Revision, code, method};
use crate::runner::coded::clients::session_id;
use crate::runner::coded::http::call;
use crate::runner::interpret::CaseRun;
use crate::session::{Outcome, client_info};

const ID: &str = "tasks-ext.legacy-tasks-served";
const OLDER: Revision = Revision::V2025_11_25;

/// A session of 2025-11-25 on the address of this one.
struct Older {
    /// Its id, if it has one.
    id: Option<String>,
}

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    if !run.session.server.versions.iter().any(|version| version == OLDER.as_str()) {
        return run.rest_unseen("the server does not speak 2025-11-25");
    }
    let Some(older) = Older::open(run).await else {
        return run.rest_unseen("the server makes no tasks in 2025-11-25");
    };
    match older.create(run).await {
        Some(task) => served(run, &older, &task).await,
        None => run.rest_unseen("no read-only tool that may be called runs as a task in 2025-11-25"),
    }
    older.close(run).await;
    run.rest_unseen("the server knows the task in its own session only");
}

/// Asks for the task, and cancels it, as a client of the newer revision that declares the older capability alone.
async fn served(run: &mut CaseRun<'_>, older: &Older, task: &str) {
    let about = json!({"taskId": task});
    let is_there = older.ask(run, "tasks/get", about.clone()).await.result().is_some();
    for method in ["tasks/get", "tasks/cancel"] {
        let capabilities = json!({"tasks": {"list": {}, "cancel": {}}});
        let reply = run.ask(method, under(about.clone(), capabilities)).await;
        let is_refused = reply.code() == Some(code::MISSING_CLIENT_CAPABILITY);
        if is_there && (is_refused || reply.result().is_some()) {
            judge(run, ID, !is_refused, || {
                let message = format!("{method} of a task of 2025-11-25 wants the extension declared");
                mildly(shows(&reply, message, "what a client of 2025-11-25 gets"))
            });
        }
    }
}

impl Older {
    /// Opens it, if the server declares there that tools run as tasks.
    async fn open(run: &mut CaseRun<'_>) -> Option<Self> {
        let client = json!({"tasks": {"list": {}, "cancel": {}}});
        let params = json!({"protocolVersion": OLDER, "capabilities": client, "clientInfo": client_info()});
        let nobody = Self { id: None };
        let reply = nobody.ask(run, "initialize", params).await;
        let older = Self { id: session_id(&reply) };
        let result = reply.result().filter(|result| result["protocolVersion"] == OLDER.as_str());
        let has_tasks = result
            .is_some_and(|result| method::declares(&result["capabilities"], "tasks.requests.tools.call"));
        if !has_tasks {
            older.close(run).await;
            return None;
        }
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        older.post(run, ready).await;
        Some(older)
    }

    /// A task of a tool that may be called.
    async fn create(&self, run: &mut CaseRun<'_>) -> Option<String> {
        let callable = tools(run);
        let mut params = json!({});
        loop {
            let reply = self.ask(run, "tools/list", params).await;
            let listed = reply.result()?;
            let is_task = |tool: &&Value| {
                let support = tool["execution"]["taskSupport"].as_str();
                matches!(support, Some("optional" | "required"))
            };
            let listed_tools = listed["tools"].as_array().into_iter().flatten().filter(is_task);
            let mut able =
                listed_tools.filter_map(|tool| callable.iter().find(|known| known["name"] == tool["name"]));
            if let Some(tool) = able.next() {
                let params =
                    json!({"name": tool["name"], "arguments": tool["arguments"], "task": {"ttl": TTL}});
                let made = self.ask(run, "tools/call", params).await;
                return made.result()?["task"]["taskId"].as_str().map(str::to_owned);
            }
            params = json!({"cursor": listed["nextCursor"].as_str()?});
        }
    }

    async fn ask(&self, run: &mut CaseRun<'_>, method: &str, params: Value) -> Outcome {
        let id = run.session.new_id().to_value();
        self.post(run, json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await
    }

    async fn post(&self, run: &mut CaseRun<'_>, message: Value) -> Outcome {
        let version = (message["method"] != "initialize").then_some(OLDER.as_str());
        let headers = [
            ("Mcp-Session-Id", self.id.as_deref()),
            ("MCP-Protocol-Version", version),
            ("Mcp-Method", None),
            ("Mcp-Name", None),
        ];
        run.session.http(&call("POST", Some(message), &headers)).await
    }

    async fn close(&self, run: &mut CaseRun<'_>) {
        if let Some(id) = &self.id {
            let headers =
                [("Mcp-Session-Id", Some(id.as_str())), ("MCP-Protocol-Version", Some(OLDER.as_str()))];
            run.session.http(&call("DELETE", None, &headers)).await;
        }
    }
}
