//! PostgreSQL's types: how each travels between the server and us, and what the engine is told of it.

use pinksync_engine::schema::{FieldType, Fold};

/// How a column's values travel. Everything but `Cast` uses the type's own binary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    Numeric,
    Text,
    /// `char(n)`: the padding is not part of the value.
    Padded,
    Name,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
    Json,
    Jsonb,
    /// The type's text under pinned settings, by casts in both directions.
    Cast,
}

impl Wire {
    /// By the type's number in `pg_type`, which is fixed for built-in types.
    pub fn of(type_oid: u32) -> Self {
        match type_oid {
            16 => Self::Bool,
            21 => Self::Int2,
            23 => Self::Int4,
            20 => Self::Int8,
            700 => Self::Float4,
            701 => Self::Float8,
            1700 => Self::Numeric,
            25 | 1043 => Self::Text,
            1042 => Self::Padded,
            19 => Self::Name,
            17 => Self::Bytea,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::Timestamptz,
            2950 => Self::Uuid,
            114 => Self::Json,
            3802 => Self::Jsonb,
            _ => Self::Cast,
        }
    }

    /// The type of a parameter that carries such values, and its number.
    pub fn parameter(self) -> (&'static str, u32) {
        match self {
            Self::Bool => ("bool", 16),
            Self::Int2 => ("int2", 21),
            Self::Int4 => ("int4", 23),
            Self::Int8 => ("int8", 20),
            Self::Float4 => ("float4", 700),
            Self::Float8 => ("float8", 701),
            Self::Numeric => ("numeric", 1700),
            Self::Text | Self::Cast => ("text", 25),
            Self::Padded => ("bpchar", 1042),
            Self::Name => ("name", 19),
            Self::Bytea => ("bytea", 17),
            Self::Date => ("date", 1082),
            Self::Time => ("time", 1083),
            Self::Timestamp => ("timestamp", 1114),
            Self::Timestamptz => ("timestamptz", 1184),
            Self::Uuid => ("uuid", 2950),
            Self::Json => ("json", 114),
            Self::Jsonb => ("jsonb", 3802),
        }
    }
}

/// What the catalog says of a column's base type.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeFacts {
    pub oid: u32,
    /// The type modifier (length, precision), -1 for none.
    pub modifier: i32,
    /// Name without modifier, as SQL.
    pub name: String,
    /// Unqualified name, and whether the type belongs to the extension of that name.
    pub is_citext: bool,
    /// The column's collation sees every difference.
    pub deterministic: bool,
}

impl TypeFacts {
    pub fn wire(&self) -> Wire {
        if self.is_citext { Wire::Text } else { Wire::of(self.oid) }
    }

    pub fn field_type(&self) -> FieldType {
        let native = || FieldType::Native { name: self.name.clone() };
        match self.wire() {
            Wire::Bool => FieldType::Bool,
            Wire::Int2 => FieldType::Int { bits: 16 },
            Wire::Int4 => FieldType::Int { bits: 32 },
            Wire::Int8 => FieldType::Int { bits: 64 },
            Wire::Float4 => FieldType::Float { bits: 32 },
            Wire::Float8 => FieldType::Float { bits: 64 },
            Wire::Numeric => numeric(self.modifier),
            Wire::Text if self.is_citext => FieldType::Text { max_chars: None, fold: Fold::AsciiCase },
            Wire::Text | Wire::Padded if !self.deterministic => native(),
            Wire::Text => FieldType::Text { max_chars: length(self.modifier), fold: Fold::None },
            Wire::Padded => FieldType::Text { max_chars: length(self.modifier), fold: Fold::TrailingSpace },
            // 63 bytes, not characters; the server refuses more.
            Wire::Name => FieldType::Text { max_chars: Some(63), fold: Fold::None },
            Wire::Bytea => FieldType::Bytes,
            Wire::Date => FieldType::Date,
            Wire::Time => FieldType::Time { precision: precision(self.modifier) },
            Wire::Timestamp => FieldType::Timestamp { precision: precision(self.modifier) },
            Wire::Timestamptz => FieldType::Instant { precision: precision(self.modifier) },
            Wire::Uuid => FieldType::Uuid,
            Wire::Json | Wire::Jsonb => FieldType::Json,
            Wire::Cast => native(),
        }
    }

    /// The type's own order is the byte order of encoded keys; text asks for its collation besides.
    pub fn is_ordered(&self) -> bool {
        match self.wire() {
            Wire::Bool | Wire::Int2 | Wire::Int4 | Wire::Int8 | Wire::Numeric | Wire::Bytea => true,
            Wire::Date | Wire::Time | Wire::Timestamp | Wire::Timestamptz | Wire::Uuid => true,
            Wire::Text => !self.is_citext,
            Wire::Float4 | Wire::Float8 | Wire::Padded | Wire::Name | Wire::Json | Wire::Jsonb | Wire::Cast => false,
        }
    }
}

fn length(modifier: i32) -> Option<u32> {
    u32::try_from(modifier - 4).ok().filter(|_| modifier > 4)
}

fn precision(modifier: i32) -> u8 {
    u8::try_from(modifier).unwrap_or(6).min(6)
}

/// Precision in the upper 16 bits, scale (signed, 11 bits) in the lower, both after taking off 4.
fn numeric(modifier: i32) -> FieldType {
    if modifier < 4 {
        return FieldType::Decimal { precision: None, scale: None };
    }
    let packed = modifier - 4;
    let scale = (((packed & 0x7ff) ^ 1024) - 1024) as i16;
    FieldType::Decimal { precision: Some((packed >> 16) as u16), scale: Some(scale) }
}

