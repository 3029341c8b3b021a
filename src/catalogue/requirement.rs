//! The requirements of `cases/requirements/`.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::{Level, SourceFile, files};
use crate::protocol::{Revision, RevisionRange};

/// One rule of the specification that binds a server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Stable name; public API of the tool.
    pub id: String,
    /// The keyword.
    pub level: Level,
    /// Where a rule without a keyword in the prose comes from.
    #[serde(default)]
    pub source: Option<String>,
    /// First revision in which it holds.
    pub since: Revision,
    /// Last revision in which it holds; absent = still in force.
    #[serde(default)]
    pub until: Option<Revision>,
    /// Transports that it is about.
    #[serde(default)]
    pub transport: Reach,
    /// Where it does not hold all the same.
    #[serde(default)]
    pub except: Vec<Exception>,
    /// Capabilities or features without which it does not apply.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Whether a client can see if it is kept.
    pub observable: Observable,
    /// The rule, in our own words.
    pub statement: String,
    /// How it is tested.
    #[serde(default)]
    pub test: Option<String>,
    /// What conforms.
    #[serde(default)]
    pub pass: Option<String>,
    /// What a server that breaks it does.
    #[serde(default)]
    pub violation: Option<String>,
    /// Ambiguities and traps.
    #[serde(default)]
    pub caution: Option<String>,
    /// Where the specification says so.
    pub spec: Vec<SpecLink>,
}

/// The transports that a requirement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// All transports.
    #[default]
    Any,
    /// stdio only.
    Stdio,
    /// HTTP only.
    Http,
}

/// A revision over a transport in which a requirement does not hold, written `REVISION TRANSPORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Exception {
    revision: Revision,
    is_http: bool,
}

impl TryFrom<String> for Exception {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is not `REVISION stdio` or `REVISION http`");
        let (revision, transport) = text.split_once(' ').ok_or_else(bad)?;
        let is_http = match transport {
            "http" => true,
            "stdio" => false,
            _ => return Err(bad()),
        };
        Ok(Self { revision: revision.parse().map_err(|e| format!("{e}"))?, is_http })
    }
}

/// Whether a client can see if a requirement is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Observable {
    /// Always.
    Yes,
    /// Only when the situation arises.
    Partly,
    /// Never.
    No,
}

/// A section of the specification, written `REVISION/PAGE#SECTION`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct SpecLink {
    /// The revision of the page.
    pub revision: Revision,
    page: String,
    section: String,
}

impl TryFrom<String> for SpecLink {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("`{text}` is not REVISION/PAGE#SECTION");
        let (revision, rest) = text.split_once('/').ok_or_else(bad)?;
        let (page, section) = rest.split_once('#').ok_or_else(bad)?;
        let revision = revision.parse().map_err(|e| format!("{e}"))?;
        Ok(Self { revision, page: page.to_owned(), section: section.to_owned() })
    }
}

impl SpecLink {
    /// The address of the section on the web.
    pub fn url(&self) -> String {
        let Self { revision, page, section } = self;
        let anchor = match section.as_str() {
            "top" => String::new(),
            section => format!("#{section}"),
        };
        match page.as_str() {
            // Revisions without a schema page: the file itself, which has no anchors.
            "schema.ts" => format!(
                "https://github.com/modelcontextprotocol/modelcontextprotocol/blob/main/schema/{revision}/schema.ts"
            ),
            page if page.starts_with("docs/")
                || page.starts_with("seps/")
                || page.starts_with("extensions/") =>
            {
                format!("https://modelcontextprotocol.io/{page}{anchor}")
            }
            page => {
                let page = page.strip_suffix("/index").unwrap_or(page);
                format!("https://modelcontextprotocol.io/specification/{revision}/{page}{anchor}")
            }
        }
    }
}

impl Requirement {
    /// The revisions in which the requirement holds.
    pub fn revisions(&self) -> RevisionRange {
        RevisionRange { first: self.since, last: self.until.unwrap_or(RevisionRange::ALL.last) }
    }

    /// Whether it does not hold in a revision over a kind of transport, though it does in others.
    pub fn is_excepted(&self, revision: Revision, is_http: bool) -> bool {
        self.except.contains(&Exception { revision, is_http })
    }

