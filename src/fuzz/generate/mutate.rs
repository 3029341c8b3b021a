//! Scripts made from scripts of the corpus.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::SBoxedStrategy;

use super::context::Context;
use super::step::{Step, add, edit, make, refusal, step, text_edit};
use super::structure::Edit;
use super::text::TextEdit;
use crate::fuzz::script::{Action, Script};

/// Actions of one script.
const LONGEST: usize = 16;

/// One change of a script. Numbers choose places; any number is good.
#[derive(Debug, Clone)]
enum Change {
    /// Steps at the end.
    Append(Vec<Step>),
    /// A step before an action.
    Insert(u16, Step),
    /// An action left out.
    Remove(u16),
    /// An action again.
    Repeat(u16),
    /// Replies awaited before an action.
    Wait(u16),
    /// A message edited as JSON.
    Edit(u16, Edit),
    /// A message edited as text.
    Text(u16, TextEdit),
    /// Another script of the corpus behind it.
    Join(u16),
}

/// Makes scripts from scripts.
#[derive(Clone)]
pub(in crate::fuzz) struct Mutator {
    context: Arc<Context>,
    changes: SBoxedStrategy<Vec<Change>>,
}

impl Mutator {
    /// One for a server.
    pub(in crate::fuzz) fn new(context: Arc<Context>) -> Self {
        Self { context, changes: vec(change(), 1..3).sboxed() }
    }

    /// Changes of the script `base`, with help from others of the corpus.
    pub(in crate::fuzz) fn changed(
        &self,
        base: Arc<Script>,
        others: Arc<[Arc<Script>]>,
    ) -> impl Strategy<Value = Script> + use<> {
        let context = self.context.clone();
        self.changes.clone().prop_map(move |changes| {
            let mut script = (*base).clone();
            changes.iter().for_each(|change| apply(&context, change, &others, &mut script));
            script.actions.truncate(LONGEST);
            script.operators.truncate(LONGEST);
            script
        })
    }
}

fn change() -> impl Strategy<Value = Change> {
    // What comes behind what led on finds more than what replaces it.
    prop_oneof![
        6 => vec(step(), 1..2).prop_map(Change::Append),
        12 => vec(refusal(), 1..2).prop_map(Change::Append),
        3 => (any::<u16>(), step()).prop_map(|(at, step)| Change::Insert(at, step)),
        1 => any::<u16>().prop_map(Change::Remove),
        2 => any::<u16>().prop_map(Change::Repeat),
        1 => any::<u16>().prop_map(Change::Wait),
        2 => (any::<u16>(), edit()).prop_map(|(at, edit)| Change::Edit(at, edit)),
        1 => (any::<u16>(), text_edit()).prop_map(|(at, edit)| Change::Text(at, edit)),
        1 => any::<u16>().prop_map(Change::Join),
    ]
}

fn apply(context: &Context, change: &Change, others: &[Arc<Script>], script: &mut Script) {
    let place = |at: &u16| usize::from(*at) % script.actions.len().max(1);
    match change {
        Change::Append(steps) => steps.iter().for_each(|step| add(context, step, script)),
        Change::Insert(at, step) => {
            let Script { actions, operators } = make(context, std::slice::from_ref(step));
            let at = place(at);
            script.actions.splice(at..at, actions);
            script.operators.splice(at..at, operators);
        }
        Change::Remove(at) if script.actions.len() > 1 => {
            let at = place(at);
            script.actions.remove(at);
            script.operators.remove(at);
        }
        Change::Remove(_) => {}
        Change::Repeat(at) => {
            let at = place(at);
            let (again, named) = (script.actions.get(at).cloned(), script.operators.get(at).cloned());
            script.actions.extend(again);
            script.operators.extend(named);
        }
        Change::Wait(at) => {
            let at = place(at);
            script.actions.insert(at, Action::Await);
            script.operators.insert(at, Vec::new());
        }
        Change::Edit(at, edit) => edit_message(context, place(at), *edit, script),
        Change::Text(at, edit) => edit_text(context, place(at), *edit, script),
        Change::Join(n) => {
            if let Some(other) = others.get(usize::from(*n) % others.len().max(1)) {
                *script = Script::joined([&*script, &**other]);
            }
        }
    }
}

/// The message of an action, where it has one that can be edited.
fn message(context: &Context, action: &Action) -> Option<serde_json::Value> {
    match action {
        Action::Message(message) => Some(message.clone()),
        Action::Request { method, params, .. } => Some(context.whole(method, params)),
        _ => None,
    }
}

fn edit_message(context: &Context, at: usize, edit: Edit, script: &mut Script) {
    let Some(mut message) = script.actions.get(at).and_then(|action| message(context, action)) else {
        return;
    };
    if let Some(name) = edit.apply(&mut message, &context.hostile) {
        script.operators[at].push(name);
        script.actions[at] = Action::Message(message);
    }
}

fn edit_text(context: &Context, at: usize, edit: TextEdit, script: &mut Script) {
    let Some(action) = script.actions.get(at) else { return };
    let mut line = match (action, message(context, action)) {
        (Action::Text(text), _) => text.clone().into_bytes(),
        (_, Some(message)) => message.to_string().into_bytes(),
        _ => return,
    };
    edit.apply(&mut line);
    script.operators[at].push(edit.operator.name().to_owned());
    script.actions[at] = Action::of_bytes(line);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Revision;

    proptest! {
        #[test]
        fn changes_keep_scripts_in_order(script in (0..1u8).prop_flat_map(|_| {
            let context = Arc::new(Context::generic(Revision::V2025_11_25));
            let base = Arc::new(make(&context, &[Step::Legal(1), Step::Oddity(2)]));
            Mutator::new(context).changed(base.clone(), Arc::new([base]))
        })) {
            prop_assert_eq!(script.actions.len(), script.operators.len());
            prop_assert!(script.actions.len() <= LONGEST);
        }
    }
}
