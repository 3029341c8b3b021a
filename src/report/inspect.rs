//! What a server offers, told to a person or to a program.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::json::safe;
use super::paint::{Paint, Tone};
use super::text;
use crate::runner::{Answer, Offer, Secrets, TargetInfo};
use crate::session::transcript::Entry;

/// What is shown, and how.
#[derive(Debug, Clone, Copy)]
pub struct Inspection<'i> {
    /// What was looked at.
    pub target: &'i TargetInfo,
    /// What it offers, newest revision first.
    pub offers: &'i [Offer],
    /// What must not be shown.
    pub secrets: &'i Secrets,
    /// Whether to show every message.
    pub wire: bool,
}

/// The lists that a server can offer, with their titles.
const LISTS: [(&str, &str); 4] = [
    ("tools", "Tools"),
    ("resources", "Resources"),
    ("resourceTemplates", "Resource templates"),
    ("prompts", "Prompts"),
];
/// Longest texts shown: of a description, of an answer's line, of a message.
const LONG: usize = 300;
const LINE: usize = 2_000;
/// Most things of one list, and most lines of an answer.
const MANY: usize = 200;

impl Inspection<'_> {
    /// Writes everything as JSON, `mcp-conform/inspect/v1`.
    pub fn json(&self, out: &mut dyn Write) -> io::Result<()> {
        let offers: Vec<Value> = self.offers.iter().map(|offer| self.offer_value(offer)).collect();
        let answers: Vec<Value> =
            self.offers.iter().flat_map(|offer| &offer.answers).map(answer_value).collect();
        let whole = json!({
            "schema": "mcp-conform/inspect/v1",
            "target": self.target,
            "offers": offers,
            "answers": answers,
        });
        safe(&self.masked(whole), out)
    }

    fn offer_value(&self, offer: &Offer) -> Value {
        let mut value = json!({
            "revision": offer.revision, "transport": self.target.transport, "versions": offer.versions,
            "startup_ms": offer.startup_ms,
        });
        if let (Some(value), Value::Object(surface)) = (value.as_object_mut(), &*offer.surface) {
            value.extend(surface.clone());
            if self.wire {
                value.insert("wire".to_owned(), offer.transcript.entries.iter().map(entry_value).collect());
            }
        }
        value
    }

    /// Secrets may be anywhere in what a server says.
    fn masked(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.secrets.mask(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.masked(item)).collect(),
            Value::Object(fields) => {
                fields.into_iter().map(|(key, field)| (key, self.masked(field))).collect::<Map<_, _>>().into()
            }
            plain => plain,
        }
    }

    /// Everything for a person.
    pub fn text(&self, paint: Paint, width: usize) -> String {
        let page = Page { paint, width };
        let mut out = String::new();
        let lists = self.offers.iter().map(|offer| page.lists(offer)).collect::<Vec<_>>();
        for (index, offer) in self.offers.iter().enumerate() {
            out += &page.identity(offer, self.target.transport);
            match lists.iter().position(|other| *other == lists[index]) {
                Some(same) if same < index => {
                    out += &format!("  offers the same as in {}\n\n", self.offers[same].revision);
                }
                _ => out += &(lists[index].clone() + "\n"),
            }
        }
        out +=
            &self.offers.iter().flat_map(|offer| &offer.answers).map(|a| page.answer(a)).collect::<String>();
        if self.wire {
            out += &self.offers.iter().map(|offer| page.wire(offer)).collect::<String>();
        }
        self.secrets.mask(&out)
    }
}

fn answer_value(answer: &Answer) -> Value {
    json!({
        "method": answer.question.method, "params": answer.question.params,
        "result": answer.reply["result"], "error": answer.reply["error"], "problem": answer.problem,
    })
}

fn entry_value(entry: &Entry) -> Value {
    let at_ms = u64::try_from(entry.at.as_millis()).unwrap_or(u64::MAX);
    json!({"seq": entry.seq, "at_ms": at_ms, "dir": entry.direction(), "data": entry.text()})
}

/// How wide, and whether in colours.
struct Page {
    paint: Paint,
    width: usize,
}

