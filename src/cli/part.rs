//! One server to judge, and its start where a command has to run first.

use crate::runner::Plan;
use crate::transport::{HostError, Hosted};

/// A server to judge.
pub struct Part {
    /// What is judged.
    pub plan: Plan,
    /// Whether it is left out this time.
    pub idle: bool,
}

impl Part {
    /// A server that runs already, or that is launched for each connection.
    pub fn of(plan: Plan) -> Self {
        Self { plan, idle: false }
    }

    /// The name of the server, where a file names several.
    pub fn name(&self) -> &str {
        self.plan.name.as_deref().unwrap_or_default()
    }

    /// Starts the server where that is asked for, and waits until it listens. It ends with what is returned.
    pub async fn start(&self) -> Result<Option<Hosted>, HostError> {
        match self.plan.target.host() {
            Some(host) => host.start(self.plan.options.startup_timeout).await.map(Some),
            None => Ok(None),
        }
    }

    /// What tells this server from others, from one run to the next.
    pub fn label(&self) -> String {
        let info = &self.plan.info;
        // The address of a server that is started here has another port each time.
        let url = info.url.as_ref().filter(|_| info.command.is_empty());
        format!(
            "{} {}{} {}",
            info.transport,
            self.name(),
            url.map(String::as_str).unwrap_or_default(),
            info.command.join(" ")
        )
    }
}
