//! As much of a definition as can be read when parts of the file are wrong, so that the checks behind the
//! schema can speak about the rest. What is left out takes its default, under which no check complains.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::place::Step;
use super::{Cause, Finding, Place};
use crate::{Connection, DatasetEntry, Direction, MergeMode, Options, Strategy};

/// The parts of a definition that could be read.
pub(super) struct Draft {
    pub(super) direction: Direction,
    pub(super) strategy: Strategy,
    pub(super) merge: MergeMode,
    pub(super) source: Option<Connection>,
    pub(super) target: Option<Connection>,
    /// None for an entry that could not be read, so that indexes stay true.
    pub(super) datasets: Vec<Option<DatasetEntry>>,
    pub(super) options: Options,
}

impl Draft {
    /// Reads what is left of the document once everything that was found is cut out.
    pub(super) fn new(document: &Value, findings: &[Finding]) -> Self {
        let mut rest = document.clone();
        for finding in findings {
            cut(&mut rest, finding);
        }
        let datasets = rest.get("datasets").and_then(Value::as_array).cloned().unwrap_or_default();
        Self {
            direction: section(&rest, "direction").unwrap_or_default(),
            strategy: section(&rest, "strategy").unwrap_or_default(),
            merge: section(&rest, "merge").unwrap_or_default(),
            source: section(&rest, "source"),
            target: section(&rest, "target"),
            datasets: datasets.into_iter().map(|entry| serde_json::from_value(entry).ok()).collect(),
            options: section(&rest, "options").unwrap_or_default(),
        }
    }
}

fn section<T: DeserializeOwned>(document: &Value, name: &str) -> Option<T> {
    serde_json::from_value(document.get(name)?.clone()).ok()
}

/// Removes the smallest part without which the rest can be read.
fn cut(document: &mut Value, finding: &Finding) {
    let mut steps = match &finding.cause {
        Cause::Unknown { name, .. } => finding.place.field(name).0,
        _ => finding.place.0.clone(),
    };
    if let [Step::Field(datasets), Step::Index(_), Step::Field(field), ..] = steps.as_slice()
        && datasets == "datasets"
    {
        let by_name = field == "fields" || field == "types";
        steps.truncate(if by_name { 4 } else { 3 });
    }
    let Some(last) = steps.pop() else { return };
    match (Place(steps).find_mut(document), last) {
        (Some(Value::Object(fields)), Step::Field(name)) => {
            fields.shift_remove(&name);
        }
        (Some(Value::Array(items)), Step::Index(index)) => {
            if let Some(item) = items.get_mut(index) {
                *item = Value::Null;
            }
        }
        _ => {}
    }
}
