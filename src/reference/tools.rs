//! The tools of the reference server and what calling them does.

use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{Ask, Failure, LEVELS, Outcome, level, notification, object};
use super::content;
use super::fixture;
use super::identity::dress;
use super::interactive::{self, Answers, Interactive};
use super::jobs;
use super::page::page;
use super::personal;
use super::resources::GUIDE;
use super::server::{Change, Server};
use super::tasks;
use crate::protocol::Revision;

/// How long one step of the tool `slow` takes.
pub const STEP: Duration = Duration::from_millis(10);
const MOST_STEPS: u32 = 20;
/// Long enough for the tool `job` to be cancelled.
const JOB_STEPS: u32 = 6;
const NAMES: [&str; 9] = ["echo", "add", "media", "fail", "slow", "log", "delete", "toggle", "route"];
const EXTRA: &str = "extra";

pub(super) fn list(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let mut tools: Vec<Value> = names(ask).iter().map(|name| describe(name, ask)).collect();
    if has_interactive(ask.server) {
        let offered = interactive::offered(ask);
        tools.extend(offered.map(|tool| describe_interactive(tool, ask.revision)));
    }
    page(ask, "tools", tools).map(Outcome::from)
}

/// The tools on offer: as many as the options say, those made for tasks, and `extra` if it is switched on.
fn names(ask: &Ask<'_>) -> Vec<String> {
    let server = ask.server;
    let count = server.settings.options.tools.unwrap_or(NAMES.len());
    let mut names: Vec<String> = NAMES.iter().take(count).map(|name| (*name).to_owned()).collect();
    names.extend((NAMES.len()..count).map(|n| format!("item-{}", n + 1)));
    if server.settings.options.tools.is_none() && jobs::offered(server, ask.revision) {
        names.extend(jobs::NAMES.map(str::to_owned));
    }
    names.extend(fixture::tools(ask));
    names.extend(server.own_tool());
    if personal::offered(server) {
        names.extend(personal::NAMES.map(str::to_owned));
    }
    if server.has_extra() {
        names.push(EXTRA.to_owned());
    }
    names
}

fn describe(name: &str, ask: &Ask<'_>) -> Value {
    let revision = ask.revision;
    let (title, about) = words(name);
    let mut tool = dress(
        json!({"name": name, "description": about, "inputSchema": input_schema(name)}),
        title,
        revision,
    );
    if revision >= Revision::V2025_03_26 {
        tool["annotations"] = hints(name);
    }
    if fixture::words(name).is_some() {
        // As in the official fixture: nothing is said about what they may change.
        tool.as_object_mut().map(|tool| tool.remove("annotations"));
    }
    if let (true, Some(schema)) = (revision >= Revision::V2025_06_18, output_schema(name)) {
        tool["outputSchema"] = schema;
    }
    let is_able = revision == Revision::V2025_11_25 && jobs::offered(ask.server, revision);
    if let Some(support) = jobs::support(name).filter(|_| is_able) {
        tool["execution"] = json!({"taskSupport": support});
    }
    tool
}

/// A server that was told how many tools to offer has plain ones only.
fn has_interactive(server: &Server) -> bool {
    server.settings.options.tools.is_none()
}

fn describe_interactive(about: &Interactive, revision: Revision) -> Value {
    let schema = interactive_schema(about);
    let described = json!({"name": about.name, "description": about.about, "inputSchema": schema});
    let mut tool = dress(described, about.title, revision);
    if revision >= Revision::V2025_03_26 {
        tool["annotations"] = hints(about.name);
    }
    tool
}

fn interactive_schema(about: &Interactive) -> Value {
    let Some(argument) = about.argument else { return input_schema("") };
    let properties = json!({ argument: {"type": "string"} });
    json!({"type": "object", "properties": properties, "required": [argument], "additionalProperties": false})
}

