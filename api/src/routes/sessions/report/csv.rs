//! The report as a table: a line for each dataset, a column for each counter.

use csv::Writer;
use pinksync_model::{DatasetReport, Report};
use serde_json::Value;

/// What programs that calculate take for the beginning of a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

#[derive(Debug, thiserror::Error)]
#[error("the report cannot be written as a table: {0}")]
pub struct NoTable(String);

/// # Errors
/// None that a report could cause.
pub fn table(report: &Report) -> Result<Vec<u8>, NoTable> {
    let failed = |error: &dyn std::fmt::Display| NoTable(error.to_string());
    let mut writer = Writer::from_writer(Vec::new());
    // A counter that is left out of JSON where it is 0 has its column nevertheless.
    let all = cells(&DatasetReport { left_alone: 1, ..DatasetReport::default() }).map_err(|error| failed(&error))?;
    let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    writer.write_record(&names).map_err(|error| failed(&error))?;
    for dataset in &report.datasets {
        let cells = cells(dataset).map_err(|error| failed(&error))?;
        let value = |name: &&str| cells.iter().find(|(one, _)| one == name).map_or("0", |(_, value)| value.as_str());
        writer.write_record(names.iter().map(value)).map_err(|error| failed(&error))?;
    }
    writer.into_inner().map_err(|error| failed(&error))
}

/// The counters with their names; those within others are `outer.inner`.
fn cells(dataset: &DatasetReport) -> serde_json::Result<Vec<(String, String)>> {
    let mut cells = Vec::new();
    add("", &serde_json::to_value(dataset)?, &mut cells);
    Ok(cells)
}

fn add(name: &str, value: &Value, cells: &mut Vec<(String, String)>) {
    match value {
        Value::Object(parts) => {
            for (inner, value) in parts {
                let name = if name.is_empty() { inner.clone() } else { format!("{name}.{inner}") };
                add(&name, value, cells);
            }
        }
        Value::String(text) if text.starts_with(FORMULA) => cells.push((name.to_owned(), format!("'{text}"))),
        Value::String(text) => cells.push((name.to_owned(), text.clone())),
        other => cells.push((name.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use pinksync_model::{Mode, SessionId, SessionStatus, SessionSummary, WriteCounts};

    use super::*;

    #[test]
    fn every_dataset_is_a_line_and_no_name_is_a_formula() {
        let session = SessionSummary {
            id: SessionId::new(),
            status: SessionStatus::Completed,
            mode: Mode::Sync,
            started_at: String::new(),
            ended_at: None,
            reason: None,
        };
        let dataset = DatasetReport {
            source: "=cmd()".to_owned(),
            target: "a,\"b\"".to_owned(),
            to_target: WriteCounts { created: 3, ..WriteCounts::default() },
            ..DatasetReport::default()
        };
        let report = Report { session, datasets: vec![dataset], guards: Vec::new(), warnings: Vec::new() };
        let table = String::from_utf8(table(&report).unwrap()).unwrap();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("source,target,read.source,") && lines[0].contains("left_alone"), "{table}");
        assert!(lines[1].starts_with("'=cmd(),\"a,\"\"b\"\"\",0,0,0,3,"), "{table}");
        assert_eq!(lines.len(), 2);
    }
}
