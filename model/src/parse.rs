//! From text to a checked definition: YAML, `${NAME}`, JSON Schema, then what a schema cannot say.
//! Each step goes on past mistakes, so that all of them are reported at once.

mod checks;
mod draft;
mod expand;
mod explain;
mod finding;
mod place;
mod schema;
mod union;
mod yaml;

#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use crate::{Mistake, Mistakes, SyncDefinition};
use draft::Draft;
use finding::{Cause, Finding};
use place::Place;

/// Longer texts are no mistyped words.
const LONGEST_WORD: usize = 32;

/// What is known while the mistakes are gathered.
struct Gathered<'a> {
    /// The document as it was written, before `${NAME}` was replaced: the only source of what messages show.
    raw: &'a Value,
    mistakes: Vec<Mistake>,
    /// Places that have a mistake already.
    blamed: Vec<Place>,
}

impl Gathered<'_> {
    /// Notes a mistake.
    fn add(&mut self, place: &Place, message: impl Into<String>, remedy: impl Into<String>) {
        self.blamed.push(place.clone());
        self.mistakes.push(Mistake { path: place.to_string(), message: message.into(), remedy: remedy.into() });
    }

    /// The value at a place, where one of a few words or a number belongs: a mistyped one is told back. Anything else is
    /// not, and nothing of a side: it may be a password in the wrong place.
    fn shown_word(&self, place: &Place) -> String {
        let is_word = |text: &str| {
            text.len() <= LONGEST_WORD && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        };
        match place.find(self.raw) {
            Some(Value::String(text)) if is_word(text) && !place.is_of_a_side() => format!("`{text}`"),
            Some(Value::Number(number)) if !place.is_of_a_side() => number.to_string(),
            _ => "this".to_owned(),
        }
    }

    /// The text at a place as it was written, never what a variable held.
    fn shown(&self, place: &Place) -> String {
        match place.find(self.raw) {
            Some(Value::String(text)) => format!("`{text}`"),
            Some(other) => other.to_string(),
            None => "nothing".to_owned(),
        }
    }
}

/// Reads a sync file; see [`SyncDefinition::parse`].
pub(crate) fn parse(text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<SyncDefinition, Mistakes> {
    let raw = yaml::read(text).map_err(|mistake| Mistakes(vec![mistake]))?;
    let mut gathered = Gathered { raw: &raw, mistakes: Vec::new(), blamed: Vec::new() };
    let mut value = expand::expand(&mut gathered, environment);
    let mut findings = schema::findings(&value);
    if expand::read_as_wanted(&mut value, &raw, &findings) {
        findings = schema::findings(&value);
    }
    findings.retain(|finding| !gathered.blamed.iter().any(|blamed| finding.place.is_within(blamed)));
    for finding in &findings {
        explain::explain(finding, &mut gathered);
    }
    let draft = Draft::new(&value, &findings);
    let before = gathered.blamed.clone();
    checks::check(&draft, &before, &mut gathered);
    if !gathered.mistakes.is_empty() {
        return Err(Mistakes(gathered.mistakes));
    }
    // The value itself may stand in serde's message, so the message is not passed on.
    SyncDefinition::deserialize(&value).map_err(|_| {
        Mistakes(vec![Mistake {
            path: String::new(),
            message: "the file fits its schema and still cannot be read".to_owned(),
            remedy: "this is a fault of PinkCloudSync: please report it with the file, passwords removed".to_owned(),
        }])
    })
}
