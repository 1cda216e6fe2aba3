//! The report of a session on a terminal: one table with a total, what guards found, warnings, what to do next.

use std::collections::BTreeSet;
use std::path::Path;

use pinksync_model::{DatasetReport, GuardName, GuardReport, Mode, Report, SessionStatus, WriteCounts};

use super::{counted, harmless, number, table, text_of};
use crate::context::Context;

/// A column: its header, what it counts, and whether it stands even if all is zero.
struct Column {
    header: &'static str,
    count: fn(&DatasetReport) -> u64,
    always: bool,
}

const fn always(header: &'static str, count: fn(&DatasetReport) -> u64) -> Column {
    Column { header, count, always: true }
}

const fn if_any(header: &'static str, count: fn(&DatasetReport) -> u64) -> Column {
    Column { header, count, always: false }
}

const COLUMNS: [Column; 22] = [
    always("source\nread", |report| report.read.source),
    always("target\nread", |report| report.read.target),
    if_any("skipped\nunchanged", |report| report.read.skipped_unchanged),
    always("→ target\ncreated", |report| report.to_target.created),
    always("→ target\nupdated", |report| report.to_target.updated),
    always("→ target\ndeleted", |report| report.to_target.deleted),
    if_any("→ source\ncreated", |report| report.to_source.created),
    if_any("→ source\nupdated", |report| report.to_source.updated),
    if_any("→ source\ndeleted", |report| report.to_source.deleted),
    always("\nunchanged", |report| report.unchanged),
    if_any("\nadopted", |report| report.adopted),
    if_any("\nsettled", |report| report.settled),
    if_any("\nmerged", |report| report.merged),
    if_any("\ndrift", |report| report.drift),
    if_any("target\nonly", |report| report.target_only),
    if_any("out of\nscope", |report| report.out_of_scope),
    if_any("\ntransformed", |report| report.transformed),
    if_any("conflicts\nresolved", |report| report.conflicts.resolved),
    always("conflicts\nopen", |report| report.conflicts.open),
    always("\nrejected", |report| report.rejected),
    if_any("left\nalone", |report| report.left_alone),
    if_any("verified\nequal", |report| report.verified.equal),
];

/// The columns of a comparison.
const VERIFIED: [Column; 5] = [
    always("source\nread", |report| report.read.source),
    always("target\nread", |report| report.read.target),
    always("\nequal", |report| report.verified.equal),
    always("\ndifferent", |report| report.verified.different),
    always("not\ncompared", |report| report.verified.not_compared),
];

/// Everything about a session that has ended.
pub fn text(report: &Report, file: &Path, context: &Context) -> String {
    let mut parts = vec![headline(report)];
    if !report.datasets.is_empty() {
        parts.push(numbers(report));
    }
    let guards: Vec<String> = report.guards.iter().filter(|guard| guard.tripped).map(guard).collect();
    let warnings: Vec<String> =
        report.warnings.iter().map(|warning| format!("warning: {}", harmless(warning))).collect();
    for lines in [guards, warnings, next_steps(report, file, context)] {
        if !lines.is_empty() {
            parts.push(lines.join("\n"));
        }
    }
    parts.join("\n\n")
}

fn headline(report: &Report) -> String {
    let session = &report.session;
    let mut text = format!("{} {}: {}", what(session.mode), session.id, words(session.status));
    let stopping = report.guards.iter().filter(|guard| guard.tripped && !guard.allowed).count() as u64;
    if stopping > 0 {
        // Each of them has a line of its own.
        text.push_str(&format!(" (stopped by {})", counted(stopping, "guard", "guards")));
    } else if let Some(reason) = &session.reason {
        text.push_str(&format!(" ({})", harmless(&reason.detail)));
    }
    text
}

fn what(mode: Mode) -> &'static str {
    match mode {
        Mode::Sync => "session",
        Mode::Plan => "plan",
        Mode::Verify => "comparison",
        Mode::Undo => "undo",
    }
}

fn words(status: SessionStatus) -> &'static str {
    match status {
        SessionStatus::Pending => "pending",
        SessionStatus::InProgress => "in progress",
        SessionStatus::Paused => "paused",
        SessionStatus::Completed => "completed",
        SessionStatus::Failed => "failed",
        SessionStatus::Cancelled => "cancelled",
    }
}

fn numbers(report: &Report) -> String {
    let total = DatasetReport::total(&report.datasets);
    let columns: Vec<&Column> = match report.session.mode {
        Mode::Verify => VERIFIED.iter().collect(),
        Mode::Sync | Mode::Plan | Mode::Undo => {
            COLUMNS.iter().filter(|column| column.always || (column.count)(&total) > 0).collect()
        }
    };
    let mut table = table();
    let headers = columns.iter().map(|column| column.header.to_owned());
    table.set_header(std::iter::once("\ndataset".to_owned()).chain(headers));
    let mut row = |name: String, report: &DatasetReport| {
        let counts = columns.iter().map(|column| number((column.count)(report)));
        table.add_row(std::iter::once(name).chain(counts));
    };
    for dataset in &report.datasets {
        row(name(dataset), dataset);
    }
    row("total".to_owned(), &total);
    text_of(table, 1)
}

