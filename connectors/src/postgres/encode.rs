//! Values in the server's binary formats, with their length before them, and arrays of them as parameters.

use bytes::BytesMut;
use pinksync_engine::Value;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::numeric;
use super::types::Wire;

/// A value that its column cannot hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit(pub String);

/// Appends length and bytes; NULL is a length of -1. On an error `out` is as before.
pub fn encode(wire: Wire, value: &Value, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if value.is_null() {
        out.extend_from_slice(&(-1i32).to_be_bytes());
        return Ok(());
    }
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    let result = encode_bytes(wire, value, out).and_then(|()| {
        i32::try_from(out.len() - start - 4).map_err(|_| Misfit("the value is larger than 2 GB".to_owned()))
    });
    match result {
        Ok(length) => {
            out[start..start + 4].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        Err(misfit) => {
            out.truncate(start);
            Err(misfit)
        }
    }
}

fn encode_bytes(wire: Wire, value: &Value, out: &mut Vec<u8>) -> Result<(), Misfit> {
    match (wire, value) {
        (Wire::Bool, Value::Bool(v)) => out.push(u8::from(*v)),
        (Wire::Int2, Value::Int(v)) => out.extend_from_slice(&narrow::<i16>(*v, "smallint")?.to_be_bytes()),
        (Wire::Int4, Value::Int(v)) => out.extend_from_slice(&narrow::<i32>(*v, "integer")?.to_be_bytes()),
        (Wire::Int8, Value::Int(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (Wire::Float4, Value::Float(v)) => out.extend_from_slice(&real(*v)?.to_be_bytes()),
        (Wire::Float8, Value::Float(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (Wire::Numeric, Value::Decimal(v)) => put_numeric(v, out)?,
        (Wire::Numeric, Value::Int(v)) => put_numeric(&v.to_string(), out)?,
        (Wire::Text | Wire::Padded | Wire::Name | Wire::Cast, Value::Text(v)) => put_text(v, out)?,
        (Wire::Bytea, Value::Bytes(v)) => out.extend_from_slice(v),
        (Wire::Date, Value::Date(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (Wire::Time, Value::Time(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (Wire::Timestamp, Value::Timestamp(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (Wire::Timestamptz, Value::Instant(v)) => out.extend_from_slice(&v.to_be_bytes()),
        (Wire::Uuid, Value::Uuid(v)) => out.extend_from_slice(v),
        (Wire::Json, Value::Json(v)) => put_text(v, out)?,
        (Wire::Jsonb, Value::Json(v)) => {
            out.push(1);
            put_text(v, out)?;
        }
        _ => {
            return Err(Misfit(format!(
                "a value of another type was given for a column of type {}",
                wire.parameter().0
            )));
        }
    }
    Ok(())
}

fn narrow<T: TryFrom<i64>>(value: i64, name: &str) -> Result<T, Misfit> {
    T::try_from(value).map_err(|_| Misfit(format!("{value} is out of range for type {name}")))
}

fn real(value: f64) -> Result<f32, Misfit> {
    let narrow = value as f32;
    match narrow.is_infinite() && value.is_finite() {
        true => Err(Misfit(format!("{value:e} is out of range for type real"))),
        false => Ok(narrow),
    }
}

fn put_numeric(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    numeric::to_binary(text, out).map_err(|error| Misfit(format!("the value does not fit type numeric: {}", error.0)))
}

fn put_text(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if text.as_bytes().contains(&0) {
        return Err(Misfit("the text has a zero byte, which PostgreSQL cannot store".to_owned()));
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Equally long arrays, one per column, that a statement takes apart again with `unnest`.
#[derive(Debug)]
pub struct Arrays {
    wires: Vec<Wire>,
    columns: Vec<Vec<u8>>,
    length: usize,
}

/// An array's header: dimensions, whether it has NULLs, element type, length, lower bound.
const ARRAY_HEADER: usize = 20;

impl Arrays {
    pub fn new(wires: Vec<Wire>) -> Self {
        let columns = wires.iter().map(|_| vec![0; ARRAY_HEADER]).collect();
        Self { wires, columns, length: 0 }
    }

    /// Adds one record, a value per column. On an error nothing was added.
    pub fn push<'a>(&mut self, values: impl Iterator<Item = &'a Value>) -> Result<(), Misfit> {
        let ends: Vec<usize> = self.columns.iter().map(Vec::len).collect();
        for ((wire, column), value) in self.wires.iter().zip(&mut self.columns).zip(values) {
            if let Err(misfit) = encode(*wire, value, column) {
                for (column, end) in self.columns.iter_mut().zip(ends) {
                    column.truncate(end);
                }
                return Err(misfit);
            }
        }
        self.length += 1;
        Ok(())
    }

    /// Parameters for `$1`, `$2`, … in the order of the columns.
    pub fn finish(self) -> Vec<ArrayParameter> {
        let length = self.length as i32;
        let finish = |(mut bytes, wire): (Vec<u8>, Wire)| {
            let header = [1, 1, wire.parameter().1 as i32, length, 1];
            for (slot, word) in bytes.chunks_exact_mut(4).zip(header) {
                slot.copy_from_slice(&word.to_be_bytes());
            }
            ArrayParameter(bytes)
        };
        self.columns.into_iter().zip(self.wires).map(finish).collect()
    }

    /// `unnest($1::int8[], $2::text[]) WITH ORDINALITY AS u(c0, c1, n)`: the records with their number from 1.
    pub fn source(wires: &[Wire]) -> String {
        let parameters: Vec<String> =
            wires.iter().enumerate().map(|(index, wire)| format!("${}::{}[]", index + 1, wire.parameter().0)).collect();
        let names: Vec<String> = (0..wires.len()).map(|index| format!("c{index}")).collect();
        format!("unnest({}) WITH ORDINALITY AS u({}, n)", parameters.join(", "), names.join(", "))
    }
}

/// One finished array.
#[derive(Debug)]
pub struct ArrayParameter(Vec<u8>);

impl ToSql for ArrayParameter {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_leaves_nothing_behind() {
        let mut out = vec![1, 2];
        for (wire, value) in [
            (Wire::Int2, Value::Int(32_768)),
            (Wire::Int4, Value::Int(i64::MAX)),
            (Wire::Float4, Value::Float(1e300)),
            (Wire::Numeric, Value::Decimal("1e5".into())),
            (Wire::Text, Value::text("a\0b")),
            (Wire::Jsonb, Value::text("{}")),
            (Wire::Uuid, Value::Int(1)),
        ] {
            assert!(encode(wire, &value, &mut out).is_err(), "{wire:?}");
            assert_eq!(out, [1, 2]);
        }
    }

    #[test]
    fn a_record_that_does_not_fit_is_left_out_of_every_array() {
        let mut arrays = Arrays::new(vec![Wire::Int8, Wire::Int2]);
        arrays.push([Value::Int(1), Value::Null].iter()).unwrap();
        assert!(arrays.push([Value::Int(2), Value::Int(99_999)].iter()).is_err());
        arrays.push([Value::Int(3), Value::Int(3)].iter()).unwrap();
        let parameters = arrays.finish();
        assert_eq!(parameters[0].0.len(), ARRAY_HEADER + 2 * 12);
        assert_eq!(parameters[1].0.len(), ARRAY_HEADER + 4 + 6);
        assert_eq!(&parameters[1].0[..ARRAY_HEADER], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 21, 0, 0, 0, 2, 0, 0, 0, 1]);
    }

    #[test]
    fn a_source_names_its_columns() {
        let text = Arrays::source(&[Wire::Int8, Wire::Cast]);
        assert_eq!(text, "unnest($1::int8[], $2::text[]) WITH ORDINALITY AS u(c0, c1, n)");
    }
}
