//! Planning: which type two columns have in common, and what one of them would lose.

use super::Misfit;
use crate::schema::{Carrier, ColumnSchema, FieldType, Fold};

/// Decimal digits that survive the way through a 64-bit and a 32-bit float.
pub(super) const FLOAT64_DIGITS: u16 = 15;
pub(super) const FLOAT32_DIGITS: u16 = 6;

/// The type both columns are reduced to. `two_way`: values travel in both directions, so both must hold all of it.
/// `lossy`: accept the coarser one.
pub fn common(source: &ColumnSchema, target: &ColumnSchema, two_way: bool, lossy: bool) -> Result<FieldType, Misfit> {
    let (source, target) = (Side::of(source, "source", target), Side::of(target, "target", source));
    let Some(finer) = finer(&source.ty, &target.ty) else {
        return Err(Misfit::Incompatible(format!("{source} and {target} have no form in common")));
    };
    if zone_is_unknown(&source.ty, &target.ty) && !lossy {
        return Err(Misfit::Zone(format!(
            "{source} and {target}: one has a time zone and the other has none; to take the times without one as UTC \
             allow it for this field (`lossy: allow`), or give both columns the same type"
        )));
    }
    let lost_by_target = loss(&source, &target);
    let lost_by_source = if two_way { loss(&target, &source) } else { None };
    match (lost_by_target, lost_by_source) {
        (None, None) => Ok(joined_with_text(finer, &source, &target, two_way)),
        (Some(reason), _) | (None, Some(reason)) if !lossy => Err(Misfit::Lossy(reason)),
        (Some(_), None) => Ok(received(&source, &target)),
        (None, Some(_)) => Ok(received(&target, &source)),
        // Each holds what the other does not (a long decimal and a float): compared as floats, whichever is the source.
        (Some(_), Some(_)) => match (received(&source, &target), received(&target, &source)) {
            (FieldType::Float { bits: one }, FieldType::Float { bits: other }) => {
                Ok(FieldType::Float { bits: one.min(other) })
            }
            (float @ FieldType::Float { .. }, _) | (_, float) => Ok(float),
        },
    }
}

/// A column as far as its type matters.
struct Side<'a> {
    ty: FieldType,
    /// Decimals are held as 64-bit floats.
    floats: bool,
    /// Values come out of text, where each one is looked at: what does not fit is refused, not rounded.
    text: bool,
    native: &'a str,
    name: &'static str,
}

impl<'a> Side<'a> {
    fn of(column: &'a ColumnSchema, name: &'static str, partner: &ColumnSchema) -> Self {
        let floats = column.carrier == Carrier::Float64 && matches!(column.ty, FieldType::Decimal { .. });
        let carried = column.carrier == Carrier::Text;
        let text = carried || matches!(column.ty, FieldType::Text { .. });
        let side = |ty, floats| Self { ty, floats, text, native: &column.native, name };
        match &partner.ty {
            // Floats with floats: nothing is gained by going through decimals.
            FieldType::Float { .. } if floats => side(FieldType::Float { bits: 64 }, false),
            // `types: decimal` says nothing about digits, nor `types: timestamp` about zones.
            ty if carried && same_family(&column.ty, ty) => side(ty.clone(), false),
            _ => side(column.ty.clone(), floats),
        }
    }
}

/// Types that differ in their limits only, as far as text can tell.
fn same_family(one: &FieldType, other: &FieldType) -> bool {
    let dated = |ty: &FieldType| matches!(ty, FieldType::Timestamp { .. } | FieldType::Instant { .. });
    let text = matches!(one, FieldType::Text { .. } | FieldType::Native { .. });
    (std::mem::discriminant(one) == std::mem::discriminant(other) && !text) || (dated(one) && dated(other))
}

impl std::fmt::Display for Side<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.native {
            "" => write!(f, "{} at the {}", super::type_name(&self.ty), self.name),
            native => write!(f, "{native} at the {}", self.name),
        }
    }
}

/// The type that holds the values of both, where the two can be compared at all.
fn finer(one: &FieldType, other: &FieldType) -> Option<FieldType> {
    use FieldType::{Bool, Date, Decimal, Float, Instant, Int, Text, Time, Timestamp};
    Some(match (one, other) {
        (Text { max_chars: a, fold: one }, Text { max_chars: b, fold: other }) => {
            Text { max_chars: a.zip(*b).map(|(a, b)| a.max(b)), fold: coarser_fold(*one, *other) }
        }
        (Text { .. }, ty) | (ty, Text { .. }) => ty.clone(),
        (Int { bits: a }, Int { bits: b }) => Int { bits: *a.max(b) },
        (Float { bits: a }, Float { bits: b }) => Float { bits: *a.max(b) },
        (Decimal { .. }, Decimal { .. }) => wider_decimal(one, other),
        (Int { .. } | Float { .. }, decimal @ Decimal { .. })
        | (decimal @ Decimal { .. }, Int { .. } | Float { .. }) => decimal.clone(),
        (Int { .. }, float @ Float { .. }) | (float @ Float { .. }, Int { .. }) => float.clone(),
        (Bool, Int { .. }) | (Int { .. }, Bool) => Bool,
        (Time { precision: a }, Time { precision: b }) => Time { precision: *a.max(b) },
        (Timestamp { precision: a }, Timestamp { precision: b }) => Timestamp { precision: *a.max(b) },
        (Instant { precision: a }, Instant { precision: b } | Timestamp { precision: b })
        | (Timestamp { precision: a }, Instant { precision: b }) => Instant { precision: *a.max(b) },
        (Date, ty @ (Timestamp { .. } | Instant { .. })) | (ty @ (Timestamp { .. } | Instant { .. }), Date) => {
            ty.clone()
        }
        (one, other) if one == other => one.clone(),
        _ => return None,
    })
}

