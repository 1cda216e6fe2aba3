//! Findings in words for people, each with what to do.

use serde_json::Value;

use super::{Cause, Finding, Gathered, Place, schema};

/// Notes the mistake that a finding is.
pub(super) fn explain(finding: &Finding, gathered: &mut Gathered<'_>) {
    let place = &finding.place;
    match &finding.cause {
        Cause::Type { expected, choices } => wrong_type(place, expected, choices, gathered),
        Cause::Choice(choices) => wrong_choice(place, choices, gathered),
        Cause::Unknown { name, known } => {
            gathered.add(&place.field(name), format!("unknown field `{name}`"), known_fields(name, known, place));
        }
        Cause::Missing(name) => missing(place, name, gathered),
        Cause::Range { minimum, maximum, above } => {
            let limit = if *above { maximum } else { minimum };
            let relation = if *above { "more" } else { "less" };
            let message = format!("{} is {relation} than {}", gathered.shown_word(place), plain(limit));
            gathered.add(place, message, format!("write a number from {} to {}", plain(minimum), plain(maximum)));
        }
        Cause::Empty => {
            gathered.add(place, "this is empty", "write at least one entry or character, or remove the line")
        }
        Cause::NotOneCharacter => {
            gathered.add(place, "this is not exactly one character", "write one, such as \",\" or \"\\t\"");
        }
        Cause::NotADuration => {
            let message = format!("{} is not a duration", gathered.shown_word(place));
            gathered.add(place, message, "write it like 30s, 5m, 1h30m, 7d or 250ms");
        }
        Cause::NoFilterForm => gathered.add(
            place,
            "this is not a filter",
            "write one of {field: …, op: …, value: …}, {all: […]}, {any: […]}, {not: …}",
        ),
        Cause::Other(keyword) => {
            gathered.add(
                place,
                format!("this does not fit the schema ({keyword})"),
                "see the documentation of this field",
            );
        }
    }
}

fn wrong_type(place: &Place, expected: &[&'static str], choices: &[String], gathered: &mut Gathered<'_>) {
    let found = match place.find(gathered.raw) {
        Some(number @ Value::Number(_)) if expected.contains(&"integer") && !place.is_of_a_side() => number.to_string(),
        Some(value) => name_of(value).to_owned(),
        None => "nothing".to_owned(),
    };
    let wanted = expected.iter().map(|one| words(one)).collect::<Vec<_>>().join(" or ");
    let remedy = match expected {
        _ if found == "nothing" => "fill it in or remove the line".to_owned(),
        _ if !choices.is_empty() => format!("write one of {}", choices.join(", ")),
        ["boolean"] => "write true or false".to_owned(),
        ["integer"] => "write a whole number without quotes".to_owned(),
        ["number"] => "write a number without quotes".to_owned(),
        ["array"] => "write a list: [a, b], or one `- item` per line".to_owned(),
        ["object"] => "write named fields: {name: value}, or one `name: value` per line below".to_owned(),
        ["string"] if is_duration(place) => "write it like 30s, 5m, 1h30m, 7d or 250ms".to_owned(),
        ["string"] => "write text; a number or a bool that is meant as text goes in quotes".to_owned(),
        _ => format!("write {wanted}"),
    };
    gathered.add(place, format!("expected {wanted}, found {found}"), remedy);
}

fn wrong_choice(place: &Place, choices: &[String], gathered: &mut Gathered<'_>) {
    let (shown, list) = (gathered.shown_word(place), choices.join(", "));
    let given = place.find(gathered.raw).and_then(Value::as_str).unwrap_or_default();
    let near = nearest(given, choices).map(|near| format!("did you mean `{near}`?"));
    if place.last_field() == Some("type") {
        let message = format!("{shown} is not a type of connection that this version knows: {list}");
        gathered.add(place, message, near.unwrap_or_else(|| "use one of these".to_owned()));
    } else {
        let message = format!("{shown} is not one of {list}");
        gathered.add(place, message, near.unwrap_or_else(|| "use one of these".to_owned()));
    }
}

fn missing(place: &Place, name: &str, gathered: &mut Gathered<'_>) {
    let remedy = match name {
        "type" => format!("add `type:` with one of {}", crate::Connection::KINDS.join(", ")),
        "source" | "target" if place.0.is_empty() => format!("add `{name}: {{type: …}}`"),
        "datasets" => "add `datasets:` with at least one table or file".to_owned(),
        _ => format!("add `{name}: …`"),
    };
    gathered.add(place, format!("the field `{name}` is missing"), remedy);
}

/// Where else the name is known, the nearest known name, and all of them.
fn known_fields(name: &str, known: &[String], place: &Place) -> String {
    let list = format!("known fields here: {}", known.join(", "));
    if let Some(near) = nearest(name, known) {
        return format!("did you mean `{near}`? {list}");
    }
    match schema::fields_elsewhere(name) {
        Some(elsewhere) if place.to_string() != elsewhere => format!("did you mean `{elsewhere}.{name}`? {list}"),
        _ => list,
    }
}

/// The choice that is the fewest typing errors away, if that is few enough to be one.
fn nearest<'c>(given: &str, choices: &'c [String]) -> Option<&'c str> {
    let given = given.to_lowercase();
    let allowed = (given.chars().count() / 3).clamp(1, 3);
    let distance = |choice: &&String| {
        let short = !given.is_empty() && given.len() >= 4 && (choice.starts_with(&given) || given.starts_with(*choice));
        if short { 1 } else { strsim::damerau_levenshtein(&given, choice) }
    };
    let near = choices.iter().filter(|choice| distance(choice) <= allowed).min_by_key(distance)?;
    Some(near)
}