impl Page {
    fn identity(&self, offer: &Offer, transport: &str) -> String {
        let server = &offer.surface["server"];
        let said = |key: &str| server[key].as_str().map(|text| text::brief(text, 80)).unwrap_or_default();
        let name = [said("name"), said("version")].join(" ");
        let title = if said("title").is_empty() { String::new() } else { format!("  ({})", said("title")) };
        let name = if name.trim().is_empty() { "(unnamed)" } else { name.trim() };
        let head = format!("{} · {transport}", offer.revision);
        let mut out = format!("{}  {name}{title}\n", self.paint.paint(Tone::Strong, &head));
        if !offer.versions.is_empty() {
            let versions: Vec<String> = offer.versions.iter().map(|v| text::brief(v, 40)).collect();
            out += &self.entry("versions", &versions.join(", "));
        }
        out += &self.entry("declares", &capabilities(&offer.surface["capabilities"]));
        for key in ["description", "websiteUrl"] {
            if !said(key).is_empty() {
                out += &self.entry(key, &said(key));
            }
        }
        if let Some(instructions) = offer.surface["instructions"].as_str() {
            out += &self.entry("says", &text::lines(instructions, 12, LONG).join("\n"));
        }
        out + &self.entry("started", &format!("{} ms to the first reply", offer.startup_ms))
    }

    fn entry(&self, label: &str, value: &str) -> String {
        let wide = self.width.saturating_sub(14);
        let mut lines = value.split('\n').flat_map(|line| text::wrap(line, wide));
        let first = lines.next().unwrap_or_default();
        let rest: String = lines.map(|line| format!("              {line}\n")).collect();
        format!("  {}  {first}\n{rest}", self.paint.paint(Tone::Dim, &format!("{label:>10}")))
    }

    fn lists(&self, offer: &Offer) -> String {
        let of = |(key, title): &(&str, &str)| {
            let things = offer.surface.get(key)?.as_array()?;
            let head = self.paint.paint(Tone::Strong, &format!("{title} ({})", things.len()));
            let shown: String = things.iter().take(MANY).map(|thing| self.thing(key, thing)).collect();
            let more = things.len().saturating_sub(MANY);
            let more =
                if more > 0 { format!("  … and {more} more (--json tells all)\n") } else { String::new() };
            Some(format!("\n{head}\n{shown}{more}"))
        };
        LISTS.iter().filter_map(of).collect()
    }

    fn thing(&self, list: &str, thing: &Value) -> String {
        let said = |key: &str| thing[key].as_str().map(|text| text::brief(text, LONG));
        let name = match list {
            "resources" => said("uri"),
            "resourceTemplates" => said("uriTemplate"),
            _ => said("name"),
        };
        let name = self.paint.paint(Tone::Good, &name.unwrap_or_else(|| "(unnamed)".to_owned()));
        let marks = marks(list, thing);
        let marks = if marks.is_empty() { marks } else { self.paint.paint(Tone::Dim, &format!("  {marks}")) };
        let about = said("description").or_else(|| said("title")).map(|about| self.indented(&about, 6));
        let arguments: String = match list {
            "tools" => properties(&thing["inputSchema"]),
            "prompts" => prompt_arguments(&thing["arguments"]),
            _ => Vec::new(),
        }
        .iter()
        .map(|(name, about)| self.argument(name, about))
        .collect();
        format!("  {name}{marks}\n{}{arguments}", about.unwrap_or_default())
    }

    fn argument(&self, name: &str, about: &str) -> String {
        let mut lines = text::wrap(about, self.width.saturating_sub(28)).into_iter();
        let first = lines.next().unwrap_or_default();
        let rest: String = lines.map(|line| format!("{:28}{line}\n", "")).collect();
        format!("      {}  {first}\n{rest}", self.paint.paint(Tone::Plain, &format!("{name:<20}")))
    }

    fn indented(&self, value: &str, depth: usize) -> String {
        let lines = text::wrap(value, self.width.saturating_sub(depth));
        lines.iter().map(|line| format!("{:depth$}{line}\n", "")).collect()
    }

    fn answer(&self, answer: &Answer) -> String {
        let params = text::brief(&answer.question.params.to_string(), LONG);
        let head = self.paint.paint(Tone::Strong, &format!("{} {params}", answer.question.method));
        let (tone, shown) = match (&answer.problem, answer.reply.get("error"), &answer.reply["result"]) {
            (Some(problem), ..) => (Tone::Bad, text::lines(problem, 10, LONG)),
            (None, Some(error), _) => (Tone::Bad, pretty(error)),
            (None, None, result) if result["isError"] == true => (Tone::Bad, told(result)),
            (None, None, result) => (Tone::Plain, told(result)),
        };
        let lines: String =
            shown.iter().map(|line| format!("  {}\n", self.paint.paint(tone, line))).collect();
        format!("{head}\n{lines}\n")
    }

    fn wire(&self, offer: &Offer) -> String {
        let head = self.paint.paint(Tone::Strong, &format!("Messages in {}", offer.revision));
        let lines: String = offer.transcript.entries.iter().map(|entry| self.message(entry)).collect();
        format!("{head}\n{lines}\n")
    }

