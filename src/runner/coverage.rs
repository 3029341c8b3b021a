//! What covers what: which case, rule or schema judges a requirement, and which fault proves it.

use std::collections::{BTreeMap, HashMap};

use crate::case::Case;
use crate::catalogue::{Requirement, requirements};
use crate::protocol::Revision;
use crate::{reference, rule};

/// What covers a requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covering {
    /// Cases, rules and schemas, each once.
    pub judged_by: Vec<String>,
    /// Faults of the reference server.
    pub faults: Vec<String>,
}

/// Begins to read what coverage is made of, side by side: reading is most of the start-up time.
pub fn prepare() {
    std::thread::spawn(reference::faults);
    for revision in Revision::ALL {
        std::thread::spawn(move || rule::checks(revision).len());
    }
}

/// What covers each requirement, in the order of the catalogue.
pub fn all(cases: &[Case]) -> Vec<Covering> {
    let judges = judges(cases);
    let mut faults: HashMap<&str, Vec<String>> = HashMap::new();
    for fault in reference::faults() {
        if let Some(requirement) = &fault.requirement {
            faults.entry(requirement).or_default().push(fault.id.clone());
        }
    }
    requirements()
        .iter()
        .map(|requirement| Covering {
            judged_by: judges.get(requirement.id.as_str()).cloned().unwrap_or_default(),
            faults: faults.get(requirement.id.as_str()).cloned().unwrap_or_default(),
        })
        .collect()
}

/// What covers one requirement.
pub fn of(requirement: &Requirement, cases: &[Case]) -> Covering {
    let index = requirements().iter().position(|known| known.id == requirement.id);
    index.and_then(|index| all(cases).into_iter().nth(index)).unwrap_or_default()
}

fn judges(cases: &[Case]) -> BTreeMap<String, Vec<String>> {
    let mut judges: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut add = |requirement: &str, check: &str| {
        let known = judges.entry(requirement.to_owned()).or_default();
        if !known.iter().any(|id| id == check) {
            known.push(check.to_owned());
        }
    };
    for case in cases {
        case.requirements().iter().for_each(|requirement| add(&requirement.id, &case.id));
    }
    for revision in Revision::ALL {
        rule::checks(revision).iter().for_each(|possible| add(&possible.requirement, possible.check));
    }
    judges
}
