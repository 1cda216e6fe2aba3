//! A plan on a terminal: grouped by dataset, action and side; long groups are cut and say so.

use pinksync_model::{FieldChange, IndexMap, PlanAction, PlanLine, PlanSummary, Side};

use super::{counted, harmless, key, number, table, text_of, value};

/// Lines of one group that are shown.
const SHOWN: usize = 25;
/// The decision of a line that takes back what a session wrote.
const UNDO: &str = "undo";
/// Fields of one line that are shown.
const FIELDS: usize = 4;

/// Lines of one dataset with the same action on the same side.
struct Group {
    count: u64,
    shown: Vec<PlanLine>,
}

/// Takes lines as they come and keeps what will be shown.
#[derive(Default)]
pub struct Grouped {
    datasets: IndexMap<String, IndexMap<(PlanAction, Option<Side>), Group>>,
}

impl Grouped {
    pub fn add(&mut self, line: PlanLine) {
        let groups = self.datasets.entry(line.dataset.clone()).or_default();
        let group = groups.entry((line.action, line.to)).or_insert(Group { count: 0, shown: Vec::new() });
        group.count += 1;
        if group.shown.len() < SHOWN {
            group.shown.push(line);
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (dataset, groups) in &self.datasets {
            text.push_str(&format!("{}\n", harmless(dataset)));
            for ((action, to), group) in groups {
                text.push_str(&format!("  {} ({})\n", title(*action, *to), number(group.count)));
                text.push_str(&rows(&group.shown));
                let hidden = group.count - group.shown.len() as u64;
                if hidden > 0 {
                    text.push_str(&format!("    … and {} more (-o json has all)\n", number(hidden)));
                }
            }
            text.push('\n');
        }
        text
    }
}

fn title(action: PlanAction, to: Option<Side>) -> String {
    match (action, to) {
        (PlanAction::Create, Some(side)) => format!("create at the {side}"),
        (PlanAction::Update, Some(side)) => format!("update at the {side}"),
        (PlanAction::Delete, Some(side)) => format!("delete at the {side}"),
        (PlanAction::Conflict, Some(side)) => format!("left alone at the {side}"),
        (PlanAction::Conflict, None) => "conflicts that stay open".to_owned(),
        (action, None) => action.as_str().to_owned(),
    }
}

fn rows(lines: &[PlanLine]) -> String {
    let mut table = table();
    for line in lines {
        table.add_row([key(&line.key), changes(line), harmless(&line.decision)]);
    }
    text_of(table, usize::MAX).lines().map(|line| format!("    {line}\n")).collect()
}

/// `email old → new, city …`, as far as the action makes it worth telling.
fn changes(line: &PlanLine) -> String {
    let is_key = |name: &str| line.key.contains_key(name);
    let fields: Vec<(&String, &FieldChange)> = line.fields.iter().filter(|(name, _)| !is_key(name)).collect();
    let mut parts: Vec<String> = fields.iter().take(FIELDS).map(|(name, field)| change(line, name, field)).collect();
    if fields.len() > FIELDS {
        parts.push(format!("… {} more", fields.len() - FIELDS));
    }
    parts.join(", ")
}

fn change(line: &PlanLine, name: &str, field: &FieldChange) -> String {
    let (source, target) = (field.source.as_ref(), field.target.as_ref());
    let (old, new) = match line.to {
        // An undo looks at one side, and brings back what the base of the line is.
        Some(Side::Target) if line.decision == UNDO => (target, field.base.as_ref()),
        Some(Side::Source) if line.decision == UNDO => (source, field.base.as_ref()),
        Some(Side::Target) | None => (target, source),
        Some(Side::Source) => (source, target),
    };
    let show = |side: Option<&serde_json::Value>| side.map_or_else(|| "nothing".to_owned(), value);
    match (line.action, line.to) {
        (PlanAction::Conflict, _) => format!("{name} {} | {}", show(source), show(target)),
        (PlanAction::Create, _) => format!("{name} {}", show(new)),
        (PlanAction::Delete, _) => format!("{name} {}", show(old)),
        // A merged record's other side: what it gets is not among the versions that the line tells.
        (_, _) if old == new => name.to_owned(),
        (_, _) => format!("{name} {} → {}", show(old), show(new)),
    }
}

/// `3 to create, 1 conflict would stay open`.
pub fn summary(summary: &PlanSummary) -> String {
    if summary.is_empty() {
        return "nothing to do".to_owned();
    }
    let mut parts = Vec::new();
    for (count, what) in [(summary.create, "to create"), (summary.update, "to update"), (summary.delete, "to delete")] {
        if count > 0 {
            parts.push(format!("{} {what}", number(count)));
        }
    }
    if summary.conflict > 0 {
        parts.push(counted(summary.conflict, "conflict would stay open", "conflicts would stay open"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(id: u64, action: PlanAction, to: Option<Side>) -> PlanLine {
        let field = FieldChange { base: None, source: Some(json!("new")), target: Some(json!("old")) };
        PlanLine {
            dataset: "customers".to_owned(),
            key: json!({"id": id}).as_object().cloned().unwrap(),
            action,
            to,
            fields: [("id".to_owned(), FieldChange::default()), ("email".to_owned(), field)].into_iter().collect(),
            decision: "source changed".to_owned(),
        }
    }

    #[test]
    fn lines_are_grouped_and_long_groups_are_cut() {
        let mut grouped = Grouped::default();
        for id in 0..30 {
            grouped.add(line(id, PlanAction::Update, Some(Side::Target)));
            grouped.add(line(id, PlanAction::Conflict, None));
        }
        let text = grouped.text();
        assert!(text.starts_with("customers\n  update at the target (30)\n    id 0"), "{text}");
        assert!(text.contains("email old → new") && text.contains("email new | old"), "{text}");
        assert_eq!(text.matches("… and 5 more").count(), 2, "{text}");
    }

    #[test]
    fn a_summary_is_a_sentence() {
        assert_eq!(summary(&PlanSummary::default()), "nothing to do");
        let some = PlanSummary { create: 1200, conflict: 1, ..PlanSummary::default() };
        assert_eq!(summary(&some), "1,200 to create, 1 conflict would stay open");
    }
}
