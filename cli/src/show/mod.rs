//! How things look on a terminal: numbers, values, tables.

pub mod conflict;
pub mod plan;
pub mod report;

use comfy_table::{CellAlignment, ContentArrangement, Table, TableStyle};
use serde_json::{Map, Value};

/// Characters of a value that are shown in a list.
const VALUE_CHARACTERS: usize = 40;

/// Comfy-table's style with a line below the header and nothing else.
const STYLE: TableStyle = TableStyle::new();

/// A table of columns that are two spaces apart.
pub fn table() -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// The table's text; `right`: from this column on numbers stand, aligned at their ends.
pub fn text_of(mut table: Table, right: usize) -> String {
    table.discover_columns();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if index >= right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// 1234567 → `1,234,567`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 record`, `3 records`.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// A value in a list: short, and without anything that a terminal would obey.
pub fn value(value: &Value) -> String {
    shortened(&whole_value(value))
}

/// A value in full. Text stands as it is unless it could be taken for something else.
pub fn whole_value(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => harmless(&Value::from(text.as_str()).to_string()),
        other => harmless(&other.to_string()),
    }
}

fn is_plain(text: &str) -> bool {
    let literal = matches!(text, "null" | "true" | "false");
    let edges = text.starts_with([' ', '"', '[', '{']) || text.ends_with(' ');
    !text.is_empty() && !literal && !edges && !text.chars().any(is_obeyed)
}

/// Control characters, and those that turn the direction of writing.
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text (such as a message with a system's own words) on a terminal.
pub fn harmless(text: &str) -> String {
    text.chars()
        .map(|c| if is_obeyed(c) && c != '\n' { c.escape_unicode().to_string() } else { c.to_string() })
        .collect()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A key: `id 7`, `customer 3, day 2026-01-02`.
pub fn key(key: &Map<String, Value>) -> String {
    key.iter().map(|(name, part)| format!("{name} {}", value(part))).collect::<Vec<_>>().join(", ")
}

/// A time of the books (RFC 3339 with fractions) to the second.
pub fn time(text: &str) -> String {
    let whole = text.split('.').next().unwrap_or(text).trim_end_matches('Z');
    whole.replacen('T', " ", 1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let shown: Vec<String> = [0, 999, 1000, 1_234_567].map(number).into();
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "record", "records"), "1 record");
        assert_eq!(counted(0, "record", "records"), "0 records");
    }

    #[test]
    fn values_cannot_be_mistaken_and_are_not_obeyed() {
        for (given, shown) in [
            (json!("Ada"), "Ada"),
            (json!(""), "\"\""),
            (json!(null), "null"),
            (json!("null"), "\"null\""),
            (json!(" a"), "\" a\""),
            (json!("a\u{1b}[2Jb"), "\"a\\u001b[2Jb\""),
            (json!("a\u{9b}2Jb"), "\"a\\u{9b}2Jb\""),
            (json!({"a": [1]}), "{\"a\":[1]}"),
        ] {
            assert_eq!(value(&given), shown);
        }
        assert_eq!(value(&json!("x".repeat(99))).chars().count(), VALUE_CHARACTERS + 1);
    }

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(time("2026-01-02T03:04:05.678Z"), "2026-01-02 03:04:05");
    }
}
