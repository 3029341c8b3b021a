//! The overview: areas against runs. A cell leads to its checks.

use std::collections::BTreeMap;

use super::{area, escape};
use crate::catalogue::Verdict;
use crate::report::{Counts, Report, Run, text, words};

/// The section; empty without runs.
pub fn section(report: &Report) -> String {
    if report.runs.is_empty() {
        return String::new();
    }
    let columns: Vec<BTreeMap<&str, Counts>> = report.runs.iter().map(by_area).collect();
    let mut areas: Vec<&str> = columns.iter().flat_map(|column| column.keys().copied()).collect();
    areas.sort_unstable();
    areas.dedup();
    let heads: String =
        report.runs.iter().map(|run| format!("<th scope=\"col\">{}</th>", escape(&run.label()))).collect();
    let rows: String = areas.iter().map(|name| row(name, &columns)).collect();
    let totals: String = report.runs.iter().enumerate().map(|(n, run)| cell(None, n, run.counts())).collect();
    format!(
        "<section id=\"overview\">\n<h2>Overview</h2>\n<table>\n<thead><tr><th scope=\"col\">area</th>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n<tfoot><tr><th scope=\"row\">all</th>{totals}</tr></tfoot>\n</table>\n</section>\n"
    )
}

fn by_area(run: &Run) -> BTreeMap<&str, Counts> {
    let mut areas: BTreeMap<&str, Vec<Verdict>> = BTreeMap::new();
    for check in &run.checks {
        areas.entry(area(&check.requirement)).or_default().push(check.verdict);
    }
    areas.into_iter().map(|(area, verdicts)| (area, Counts::of(verdicts))).collect()
}

fn row(name: &str, columns: &[BTreeMap<&str, Counts>]) -> String {
    let cells: String = columns
        .iter()
        .enumerate()
        .map(|(n, column)| cell(Some(name), n, column.get(name).copied().unwrap_or_default()))
        .collect();
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&text::brief(name, 40)))
}

fn cell(area: Option<&str>, run: usize, counts: Counts) -> String {
    let bad: Vec<String> = [Verdict::Fail, Verdict::Warn, Verdict::Error]
        .into_iter()
        .filter(|&verdict| counts.get(verdict) > 0)
        .map(|verdict| format!("<b class=\"{verdict}\">{} {verdict}</b>", counts.get(verdict)))
        .collect();
    let total = counts.coverage();
    let said = match (total.applicable, bad.is_empty()) {
        (0, _) => return "<td class=\"empty\">–</td>".to_owned(),
        (_, true) => format!("{} of {}", total.judged, total.applicable),
        (_, false) => bad.join(" "),
    };
    let bar: String = words::VERDICTS
        .into_iter()
        .filter(|&verdict| verdict != Verdict::NotApplicable && counts.get(verdict) > 0)
        .map(|verdict| {
            format!(
                "<i class=\"{verdict}\" style=\"flex:{}\" title=\"{0} {verdict}\"></i>",
                counts.get(verdict)
            )
        })
        .collect();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(area.map(|area| ("area", area)))
        .append_pair("run", &run.to_string())
        .finish();
    format!(
        "<td><a href=\"#{}\"><span>{said}</span><span class=\"bar\">{bar}</span></a></td>",
        escape(&query)
    )
}
