//! A place in the document, such as `datasets[0].filter.all[1].op`.

use std::fmt;

use serde_json::Value;

/// One step from a value to one of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Into a field of an object.
    Field(String),
    /// Into an item of a list, counted from 0.
    Index(usize),
}

/// The steps from the document to one of its values; none for the document itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Place(pub(super) Vec<Step>);

impl Place {
    /// The document itself.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// A field of the object here.
    pub(super) fn field(&self, name: impl Into<String>) -> Self {
        self.step(Step::Field(name.into()))
    }

    /// An item of the list here.
    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Step::Index(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// Whether this is `other` or a part of it.
    pub(super) fn is_within(&self, other: &Place) -> bool {
        self.0.starts_with(&other.0)
    }

    /// Whether this is a part of the source or the target, where secrets stand.
    pub(super) fn is_of_a_side(&self) -> bool {
        matches!(self.0.first(), Some(Step::Field(name)) if name == "source" || name == "target")
    }

    /// The name of the last field on the way here, list indexes aside.
    pub(super) fn last_field(&self) -> Option<&str> {
        self.0.iter().rev().find_map(|step| match step {
            Step::Field(name) => Some(name.as_str()),
            Step::Index(_) => None,
        })
    }

    /// The value here, if there is one.
    pub(super) fn find<'v>(&self, document: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }

    /// The value here, to be changed.
    pub(super) fn find_mut<'v>(&self, document: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(document, |value, step| match step {
            Step::Field(name) => value.get_mut(name),
            Step::Index(index) => value.get_mut(index),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(out, "[{index}]")?,
                Step::Field(name) if is_plain(name) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(out, "{dot}{name}")?;
                }
                Step::Field(name) => write!(out, "[{name:?}]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_like_a_path() {
        let dataset = Place::root().field("datasets").index(0);
        assert_eq!(dataset.field("filter").field("all").index(1).to_string(), "datasets[0].filter.all[1]");
        assert_eq!(dataset.field("fields").field("a.b").to_string(), "datasets[0].fields[\"a.b\"]");
        assert_eq!(Place::root().to_string(), "");
    }
}
