//! Values from the server's binary formats. Nothing here panics, whatever the server sends.

use pinksync_engine::Value;

use super::numeric;
use super::types::Wire;

/// A value that is not what its type says.
#[derive(Debug)]
pub struct Undecodable(pub String);

/// `bytes` is a field without its length.
pub fn decode(wire: Wire, bytes: &[u8]) -> Result<Value, Undecodable> {
    Ok(match wire {
        Wire::Bool => Value::Bool(fixed::<1>(bytes)?[0] != 0),
        Wire::Int2 => Value::Int(i16::from_be_bytes(fixed(bytes)?).into()),
        Wire::Int4 => Value::Int(i32::from_be_bytes(fixed(bytes)?).into()),
        Wire::Int8 => Value::Int(i64::from_be_bytes(fixed(bytes)?)),
        Wire::Float4 => Value::Float(f32::from_be_bytes(fixed(bytes)?).into()),
        Wire::Float8 => Value::Float(f64::from_be_bytes(fixed(bytes)?)),
        Wire::Numeric => Value::Decimal(numeric::to_text(bytes).map_err(|error| Undecodable(error.0.to_owned()))?),
        Wire::Text | Wire::Name | Wire::Cast => Value::Text(text(bytes)?.into()),
        Wire::Padded => Value::Text(text(bytes)?.trim_end_matches(' ').into()),
        Wire::Bytea => Value::Bytes(bytes.into()),
        Wire::Date => Value::Date(i32::from_be_bytes(fixed(bytes)?)),
        Wire::Time => Value::Time(i64::from_be_bytes(fixed(bytes)?)),
        Wire::Timestamp => Value::Timestamp(i64::from_be_bytes(fixed(bytes)?)),
        Wire::Timestamptz => Value::Instant(i64::from_be_bytes(fixed(bytes)?)),
        Wire::Uuid => Value::Uuid(fixed(bytes)?),
        Wire::Json => Value::Json(text(bytes)?.into()),
        Wire::Jsonb => match bytes.split_first() {
            Some((1, rest)) => Value::Json(text(rest)?.into()),
            _ => return Err(Undecodable("a jsonb has an unknown version".to_owned())),
        },
    })
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Undecodable> {
    bytes.try_into().map_err(|_| Undecodable(format!("the value has {} bytes where its type has {N}", bytes.len())))
}

fn text(bytes: &[u8]) -> Result<&str, Undecodable> {
    std::str::from_utf8(bytes).map_err(|error| Undecodable(format!("the text is not UTF-8: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::encode::encode;

    #[test]
    fn every_value_survives_both_ways() {
        for (wire, value) in [
            (Wire::Bool, Value::Bool(true)),
            (Wire::Int2, Value::Int(-32_768)),
            (Wire::Int4, Value::Int(i32::MIN.into())),
            (Wire::Int8, Value::Int(i64::MIN)),
            (Wire::Float4, Value::Float(f64::from(0.1f32))),
            (Wire::Float8, Value::Float(f64::NEG_INFINITY)),
            (Wire::Numeric, Value::Decimal("-12.340".into())),
            (Wire::Text, Value::text("gr\u{fc}\u{df}")),
            (Wire::Padded, Value::text("a b")),
            (Wire::Cast, Value::text("[1,2)")),
            (Wire::Bytea, Value::Bytes([0, 255].into())),
            (Wire::Date, Value::Date(i32::MAX)),
            (Wire::Time, Value::Time(86_400_000_000)),
            (Wire::Timestamp, Value::Timestamp(i64::MIN)),
            (Wire::Timestamptz, Value::Instant(-1)),
            (Wire::Uuid, Value::Uuid([9; 16])),
            (Wire::Json, Value::Json("{\"a\": 1}".into())),
            (Wire::Jsonb, Value::Json("[]".into())),
        ] {
            let mut bytes = Vec::new();
            encode(wire, &value, &mut bytes).unwrap();
            let length = i32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
            assert_eq!(length, bytes.len() - 4);
            assert_eq!(decode(wire, &bytes[4..]).unwrap(), value);
        }
    }

    #[test]
    fn hostile_bytes_are_errors() {
        let all = [
            Wire::Bool,
            Wire::Int2,
            Wire::Int4,
            Wire::Int8,
            Wire::Float4,
            Wire::Float8,
            Wire::Numeric,
            Wire::Date,
            Wire::Time,
            Wire::Timestamp,
            Wire::Timestamptz,
            Wire::Uuid,
            Wire::Jsonb,
        ];
        for wire in all {
            assert!(decode(wire, &[]).is_err());
            assert!(decode(wire, &[7; 23]).is_err());
        }
        for wire in [Wire::Text, Wire::Padded, Wire::Name, Wire::Cast, Wire::Json] {
            assert!(decode(wire, &[0xff, 0xfe]).is_err());
        }
    }
}
