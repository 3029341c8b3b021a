//! Applying faults and quirks to what comes in and goes out.

use std::time::Duration;

use serde_json::Value;

use super::output::{Emission, HttpEdit, Output, Payload, Route};
use super::rule::{Edit, On, Rule};
use super::server::Server;
use crate::pattern::{fill, pointer};
use crate::protocol::Revision;

/// A place in the traffic at which rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point<'a> {
    Reply(&'a str),
    Notification(&'a str),
    /// What the client is asked: method and parameters, before they become a request or a part of a result.
    Ask(&'a str),
    /// Any other outgoing message: no request is known for it.
    Other,
    Receive(&'a str),
    Start,
    Eof,
    Sigterm,
    Http(&'a str),
    /// An HTTP request, before anything is decided about it.
    Arrive(&'a str),
    /// A document that is published besides MCP.
    Document(&'a str),
}

impl Point<'_> {
    /// Whether what is rewritten comes in: then it is its own request.
    fn is_incoming(self) -> bool {
        matches!(self, Self::Receive(_) | Self::Arrive(_))
    }
}

/// What is known at that place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub point: Point<'a>,
    pub request: Option<&'a Value>,
    pub revision: Option<Revision>,
}

/// A message while rules work on it, with what they add.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub before: Vec<Emission>,
    /// `None` once it is dropped.
    pub main: Option<Emission>,
    pub after: Vec<Emission>,
    pub repeat: usize,
    pub answer: Option<Value>,
    pub exit: Option<i32>,
    pub delay: Duration,
    pub http: HttpEdit,
    /// What replaces the body of an HTTP response.
    pub body: Option<Emission>,
}

impl Draft {
    pub(super) fn new(main: Option<Emission>) -> Self {
        Self {
            before: Vec::new(),
            main,
            after: Vec::new(),
            repeat: 1,
            answer: None,
            exit: None,
            delay: Duration::ZERO,
            http: HttpEdit::default(),
            body: None,
        }
    }

    fn value(&self) -> Option<&Value> {
        match self.main.as_ref().map(|main| &main.payload) {
            Some(Payload::Json(value)) => Some(value),
            _ => None,
        }
    }

    /// The outputs, for a message on its way out. An exit takes the place of the message.
    pub(super) fn into_outputs(mut self) -> Vec<Output> {
        let main = match (self.exit, self.main.take()) {
            (Some(code), _) => vec![Output::Exit { code, delay: self.delay }],
            (None, Some(main)) => vec![Output::Send(main); self.repeat],
            (None, None) => Vec::new(),
        };
        self.around(main)
    }

    /// The outputs with what the rules added before and after them, delayed and changed as the rules say.
    pub(super) fn around(self, middle: Vec<Output>) -> Vec<Output> {
        let sends = |extra: Vec<Emission>| extra.into_iter().map(Output::Send);
        let mut outputs: Vec<Output> = sends(self.before).chain(middle).chain(sends(self.after)).collect();
        for output in &mut outputs {
            if let Output::Send(emission) = output {
                emission.delay += self.delay;
                emission.http.merge(&self.http);
            }
        }
        outputs
    }
}

impl On {
    fn covers(&self, point: Point<'_>) -> bool {
        let named = |wanted: &Option<String>, method: &str| wanted.as_ref().is_none_or(|name| name == method);
        match (self, point) {
            (Self::Reply(wanted), Point::Reply(method))
            | (Self::Notification(wanted), Point::Notification(method))
            | (Self::Ask(wanted), Point::Ask(method))
            | (Self::Receive(wanted), Point::Receive(method))
            | (Self::Http(wanted), Point::Http(method))
            | (Self::Arrive(wanted), Point::Arrive(method))
            | (Self::Document(wanted), Point::Document(method)) => named(wanted, method),
            (Self::Reply(None), Point::Other) => true,
            (Self::Send, Point::Reply(_) | Point::Notification(_) | Point::Other) => true,
            (Self::Start, Point::Start) | (Self::Eof, Point::Eof) | (Self::Sigterm, Point::Sigterm) => true,
            _ => false,
        }
    }
}

impl Server {
    /// Lets every rule that fits work on the draft, in order, until one drops it.
    pub(super) fn rewrite(&self, mut draft: Draft, context: Context<'_>) -> Draft {
        let had_main = draft.main.is_some();
        for (index, rule) in self.settings.rules.iter().enumerate() {
            let gone = had_main && draft.main.is_none();
            if !gone && rule.on.covers(context.point) && self.is_due(index, rule, &draft, context) {
                rule.edits.iter().for_each(|edit| self.edit(edit, &mut draft, context));
            }
        }
        draft
    }

    fn is_due(&self, index: usize, rule: &Rule, draft: &Draft, context: Context<'_>) -> bool {
        // Incoming messages are their own request: `where` speaks of them.
        let request = if context.point.is_incoming() { draft.value() } else { context.request };
        rule.fits(request, draft.value(), context.revision) && {
            let subject = rule.per.as_deref().and_then(|per| request?.pointer(per));
            let earlier = self.count(index, subject);
            earlier >= rule.after && earlier - rule.after < rule.times
        }
    }

    fn edit(&self, edit: &Edit, draft: &mut Draft, context: Context<'_>) {
        let filled = |template: &Value, draft: &Draft| filled(template, draft, context);
        match edit {
            // An error has no result to change, and a result no error.
            Edit::Set { pointer, to } if has_top(draft, pointer) => {
                if let Some(value) = filled(to, draft) {
                    change(draft, |message| pointer::set(message, pointer, value));
                }
            }
            Edit::Set { .. } => {}
            Edit::Remove(pointer) => change(draft, |message| pointer::remove(message, pointer)),
            Edit::Replace(template) => {
                if let Some(value) = filled(template, draft) {
                    replace(draft, value, context);
                }
            }
            Edit::Drop => draft.main = None,
            Edit::Repeat(times) => draft.repeat = *times,
            Edit::Before(template) => draft.before.extend(extra(template, draft, context)),
            Edit::After(template) => draft.after.extend(extra(template, draft, context)),
            Edit::Text(text) => raw(draft, fill_text(text, draft, context).into_bytes(), context),
            Edit::Hex(bytes) => raw(draft, bytes.clone(), context),
            Edit::Newline(end) => {
                if let Some(main) = &mut draft.main {
                    main.newline = Some(end.clone());
                }
            }
            Edit::Pretty => {
                if let Some(main) = &mut draft.main {
                    main.pretty = true;
                }
            }
            Edit::Delay(time) => draft.delay += *time,
            Edit::Exit(code) => draft.exit = Some(*code),
            Edit::Deaf => self.go_deaf(),
            Edit::Answer(template) => draft.answer = filled(template, draft).or(draft.answer.take()),
            Edit::Status(status) => draft.http.status = Some(*status),
            Edit::Header(headers) => {
                let text = |text: &String| fill_text(text, draft, context);
                let headers: Vec<_> =
                    headers.iter().map(|(name, value)| (name.clone(), value.as_ref().map(text))).collect();
                draft.http.headers.extend(headers);
            }
            Edit::Event(event) => {
                let event = event.filled(|text| fill_text(text, draft, context));
                if let Some(main) = &mut draft.main {
                    main.event = event.into();
                }
            }
            Edit::Hold => {
                if let Some(main) = &mut draft.main {
                    main.hold = true;
                }
            }
            Edit::Copy(route) => {
                let copy = draft.main.clone().map(|main| Emission { route: route.clone(), ..main });
                draft.before.extend(copy);
            }
        }
    }
}

/// Fills `${request/…}`, `${message/…}` and `${revision}`; `None` if one of them stands for nothing.
fn filled(template: &Value, draft: &Draft, context: Context<'_>) -> Option<Value> {
    let request = if context.point.is_incoming() { draft.value() } else { context.request };
    let mut lookup = |path: &str| {
        let (name, pointer) = match path.find('/') {
            Some(slash) => path.split_at(slash),
            None => (path, ""),
        };
        match name {
            "request" => request?.pointer(pointer).cloned(),
            "message" => draft.value()?.pointer(pointer).cloned(),
            "revision" => context.revision.map(|revision| revision.as_str().into()),
            _ => None,
        }
    };
    fill(template, &mut lookup).ok()
}

fn fill_text(text: &str, draft: &Draft, context: Context<'_>) -> String {
    match filled(&Value::String(text.to_owned()), draft, context) {
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
        None => text.to_owned(),
    }
}

/// Whether the message has the `result`, `error` or `params` that the pointer leads into.
fn has_top(draft: &Draft, pointer: &str) -> bool {
    let top = pointer.split('/').nth(1).unwrap_or_default();
    let is_inside = pointer.matches('/').count() > 1 && matches!(top, "result" | "error" | "params");
    !is_inside || draft.value().is_some_and(|message| message.get(top).is_some())
}

fn change(draft: &mut Draft, edit: impl FnOnce(&mut Value)) {
    if let Some(Emission { payload: Payload::Json(value), .. }) = &mut draft.main {
        edit(value);
    }
}

/// Puts a whole message in the place of the draft's; `jsonrpc` and `id` stay unless given.
fn replace(draft: &mut Draft, new: Value, context: Context<'_>) {
    if matches!(context.point, Point::Http(_)) {
        draft.body = Some(Emission::new(Payload::Json(new), Route::Reply));
        return;
    }
    let new = match (new, draft.value()) {
        (Value::Object(new), Some(Value::Object(old))) => {
            let kept =
                ["jsonrpc", "id"].into_iter().filter_map(|key| Some((key.to_owned(), old.get(key)?.clone())));
            let mut members: serde_json::Map<_, _> = kept.collect();
            members.extend(new);
            Value::Object(members)
        }
        (other, _) => other,
    };
    put(draft, Payload::Json(new));
}

fn raw(draft: &mut Draft, bytes: Vec<u8>, context: Context<'_>) {
    match context.point {
        Point::Http(_) => draft.body = Some(Emission::new(Payload::Raw(bytes), Route::Reply)),
        _ => put(draft, Payload::Raw(bytes)),
    }
}

fn put(draft: &mut Draft, payload: Payload) {
    match &mut draft.main {
        Some(main) => main.payload = payload,
        None => draft.main = Some(Emission::new(payload, Route::Reply)),
    }
}

/// An extra message on the same stream; `jsonrpc` is added unless given.
fn extra(template: &Value, draft: &Draft, context: Context<'_>) -> Option<Emission> {
    let mut message = filled(template, draft, context)?;
    if let Some(members) = message.as_object_mut().filter(|members| !members.contains_key("jsonrpc")) {
        members.insert("jsonrpc".into(), "2.0".into());
    }
    let like = draft.main.as_ref();
    let route = like.map_or(Route::Reply, |main| main.route.clone());
    let mut emission = Emission::new(Payload::Json(message), route);
    emission.delay = like.map_or(Duration::ZERO, |main| main.delay);
    emission.at = like.and_then(|main| main.at);
    emission.request = like.and_then(|main| main.request.clone());
    Some(emission)
}
