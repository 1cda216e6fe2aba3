//! The dataset's filter as SQL. What SQL would judge differently from the engine is left to the engine.

use pinksync_engine::Value;
use pinksync_engine::filter::Filter;
use pinksync_engine::row::{SideColumn, SideSpec};
use pinksync_engine::schema::{FieldType, Fold};
use pinksync_model::Op;

use super::sql;
use super::table::Column;
use super::types::Wire;

/// The part of a filter that the server evaluates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// A condition that every matching record fulfils; `None`: there is none.
    pub sql: Option<String>,
    /// The condition says of every record what the filter says: true, false or unknown.
    pub exact: bool,
}

impl Pushed {
    /// No condition at all.
    pub fn everything() -> Self {
        Self { sql: None, exact: true }
    }

    fn nothing_known() -> Self {
        Self { sql: None, exact: false }
    }

    fn exact(sql: String) -> Self {
        Self { sql: Some(sql), exact: true }
    }

    /// Where an empty text counts as NULL, the server takes for false what is unknown.
    fn of(self, side: &SideColumn) -> Self {
        Self { exact: self.exact && !side.empty_is_null, ..self }
    }
}

/// `columns` by column of the spec.
pub fn push(filter: &Filter, spec: &SideSpec, columns: &[&Column]) -> Pushed {
    match filter {
        Filter::All(parts) => {
            let parts: Vec<Pushed> = parts.iter().map(|part| push(part, spec, columns)).collect();
            let exact = parts.iter().all(|part| part.exact);
            let conditions: Vec<String> = parts.into_iter().filter_map(|part| part.sql).collect();
            match conditions.is_empty() {
                true if exact => Pushed::exact("true".to_owned()),
                true => Pushed::nothing_known(),
                false => Pushed { sql: Some(format!("({})", conditions.join(" AND "))), exact },
            }
        }
        Filter::Any(parts) => {
            let parts: Vec<Pushed> = parts.iter().map(|part| push(part, spec, columns)).collect();
            let exact = parts.iter().all(|part| part.exact);
            match parts.into_iter().map(|part| part.sql).collect::<Option<Vec<String>>>() {
                None => Pushed::nothing_known(),
                Some(conditions) if conditions.is_empty() => Pushed::exact("false".to_owned()),
                Some(conditions) => Pushed { sql: Some(format!("({})", conditions.join(" OR "))), exact },
            }
        }
        Filter::Not(part) => match push(part, spec, columns) {
            Pushed { sql: Some(condition), exact: true } => Pushed::exact(format!("(NOT {condition})")),
            _ => Pushed::nothing_known(),
        },
        Filter::Compare { column, op, value } => {
            let (side, column) = (&spec.columns[*column], columns[*column]);
            compare(side, column, *op, value).unwrap_or(Pushed::nothing_known()).of(side)
        }
        Filter::In { column, values } => {
            let (side, column) = (&spec.columns[*column], columns[*column]);
            one_of(side, column, values).unwrap_or(Pushed::nothing_known()).of(side)
        }
        Filter::Like { column, pattern } => {
            let (side, column) = (&spec.columns[*column], columns[*column]);
            like(side, column, pattern).unwrap_or(Pushed::nothing_known()).of(side)
        }
        Filter::IsNull { column, negated } => {
            let not = if *negated { "NOT " } else { "" };
            match spec.columns[*column].empty_is_null {
                true => Pushed::nothing_known(),
                false => Pushed::exact(format!("({} IS {not}NULL)", columns[*column].read())),
            }
        }
    }
}

/// Values of the column are in common form as they are.
fn is_common(side: &SideColumn) -> bool {
    match (&side.native, &side.common) {
        (FieldType::Int { .. }, FieldType::Int { .. }) | (FieldType::Text { .. }, FieldType::Text { .. }) => true,
        (FieldType::Decimal { scale: Some(own), .. }, FieldType::Decimal { scale: Some(common), .. }) => common >= own,
        (FieldType::Decimal { .. }, FieldType::Decimal { scale: None, .. }) => true,
        (FieldType::Timestamp { precision: own }, FieldType::Timestamp { precision: common })
        | (FieldType::Instant { precision: own }, FieldType::Instant { precision: common })
        | (FieldType::Time { precision: own }, FieldType::Time { precision: common }) => common >= own,
        (own, common) => own == common,
    }
}

fn is_text(side: &SideColumn) -> bool {
    matches!(side.common, FieldType::Text { .. } | FieldType::Native { .. })
}

/// Text whose own equality is that of its bytes, so that an index can be used.
fn is_plain_text(side: &SideColumn, column: &Column) -> bool {
    let unfolded = matches!(side.native, FieldType::Text { fold: Fold::None, .. });
    unfolded && column.wire == Wire::Text && column.facts.deterministic
}

fn operand(side: &SideColumn, column: &Column, equality: bool) -> String {
    match is_text(side) && !(equality && is_plain_text(side, column)) {
        true => format!("t.{}::text COLLATE \"C\"", sql::identifier(&column.name)),
        false => column.read(),
    }
}

fn compare(side: &SideColumn, column: &Column, op: Op, value: &Value) -> Option<Pushed> {
    let operator = match op {
        Op::Eq => "=",
        Op::Ne => "<>",
        Op::Lt => "<",
        Op::Le => "<=",
        Op::Gt => ">",
        Op::Ge => ">=",
        Op::In | Op::Like | Op::IsNull => return None,
    };
    let equality = matches!(op, Op::Eq | Op::Ne);
    if !is_common(side) || matches!(side.common, FieldType::Json) {
        return None;
    }
    Some(Pushed::exact(format!("({} {operator} {})", operand(side, column, equality), sql::literal(value)?)))
}

fn one_of(side: &SideColumn, column: &Column, values: &[Value]) -> Option<Pushed> {
    if values.is_empty() {
        return Some(Pushed::exact("false".to_owned()));
    }
    if !is_common(side) || matches!(side.common, FieldType::Json) {
        return None;
    }
    let literals: Vec<String> = values.iter().map(sql::literal).collect::<Option<_>>()?;
    Some(Pushed::exact(format!("({} IN ({}))", operand(side, column, true), literals.join(", "))))
}

/// A pattern that ends in the middle of an escape is an error to the server.
fn like(side: &SideColumn, column: &Column, pattern: &str) -> Option<Pushed> {
    let trailing = pattern.len() - pattern.trim_end_matches('\\').len();
    if !is_common(side) || !is_text(side) || trailing % 2 == 1 {
        return None;
    }
    Some(Pushed::exact(format!("({} LIKE {} ESCAPE '\\')", operand(side, column, false), sql::quoted(pattern)?)))
}