fn name(dataset: &DatasetReport) -> String {
    match dataset.source == dataset.target {
        true => harmless(&dataset.source),
        false => harmless(&format!("{} → {}", dataset.source, dataset.target)),
    }
}

/// What a guard found that tripped.
pub fn guard(guard: &GuardReport) -> String {
    let word = if guard.allowed { "overridden" } else { "tripped" };
    let mut text = format!("guard {} {word}", guard.name);
    if let Some(dataset) = &guard.dataset {
        text.push_str(&format!(" at {dataset}"));
    }
    match &guard.detail {
        Some(detail) => text.push_str(&format!(": {detail}")),
        None => text.push_str(&format!(": {} is allowed, {} was found", guard.limit, guard.actual)),
    }
    harmless(&text)
}

/// The run that overrides all guards at once which tripped.
pub fn overriding(guards: &[GuardReport], file: &Path, context: &Context) -> String {
    let on_deletes = [GuardName::MaxDeletePercent, GuardName::EmptySide];
    // What was overridden before and holds for the base is settled by now; a guard on deletes will trip again.
    let again = |guard: &&GuardReport| {
        guard.tripped && (!guard.allowed || on_deletes.iter().any(|name| name.as_str() == guard.name))
    };
    let names: BTreeSet<&str> = guards.iter().filter(again).map(|guard| guard.name.as_str()).collect();
    let allow: String = names.iter().map(|name| format!(" --allow {name}")).collect();
    format!("{}{allow}", context.next("run", file))
}

/// What a session that a guard stopped has done until then.
fn written_before(total: &DatasetReport) -> String {
    let side = |name: &str, counts: &WriteCounts| {
        let parts = [(counts.created, "created"), (counts.updated, "updated"), (counts.deleted, "deleted")];
        let parts =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, did)| format!("{} {did}", number(*count)));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| format!("{} at the {name}", parts.join(" and ")))
    };
    let sides = [side("target", &total.to_target), side("source", &total.to_source)];
    let written: Vec<String> = sides.into_iter().flatten().collect();
    let deleted = total.to_target.deleted + total.to_source.deleted;
    match (written.is_empty(), deleted) {
        (true, _) => "nothing was written".to_owned(),
        (false, 0) => {
            format!("written before the guard stopped the session: {}; nothing was deleted", written.join(", "))
        }
        (false, _) => {
            format!(
                "written before the guard stopped the session: {}; no further record was deleted",
                written.join(", ")
            )
        }
    }
}

/// What to do about a guard on the base that nothing overrides.
pub fn as_it_was(guard: &GuardReport) -> &'static str {
    match GuardName::DifferentSystem.as_str() == guard.name {
        true => "let the sync file name the systems again that the base was taken of",
        false => "put key, fields, filter and types of the dataset back as they were, in the sync file",
    }
}

/// What the user may want to do now, most urgent first.
fn next_steps(report: &Report, file: &Path, context: &Context) -> Vec<String> {
    let total = DatasetReport::total(&report.datasets);
    let mut steps = Vec::new();
    let stopping = || report.guards.iter().filter(|guard| guard.tripped && !guard.allowed);
    if report.session.mode == Mode::Undo {
        let undo = context.next("undo", file);
        steps.extend(stopping().map(|guard| format!("nothing was taken back; {}: {undo}", as_it_was(guard))));
    } else if stopping().next().is_some() {
        steps.push(written_before(&total));
        steps.push(format!("if this is meant to be: {}", overriding(&report.guards, file, context)));
    }
    if report.session.status == SessionStatus::Paused {
        let command = if report.session.mode == Mode::Undo { "undo" } else { "run" };
        steps.push(format!("to go on: {}", context.next(command, file)));
    }
    if total.conflicts.open > 0 {
        let waiting = counted(total.conflicts.open, "conflict waits", "conflicts wait");
        steps.push(format!("{waiting} for a decision: {}", context.next("conflicts list", file)));
    }
    if total.rejected > 0 && report.session.mode != Mode::Verify {
        let rejected = counted(total.rejected, "record was", "records were");
        steps.push(format!("{rejected} left out: {}", context.next("rejects", file)));
    }
    if total.left_alone > 0 {
        let left = counted(total.left_alone, "record was", "records were");
        let list = context.next("rejects", file);
        steps.push(format!("{left} changed meanwhile and left alone: {list} --session {}", report.session.id));
    }
    if total.written() > 0 && report.session.mode == Mode::Sync && report.session.status.is_terminal() {
        let written = counted(total.written(), "written record", "written records");
        steps.push(format!("to take back the {written}: {}", context.next("undo", file)));
    }
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_without_a_count_are_left_out() {
        let mut report = DatasetReport { source: "a".into(), target: "b".into(), ..DatasetReport::default() };
        report.to_target.created = 1234;
        let session = pinksync_model::SessionSummary {
            id: pinksync_model::SessionId::new(),
            status: SessionStatus::Completed,
            mode: Mode::Sync,
            started_at: String::new(),
            ended_at: None,
            reason: None,
        };
        let report = Report { session, datasets: vec![report], guards: Vec::new(), warnings: Vec::new() };
        let text = numbers(&report);
        assert!(text.contains("1,234") && text.contains("total") && !text.contains("drift"), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
    }
}