fn words(name: &str) -> (&'static str, &'static str) {
    match name {
        "echo" => ("Echo", "Says back what it is told."),
        "add" => ("Add", "Adds two numbers."),
        "media" => ("Media", "Returns one content block of every kind."),
        "fail" => ("Fail", "Always fails."),
        "slow" => ("Slow", "Takes its time and reports progress."),
        "log" => ("Log", "Sends a log message."),
        "delete" => ("Delete", "Would delete something."),
        "toggle" => ("Toggle", "Adds or removes the tool extra."),
        "route" => ("Route", "Says where a request would go."),
        "job" => ("Job", "Takes its time, as a task."),
        "crash" => ("Crash", "Ends in an error of the protocol."),
        "survey" => ("Survey", "Asks questions, if there is somebody to ask."),
        EXTRA => ("Extra", "A tool that comes and goes."),
        _ => fixture::words(name).or_else(|| personal::words(name)).unwrap_or(("Item", "Does nothing.")),
    }
}

fn hints(name: &str) -> Value {
    match name {
        "delete" => json!({"readOnlyHint": false, "destructiveHint": true, "openWorldHint": false}),
        "toggle" | "open-cart" | "nickname" | "redeem" => {
            json!({"readOnlyHint": false, "destructiveHint": false, "openWorldHint": false})
        }
        _ => json!({"readOnlyHint": true, "openWorldHint": false}),
    }
}

