//! `Mcp-Param-*` headers (2026-07-28): compared with the arguments that they mirror.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::SOME;
use super::http::{Headers, Seen, call, say, unseen};
use crate::case::List;
use crate::catalogue::Verdict;
use crate::pattern::pointer;
use crate::protocol::code;
use crate::runner::interpret::CaseRun;
use crate::runner::note::refusal;
use crate::sample;
use crate::session::{Meta, Mirror, Outcome};

const EXPECTED: &str = "HTTP 400 with the error -32020";

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let learned = run.session.learned();
    let mirrors = |tool: &Value| learned.mirrors(tool["name"].as_str().unwrap_or_default());
    let tools = run.around.survey.things(List::CallableTools);
    for tool in tools.iter().filter(|tool| !mirrors(tool).is_empty()).take(SOME) {
        for mirror in mirrors(tool) {
            let Some(probe) = Probe::new(tool, mirror) else { continue };
            if probe.accepted(run, &[], "http.param.match-accepted").await {
                probe.run(run).await;
            }
        }
    }
    run.rest_unseen("no tool that may be called has a parameter with x-mcp-header");
}

/// One mirrored argument of a tool.
struct Probe<'p> {
    tool: &'p Value,
    mirror: &'p Mirror,
    schema: &'p Value,
    /// Where the argument is.
    place: String,
    /// Arguments with a value at that place.
    arguments: Value,
    /// The value as a header.
    text: String,
}

impl<'p> Probe<'p> {
    fn new(tool: &'p Value, mirror: &'p Mirror) -> Option<Self> {
        let mut schema = &tool["inputSchema"];
        for name in &mirror.path {
            schema = schema["properties"].get(name)?;
        }
        let place: String = mirror.path.iter().map(|name| format!("/{}", pointer::escape(name))).collect();
        let mut arguments = tool["arguments"].clone();
        let value = arguments
            .pointer(&place)
            .cloned()
            .or_else(|| sample::valid(schema))
            .filter(|value| !value.is_null())?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        pointer::set(&mut arguments, &place, value);
        Some(Self { tool, mirror, schema, place, arguments, text })
    }

    /// Whether any text fits.
    fn is_free(&self) -> bool {
        let bounds = ["enum", "const", "pattern", "format", "maxLength"];
        self.schema["type"] == "string" && bounds.iter().all(|bound| self.schema.get(bound).is_none())
    }

    async fn run(&self, run: &mut CaseRun<'_>) {
        let header = self.mirror.header.as_str();
        let other = match self.schema["type"].as_str() {
            Some("integer") => format!("{}1", self.text),
            Some("boolean") if self.text == "true" => "false".to_owned(),
            Some("boolean") => "true".to_owned(),
            _ => "mcp-conform-other".to_owned(),
        };
        self.refused(run, &self.arguments, &[(header, Some(&other))], "http.param.mismatch-rejected").await;
        if self.mirror.path.len() > 1 {
            self.refused(run, &self.arguments, &[(header, Some(&other))], "http.param.nested-path").await;
        }
        self.refused(run, &self.arguments, &[(header, None)], "http.param.missing-rejected").await;
        self.without_value(run, header).await;
        let other_client = self.call(run, &self.arguments, &[], true).await;
        self.judge_accepted(run, &other_client, "http.param.name-case-insensitive");
        match self.schema["type"].as_str() {
            Some("string") => self.texts(run, header).await,
            Some("integer") => {
                let decimal = format!("{}.0", self.text);
                self.accepted(run, &[(header, Some(&decimal))], "http.param.integer-numeric-compare").await;
            }
            Some("boolean") => {
                let capital = if self.text == "true" { "True" } else { "False" };
                self.refused(run, &self.arguments, &[(header, Some(capital))], "http.param.boolean-literal")
                    .await;
            }
            _ => {}
        }
    }

    /// Neither an argument that is null nor one that is absent has a header.
    async fn without_value(&self, run: &mut CaseRun<'_>, header: &str) {
        let mut arguments = self.arguments.clone();
        pointer::set(&mut arguments, &self.place, Value::Null);
        let outcome = self.call(run, &arguments, &[(header, None)], false).await;
        self.not_missed(run, &outcome, "http.param.null-not-expected");
        pointer::remove(&mut arguments, &self.place);
        let outcome = self.call(run, &arguments, &[(header, None)], false).await;
        self.not_missed(run, &outcome, "http.param.absent-not-expected");
        self.refused(run, &arguments, &[(header, Some(&self.text))], "http.param.header-without-value").await;
    }

