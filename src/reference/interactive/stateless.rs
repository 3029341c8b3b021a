//! Flows in the stateless era: an `input_required` result, and the retry with the answers.

use serde_json::{Value, json};

use super::super::answer::{Ask, Failure, Outcome, object};
use super::super::personal::redeem;
use super::super::tasks::new_id;
use super::{Answers, Interactive, Step, flow, next, said, seal, undeclared};

/// What makes each approval of `redeem` one of its own.
const COUPON: &str = "coupon";

/// Serves a request for something interactive. `origin` is the request that its state is bound to,
/// as it is to the user, and `given` the arguments; `finish` makes a result of what was answered.
pub(in crate::reference) fn serve(
    ask: &Ask<'_>,
    about: &Interactive,
    origin: &Value,
    given: &Value,
    finish: impl Fn(&str) -> Outcome,
) -> Result<Outcome, Failure> {
    let origin = &json!([origin, ask.owner.user]);
    let mut answers = answers(ask, about, origin, given)?;
    if about.name == "redeem" && !answers.contains_key(COUPON) {
        answers.insert(COUPON.to_owned(), new_id()?.into());
    }
    match next(ask, about, given, &answers) {
        Step::Undeclared(needed) => Err(undeclared(needed)),
        Step::Asks(asks) => {
            let state = ask.server.settings.options.state.unwrap_or_default();
            let mut outcome = Outcome::asking(asks);
            if about.is_stateful || !answers.is_empty() {
                outcome.result = json!({"requestState": seal::write(state, origin, &answers)});
            }
            Ok(outcome)
        }
        // That the user agreed to open a page does not mean that the page was visited.
        Step::Done(_) if answers.get("page").is_some_and(|page| page["action"] == "accept") => {
            Ok(said("You have not finished on our page yet.", true))
        }
        Step::Done(_) if answers.get(COUPON).is_some_and(|coupon| !redeem(ask.server, coupon)) => {
            Err(Failure::params("The coupon was redeemed before"))
        }
        Step::Done(text) => Ok(finish(&text)),
    }
}

/// What was answered before and now, as far as it was asked and fits.
fn answers(ask: &Ask<'_>, about: &Interactive, origin: &Value, given: &Value) -> Result<Answers, Failure> {
    let responses = object(ask.params, "inputResponses")?;
    let state = match ask.params.get("requestState") {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(Failure::params("`requestState` must be a string")),
    };
    let protection = ask.server.settings.options.state.unwrap_or_default();
    let mut answers = match state.map(|text| seal::read(protection, origin, text)) {
        None => Answers::new(),
        Some(Some(answers)) => answers,
        Some(None) => {
            return Err(Failure::params("`requestState` is not one that was given for this request"));
        }
    };
    let counts = state.is_some() || !about.is_stateful;
    if let (Some(responses), true) = (responses, counts) {
        for (key, request) in flow::open(ask, about, given, &answers) {
            let response = responses.get(&key).filter(|response| flow::fits(&request, response));
            answers.extend(response.map(|response| (key, response.clone())));
        }
    }
    Ok(answers)
}
