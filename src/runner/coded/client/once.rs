//! An approval that is good for once: the same retry a second time (2026-07-28).

use serde_json::Value;

use super::flow::{Primitive, follow, retry};
use super::{End, end, kept, violated_at_most};
use crate::catalogue::Verdict;
use crate::runner::interpret::CaseRun;
use crate::session::Manner;

const ID: &str = "mrtr.state-single-use";
const HINT: &str = "needs a tool whose effect may happen only once for each time that the user agrees: `[tools.NAME] once = true` \
             in the profile names it";

pub(in crate::runner::coded) async fn run(run: &mut CaseRun<'_>) {
    let told = run.told(|tool| tool.once.then_some(()));
    let Some((params, ())) = told else { return run.rest_unseen(HINT) };
    let primitive = Primitive { method: "tools/call", params };
    let flow = follow(run, &primitive, &Manner::Willing).await;
    let (Some(first), Some(_), Some(last)) = (flow.result(), flow.state(), flow.rounds.last()) else {
        return run.rest_unseen(
            "the tool whose effect is to happen once asks nothing, or keeps no state meanwhile",
        );
    };
    let added = retry(run, last, Manner::Willing);
    let replay = primitive.ask(run, &added).await;
    let name = primitive.name();
    match end(&replay) {
        End::Failed => kept(run, ID, format!("`{name}` refuses the same retry a second time")),
        End::Asks(_) => kept(run, ID, format!("`{name}` asks anew")),
        End::Done(result) if result == first => {
            kept(run, ID, format!("`{name}` returns the earlier outcome: its effect is not to be seen"));
        }
        End::Done(result) if refuses(&result) => {
            kept(run, ID, format!("`{name}` says that it was done before"));
        }
        // A new time of day in the earlier outcome would look the same.
        End::Done(_) => violated_at_most(
            run,
            ID,
            Some(Verdict::Warn),
            format!("`{name}` has another outcome when the same retry comes a second time"),
            "an error, another question, or the earlier outcome",
            &replay,
        ),
        End::Silent => run.rest_unseen("the second retry was not answered"),
    }
}

/// Whether a result that is no error says in its words that there is nothing to be done any more.
fn refuses(result: &Value) -> bool {
    const WORDS: [&str; 10] = [
        "already",
        "before",
        "once",
        "twice",
        "again",
        "expired",
        "duplicate",
        "replay",
        "no longer",
        "earlier",
    ];
    let said = result.to_string().to_lowercase();
    super::complains(result) || WORDS.iter().any(|word| said.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_in_words_is_told_from_another_outcome() {
        let result = |text: &str| json!({"content": [{"type": "text", "text": text}]});
        assert!(refuses(&result("This was Already redeemed.")));
        assert!(refuses(&result("Error: no such approval")));
        assert!(!refuses(&result("Redeemed, 3 left.")));
    }
}
