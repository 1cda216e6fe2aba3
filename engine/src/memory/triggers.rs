//! What a table does by itself to a record that is written: changes it, or refuses it.

use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::{BigDecimal, RoundingMode};

use crate::value::Value;

/// Changes a whole record, its values by column of the table, before it is stored.
pub type Transform = Arc<dyn Fn(&mut [Value]) + Send + Sync>;

/// Refuses a whole record; the answer is the reason.
pub type Check = Arc<dyn Fn(&[Value]) -> Option<String> + Send + Sync>;

/// Text of the column in upper case.
pub fn upper_case(column: usize) -> Transform {
    on_text(column, str::to_uppercase)
}

/// Text of the column without spaces at its ends.
pub fn trim(column: usize) -> Transform {
    on_text(column, |text| text.trim().to_owned())
}

fn on_text(column: usize, change: fn(&str) -> String) -> Transform {
    Arc::new(move |values| {
        if let Value::Text(text) = &values[column] {
            values[column] = Value::text(change(text));
        }
    })
}

/// Decimals of the column rounded to `scale` digits after the point, half away from zero.
pub fn round(column: usize, scale: i64) -> Transform {
    Arc::new(move |values| {
        if let Value::Decimal(text) = &values[column]
            && let Ok(number) = BigDecimal::from_str(text)
        {
            let rounded = number.with_scale_round(scale, RoundingMode::HalfUp);
            values[column] = Value::Decimal(rounded.to_plain_string().into());
        }
    })
}

/// Integers of the column above `limit` are refused.
pub fn at_most(column: usize, limit: i64) -> Check {
    Arc::new(move |values| match values[column] {
        Value::Int(value) if value > limit => Some(format!("{value} is more than {limit}")),
        _ => None,
    })
}
