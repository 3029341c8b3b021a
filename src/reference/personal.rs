//! What belongs to one user: carts by their handles, a nickname that is asked for once, coupons that are redeemed once.
//! Offered on demand.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Ask, Failure, Outcome, Owner};
use super::content;
use super::server::Server;
use super::tasks::new_id;
use crate::protocol::Revision;

/// The tools that ask nobody.
pub(super) const NAMES: [&str; 3] = ["open-cart", "see-cart", "whoami"];

/// Whose something is that the server remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Personal {
    /// The user's.
    User,
    /// That of the session; only faults do this.
    Session,
    /// Everybody's; only faults do this.
    All,
}

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whose each cart is, by its handle.
    carts: Mutex<HashMap<String, String>>,
    nicknames: Mutex<HashMap<String, Value>>,
    /// Coupons that were redeemed.
    redeemed: Mutex<HashSet<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a tool is one of these, and offered.
pub(super) fn offered(server: &Server) -> bool {
    server.settings.options.personal.is_some()
}

pub(super) fn words(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "open-cart" => Some(("Open a cart", "Makes a cart and returns its handle.")),
        "see-cart" => Some(("See a cart", "Tells what is in a cart.")),
        "whoami" => Some(("Who am I", "Tells who the user is.")),
        _ => None,
    }
}

/// Performs a call; `None` if the tool is not one of these.
pub(super) fn run(ask: &Ask<'_>, name: &str, given: &Value) -> Option<Result<Outcome, Failure>> {
    let result = match name {
        "open-cart" => open_cart(ask),
        "see-cart" => Ok(see_cart(ask, given["cart"].as_str().unwrap_or_default())),
        "whoami" => Ok(said(&format!("You are {}.", user(ask.owner)), false)),
        _ => return None,
    };
    Some(result)
}

fn open_cart(ask: &Ask<'_>) -> Result<Outcome, Failure> {
    let id = new_id()?;
    lock(&ask.server.memory.carts).insert(id.clone(), user(ask.owner));
    let structured = json!({"id": id});
    let mut outcome = said(&structured.to_string(), false);
    if ask.has(Revision::V2025_06_18) {
        outcome.result["structuredContent"] = structured;
    }
    Ok(outcome)
}

fn see_cart(ask: &Ask<'_>, id: &str) -> Outcome {
    let owner = lock(&ask.server.memory.carts).get(id).cloned();
    let is_everybodys = ask.server.settings.options.personal == Some(Personal::All);
    match owner {
        Some(owner) if is_everybodys || owner == user(ask.owner) => {
            said(&format!("Three apples for {owner}."), false)
        }
        // The same for carts that are not there.
        _ => said("There is no such cart.", true),
    }
}

/// What the user is called, if it was asked before.
pub(super) fn nickname(ask: &Ask<'_>) -> Option<Value> {
    lock(&ask.server.memory.nicknames).get(&key(ask)).cloned()
}

/// Remembers what the user wants to be called, where that was said.
pub(super) fn remember(ask: &Ask<'_>, answer: &Value) -> String {
    match answer["action"] == "accept" {
        true => {
            lock(&ask.server.memory.nicknames).insert(key(ask), answer["content"]["name"].clone());
            greeting(&answer["content"]["name"])
        }
        false => "Hello, whoever you are.".to_owned(),
    }
}

pub(super) fn greeting(name: &Value) -> String {
    format!("Hello {}.", name.as_str().unwrap_or_default())
}

/// Redeems a coupon; false if that was done before.
pub(super) fn redeem(server: &Server, coupon: &Value) -> bool {
    lock(&server.memory.redeemed).insert(coupon.to_string())
}

/// What a nickname is kept under.
fn key(ask: &Ask<'_>) -> String {
    let session = ask.owner.conversation;
    match ask.server.settings.options.personal {
        Some(Personal::All) => String::new(),
        Some(Personal::Session) => format!("session {session}"),
        // Where users are not told apart, a conversation has one.
        Some(Personal::User) | None => {
            ask.owner.user.map_or_else(|| format!("session {session}"), str::to_owned)
        }
    }
}

fn user(owner: Owner) -> String {
    owner.user.unwrap_or("somebody").to_owned()
}

fn said(text: &str, is_error: bool) -> Outcome {
    let mut result = json!({"content": [content::text(text)]});
    if is_error {
        result["isError"] = true.into();
    }
    result.into()
}
