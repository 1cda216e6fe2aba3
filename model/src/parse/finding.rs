//! What the schema found, freed from the schema's own words.

use serde_json::Value;

use super::Place;

/// One thing that is wrong with the shape of the document.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    /// Where it is.
    pub(super) place: Place,
    /// What it is.
    pub(super) cause: Cause,
}

/// What can be wrong with a shape.
#[derive(Debug, Clone)]
pub(super) enum Cause {
    /// Another type of value is wanted.
    Type {
        /// The types that would do, in JSON Schema's names.
        expected: Vec<&'static str>,
        /// The texts that would do, if only some would.
        choices: Vec<String>,
    },
    /// One of a few texts is wanted.
    Choice(Vec<String>),
    /// The object has a field that means nothing here.
    Unknown {
        /// The field's name.
        name: String,
        /// The names that mean something here.
        known: Vec<String>,
    },
    /// The object lacks a field.
    Missing(String),
    /// The number is below the smallest or above the largest allowed one.
    Range {
        /// Smallest allowed number.
        minimum: Option<Value>,
        /// Largest allowed number.
        maximum: Option<Value>,
        /// Whether the number is too large.
        above: bool,
    },
    /// The text or list is empty.
    Empty,
    /// The text is not a single character.
    NotOneCharacter,
    /// The text is not a duration.
    NotADuration,
    /// The object fits none of the forms of a filter.
    NoFilterForm,
    /// Anything else that a schema can ask for.
    Other(String),
}

impl Finding {
    /// Whether this is a wrong type at `place` itself.
    pub(super) fn is_type_at(&self, place: &Place) -> bool {
        self.place == *place && matches!(self.cause, Cause::Type { .. })
    }
}
