//! The report as a page of its own, without a script and without anything from elsewhere.

use pinksync_model::{DatasetReport, Report, WriteCounts};

use crate::docs::escaped;

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#222}
h1,h2{color:#b3246b}table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #eadbe3}
td:first-child,th:first-child{text-align:left}tr.total{font-weight:bold}.tripped{color:#b00020}";

/// What the columns beside the name of a dataset say.
const COLUMNS: [&str; 8] = [
    "read",
    "created / updated / deleted at the target",
    "created / updated / deleted at the source",
    "unchanged",
    "conflicts settled",
    "conflicts open",
    "rejected",
    "seconds",
];

/// The whole page.
pub fn page(report: &Report) -> String {
    let session = &report.session;
    let ended =
        session.ended_at.as_ref().map_or_else(|| "not over yet".to_owned(), |at| format!("ended {}", escaped(at)));
    let reason = session
        .reason
        .as_ref()
        .map(|reason| format!("<p><code>{}</code>: {}</p>", escaped(&reason.code), escaped(&reason.detail)));
    let heads: String = COLUMNS.iter().map(|name| format!("<th>{name}")).collect();
    let mut rows: String = report.datasets.iter().map(|dataset| row(dataset, "")).collect();
    if report.datasets.len() > 1 {
        rows.push_str(&row(&DatasetReport::total(&report.datasets), " class=\"total\""));
    }
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Session {id}</title><style>{STYLE}</style>\
         <h1>Session {id}</h1><p><b>{status}</b> ({mode}), began {began}, {ended}</p>{reason}\
         <table><tr><th>dataset{heads}{rows}</table>{guards}{warnings}</html>",
        id = session.id,
        status = escaped(session.status.as_str()),
        mode = escaped(session.mode.as_str()),
        began = escaped(&session.started_at),
        reason = reason.unwrap_or_default(),
        guards = guards(report),
        warnings = warnings(report),
    )
}

fn row(dataset: &DatasetReport, class: &str) -> String {
    let name = match dataset.target.is_empty() || dataset.source == dataset.target {
        true => escaped(&dataset.source),
        false => format!("{} → {}", escaped(&dataset.source), escaped(&dataset.target)),
    };
    let written = |counts: WriteCounts| format!("{} / {} / {}", counts.created, counts.updated, counts.deleted);
    let seconds = &dataset.seconds;
    format!(
        "<tr{class}><td>{name}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{:.1}",
        dataset.read.source + dataset.read.target,
        written(dataset.to_target),
        written(dataset.to_source),
        dataset.unchanged,
        dataset.conflicts.resolved,
        dataset.conflicts.open,
        dataset.rejected,
        seconds.plan + seconds.compare + seconds.write,
    )
}

fn guards(report: &Report) -> String {
    let tripped = report.guards.iter().filter(|guard| guard.tripped);
    let lines: String = tripped
        .map(|guard| {
            format!("<li class=\"tripped\">the guard <code>{}</code> was tripped", escaped(guard.name.as_str()))
        })
        .collect();
    if lines.is_empty() { lines } else { format!("<h2>Guards</h2><ul>{lines}</ul>") }
}

fn warnings(report: &Report) -> String {
    let lines: String = report.warnings.iter().map(|warning| format!("<li>{}", escaped(warning))).collect();
    if lines.is_empty() { lines } else { format!("<h2>Warnings</h2><ul>{lines}</ul>") }
}
