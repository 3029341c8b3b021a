//! The HTTP+SSE transport of 2024-11-05, looked at from outside: two streams, what is posted, and where the answers come.

mod clients;
mod conversation;
mod farewell;
mod form;
mod origin;
mod stream;

use std::time::Duration;

use super::http::{Seen, say};
use crate::runner::interpret::CaseRun;
pub(super) use stream::Stream;

/// How long an event is awaited.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(run: &mut CaseRun<'_>) {
    let Some(mut beside) = run.session.beside() else { return };
    let Some(first) = form::begin(run, &mut beside).await else {
        return run.rest_unseen("the event stream did not name an address");
    };
    let Some(second) = Stream::open(&mut beside).await else {
        return run.rest_unseen("no second event stream was opened");
    };
    let same =
        beside.url().is_some_and(|url| first.resolved(url).is_some_and(|to| to.origin() == url.origin()));
    let is_own = same && first.address != second.address;
    let seen = Seen {
        message: "the address leads elsewhere, or is shared by all connections",
        expected: "an address of this server and this connection",
        got: first.address.clone(),
        ..Seen::default()
    };
    say(run, "http.httpsse.endpoint-uri-same-origin", is_own, &seen);
    let is_sound = conversation::run(run, &mut beside, &first, &second).await;
    // What goes astray between clients that take turns is found by then.
    if is_sound {
        clients::run(run, &mut beside, [&first, &second]).await;
    }
    origin::run(run, &mut beside, &first).await;
    if is_sound {
        farewell::run(run, &mut beside, [first, second]).await;
    }
}
