//! What a choice means: what each side shall hold.

use pinksync_model::{Choice, Direction};
use serde_json::{Map, Value as Json};

use crate::error::{Error, ErrorKind, Result};
use crate::home::StoredConflict;
use crate::json;
use crate::pair::Pair;
use crate::row::Row;
use crate::value::Values;

/// The values of a record in common form; `None`: there shall be none.
pub type Version = Option<Values>;

/// What source and target shall hold; outer `None`: what they hold now. One-way never writes the source.
pub fn wanted(
    pair: &Pair,
    conflict: &StoredConflict,
    choice: Choice,
    value: Option<&Map<String, Json>>,
    now: [&Option<Row>; 2],
) -> Result<[Option<Version>; 2]> {
    let version = |now: &Option<Row>| now.as_ref().map(|row| row.values().clone());
    let (source, target) = (version(now[0]), version(now[1]));
    let one_way = pair.mapping.rules.direction == Direction::OneWay;
    let for_source = |version| if one_way { None } else { Some(version) };
    Ok(match choice {
        Choice::Source => [None, Some(source)],
        Choice::Target => [for_source(target), None],
        Choice::Delete => [for_source(None), Some(None)],
        Choice::Skip => [None, None],
        Choice::Value => {
            let given = value.ok_or_else(|| {
                Error::new(ErrorKind::Definition, "resolve the conflict", "no value was given")
                    .with_remedy("give the fields as a JSON object")
            })?;
            let base = conflict.record.base.clone();
            let laid_over = source.or(target).or(base).ok_or_else(|| {
                Error::new(ErrorKind::Data, "resolve the conflict", "no version of the record is left")
                    .with_remedy("choose `delete`")
            })?;
            let values = json::overlay(&pair.mapping.source, &pair.mapping.fields, &laid_over, given)?;
            [for_source(Some(values.clone())), Some(Some(values))]
        }
    })
}