    /// Whether it is about HTTP+SSE, the older of the two HTTP transports.
    pub fn is_about_sse(&self) -> bool {
        self.needs.iter().any(|need| need == "http-sse")
    }

    /// The section to show for a revision: that of the revision, else the first.
    pub fn link(&self, revision: Revision) -> Option<&SpecLink> {
        self.spec.iter().find(|link| link.revision == revision).or_else(|| self.spec.first())
    }
}

struct Catalogue {
    all: Vec<Requirement>,
    by_id: HashMap<String, usize>,
}

static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();

fn catalogue() -> &'static Catalogue {
    CATALOGUE.get_or_init(|| {
        let all = load(&files("requirements"));
        let by_id = all.iter().enumerate().map(|(index, r)| (r.id.clone(), index)).collect();
        Catalogue { all, by_id }
    })
}

/// Reads the files side by side: parsing is most of the start-up time.
fn load(files: &[SourceFile]) -> Vec<Requirement> {
    let read = |file: &SourceFile| -> Vec<Requirement> {
        // The embedded files are proven by a test; a broken one is a bug of this tool.
        super::yaml(file.text).unwrap_or_else(|e| panic!("{}: {e}", file.path))
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = files.iter().map(|file| scope.spawn(move || read(file))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    })
}

/// Every requirement, by area.
pub fn requirements() -> &'static [Requirement] {
    &catalogue().all
}

/// The requirement of that id.
pub fn requirement(id: &str) -> Option<&'static Requirement> {
    let catalogue = catalogue();
    catalogue.by_id.get(id).map(|index| &catalogue.all[*index])
}

/// A short digest of the catalogue, so that reports tell which one was used.
pub fn digest() -> String {
    fingerprint(files("requirements").iter().flat_map(|file| file.text.bytes()))
}

/// A short name for bytes: FNV-1a, 64 bits, in hexadecimal.
pub fn fingerprint(bytes: impl Iterator<Item = u8>) -> String {
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// The known names closest to a mistyped one, best first.
fn closest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut scored: Vec<(usize, &str)> = known
        .map(|candidate| {
            let ratio = similar::TextDiff::from_chars(name, candidate).ratio();
            ((ratio * 1000.0) as usize, candidate)
        })
        .filter(|(score, _)| *score >= 600)
        .collect();
    scored.sort_by(|a, b| b.cmp(a));
    // Several commands may have the same option, several revisions the same tool.
    scored.dedup();
    scored.into_iter().take(3).map(|(_, candidate)| candidate).collect()
}

/// What a mistyped name may mean, as the end of a sentence; empty if nothing comes close.
pub fn did_you_mean<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    match closest(name, known).as_slice() {
        [] => String::new(),
        near => format!(" (did you mean {}?)", near.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_ranges_not_empty() {
        assert_eq!(catalogue().all.len(), catalogue().by_id.len());
        for requirement in requirements() {
            assert!(!requirement.revisions().is_empty(), "{}", requirement.id);
            assert!(!requirement.spec.is_empty(), "{} has no spec link", requirement.id);
        }
    }

    #[test]
    fn links_are_addresses_without_spaces() {
        for link in requirements().iter().flat_map(|r| &r.spec) {
            let url = link.url();
            assert!(url::Url::parse(&url).is_ok() && !url.contains(' '), "{url}");
        }
    }

    #[test]
    fn an_exception_lies_within_the_revisions_and_names_its_place() {
        for requirement in requirements() {
            for exception in &requirement.except {
                assert!(requirement.revisions().contains(exception.revision), "{}", requirement.id);
                assert_eq!(requirement.transport, Reach::Any, "{}", requirement.id);
            }
        }
        for text in ["2026-07-28", "2026-07-28 tcp", "2026 http"] {
            assert!(
                Exception::try_from(text.to_owned()).unwrap_err().contains(text.split(' ').next().unwrap())
            );
        }
    }

    #[test]
    fn a_mistyped_id_finds_the_right_one() {
        let ids = requirements().iter().map(|r| r.id.as_str());
        assert_eq!(closest("tools.list.result-shap", ids)[0], "tools.list.result-shape");
    }
}