fn is_duration(place: &Place) -> bool {
    matches!(place.last_field(), Some("full_every" | "clock_tolerance"))
}

fn plain(number: &Option<Value>) -> String {
    number.as_ref().map_or_else(String::new, Value::to_string)
}

fn words(json_type: &str) -> &'static str {
    match json_type {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "named fields",
        _ => "nothing",
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "named fields",
    }
}

#[cfg(test)]
mod tests {
    use crate::SyncDefinition;

    const SIDES: [&str; 10] = [
        "{type: hunter2, password: hunter2}",
        "{type: postgres, url: hunter2}",
        "{type: postgres, url: \"postgres://h/d\", tls: hunter2}",
        "{type: postgres, url: \"postgres://h/d\", tls: {mode: hunter2}}",
        "{type: postgres, host: \"postgres://u:hunter2@h/d\", database: d, user: u}",
        "{type: postgres, host: h, database: d, user: u, port: hunter2, passwort: hunter2}",
        "{type: postgres, host: h, database: d, user: u, port: 72617}",
        "{type: postgres, host: h, database: d, user: u, port: 72617.5}",
        "{type: postgres, host: [hunter2], database: {a: hunter2}, user: 5}",
        "{type: csv, path: a, csv: {delimiter: hunter2, quote: hunter2}}",
    ];

    fn mistakes(source: &str, strategy: &str) -> String {
        let text = format!("source: {source}\ntarget: {{type: csv, path: a}}\ndatasets: [a]\nstrategy: {strategy}");
        format!("{:?}", SyncDefinition::parse(&text, &|_| None).unwrap_err())
    }

    #[test]
    fn what_stands_in_a_wrong_place_of_a_side_is_not_shown() {
        for side in SIDES {
            let found = mistakes(side, "manual");
            assert!(!found.contains("hunter2") && !found.contains("72617"), "{side}: {found}");
        }
    }

    #[test]
    fn of_a_word_elsewhere_only_what_may_be_mistyped_is_shown() {
        let file = "{type: csv, path: a}";
        assert!(mistakes(file, "newest").contains("`newest` is not one of"));
        for odd in ["\"postgres://u:hunter2@h/d\"", "hunter2 and more", "hunter2-that-is-longer-than-any-word-of-ours"]
        {
            let found = mistakes(file, odd);
            assert!(!found.contains("hunter2"), "{found}");
        }
    }
}
