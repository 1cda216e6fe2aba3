//! YAML (and so JSON) text to a tree. Stricter than YAML where YAML surprises: only `true` and `false` are
//! booleans, numbers with leading zeros or underscores are text, a name given twice is an error.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::Error as YamlError;

use crate::Mistake;

/// Deep enough for a filter of 32 levels, two YAML levels each, and for the sayable mistake one level below.
const MAX_DEPTH: usize = 160;

/// From here on a float no longer tells neighbouring whole numbers apart (2^53).
const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Reads one document whose root is an object.
pub(super) fn read(text: &str) -> Result<Value, Mistake> {
    let options = serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH },
    };
    let tree: Tree = serde_saphyr::from_str_with_options(text, options).map_err(|error| of_yaml(&error))?;
    match tree.0 {
        Value::Object(_) => Ok(tree.0),
        Value::Null => Err(whole_file("the file is empty")),
        _ => Err(whole_file("the file is not an object with named fields")),
    }
}

fn whole_file(message: &str) -> Mistake {
    Mistake {
        path: String::new(),
        message: message.to_owned(),
        remedy: "a sync file has at least the fields `source`, `target` and `datasets`".to_owned(),
    }
}

fn of_yaml(error: &YamlError) -> Mistake {
    let (message, remedy) = match error.without_snippet() {
        YamlError::DuplicateMappingKey { key, .. } => {
            (format!("`{}` is given twice", key.as_deref().unwrap_or("a name")), "keep one of the two")
        }
        YamlError::MultipleDocuments { .. } => {
            ("the file holds more than one document".to_owned(), "write one sync per file, without `---` between")
        }
        YamlError::Message { msg, .. } => (msg.clone(), "see the line named"),
        other => (without_location(other), "mind indentation, brackets and quotes around this line"),
    };
    let place = error.location().map(|at| format!("line {}, column {}: ", at.line(), at.column()));
    Mistake {
        path: String::new(),
        message: format!("{}{message}", place.unwrap_or_default()),
        remedy: remedy.to_owned(),
    }
}

/// The library's text without the place that it puts at the end.
fn without_location(error: &YamlError) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// A document as a JSON value.
struct Tree(Value);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Self)
    }
}

/// A field's name as it was written: `null` is a name here (of a CSV setting), not a missing one.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        Ok(Self(name.unwrap_or_else(|| "null".to_owned())))
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// A whole number stays one, however it is written (`1000.0`, `1e3`).
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.fract() != 0.0 {
            return Ok(Number::from_f64(value).map_or(Value::Null, Value::Number));
        }
        if value.abs() >= EXACT_LIMIT {
            return Err(E::custom("this number is too large to be kept exactly: put it in quotes"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        Ok((value as i64).into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Tree(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((Name(name), Tree(value))) = entries.next_entry()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` is given twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn yaml_does_not_surprise() {
        let text = "country: no\nzip: 01234\nbig: 1_000\nmax: 18446744073709551615\nlow: -9223372036854775808\n\
                    half: 0.5\nten: 1e1\nnothing:\nday: 2024-02-29\nnull: \"\\\\N\"\n007: name\n";
        assert_eq!(
            read(text).unwrap(),
            json!({"country": "no", "zip": "01234", "big": "1_000", "max": u64::MAX, "low": i64::MIN,
                "half": 0.5, "ten": 10, "nothing": null, "day": "2024-02-29", "null": "\\N", "007": "name"})
        );
    }

    #[test]
    fn json_is_read_too() {
        assert_eq!(
            read("{\"a\": [1, {\"b\": null}], \"c\": \"\\u00e9\"}").unwrap(),
            json!({"a": [1, {"b": null}], "c": "é"})
        );
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3", "line 3, column 1: `a` is given twice"),
            ("a: {~: 1, null: 2}", "`null` is given twice"),
            ("a: [1", "line 1, column 4: unclosed bracket"),
            ("a: 1\n---\nb: 2", "more than one document"),
            ("a: 12345678901234567890123", "put it in quotes"),
            ("", "the file is empty"),
            ("- a", "not an object"),
        ] {
            let mistake = read(text).unwrap_err();
            assert!(mistake.message.contains(expected), "{text:?}: {mistake}");
            assert!(!mistake.remedy.is_empty(), "{mistake}");
        }
    }
}
