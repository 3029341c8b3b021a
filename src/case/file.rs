//! The YAML form of a case, before validation.

use serde::Deserialize;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use super::model::{Connection, HttpSpec};
use crate::protocol::RevisionRange;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    pub title: String,
    #[serde(default)]
    pub revisions: RevisionRange,
    #[serde(default)]
    pub transports: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default)]
    pub lacks: Vec<String>,
    #[serde(default)]
    pub client: Option<Spanned<Value>>,
    #[serde(default)]
    pub connection: Connection,
    #[serde(default)]
    pub hint: Option<String>,
    #[serde(default)]
    pub steps: Vec<Spanned<StepFile>>,
    #[serde(default)]
    pub code: Option<Spanned<String>>,
    #[serde(default)]
    pub judges: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepFile {
    #[serde(default)]
    pub request: Option<String>,
    #[serde(default)]
    pub together: Option<Vec<CallFile>>,
    #[serde(default)]
    pub notify: Option<String>,
    #[serde(default)]
    pub message: Option<Value>,
    #[serde(default)]
    pub raw: Option<Value>,
    #[serde(default)]
    pub hex: Option<String>,
    #[serde(default)]
    pub fence: Option<Empty>,
    #[serde(default)]
    pub http: Option<HttpSpec>,
    #[serde(default)]
    pub close: Option<Side>,
    #[serde(default)]
    pub signal: Option<SignalName>,
    #[serde(default)]
    pub value: Option<Value>,
    #[serde(default)]
    pub r#for: Option<String>,
    #[serde(default)]
    pub steps: Vec<Spanned<StepFile>>,
    #[serde(default)]
    pub params: Option<Value>,
    #[serde(default)]
    pub meta: Option<Value>,
    #[serde(default)]
    pub newline: Option<bool>,
    #[serde(default)]
    pub r#as: Option<String>,
    #[serde(default)]
    pub timeout: Option<String>,
    #[serde(default)]
    pub hint: Option<String>,
    #[serde(default)]
    pub checks: Vec<Spanned<CheckFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallFile {
    pub method: String,
    #[serde(default)]
    pub params: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    Input,
}

#[derive(Deserialize)]
pub(super) enum SignalName {
    #[serde(rename = "TERM")]
    Term,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckFile {
    pub requirement: Spanned<String>,
    pub expect: Spanned<Map<String, Value>>,
}
