//! What covers what: which case, rule or schema judges a requirement, and which fault proves it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::case::Case;
use crate::catalogue::{Reach, Requirement, requirements};
use crate::protocol::Revision;
use crate::reference::{EraName, Fault, Transport};
use crate::session::Session;
use crate::{reference, rule};

/// What covers a requirement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covering {
    /// Cases, rules and schemas, each once.
    pub judged_by: Vec<String>,
    /// Faults of the reference server.
    pub faults: Vec<String>,
    /// Where something judges it.
    pub judged_on: BTreeSet<Place>,
    /// Where it is judged and a fault violates it.
    pub proven_on: BTreeSet<Place>,
}

/// A revision over a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The revision.
    pub revision: Revision,
    /// The transport.
    pub transport: Transport,
}

impl Place {
    /// Every place, oldest revision first. Streamable HTTP begins where HTTP+SSE ends.
    pub fn all() -> impl Iterator<Item = Self> {
        Revision::ALL.into_iter().flat_map(|revision| {
            let is_first = revision == Revision::V2024_11_05;
            let over_http = if is_first { Transport::Sse } else { Transport::Http };
            [Transport::Stdio, over_http].map(|transport| Self { revision, transport })
        })
    }

    /// The transport as cases name it.
    pub fn over(self) -> &'static str {
        match self.transport {
            Transport::Stdio => "stdio",
            Transport::Http => "http",
            Transport::Sse => "sse",
        }
    }

    /// Where a conversation takes place.
    pub fn of(session: &Session) -> Self {
        let transport = match (session.is_http(), session.is_legacy()) {
            (true, _) => Transport::Http,
            (false, true) => Transport::Sse,
            (false, false) => Transport::Stdio,
        };
        Self { revision: session.revision, transport }
    }

    /// Whether a requirement is in force here.
    pub fn knows(self, requirement: &Requirement) -> bool {
        let is_http = self.transport != Transport::Stdio;
        let is_reached = match requirement.transport {
            _ if requirement.is_about_sse() => self.transport == Transport::Sse,
            Reach::Any => true,
            Reach::Http => is_http,
            Reach::Stdio => !is_http,
        };
        is_reached
            && requirement.revisions().contains(self.revision)
            && !requirement.is_excepted(self.revision, is_http)
    }

    fn runs(self, case: &Case) -> bool {
        case.revisions.contains(self.revision) && case.transports.iter().any(|name| name == self.over())
    }

    fn sees(self, fault: &Fault) -> bool {
        let era = if self.revision.is_stateless() { EraName::Stateless } else { EraName::Handshake };
        let is_spoken = fault.options.eras.as_ref().is_none_or(|eras| eras.contains(&era));
        is_spoken && fault.revisions.contains(self.revision) && fault.transports.contains(&self.transport)
    }
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
    let mut faults: HashMap<&str, Vec<&Fault>> = HashMap::new();
    for fault in reference::faults() {
        if let Some(requirement) = &fault.requirement {
            faults.entry(requirement).or_default().push(fault);
        }
    }
    let covering = |requirement: &Requirement| {
        let judged = judges.get(requirement.id.as_str());
        let faults = faults.get(requirement.id.as_str()).map(Vec::as_slice).unwrap_or_default();
        let judged_on: BTreeSet<Place> = judged
            .iter()
            .flat_map(|judged| &judged.on)
            .filter(|place| place.knows(requirement))
            .copied()
            .collect();
        let is_proven = |place: &&Place| faults.iter().any(|fault| place.sees(fault));
        Covering {
            judged_by: judged.map(|judged| judged.by.clone()).unwrap_or_default(),
            faults: faults.iter().map(|fault| fault.id.clone()).collect(),
            proven_on: judged_on.iter().filter(is_proven).copied().collect(),
            judged_on,
        }
    };
    requirements().iter().map(covering).collect()
}

/// What covers one requirement.
pub fn of(requirement: &Requirement, cases: &[Case]) -> Covering {
    let index = requirements().iter().position(|known| known.id == requirement.id);
    index.and_then(|index| all(cases).into_iter().nth(index)).unwrap_or_default()
}

/// What judges a requirement, and where.
#[derive(Default)]
struct Judges {
    by: Vec<String>,
    on: BTreeSet<Place>,
}

fn judges(cases: &[Case]) -> BTreeMap<String, Judges> {
    let mut judges: BTreeMap<String, Judges> = BTreeMap::new();
    let mut add = |requirement: &str, check: &str, places: &mut dyn Iterator<Item = Place>| {
        let known = judges.entry(requirement.to_owned()).or_default();
        if !known.by.iter().any(|id| id == check) {
            known.by.push(check.to_owned());
        }
        known.on.extend(places);
    };
    for case in cases {
        let places = || Place::all().filter(|place| place.runs(case));
        case.requirements().iter().for_each(|requirement| add(&requirement.id, &case.id, &mut places()));
    }
    for revision in Revision::ALL {
        let places = || Place::all().filter(|place| place.revision == revision);
        rule::checks(revision)
            .iter()
            .for_each(|possible| add(&possible.requirement, possible.check, &mut places()));
    }
    judges
}
