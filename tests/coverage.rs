//! The catalogue, the checks, the proofs and what the README says of them stay in step.

mod command;

use mcp_conform::case;
use mcp_conform::catalogue::{Level, Observable, requirement, requirements};
use mcp_conform::reference::{faults, quirks};
use mcp_conform::runner::coverage::{self, Place};

/// What was reached; raise these when more is.
const JUDGED: usize = 950;
const PROVEN: usize = 950;

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

#[test]
fn what_can_be_observed_is_judged_and_proven_wherever_it_holds() {
    let cases = case::builtin().expect("built-in cases load");
    let mut gaps = Vec::new();
    for (requirement, covering) in requirements().iter().zip(coverage::all(&cases)) {
        let id = &requirement.id;
        let is_judged = !covering.judged_by.is_empty();
        if requirement.observable == Observable::No {
            if requirement.caution.is_none() && requirement.level != Level::May {
                gaps.push(format!("{id}: no reason"));
            }
        } else if is_judged && covering.faults.is_empty() {
            gaps.push(format!("{id}: no fault"));
        } else if !is_judged {
            gaps.push(format!("{id}: not judged"));
        } else {
            let places = Place::all().filter(|place| place.knows(requirement));
            let bare = places.filter(|place| !covering.proven_on.contains(place));
            gaps.extend(bare.map(|place| format!("{id}: not proven in {} {}", place.revision, place.over())));
        }
    }
    assert!(gaps.is_empty(), "{gaps:#?}");
}

#[test]
fn what_is_proven_somewhere_is_judged_there() {
    let cases = case::builtin().expect("built-in cases load");
    for (requirement, covering) in requirements().iter().zip(coverage::all(&cases)) {
        let is_known = |place: &Place| place.knows(requirement);
        assert!(covering.judged_on.iter().all(is_known), "{}", requirement.id);
        assert!(covering.proven_on.is_subset(&covering.judged_on), "{}", requirement.id);
        let is_lost = !covering.judged_by.is_empty() && covering.judged_on.is_empty();
        assert!(!is_lost, "{}: judged only where it is not in force", requirement.id);
        let is_unseen = !covering.faults.is_empty() && covering.proven_on.is_empty();
        assert!(!is_unseen, "{}: its faults show only where nothing judges it", requirement.id);
    }
}

#[test]
fn the_readme_tells_what_is_covered() {
    let readme = include_str!("../README.md");
    let head = "revision over observable judged proven";
    let listed = command::expect_in(command::root(), &["list", "requirements"], 0, &[head]);
    let table = listed.split(head).nth(1).unwrap_or_default().trim_start();
    let words: Vec<&str> = table.split(' ').collect();
    let is_row = |row: &&[&str]| row[0].contains('-');
    let rows: Vec<String> =
        words.chunks_exact(5).take_while(is_row).map(|row| format!("| {} |", row.join(" | "))).collect();
    assert_eq!(rows.len(), 10, "{table}");
    let told: Vec<&str> = readme.lines().filter(|line| rows.iter().any(|row| row == line)).collect();
    assert_eq!(told, rows, "another table in the README");
    let totals = words[5 * rows.len()..].iter().filter(|word| word.parse::<u32>().is_ok());
    for total in totals {
        assert!(readme.replace(',', "").contains(total), "the README does not say {total}");
    }
}
