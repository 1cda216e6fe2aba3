//! Durations as people write them: `30s`, `1h30m`, `7d`, `250ms`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The units that are understood, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A duration of whole milliseconds, written as numbers with the units `d`, `h`, `m`, `s`, `ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HumanDuration(Duration);

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a duration: write it like 30s, 5m, 1h30m, 7d or 250ms")]
pub struct InvalidDuration {
    given: String,
}

impl HumanDuration {
    /// No time at all.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The duration as the standard library's type.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for HumanDuration {
    /// Parts of a millisecond are dropped, since they cannot be written.
    fn from(duration: Duration) -> Self {
        let whole = duration.subsec_millis() * 1_000_000;
        Self(Duration::new(duration.as_secs(), whole))
    }
}

impl From<HumanDuration> for Duration {
    fn from(duration: HumanDuration) -> Self {
        duration.0
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidDuration;

    /// Reads one or more numbers with units, in any order of units.
    ///
    /// # Errors
    /// The text is empty, lacks a unit, knows another unit or is longer than about 500 million years.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        total_milliseconds(text)
            .map(|total| Self(Duration::from_millis(total)))
            .ok_or_else(|| InvalidDuration { given: text.to_owned() })
    }
}

fn total_milliseconds(text: &str) -> Option<u64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let (_, milliseconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let part = number.parse::<u64>().ok()?.checked_mul(*milliseconds)?;
        total = total.checked_add(part)?;
        rest = tail;
    }
    Some(total)
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return out.write_str("0s");
        }
        let mut rest = self.0.as_millis();
        for (name, milliseconds) in UNITS {
            let count = rest / u128::from(milliseconds);
            rest %= u128::from(milliseconds);
            if count > 0 {
                write!(out, "{count}{name}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for HumanDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration such as 30s, 5m, 1h30m, 7d or 250ms.",
            "pattern": "^([0-9]{1,9}(ms|s|m|h|d)){1,5}$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_read_and_written_back() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("7d", 604_800_000),
            ("1d1h1m1s1ms", 90_061_001),
        ] {
            let read: HumanDuration = text.parse().unwrap();
            assert_eq!(read.get(), Duration::from_millis(milliseconds), "{text}");
            assert_eq!(read.to_string(), text);
        }
        assert_eq!("90s".parse::<HumanDuration>().unwrap().to_string(), "1m30s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "5", "s", "5w", "-5s", "1.5h", "5 m", "99999999999999999999s", "9999999999999999d"] {
            assert!(text.parse::<HumanDuration>().is_err(), "{text}");
        }
    }
}