    fn message(&self, entry: &Entry) -> String {
        let at = format!("#{:<4} {:>8.3}s", entry.seq, entry.at.as_secs_f64());
        let data = text::brief(&entry.text(), LINE);
        format!("  {}  {}  {data}\n", self.paint.paint(Tone::Dim, &at), entry.direction())
    }
}

/// `tools (listChanged), logging`.
fn capabilities(declared: &Value) -> String {
    let Some(fields) = declared.as_object().filter(|fields| !fields.is_empty()) else {
        return "nothing".to_owned();
    };
    let one = |(name, value): (&String, &Value)| {
        let flags = value.as_object().into_iter().flatten().filter(|(_, flag)| **flag != false);
        let flags: Vec<String> = flags.take(20).map(|(flag, _)| text::brief(flag, 60)).collect();
        let flags = if flags.is_empty() { String::new() } else { format!(" ({})", flags.join(", ")) };
        format!("{}{flags}", text::brief(name, 60))
    };
    fields.iter().take(MANY).map(one).collect::<Vec<_>>().join(", ")
}

/// What can be told in a word or two.
fn marks(list: &str, thing: &Value) -> String {
    let mut marks = Vec::new();
    if list == "tools" {
        for (hint, word) in [
            ("readOnlyHint", "read-only"),
            ("destructiveHint", "destructive"),
            ("idempotentHint", "idempotent"),
            ("openWorldHint", "open world"),
        ] {
            if thing["annotations"][hint] == true {
                marks.push(word.to_owned());
            }
        }
        if thing["outputSchema"].is_object() {
            marks.push("structured output".to_owned());
        }
    } else {
        marks.extend(thing["name"].as_str().filter(|_| list != "prompts").map(|name| text::brief(name, 60)));
        marks.extend(thing["mimeType"].as_str().map(|kind| text::brief(kind, 60)));
        marks.extend(thing["size"].as_u64().map(|size| format!("{size} bytes")));
    }
    marks.join(", ")
}

/// Each argument of a tool: its name, and its type in words.
fn properties(schema: &Value) -> Vec<(String, String)> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().into_iter().flatten().take(MANY);
    fields
        .map(|(name, property)| {
            let demanded = required.contains(&name.as_str()).then(|| "required".to_owned());
            let default = property
                .get("default")
                .map(|value| format!("default {}", text::brief(&value.to_string(), 60)));
            let about = property["description"].as_str().map(|about| text::brief(about, LONG));
            let parts = [Some(kind(property)), demanded, default].into_iter().flatten().collect::<Vec<_>>();
            let about = about.map_or_else(String::new, |about| format!(": {about}"));
            (text::brief(name, 80), format!("{}{about}", parts.join(", ")))
        })
        .collect()
}

/// The type of a value in a few words.
fn kind(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().take(20).map(Value::to_string).collect();
        return text::brief(&values.join(" | "), LONG);
    }
    match &schema["type"] {
        Value::String(one) if one == "array" && schema["items"].is_object() => {
            format!("array of {}", kind(&schema["items"]))
        }
        Value::String(one) => text::brief(one, 40),
        Value::Array(several) => {
            let words: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            text::brief(&words.join(" | "), 80)
        }
        _ => {
            let branches = ["anyOf", "oneOf"].iter().find_map(|union| schema[*union].as_array());
            let words: Vec<String> = branches.into_iter().flatten().take(8).map(kind).collect();
            if words.is_empty() { "any".to_owned() } else { words.join(" | ") }
        }
    }
}

fn prompt_arguments(arguments: &Value) -> Vec<(String, String)> {
    let said = |argument: &Value, key: &str| argument[key].as_str().map(|text| text::brief(text, LONG));
    let declared = arguments.as_array().into_iter().flatten().take(MANY);
    declared
        .map(|argument| {
            let demanded = (argument["required"] == true).then(|| "required".to_owned());
            let parts: Vec<String> = demanded.into_iter().chain(said(argument, "description")).collect();
            (said(argument, "name").unwrap_or_default(), parts.join(": "))
        })
        .collect()
}

/// A result: its texts as such, the rest as JSON.
fn told(result: &Value) -> Vec<String> {
    let content = result["content"].as_array().filter(|content| {
        result.get("structuredContent").is_none() && content.iter().all(|block| block["text"].is_string())
    });
    match content {
        Some(content) => content
            .iter()
            .filter_map(|block| block["text"].as_str())
            .flat_map(|t| text::lines(t, MANY, LINE))
            .collect(),
        None => pretty(result),
    }
}

fn pretty(value: &Value) -> Vec<String> {
    let shown = serde_json::to_string_pretty(value).unwrap_or_default();
    text::lines(&shown, MANY, LINE)
}