pub(super) fn input_schema(name: &str) -> Value {
    let text = json!({"type": "string"});
    let properties = match name {
        "echo" => json!({"text": text}),
        "add" => json!({"a": {"type": "number"}, "b": {"type": "number"}}),
        "slow" => json!({"steps": {"type": "integer", "minimum": 1, "maximum": MOST_STEPS}}),
        "log" => json!({"level": {"type": "string", "enum": LEVELS}, "text": text}),
        "delete" => json!({"id": text}),
        "see-cart" => json!({"cart": text}),
        "route" => return route_schema(),
        fixture::SCHEMA_TOOL => return fixture::schema(),
        _ => return json!({"type": "object", "additionalProperties": false}),
    };
    let required: Vec<&String> =
        properties.as_object().into_iter().flat_map(|members| members.keys()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// The arguments that clients mirror into HTTP headers (2026-07-28); earlier revisions know no such keyword.
fn route_schema() -> Value {
    let mirrored = |kind: &str, header: &str| json!({"type": kind, "x-mcp-header": header});
    let place = json!({"type": "object", "properties": {"zone": mirrored("string", "Zone")}});
    json!({
        "type": "object",
        "properties": {
            "region": mirrored("string", "Region"),
            "hops": mirrored("integer", "Hops"),
            "fast": mirrored("boolean", "Fast"),
            "place": place,
        },
        "required": ["region"],
        "additionalProperties": false,
    })
}

fn output_schema(name: &str) -> Option<Value> {
    (name == "add")
        .then(|| json!({"type": "object", "properties": {"sum": {"type": "number"}}, "required": ["sum"]}))
}

pub(super) fn call(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let name = ask.text("name")?;
    let given = object(ask.params, "arguments")?.cloned().unwrap_or_else(|| json!({}));
    let interactive = interactive::find_tool(name, ask).filter(|_| has_interactive(ask.server));
    if interactive.is_none() && !names(ask).iter().any(|known| known == name) {
        return Err(Failure::params(format!("Unknown tool: {name}")));
    }
    let schema = interactive.map_or_else(|| input_schema(name), interactive_schema);
    match complaint(name, &schema, &given) {
        // Nothing is done that a task could be made of.
        Some(complaint) if ask.revision.is_stateless() => Ok(failed(&complaint)),
        // From 2025-11-25 on the model is to see what is wrong, so that it can correct itself.
        Some(complaint) if ask.has(Revision::V2025_11_25) => tasks::call(ask, name, Ok(failed(&complaint))),
        Some(complaint) => Err(Failure::params(complaint)),
        None => tasks::call(ask, name, perform(ask, name, interactive, &given)),
    }
}

fn perform(
    ask: &Ask<'_>,
    name: &str,
    interactive: Option<&Interactive>,
    given: &Value,
) -> Result<Outcome, Failure> {
    match interactive {
        Some(about) if ask.revision.is_stateless() => {
            let origin = json!(["tools/call", name, given]);
            interactive::serve(ask, about, &origin, given, said)
        }
        Some(about) => interactive::go_on(ask, about, given, &Answers::new(), &ask.server.new_link()),
        None if name == "crash" => Err(jobs::crash()),
        None => personal::run(ask, name, given).unwrap_or_else(|| Ok(run(ask, name, given))),
    }
}

fn complaint(name: &str, schema: &Value, given: &Value) -> Option<String> {
    let validator = jsonschema::draft202012::new(schema).ok()?;
    let error = validator.iter_errors(given).next()?;
    Some(format!("Invalid arguments for {name}: {error}"))
}

fn run(ask: &Ask<'_>, name: &str, given: &Value) -> Outcome {
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    match name {
        "echo" => said(text("text")),
        "add" => add(ask, &given["a"], &given["b"]),
        "media" => {
            json!({"content": content::every_kind(ask.revision, ask.server.declares("resources"))}).into()
        }
        "fail" => failed("This tool always fails."),
        "slow" => slow(ask, given["steps"].as_f64().unwrap_or(1.0)),
        "log" => log(ask, text("level"), text("text")),
        "delete" => said(&format!("Nothing was deleted for {}.", text("id"))),
        "toggle" => toggle(ask.server),
        "route" => said(&format!("To {}.", text("region"))),
        "job" => job(ask),
        "survey" => said("There was nobody to ask."),
        _ => fixture::run(ask, name).unwrap_or_else(|| said("Done.")),
    }
}

fn said(text: &str) -> Outcome {
    json!({"content": [content::text(text)]}).into()
}

fn failed(text: &str) -> Outcome {
    json!({"content": [content::text(text)], "isError": true}).into()
}

fn add(ask: &Ask<'_>, a: &Value, b: &Value) -> Outcome {
    let whole = a.as_i64().zip(b.as_i64()).and_then(|(a, b)| a.checked_add(b)).map(Value::from);
    let real =
        || a.as_f64().zip(b.as_f64()).map(|(a, b)| a + b).filter(|sum| sum.is_finite()).map(Value::from);
    match whole.or_else(real) {
        Some(sum) if ask.has(Revision::V2025_06_18) => {
            let structured = json!({"sum": sum});
            let mirror = content::text(structured.to_string());
            json!({"content": [mirror], "structuredContent": structured}).into()
        }
        Some(sum) => said(&sum.to_string()),
        None => failed("The sum is too large."),
    }
}

fn slow(ask: &Ask<'_>, steps: f64) -> Outcome {
    // The schema has checked the range; a whole number may still be written as 3.0.
    let steps = (1..=MOST_STEPS).find(|n| f64::from(*n) >= steps).unwrap_or(MOST_STEPS);
    stepwise(ask, said(&format!("Took {steps} steps.")), steps, STEP)
}

/// What comes of work in steps, each of which takes this long and reports progress.
fn stepwise(ask: &Ask<'_>, mut outcome: Outcome, steps: u32, step: Duration) -> Outcome {
    outcome.delay = step * steps;
    if let Some(token) = ask.progress_token().map(|own| ask.server.token(own)) {
        outcome.notifications =
            (1..=steps).map(|done| (step * done - step / 2, progress(ask, &token, done, steps))).collect();
    }
    outcome
}

fn progress(ask: &Ask<'_>, token: &Value, done: u32, steps: u32) -> Value {
    let mut params = json!({"progressToken": token, "progress": done, "total": steps});
    if ask.has(Revision::V2025_03_26) {
        params["message"] = format!("Step {done} of {steps}").into();
    }
    notification("notifications/progress", params)
}

fn log(ask: &Ask<'_>, name: &str, text: &str) -> Outcome {
    let mut outcome = said("Logged.");
    let wanted = ask.level.zip(level(name)).is_some_and(|(least, level)| level >= least);
    if wanted && ask.server.declares("logging") {
        let params = json!({"level": name, "logger": "reference", "data": text});
        outcome.notifications.push((Duration::ZERO, notification("notifications/message", params)));
    }
    outcome
}

fn toggle(server: &Server) -> Outcome {
    let state = if server.toggle_extra() { "on" } else { "off" };
    let mut outcome = said(&format!("The tool extra is {state}."));
    outcome.changes = vec![Change::Tools, Change::Resource(GUIDE.to_owned())];
    outcome
}

fn job(ask: &Ask<'_>) -> Outcome {
    let step = ask.server.settings.options.job.map_or(STEP, |whole| whole / JOB_STEPS);
    stepwise(ask, said("The job is done."), JOB_STEPS, step)
}