/// Where the two sides fold differently, case: it is what tells most keys apart.
fn coarser_fold(one: Fold, other: Fold) -> Fold {
    match (one, other) {
        (Fold::AsciiCase, _) | (_, Fold::AsciiCase) => Fold::AsciiCase,
        (Fold::TrailingSpace, _) | (_, Fold::TrailingSpace) => Fold::TrailingSpace,
        (Fold::None, Fold::None) => Fold::None,
    }
}

/// The most digits before the point and the most after it.
fn wider_decimal(one: &FieldType, other: &FieldType) -> FieldType {
    let parts = |ty: &FieldType| match ty {
        FieldType::Decimal { precision: Some(precision), scale: Some(scale) } => {
            Some((i32::from(*precision) - i32::from(*scale), *scale))
        }
        _ => None,
    };
    let (precision, scale) = match (parts(one), parts(other)) {
        (Some((a, x)), Some((b, y))) => (u16::try_from(a.max(b) + i32::from(x.max(y))).ok(), Some(x.max(y))),
        _ => (None, scale_of(one).zip(scale_of(other)).map(|(a, b)| a.max(b))),
    };
    FieldType::Decimal { precision, scale }
}

fn scale_of(ty: &FieldType) -> Option<i16> {
    match ty {
        FieldType::Decimal { scale, .. } => *scale,
        _ => None,
    }
}

/// Text written to a column that holds decimals as floats may only have the digits that a float keeps.
fn joined_with_text(finer: FieldType, source: &Side<'_>, target: &Side<'_>, two_way: bool) -> FieldType {
    let from_text = |from: &Side<'_>, to: &Side<'_>| from.text && to.floats;
    match finer {
        FieldType::Decimal { precision, scale }
            if from_text(source, target) || (two_way && from_text(target, source)) =>
        {
            FieldType::Decimal { precision: Some(precision.unwrap_or(FLOAT64_DIGITS).min(FLOAT64_DIGITS)), scale }
        }
        finer => finer,
    }
}

fn zone_is_unknown(one: &FieldType, other: &FieldType) -> bool {
    let zoned = |ty: &FieldType| matches!(ty, FieldType::Instant { .. });
    let zoneless = |ty: &FieldType| matches!(ty, FieldType::Timestamp { .. } | FieldType::Date);
    (zoned(one) && zoneless(other)) || (zoneless(one) && zoned(other))
}

/// What `to` would silently lose of the values of `from`. What a system refuses is not lost: it becomes a reject.
fn loss(from: &Side<'_>, to: &Side<'_>) -> Option<String> {
    use FieldType::{Date, Decimal, Float, Instant, Int, Time, Timestamp};
    let why = match (&from.ty, &to.ty) {
        (Decimal { scale: a, .. }, Decimal { scale: b, .. }) if exceeds(*a, *b) => {
            "has more digits after the point than"
        }
        (Decimal { precision, .. }, Decimal { .. })
            if to.floats && !from.floats && !from.text && !fits_float(*precision, 64) =>
        {
            "has more digits than the floats hold that stand for"
        }
        (Decimal { scale, .. }, Int { .. }) if exceeds(*scale, Some(0)) => "has digits after the point, unlike",
        (Int { .. }, Decimal { scale: Some(..0), .. }) => "has smaller units than",
        (Float { .. }, Int { .. }) => "has digits after the point, unlike",
        (Int { bits }, Float { bits: 64 }) if *bits > 32 => "has larger whole numbers than fit exactly into",
        (Int { bits }, Float { bits: ..=32 }) if *bits > 16 => "has larger whole numbers than fit exactly into",
        (Float { bits: a }, Float { bits: b }) if a > b => "has more digits than",
        (Decimal { precision, .. }, Float { bits }) if !fits_float(*precision, *bits) => {
            "has more digits than fit into"
        }
        // A float whose digits do not fit into a short decimal is refused, value by value; of a long one that
        // cannot be said, since noise in its last digits is part of it.
        (Float { .. }, Decimal { precision, scale: Some(_) }) if !fits_float(*precision, 64) => {
            "has more digits after the point than"
        }
        (Time { precision: a }, Time { precision: b })
        | (
            Timestamp { precision: a } | Instant { precision: a },
            Timestamp { precision: b } | Instant { precision: b },
        ) if a > b => "has finer times than",
        (Timestamp { .. } | Instant { .. }, Date) => "has a time of day, unlike",
        _ => return None,
    };
    Some(format!("{from} {why} {to}"))
}

/// A scale that is larger than another; `None` is without limit.
fn exceeds(scale: Option<i16>, limit: Option<i16>) -> bool {
    limit.is_some_and(|limit| scale.is_none_or(|scale| scale > limit))
}

fn fits_float(precision: Option<u16>, bits: u8) -> bool {
    let digits = if bits > 32 { FLOAT64_DIGITS } else { FLOAT32_DIGITS };
    precision.is_some_and(|precision| precision <= digits)
}

/// What arrives where `to` loses something of `from`.
fn received(from: &Side<'_>, to: &Side<'_>) -> FieldType {
    match (&from.ty, &to.ty) {
        (FieldType::Decimal { scale: a, .. }, FieldType::Decimal { scale: b, .. }) if to.floats && !exceeds(*a, *b) => {
            FieldType::Float { bits: 64 }
        }
        (FieldType::Instant { precision: a }, FieldType::Timestamp { precision: b })
        | (FieldType::Timestamp { precision: a }, FieldType::Instant { precision: b }) => {
            FieldType::Instant { precision: *a.min(b) }
        }
        (_, ty) => ty.clone(),
    }
}
