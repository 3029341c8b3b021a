//! What was listed in the survey and is not listed any more: that it cannot be used is no finding.

use serde_json::Value;

use super::coded::walk::lists;
use super::interpret::CaseRun;
use super::tally::Observed;
use crate::case::List;
use crate::catalogue::Verdict;

impl CaseRun<'_> {
    /// Takes back what was found since `from`, if the thing that it is about is not listed any more.
    pub(super) async fn forgive_if_gone(&mut self, list: List, thing: &Value, from: usize) {
        let Some((method, member)) = list.source() else { return };
        let is_finding = |observed: &Observed| matches!(observed.verdict, Verdict::Fail | Verdict::Warn);
        if !self.observed[from..].iter().any(is_finding)
            || self.session.dead().is_some()
            || lists(self.session, method, member, thing).await
        {
            return;
        }
        for observed in self.observed[from..].iter_mut().filter(|observed| is_finding(observed)) {
            *observed = Observed {
                case: observed.case.take(),
                times: observed.times,
                ..Observed::plain(
                    &observed.check,
                    &observed.requirement,
                    Verdict::NotObserved,
                    format!("no longer on the list of {member}"),
                )
            };
        }
    }
}
