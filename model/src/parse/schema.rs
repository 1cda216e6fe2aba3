//! The document against its JSON Schema, all errors at once.

use std::sync::OnceLock;

use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind as Kind};
use jsonschema::paths::LocationSegment;
use jsonschema::{JsonType, Validator};
use serde_json::Value;

use super::place::Step;
use super::{Cause, Finding, Place, union};
use crate::SyncDefinition;

/// The schema as JSON, and ready for use.
struct Compiled {
    schema: Value,
    /// None if the schema itself is broken; then reading with serde is the only check.
    validator: Option<Validator>,
}

fn compiled() -> &'static Compiled {
    static COMPILED: OnceLock<Compiled> = OnceLock::new();
    COMPILED.get_or_init(|| {
        let schema = SyncDefinition::json_schema();
        let validator = jsonschema::validator_for(&schema).ok();
        Compiled { schema, validator }
    })
}

/// Everything that is wrong with the document's shape.
pub(super) fn findings(document: &Value) -> Vec<Finding> {
    match &compiled().validator {
        Some(validator) => validator.iter_errors(document).flat_map(|error| of_error(&error)).collect(),
        None => Vec::new(),
    }
}

/// The field lists in which a name might have been meant, with where they stand.
pub(super) fn fields_elsewhere(name: &str) -> Option<&'static str> {
    let places = [("options", "Options"), ("guards", "Guards"), ("datasets[…]", "DatasetDefinition")];
    let definitions = &compiled().schema["$defs"];
    let (place, _) = places.iter().find(|(_, definition)| definitions[definition]["properties"].get(name).is_some())?;
    Some(place)
}

fn of_error(error: &ValidationError<'_>) -> Vec<Finding> {
    let place = place_of(error);
    if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind() {
        let branches = context.iter().map(|errors| errors.iter().flat_map(of_error).collect());
        return union::choose(&place, branches.collect());
    }
    let owner = owner_of(error);
    if let Kind::AdditionalProperties { unexpected } = error.kind() {
        let properties = owner.get("properties").and_then(Value::as_object);
        let known: Vec<String> = properties.map(|fields| fields.keys().cloned().collect()).unwrap_or_default();
        let unknown = |name: &String| Cause::Unknown { name: name.clone(), known: known.clone() };
        return unexpected.iter().map(|name| Finding { place: place.clone(), cause: unknown(name) }).collect();
    }
    vec![Finding { place, cause: cause_of(error.kind(), owner) }]
}

fn cause_of(kind: &Kind, owner: &Value) -> Cause {
    let range =
        |above| Cause::Range { minimum: owner.get("minimum").cloned(), maximum: owner.get("maximum").cloned(), above };
    match kind {
        Kind::Type { kind } => Cause::Type { expected: type_names(kind), choices: Vec::new() },
        Kind::Constant { expected_value } => Cause::Choice(vec![text_of(expected_value)]),
        Kind::Enum { options } => {
            Cause::Choice(options.as_array().map(|all| all.iter().map(text_of).collect()).unwrap_or_default())
        }
        Kind::Required { property } => Cause::Missing(text_of(property)),
        Kind::Minimum { .. } | Kind::ExclusiveMinimum { .. } => range(false),
        Kind::Maximum { .. } | Kind::ExclusiveMaximum { .. } => range(true),
        Kind::MinLength { .. } | Kind::MaxLength { .. } if owner.get("maxLength").is_some() => Cause::NotOneCharacter,
        Kind::MinLength { .. } | Kind::MinItems { .. } => Cause::Empty,
        Kind::Pattern { .. } => Cause::NotADuration,
        other => Cause::Other(other.keyword().to_owned()),
    }
}

fn place_of(error: &ValidationError<'_>) -> Place {
    let steps = error.instance_path().into_iter().map(|segment| match segment {
        LocationSegment::Property(name) => Step::Field(name.into_owned()),
        LocationSegment::Index(index) => Step::Index(index),
    });
    Place(steps.collect())
}

/// The part of the schema that holds the keyword which failed.
fn owner_of(error: &ValidationError<'_>) -> &'static Value {
    let path = error.schema_path().as_str();
    let owner = path.rsplit_once('/').and_then(|(owner, _)| compiled().schema.pointer(owner));
    owner.unwrap_or(&Value::Null)
}

fn type_names(kind: &TypeKind) -> Vec<&'static str> {
    let all =
        [JsonType::String, JsonType::Integer, JsonType::Number, JsonType::Boolean, JsonType::Array, JsonType::Object];
    let wanted = |one: &JsonType| match kind {
        TypeKind::Single(single) => single == one,
        TypeKind::Multiple(several) => several.contains(*one),
    };
    all.into_iter().filter(wanted).map(|one| one.as_str()).collect()
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
