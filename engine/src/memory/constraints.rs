//! Constraints between rows: unique columns and foreign keys.

use std::sync::Arc;

use super::hold::refusal;
use super::state::State;
use super::table::{Stored, Table};
use super::view::{Changes, Slot, View};
use crate::connector::Refusal;
use crate::value::Value;

/// A column that holds the one-column key of another table, or NULL.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    pub column: usize,
    pub references: String,
    pub on_delete: OnDelete,
}

/// What a database would do to records that reference a deleted one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// Nothing: it refuses the delete.
    Restrict,
    /// Delete or change them, which a sync must not cause: the delete is refused as `has_dependents`.
    Cascade,
}

/// The values of a unique column set as bytes; `None` where one of them is NULL.
pub(super) fn unique_bytes(columns: &[usize], values: &[Value]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for &index in columns {
        if values[index].is_null() {
            return None;
        }
        values[index].canonical(&mut bytes);
    }
    Some(bytes)
}

/// Refuses a row whose unique values another row holds.
pub(super) fn check_unique(table: &Table, view: View<'_>, own: Option<&Slot>, values: &[Value]) -> Result<(), Refusal> {
    for columns in &table.unique {
        let Some(wanted) = unique_bytes(columns, values) else { continue };
        let taken = |(slot, stored): (&Slot, &Arc<Stored>)| {
            Some(slot) != own && unique_bytes(columns, &stored.values).is_some_and(|held| held == wanted)
        };
        if view.all().any(taken) {
            let names: Vec<&str> = columns.iter().map(|&index| table.schema.columns[index].name.as_str()).collect();
            return Err(refusal("unique", format!("another record has the same {}", names.join(", ")), true));
        }
    }
    Ok(())
}

impl State {
    /// Refuses a row whose parent is not there. `changes` are the writer's own, of table `name`.
    pub(super) fn check_parents(&self, name: &str, changes: &Changes, values: &[Value]) -> Result<(), Refusal> {
        let Some(table) = self.tables.get(name) else { return Ok(()) };
        for foreign in &table.foreign {
            let value = &values[foreign.column];
            if value.is_null() {
                continue;
            }
            let there = self.tables.get(&foreign.references).is_some_and(|parent| {
                let none = Changes::new();
                let view =
                    View { base: &parent.rows, changes: if foreign.references == name { changes } else { &none } };
                parent.encode_key(std::slice::from_ref(value)).is_ok_and(|key| view.get(&(key, 0)).is_some())
            });
            if !there {
                let reason = format!("no record of \"{}\" has the key {value:?}", foreign.references);
                return Err(refusal("foreign_key", reason, true));
            }
        }
        Ok(())
    }

    /// Refuses the delete of a row of table `name` that others reference.
    pub(super) fn check_children(&self, name: &str, changes: &Changes, slot: &Slot) -> Result<(), Refusal> {
        let Some(parent) = self.tables.get(name) else { return Ok(()) };
        let none = Changes::new();
        for (child_name, child) in &self.tables {
            let view = View { base: &child.rows, changes: if child_name == name { changes } else { &none } };
            for foreign in child.foreign.iter().filter(|foreign| foreign.references == name) {
                let references = |(own, stored): (&Slot, &Arc<Stored>)| {
                    let value = &stored.values[foreign.column];
                    let itself = child_name == name && own == slot;
                    !itself && parent.encode_key(std::slice::from_ref(value)).is_ok_and(|key| key == slot.0)
                };
                if view.all().any(references) {
                    return Err(referenced(child_name, foreign.on_delete));
                }
            }
        }
        Ok(())
    }
}

fn referenced(by: &str, on_delete: OnDelete) -> Refusal {
    match on_delete {
        OnDelete::Restrict => refusal("foreign_key", format!("records of \"{by}\" still reference it"), true),
        OnDelete::Cascade => {
            refusal("has_dependents", format!("records of \"{by}\" reference it and would go with it"), true)
        }
    }
}
