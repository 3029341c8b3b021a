//! The catalogue, the checks and the proofs stay in step.

use mcp_conform::case;
use mcp_conform::catalogue::{Observable, requirement, requirements};
use mcp_conform::reference::{faults, quirks};
use mcp_conform::runner::coverage;

/// What was reached; raise these when more is.
const JUDGED: usize = 580;
const PROVEN: usize = 521;

#[test]
fn no_requirement_loses_its_check_or_its_fault() {
    let cases = case::builtin().expect("built-in cases load");
    let coverage = coverage::all(&cases);
    let judged = coverage.iter().filter(|covering| !covering.judged_by.is_empty()).count();
    let proven = coverage.iter().filter(|covering| !covering.faults.is_empty()).count();
    assert!(judged >= JUDGED, "{judged} requirements are judged, {JUDGED} were");
    assert!(proven >= PROVEN, "{proven} requirements are proven, {PROVEN} were");
}

#[test]
fn every_fault_violates_a_requirement_that_something_judges() {
    let cases = case::builtin().expect("built-in cases load");
    let coverage = coverage::all(&cases);
    for fault in faults() {
        let id = fault.requirement.as_deref().unwrap_or_default();
        assert!(requirement(id).is_some(), "{}: unknown requirement `{id}`", fault.source);
        let index = requirements().iter().position(|requirement| requirement.id == id);
        let judges = index.map(|index| &coverage[index].judged_by);
        assert!(judges.is_some_and(|judges| !judges.is_empty()), "{}: nothing judges `{id}`", fault.source);
        assert!(fault.about.ends_with('.'), "{}: `about` is a sentence", fault.source);
    }
    for quirk in quirks() {
        assert!(quirk.requirement.is_none(), "{}: a quirk violates nothing", quirk.source);
    }
}

#[test]
fn what_cannot_be_observed_is_not_judged_by_a_case() {
    for case in case::builtin().expect("built-in cases load") {
        for requirement in case.requirements() {
            assert!(requirement.observable != Observable::No, "{}: {}", case.id, requirement.id);
        }
    }
}
