//! Instants as the metadata database has them: microseconds, UTC. The database's clock is the service's clock.

use std::fmt;
use std::str::FromStr;

use bytes::BytesMut;
use jiff::Timestamp;
use postgres_protocol::types::{timestamp_from_sql, timestamp_to_sql};
use serde::{Deserialize, Serialize};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Microseconds from 1970 to PostgreSQL's first instant, 2000-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// An instant; RFC 3339 in JSON and text, `timestamptz` in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Utc(pub Timestamp);

impl fmt::Display for Utc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl FromStr for Utc {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

impl<'a> FromSql<'a> for Utc {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        let since_1970 = timestamp_from_sql(raw)?.checked_add(POSTGRES_EPOCH).ok_or("beyond the calendar")?;
        Ok(Self(Timestamp::from_microsecond(since_1970)?))
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }
}

impl ToSql for Utc {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        timestamp_to_sql(self.0.as_microsecond() - POSTGRES_EPOCH, out);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        *ty == Type::TIMESTAMPTZ
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_survives_the_way_to_sql_and_back() {
        for text in ["2026-11-26T01:02:03.456789Z", "1969-12-31T23:59:59Z", "2000-01-01T00:00:00Z"] {
            let instant: Utc = text.parse().unwrap();
            let mut raw = BytesMut::new();
            instant.to_sql(&Type::TIMESTAMPTZ, &mut raw).unwrap();
            assert_eq!(Utc::from_sql(&Type::TIMESTAMPTZ, &raw).unwrap(), instant);
            assert_eq!(serde_json::to_value(instant).unwrap(), text);
        }
    }
}