/// What the engine is told of a column that [`column_type`] makes.
pub fn created_type(ty: &FieldType) -> FieldType {
    match ty {
        FieldType::Int { bits } => {
            FieldType::Int { bits: [16, 32].into_iter().find(|size| bits <= size).unwrap_or(64) }
        }
        FieldType::Float { bits } => FieldType::Float { bits: if *bits <= 32 { 32 } else { 64 } },
        FieldType::Decimal { .. } => match decimal_size(ty) {
            Some((precision, scale)) => FieldType::Decimal { precision: Some(precision), scale: Some(scale) },
            None => FieldType::Decimal { precision: None, scale: None },
        },
        FieldType::Text { max_chars, .. } => {
            FieldType::Text { max_chars: max_chars.filter(|chars| VARCHAR.contains(chars)), fold: Fold::None }
        }
        FieldType::Native { .. } => FieldType::TEXT,
        FieldType::Time { precision } => FieldType::Time { precision: *precision.min(&6) },
        FieldType::Timestamp { precision } => FieldType::Timestamp { precision: *precision.min(&6) },
        FieldType::Instant { precision } => FieldType::Instant { precision: *precision.min(&6) },
        FieldType::Bool | FieldType::Bytes | FieldType::Date | FieldType::Uuid | FieldType::Json => ty.clone(),
    }
}

/// Lengths that a `varchar` may have.
const VARCHAR: std::ops::RangeInclusive<u32> = 1..=10_485_760;

/// Precision and scale of a decimal, if `numeric` can have them on every server (negative scales are of newer ones).
fn decimal_size(ty: &FieldType) -> Option<(u16, i16)> {
    let FieldType::Decimal { precision: Some(precision @ 1..=1000), scale } = ty else { return None };
    let scale = scale.unwrap_or(0);
    (scale >= 0 && scale.unsigned_abs() <= *precision).then_some((*precision, scale))
}

/// The type of a new column that holds what `ty` does, as the catalog calls it. Text keys get the collation whose order
/// is that of bytes.
pub fn column_type(ty: &FieldType, in_key: bool) -> String {
    let by_bytes = if in_key { " COLLATE \"C\"" } else { "" };
    match ty {
        FieldType::Bool => "boolean".to_owned(),
        FieldType::Int { bits: ..=16 } => "smallint".to_owned(),
        FieldType::Int { bits: 17..=32 } => "integer".to_owned(),
        FieldType::Int { .. } => "bigint".to_owned(),
        FieldType::Float { bits: ..=32 } => "real".to_owned(),
        FieldType::Float { .. } => "double precision".to_owned(),
        FieldType::Decimal { .. } => match decimal_size(ty) {
            Some((precision, scale)) => format!("numeric({precision},{scale})"),
            None => "numeric".to_owned(),
        },
        FieldType::Text { max_chars: Some(chars), .. } if VARCHAR.contains(chars) => {
            format!("character varying({chars}){by_bytes}")
        }
        FieldType::Text { .. } | FieldType::Native { .. } => format!("text{by_bytes}"),
        FieldType::Bytes => "bytea".to_owned(),
        FieldType::Date => "date".to_owned(),
        FieldType::Time { precision } => format!("time({}) without time zone", precision.min(&6)),
        FieldType::Timestamp { precision } => format!("timestamp({}) without time zone", precision.min(&6)),
        FieldType::Instant { precision } => format!("timestamp({}) with time zone", precision.min(&6)),
        FieldType::Uuid => "uuid".to_owned(),
        // Not jsonb, which rewrites what it is given.
        FieldType::Json => "json".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(oid: u32, modifier: i32) -> TypeFacts {
        TypeFacts { oid, modifier, name: "x".to_owned(), is_citext: false, deterministic: true }
    }

    #[test]
    fn modifiers_are_lengths_and_precisions() {
        let decimal = |precision, scale| FieldType::Decimal { precision: Some(precision), scale: Some(scale) };
        assert_eq!(facts(1700, (10 << 16 | 2) + 4).field_type(), decimal(10, 2));
        assert_eq!(facts(1700, (3 << 16 | (-2i32 & 0x7ff)) + 4).field_type(), decimal(3, -2));
        assert_eq!(facts(1700, -1).field_type(), FieldType::Decimal { precision: None, scale: None });
        assert_eq!(facts(1043, 24).field_type(), FieldType::Text { max_chars: Some(20), fold: Fold::None });
        assert_eq!(facts(1114, 3).field_type(), FieldType::Timestamp { precision: 3 });
        assert_eq!(facts(1184, -1).field_type(), FieldType::Instant { precision: 6 });
        assert_eq!(facts(869, -1).field_type(), FieldType::Native { name: "x".to_owned() });
    }

    #[test]
    fn new_columns_hold_what_they_are_made_for() {
        let text = FieldType::Text { max_chars: Some(5), fold: Fold::None };
        for (ty, in_key, expected) in [
            (FieldType::Int { bits: 16 }, false, "smallint"),
            (FieldType::Int { bits: 64 }, true, "bigint"),
            (FieldType::Decimal { precision: Some(10), scale: Some(2) }, false, "numeric(10,2)"),
            (FieldType::Decimal { precision: Some(5), scale: Some(-2) }, false, "numeric"),
            (text.clone(), false, "character varying(5)"),
            (text, true, "character varying(5) COLLATE \"C\""),
            (FieldType::Instant { precision: 3 }, false, "timestamp(3) with time zone"),
            (FieldType::Native { name: "mood".to_owned() }, false, "text"),
        ] {
            assert_eq!(column_type(&ty, in_key), expected);
        }
    }
}
