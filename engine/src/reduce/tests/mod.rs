//! Which types columns have in common, and that values keep what they are on the way there and back.

mod planning;
mod travel;
mod values;

use super::*;

const INT: FieldType = FieldType::Int { bits: 64 };
const FLOAT: FieldType = FieldType::Float { bits: 64 };
const ANY_DECIMAL: FieldType = FieldType::Decimal { precision: None, scale: None };

fn int(bits: u8) -> FieldType {
    FieldType::Int { bits }
}

fn decimal(precision: u16, scale: i16) -> FieldType {
    FieldType::Decimal { precision: Some(precision), scale: Some(scale) }
}

fn timestamp(precision: u8) -> FieldType {
    FieldType::Timestamp { precision }
}

fn instant(precision: u8) -> FieldType {
    FieldType::Instant { precision }
}

fn named(name: &str) -> FieldType {
    FieldType::Native { name: name.into() }
}

fn varchar(limit: u32) -> FieldType {
    FieldType::Text { max_chars: Some(limit), fold: Fold::None }
}

fn folded(fold: Fold) -> FieldType {
    FieldType::Text { max_chars: None, fold }
}

fn carried(ty: FieldType, carrier: Carrier) -> ColumnSchema {
    let native = type_name(&ty);
    ColumnSchema {
        name: "x".into(),
        ty,
        carrier,
        native,
        nullable: true,
        writable: true,
        empty_is_null: false,
        ordered: false,
    }
}

fn typed(ty: FieldType) -> ColumnSchema {
    carried(ty, Carrier::Typed)
}

fn text_carrier() -> ColumnSchema {
    carried(FieldType::TEXT, Carrier::Text)
}

/// A column of decimals that are kept as floats.
fn floats(ty: FieldType) -> ColumnSchema {
    carried(ty, Carrier::Float64)
}

fn column(native: FieldType, common: FieldType) -> SideColumn {
    SideColumn { name: "price".into(), native, common, writable: true, empty_is_null: false }
}

fn every_type() -> Vec<FieldType> {
    vec![
        FieldType::Bool,
        int(16),
        int(32),
        INT,
        FieldType::Float { bits: 32 },
        FLOAT,
        ANY_DECIMAL,
        decimal(5, 2),
        decimal(10, 4),
        decimal(20, 2),
        decimal(18, 0),
        decimal(5, -2),
        FieldType::TEXT,
        varchar(10),
        folded(Fold::AsciiCase),
        folded(Fold::TrailingSpace),
        FieldType::Bytes,
        FieldType::Date,
        FieldType::Time { precision: 0 },
        FieldType::Time { precision: 6 },
        timestamp(0),
        timestamp(6),
        instant(3),
        instant(6),
        FieldType::Uuid,
        FieldType::Json,
        named("inet"),
        named("mood"),
    ]
}
