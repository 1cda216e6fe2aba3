//! Compact bytes for values, rows and blocks on disk (base, staged runs). Not canonical: see [`Value::canonical`].

use crate::value::Value;

#[derive(Debug, thiserror::Error)]
#[error("stored bytes are damaged: {0}")]
pub struct DecodeError(pub &'static str);

/// Reads what the `put` functions wrote, front to back.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(DecodeError("ends early"))?;
        self.0 = tail;
        Ok(head)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    /// LEB128.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError("a length is too long"))
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(self.varint()?).map_err(|_| DecodeError("a length is too long"))?;
        self.take(length)
    }

    fn text(&mut self) -> Result<Box<str>, DecodeError> {
        std::str::from_utf8(self.bytes()?).map(Into::into).map_err(|_| DecodeError("text is not UTF-8"))
    }

    pub fn value(&mut self) -> Result<Value, DecodeError> {
        Ok(match self.byte()? {
            0 => Value::Missing,
            1 => Value::Null,
            2 => Value::Bool(self.byte()? != 0),
            3 => Value::Int(unzigzag(self.varint()?)),
            4 => Value::Float(f64::from_bits(u64::from_le_bytes(self.array()?))),
            5 => Value::Decimal(self.text()?),
            6 => Value::Text(self.text()?),
            7 => Value::Bytes(self.bytes()?.into()),
            8 => Value::Date(i32::from_le_bytes(self.array()?)),
            9 => Value::Time(unzigzag(self.varint()?)),
            10 => Value::Timestamp(i64::from_le_bytes(self.array()?)),
            11 => Value::Instant(i64::from_le_bytes(self.array()?)),
            12 => Value::Uuid(self.array()?),
            13 => Value::Json(self.text()?),
            _ => return Err(DecodeError("unknown value tag")),
        })
    }

    /// A counted list of values.
    pub fn values(&mut self) -> Result<Vec<Value>, DecodeError> {
        let count = self.varint()?;
        (0..count).map(|_| self.value()).collect()
    }
}

pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Missing => out.push(0),
        Value::Null => out.push(1),
        Value::Bool(v) => out.extend([2, u8::from(*v)]),
        Value::Int(v) => tagged_varint(out, 3, *v),
        Value::Float(v) => tagged(out, 4, &v.to_bits().to_le_bytes()),
        Value::Decimal(v) => tagged_bytes(out, 5, v.as_bytes()),
        Value::Text(v) => tagged_bytes(out, 6, v.as_bytes()),
        Value::Bytes(v) => tagged_bytes(out, 7, v),
        Value::Date(v) => tagged(out, 8, &v.to_le_bytes()),
        Value::Time(v) => tagged_varint(out, 9, *v),
        Value::Timestamp(v) => tagged(out, 10, &v.to_le_bytes()),
        Value::Instant(v) => tagged(out, 11, &v.to_le_bytes()),
        Value::Uuid(v) => tagged(out, 12, v),
        Value::Json(v) => tagged_bytes(out, 13, v.as_bytes()),
    }
}

pub fn put_values(out: &mut Vec<u8>, values: &[Value]) {
    put_varint(out, values.len() as u64);
    for value in values {
        put_value(out, value);
    }
}

fn tagged(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(bytes);
}

fn tagged_bytes(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_bytes(out, bytes);
}

fn tagged_varint(out: &mut Vec<u8>, tag: u8, value: i64) {
    out.push(tag);
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_reads_back_as_it_was_written() {
        let values = vec![
            Value::Missing,
            Value::Null,
            Value::Bool(true),
            Value::Int(i64::MIN),
            Value::Int(i64::MAX),
            Value::Int(-1),
            Value::Float(-0.0),
            Value::Decimal("1.00".into()),
            Value::text("ä\0"),
            Value::Bytes([0, 255].into()),
            Value::Date(i32::MIN),
            Value::Time(86_400_000_000),
            Value::Timestamp(i64::MAX),
            Value::Instant(-5),
            Value::Uuid([7; 16]),
            Value::Json("{}".into()),
            Value::text("x".repeat(300)),
        ];
        let mut bytes = Vec::new();
        put_values(&mut bytes, &values);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.values().unwrap(), values);
        assert!(reader.is_empty());
        for cut in 0..bytes.len() {
            assert!(Reader::new(&bytes[..cut]).values().is_err(), "cut at {cut}");
        }
    }
}
