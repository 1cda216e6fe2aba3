//! `${NAME}` in texts becomes the value of a variable; `$${` stands for `${` itself.

use serde_json::Value;

use super::{Cause, Finding, Gathered, Place};

/// What is wrong with one `${`.
enum Fault {
    Unknown(String),
    Unclosed,
    NotAName,
}

/// A copy of the document with all variables replaced. A text with a fault stays as it is.
pub(super) fn expand(gathered: &mut Gathered<'_>, environment: &dyn Fn(&str) -> Option<String>) -> Value {
    let raw = gathered.raw;
    expand_value(raw, &Place::root(), gathered, environment)
}

fn expand_value(
    value: &Value,
    place: &Place,
    gathered: &mut Gathered<'_>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Value {
    match value {
        Value::String(text) => {
            let (expanded, faults) = expand_text(text, environment);
            for fault in &faults {
                report(fault, place, gathered);
            }
            Value::String(if faults.is_empty() { expanded } else { text.clone() })
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, item)| expand_value(item, &place.index(index), gathered, environment)).collect()
        }
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, part)| (name.clone(), expand_value(part, &place.field(name), gathered, environment)))
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn expand_text(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> (String, Vec<Fault>) {
    let mut expanded = String::new();
    let mut faults = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, tail) = rest.split_at(start);
        if let Some(escaped) = before.strip_suffix('$') {
            expanded.push_str(escaped);
            expanded.push_str("${");
            rest = &tail[2..];
            continue;
        }
        expanded.push_str(before);
        let Some((name, tail)) = tail[2..].split_once('}') else {
            faults.push(Fault::Unclosed);
            return (expanded, faults);
        };
        match environment(name) {
            _ if !is_name(name) => faults.push(Fault::NotAName),
            Some(value) => expanded.push_str(&value),
            None => faults.push(Fault::Unknown(name.to_owned())),
        }
        rest = tail;
    }
    expanded.push_str(rest);
    (expanded, faults)
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The text between the braces is shown only if it is a name: it might be part of a password.
fn report(fault: &Fault, place: &Place, gathered: &mut Gathered<'_>) {
    let escape = "write `$${` where `${` itself is meant";
    match fault {
        Fault::Unknown(name) => gathered.add(
            place,
            format!("the environment variable `{name}` is not set"),
            format!("set it before the run (`export {name}=…`), or {escape}"),
        ),
        Fault::Unclosed => gathered.add(place, "`${` has no closing `}`", format!("write `${{NAME}}`, or {escape}")),
        Fault::NotAName => gathered.add(
            place,
            "what stands between `${` and `}` is no name of a variable",
            format!("use letters, digits and `_`, or {escape}"),
        ),
    }
}

/// Turns a text from a variable into the number or boolean that is wanted where it stands, as `port: ${PORT}`
/// means it. Returns whether anything was turned.
pub(super) fn read_as_wanted(value: &mut Value, raw: &Value, findings: &[Finding]) -> bool {
    let mut turned = false;
    for finding in findings {
        let Cause::Type { .. } = finding.cause else { continue };
        let Some(slot) = finding.place.find_mut(value) else { continue };
        if finding.place.find(raw) == Some(&*slot) {
            continue;
        }
        let read = slot.as_str().and_then(|text| serde_json::from_str(text).ok());
        if let Some(scalar @ (Value::Bool(_) | Value::Number(_))) = read {
            *slot = scalar;
            turned = true;
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "HOST" => Some("db".to_owned()),
            "ODD" => Some("${HOST}".to_owned()),
            _ => None,
        }
    }

    #[test]
    fn variables_are_replaced_once_and_can_be_escaped() {
        for (text, expected) in [
            ("${HOST}:1/${HOST}", "db:1/db"),
            ("$${HOST} $HOST $", "${HOST} $HOST $"),
            ("${ODD}", "${HOST}"),
            ("$$${HOST}", "$${HOST}"),
        ] {
            let (expanded, faults) = expand_text(text, &environment);
            assert_eq!(expanded, expected);
            assert!(faults.is_empty());
        }
    }

    #[test]
    fn every_fault_of_a_text_is_found() {
        let (_, faults) = expand_text("${NONE} ${a b} ${HOST", &environment);
        assert!(matches!(&faults[..], [Fault::Unknown(name), Fault::NotAName, Fault::Unclosed] if name == "NONE"));
    }
}
