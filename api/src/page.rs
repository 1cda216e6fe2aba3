//! Lists in pages: `?limit=&cursor=` in, `{data, next_cursor}` out. A cursor names the last row that was seen; it grants
//! nothing, since every query is bound to its account.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::problem::{Code, Problem};

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;

/// First byte of a cursor: a later form can be told apart.
const VERSION: u8 = 1;

/// The query parameters of a list without filters.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// # Errors
    /// As [`Wanted::new`].
    pub fn wanted<P: Position>(&self) -> Result<Wanted<P>, Problem> {
        Wanted::new(self.limit, self.cursor.as_deref())
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The newest first, unless the list says otherwise.
    pub data: Vec<T>,
    /// What to ask the next page with; null: there is none.
    pub next_cursor: Option<String>,
}

/// What a list is ordered by, as a cursor holds it.
pub trait Position: Sized {
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl Position for Uuid {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::from_slice(bytes).ok()
    }
}

impl Position for i64 {
    fn to_bytes(&self) -> Vec<u8> {
        self.to_be_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self::from_be_bytes).ok()
    }
}

/// A place in a session's journal: the chunk below which it goes on, and how many changes of that are seen already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct JournalPlace {
    pub before: Option<i64>,
    pub skip: u64,
}

impl Position for JournalPlace {
    fn to_bytes(&self) -> Vec<u8> {
        // Chunks are numbered from 1.
        [self.before.unwrap_or(0).to_be_bytes(), self.skip.to_be_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (before, skip) = bytes.split_first_chunk::<8>()?;
        let before = i64::from_be_bytes(*before);
        Some(Self { before: (before != 0).then_some(before), skip: u64::from_be_bytes(skip.try_into().ok()?) })
    }
}

/// What of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<P> {
    /// The row after which the page begins; None: at the beginning.
    pub after: Option<P>,
    pub limit: u32,
}

impl<P: Position> Wanted<P> {
    /// Checks limit and cursor.
    ///
    /// # Errors
    /// The limit is out of range, or the cursor is not one of ours.
    pub fn new(limit: Option<u32>, cursor: Option<&str>) -> Result<Self, Problem> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=LARGEST_LIMIT).contains(&limit) {
            let remedy = format!("ask for 1 to {LARGEST_LIMIT}, or leave it out for {DEFAULT_LIMIT}");
            let problem = Problem::new(Code::InvalidQuery, "the page size is out of range");
            return Err(problem.at("limit", format!("{limit} is not a page size"), remedy));
        }
        let after = cursor.map(position).transpose()?;
        Ok(Self { after, limit })
    }

    /// How many rows to fetch: one more than wanted tells whether there is a next page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page of fetched rows.
    pub fn page<R, T>(&self, mut rows: Vec<R>, at: impl Fn(&R) -> P, show: impl Fn(R) -> T) -> Page<T> {
        let limit = self.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|row| cursor(&at(row)));
        Page { data: rows.into_iter().map(show).collect(), next_cursor }
    }
}

/// What a page that begins at a position is asked for with.
pub fn cursor(position: &impl Position) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(position.to_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn position<P: Position>(cursor: &str) -> Result<P, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let read = bytes.as_deref().and_then(|bytes| match bytes {
        [VERSION, position @ ..] => P::from_bytes(position),
        _ => None,
    });
    read.ok_or_else(|| {
        Problem::new(Code::InvalidCursor, "the cursor cannot be read").at(
            "cursor",
            "this is no cursor of this list",
            "take `next_cursor` of the page before as it is, or leave it out to begin anew",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_row() {
        for number in [0, 1, i64::MAX] {
            let wanted: Wanted<i64> = Wanted::new(None, Some(&cursor(&number))).unwrap();
            assert_eq!(wanted.after, Some(number));
        }
    }

    #[test]
    fn a_place_in_a_journal_is_kept() {
        for place in [JournalPlace { before: None, skip: 7 }, JournalPlace { before: Some(3), skip: 0 }] {
            assert_eq!(Wanted::new(None, Some(&cursor(&place))).unwrap().after, Some(place));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let of_other_list = cursor(&7_i64);
        for text in ["", "x", "AQ", "////", &of_other_list] {
            let refused = Wanted::<Uuid>::new(None, Some(text)).unwrap_err();
            assert_eq!(refused.code, Code::InvalidCursor);
        }
    }
}
