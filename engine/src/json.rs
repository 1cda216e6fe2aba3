//! Values as JSON, for plans, conflicts and messages; and back, for a value that a person gives.

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, ErrorKind, Result};
use crate::key::{self, Key};
use crate::reduce;
use crate::row::SideSpec;
use crate::schema::FieldType;
use crate::value::{Value, Values};

/// A value as JSON. Integers and floats are numbers; decimals, times and bytes are text, so that nothing is lost.
pub fn value(value: &Value) -> Json {
    match value {
        Value::Missing | Value::Null => Json::Null,
        Value::Bool(v) => json!(v),
        Value::Int(v) => json!(v),
        Value::Float(v) if v.is_finite() => json!(v),
        Value::Float(v) => json!(v.to_string()),
        Value::Decimal(v) | Value::Text(v) => json!(v),
        Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_)
        | Value::Instant(_)
        | Value::Uuid(_) => {
            json!(text(value))
        }
        Value::Json(v) => serde_json::from_str(v).unwrap_or_else(|_| json!(v)),
    }
}

/// The canonical text of a value.
fn text(value: &Value) -> String {
    let ty = match value {
        Value::Bytes(_) => FieldType::Bytes,
        Value::Date(_) => FieldType::Date,
        Value::Time(_) => FieldType::Time { precision: 6 },
        Value::Timestamp(_) => FieldType::Timestamp { precision: 6 },
        Value::Instant(_) => FieldType::Instant { precision: 6 },
        _ => FieldType::Uuid,
    };
    match reduce::expand(value, &ty, &FieldType::TEXT) {
        Ok(Value::Text(text)) => text.into(),
        _ => format!("{value:?}"),
    }
}

/// A record by field names.
pub fn record(fields: &[String], values: &[Value]) -> Map<String, Json> {
    fields.iter().zip(values).map(|(name, v)| (name.clone(), value(v))).collect()
}

/// A key by field names.
pub fn key(spec: &SideSpec, fields: &[String], encoded: &Key) -> Map<String, Json> {
    match key::decode(encoded) {
        Ok(values) => spec.key.iter().zip(&values).map(|(&index, v)| (fields[index].clone(), value(v))).collect(),
        Err(error) => [("key".to_owned(), json!(error.to_string()))].into_iter().collect(),
    }
}

/// A key's values in a message: `5`, or `(5, "x")`.
pub fn describe_key(encoded: &Key) -> String {
    match key::decode(encoded) {
        Ok(values) => match &values[..] {
            [one] => value(one).to_string(),
            many => format!("({})", many.iter().map(|v| value(v).to_string()).collect::<Vec<_>>().join(", ")),
        },
        Err(error) => format!("[{error}]"),
    }
}

/// Fields that a person gives for a record, laid over `base` (the fields not named keep its values).
pub fn overlay(spec: &SideSpec, fields: &[String], base: &[Value], given: &Map<String, Json>) -> Result<Values> {
    let mut values = base.to_vec();
    for (name, json) in given {
        let Some(index) = fields.iter().position(|field| field == name) else {
            let message = format!("there is no field `{name}` (there are: {})", fields.join(", "));
            let remedy = "name a field as the source calls it";
            return Err(Error::new(ErrorKind::Definition, "read the value", message).with_remedy(remedy));
        };
        let column = &spec.columns[index];
        if !column.writable || spec.key.contains(&index) {
            let message = format!("`{name}` cannot be set: it is the key or is only read");
            return Err(Error::new(ErrorKind::Definition, "read the value", message).with_remedy("leave it out"));
        }
        let text = match json {
            Json::Null => {
                values[index] = Value::Null;
                continue;
            }
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        values[index] = reduce::reduce(&Value::text(text), &FieldType::TEXT, &column.common).map_err(|error| {
            let unfit = Error::new(ErrorKind::Definition, "read the value", format!("`{name}`: {error}"));
            unfit.with_remedy(format!("give a value that fits the type of `{name}`"))
        })?;
    }
    Ok(values.into())
}
