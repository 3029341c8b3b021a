//! The methods that both eras share.

use super::answer::{Ask, Failure, Outcome};
use super::server::Server;
use super::{completion, prompts, resources, tasks, tools};
use crate::protocol::{Revision, method};

type Handler = fn(&Ask<'_>) -> Result<Outcome, Failure>;

/// The handler of a method that is defined in the revision and whose capability is declared.
pub(super) fn handler(server: &Server, name: &str, revision: Revision) -> Option<Handler> {
    let capability = method::find(name, revision)?.capability?;
    let handler: Handler = match name {
        "tools/list" => tools::list,
        "tools/call" => tools::call,
        "resources/list" => resources::list,
        "resources/templates/list" => resources::templates,
        "resources/read" => resources::read,
        "prompts/list" => prompts::list,
        "prompts/get" => prompts::get,
        "completion/complete" => completion::complete,
        "tasks/get" => tasks::get,
        "tasks/result" => tasks::result,
        "tasks/list" => tasks::list,
        "tasks/cancel" => tasks::cancel,
        "tasks/update" => tasks::update,
        _ => return None,
    };
    server.declares(capability).then_some(handler)
}