    async fn texts(&self, run: &mut CaseRun<'_>, header: &str) {
        let encoded = |text: &str| format!("=?base64?{}?=", STANDARD.encode(text));
        let same = encoded(&self.text);
        self.accepted(run, &[(header, Some(&same))], "http.param.base64-decoded").await;
        let other = encoded("mcp-conform-other");
        self.refused(run, &self.arguments, &[(header, Some(&other))], "http.param.base64-mismatch").await;
        let malformed = format!("=?base64?!!{}?=", STANDARD.encode(&self.text));
        self.refused(run, &self.arguments, &[(header, Some(&malformed))], "http.param.base64-malformed")
            .await;
        if !self.is_free() {
            return;
        }
        for (text, id) in [
            ("Grüße, 世界", "http.param.base64-decoded"),
            ("=?base64?SGVsbG8=", "http.std-headers.partial-sentinel-literal"),
            ("SGVsbG8=?=", "http.std-headers.partial-sentinel-literal"),
        ] {
            let mut arguments = self.arguments.clone();
            pointer::set(&mut arguments, &self.place, text.into());
            // The session mirrors the argument as a client must.
            let outcome = self.call(run, &arguments, &[], false).await;
            self.judge_accepted(run, &outcome, id);
        }
        let mut arguments = self.arguments.clone();
        pointer::set(&mut arguments, &self.place, "é".into());
        self.refused(run, &arguments, &[(header, Some("é"))], "http.param.invalid-characters").await;
    }

    async fn call(
        &self,
        run: &mut CaseRun<'_>,
        arguments: &Value,
        headers: Headers<'_>,
        apart: bool,
    ) -> Outcome {
        let params = json!({"name": self.tool["name"], "arguments": arguments});
        let (_, message) = run.session.compose("tools/call", Some(params), &Meta::Standard);
        let mut call = call("POST", Some(message), headers);
        call.apart = apart;
        run.session.http(&call).await
    }

    async fn accepted(&self, run: &mut CaseRun<'_>, headers: Headers<'_>, id: &str) -> bool {
        let outcome = self.call(run, &self.arguments, headers, false).await;
        self.judge_accepted(run, &outcome, id);
        outcome.code() != Some(code::HEADER_MISMATCH) && outcome.reply.is_some()
    }

    fn judge_accepted(&self, run: &mut CaseRun<'_>, outcome: &Outcome, id: &str) {
        match (outcome.code(), outcome.result()) {
            (Some(code::HEADER_MISMATCH), _) => {
                let seen = Seen::of(
                    outcome,
                    "a header that stands for the argument is refused",
                    "the call is served",
                );
                say(run, id, false, &seen);
            }
            (_, Some(_)) => say(run, id, true, &Seen::of(outcome, "", "the call is served")),
            _ => unseen(run, id, "the call was refused for another reason"),
        }
    }

    /// Whether the call was not refused for a header that need not be there; what else becomes of it is open.
    fn not_missed(&self, run: &mut CaseRun<'_>, outcome: &Outcome, id: &str) {
        let is_missed = outcome.code() == Some(code::HEADER_MISMATCH);
        let seen =
            Seen::of(outcome, "a header is missed for an argument that has no value", "no error -32020");
        say(run, id, !is_missed, &seen);
    }

    async fn refused(&self, run: &mut CaseRun<'_>, arguments: &Value, headers: Headers<'_>, id: &str) {
        let outcome = self.call(run, arguments, headers, false).await;
        if let Some(why) = refusal(&outcome, false) {
            return unseen(run, id, why);
        }
        // What is derived only, or hardly done anywhere, is no failure.
        let is_mild = ["header-without-value", "boolean-literal"].iter().any(|name| id.ends_with(name));
        let seen = Seen::of(&outcome, "a header that does not match the arguments is accepted", EXPECTED);
        let seen = if is_mild { seen.at_most(Verdict::Warn) } else { seen };
        let is_refused = outcome.result().is_none();
        say(run, id, is_refused, &seen);
        // A header with bytes that HTTP does not know may be refused below MCP.
        if is_refused && !id.ends_with("invalid-characters") {
            let is_right = outcome.status == Some(400) && outcome.code() == Some(code::HEADER_MISMATCH);
            let seen = Seen::of(&outcome, "a wrong Mcp-Param header is refused in another way", EXPECTED);
            say(run, "http.param.status-and-code", is_right, &seen);
        }
    }
}
