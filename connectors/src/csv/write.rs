//! Guarded changes of records, made into lines of the file; lookups that see them. All of it blocks, and nothing
//! reaches the file before it is published.

use std::fs::File;

use pinksync_engine::connector::{Change, Found, Outcome, Refusal, RowImage, Write};
use pinksync_engine::row::{Hash, Unreadable};
use pinksync_engine::{Error, ErrorKind, Key, Result, Value, Values};

use super::State;
use super::changes::{Collected, Edit};
use super::read::{Scanned, Source};
use super::records::Record;
use super::types::Quotes;
use crate::native_key;

/// A change of a record, or why there is none.
type Made = std::result::Result<(Edit, Outcome), Outcome>;

/// Carries writes out for `transaction`: they are compared with the file and collected.
pub fn collect(source: &Source, state: &mut State, transaction: u64, writes: &[Write]) -> Result<Vec<Outcome>> {
    let scanned = state.scanned(source)?;
    let reader = Reader { source, scanned: &scanned, plain: &*scanned.plain(&source.file)? };
    let keys: Vec<Option<Key>> = writes.iter().map(|write| native_key::encode(&source.spec, &write.key)).collect();
    let mut claimed = state.changes.claimed(&sorted(&keys))?;
    let mut outcomes = Vec::with_capacity(writes.len());
    let mut collected = Vec::new();
    for (write, key) in writes.iter().zip(keys) {
        let made = match key {
            Some(key) if claimed.contains(&key) => Err(Outcome::Moved),
            Some(key) => reader.make(write, &key)?.map(|made| (key, made)),
            None => Err(refused("type", "the key has a NULL or is not of its column's type")),
        };
        outcomes.push(match made {
            Ok((key, (edit, outcome))) => {
                claimed.insert(key.clone());
                collected.push(Collected { key, edit });
                outcome
            }
            Err(outcome) => outcome,
        });
    }
    state.changes.add(transaction, collected)?;
    Ok(outcomes)
}

/// Looks records up as `transaction` sees them: with collected changes that were committed, and its own.
pub fn lookup(source: &Source, state: &mut State, transaction: u64, keys: &[Values]) -> Result<Vec<Found>> {
    let scanned = state.scanned(source)?;
    let reader = Reader { source, scanned: &scanned, plain: &*scanned.plain(&source.file)? };
    let keys: Vec<Option<Key>> = keys.iter().map(|key| native_key::encode(&source.spec, key)).collect();
    let seen = state.changes.seen(transaction, &sorted(&keys))?;
    let found = keys.iter().map(|key| match key {
        None => Ok(Found::Absent),
        Some(key) => match seen.get(key) {
            Some(Edit::Remove { .. }) => Ok(Found::Absent),
            Some(Edit::Append(line) | Edit::Replace { line, .. }) => reader.of_line(line),
            None => reader.in_file(key),
        },
    });
    found.collect()
}

fn sorted(keys: &[Option<Key>]) -> Vec<&Key> {
    let mut keys: Vec<&Key> = keys.iter().flatten().collect();
    keys.sort();
    keys
}

/// The file as it was scanned, record by record.
struct Reader<'a> {
    source: &'a Source,
    scanned: &'a Scanned,
    plain: &'a File,
}

impl Reader<'_> {
    fn in_file(&self, key: &Key) -> Result<Found> {
        let found = self.locate(key, |_, record| found(self.source.admit(&self.scanned.layout, record)))?;
        Ok(found.unwrap_or(Found::Absent))
    }

    fn of_line(&self, line: &[u8]) -> Result<Found> {
        let mut records = self.source.records(line);
        match records.next() {
            Ok(Some(record)) => Ok(found(self.source.admit(&self.scanned.layout, &record))),
            Ok(None) | Err(_) => Err(Error::new(ErrorKind::Other, "look a record up", "a collected line is empty")),
        }
    }

    /// Gives the record of a key, with its offset, to `take`; `None` if there is none.
    fn locate<T>(&self, key: &Key, mut take: impl FnMut(u64, &Record<'_>) -> T) -> Result<Option<T>> {
        let mut taken = None;
        for offset in self.scanned.places(key)? {
            let here = self.source.with_record(self.plain, offset, |record| {
                let same = self.source.known_key(&self.scanned.layout, record).is_some_and(|other| other == *key);
                same.then(|| take(offset, record))
            })?;
            if here.is_some() && taken.is_some() {
                let message = format!("{} has two records of one key", self.source.file.path.display());
                return Err(Error::new(ErrorKind::Data, "look a record up", message)
                    .with_remedy("make the key unique, or choose another `key`"));
            }
            taken = taken.or(here);
        }
        Ok(taken)
    }

    fn make(&self, write: &Write, key: &Key) -> Result<Made> {
        match (&write.change, write.expect) {
            (Change::Create(_) | Change::Restore(_), None) => match self.locate(key, |_, _| ())? {
                Some(()) => Ok(Err(Outcome::Moved)),
                None => Ok(self.append(&write.change)),
            },
            (Change::Update(_) | Change::Delete, Some(expect)) => {
                let made = self.locate(key, |offset, record| self.change(offset, record, expect, &write.change))?;
                Ok(made.unwrap_or(Err(Outcome::Moved)))
            }
            (Change::Create(_) | Change::Restore(_), Some(_)) | (Change::Update(_) | Change::Delete, None) => {
                Ok(Err(Outcome::Moved))
            }
        }
    }

    fn append(&self, change: &Change) -> Made {
        let names = &self.scanned.layout.header.names;
        let mut fields = vec![&Value::Null; names.len()];
        match change {
            Change::Create(values) => {
                self.check_size(values.iter())?;
                self.check_key(values)?;
                for (index, value) in values.iter().enumerate().filter(|(index, _)| self.is_writable(*index)) {
                    fields[self.scanned.layout.positions[index]] = value;
                }
            }
            Change::Restore(image) => {
                for (name, value) in image {
                    let Some(position) = names.iter().position(|other| other == name) else {
                        return Err(refused("refused", format!("the file has no column `{name}` any more")));
                    };
                    fields[position] = value;
                }
            }
            Change::Update(_) | Change::Delete => return Err(Outcome::Moved),
        }
        let line = self.line(fields.into_iter().map(|value| Field::New(value, Quotes::IfNeeded)))?;
        Ok((Edit::Append(line), Outcome::Written))
    }

    /// The change of a record that is there, if it is still the one that was compared.
    fn change(&self, offset: u64, record: &Record<'_>, expect: Hash, change: &Change) -> Made {
        let row = match self.source.admit(&self.scanned.layout, record) {
            Ok(row) if row.hash == expect => row,
            Ok(_) | Err(_) => return Err(Outcome::Moved),
        };
        let Change::Update(set) = change else {
            let image = self.image(record)?;
            return Ok((Edit::Remove { offset, length: record.length }, Outcome::Deleted(image)));
        };
        let mut values = row.native.to_vec();
        let mut fields: Vec<Field<'_>> = (0..record.fields.len()).map(|at| Field::Kept(record, at)).collect();
        for (index, value) in set.iter().filter(|(index, _)| self.is_writable(*index)) {
            let position = self.scanned.layout.positions[*index];
            fields[position] = Field::New(value, self.quotes(record, position));
            values[*index] = value.clone();
        }
        self.check_size(values.iter())?;
        let line = self.line(fields.into_iter())?;
        Ok((Edit::Replace { offset, body: record.body.len() as u64, line }, Outcome::Written))
    }

    /// Between quotes stays between quotes, so that undo gives the bytes back that were there. NULL has none: elsewhere
    /// they make a text of it.
    fn quotes(&self, record: &Record<'_>, position: usize) -> Quotes {
        match record.field(position).and_then(|field| field.first()) {
            Some(first) if *first == self.source.dialect.quote => Quotes::OfText,
            Some(_) | None => Quotes::IfNeeded,
        }
    }

    fn is_writable(&self, index: usize) -> bool {
        self.source.spec.columns[index].writable || self.source.spec.key.contains(&index)
    }

    /// An empty text would be read back as NULL, which is no key.
    fn check_key(&self, values: &[Value]) -> std::result::Result<(), Outcome> {
        let spec = &self.source.spec;
        let empty = |index: &&usize| matches!(&values[**index], Value::Text(text) if text.is_empty());
        match spec.key.iter().find(empty).filter(|_| self.source.dialect.null.is_none()) {
            Some(&index) => {
                let name = &spec.columns[index].name;
                Err(refused(
                    "null_key",
                    format!(
                        "{name}: an empty text, which this file cannot tell from NULL; name a token for NULL (`csv: {{null: …}}`)"
                    ),
                ))
            }
            None => Ok(()),
        }
    }

    fn check_size<'a>(&self, values: impl Iterator<Item = &'a Value>) -> std::result::Result<(), Outcome> {
        let (size, limit) = (values.map(Value::size).sum::<usize>(), self.source.spec.max_record_bytes);
        if size <= limit {
            return Ok(());
        }
        Err(refused("too_large", format!("the record has {size} bytes, more than the limit of {limit}")))
    }

    /// A record without its line ending, one field for each column of the header.
    fn line<'a>(&self, fields: impl Iterator<Item = Field<'a>>) -> std::result::Result<Vec<u8>, Outcome> {
        let mut line = Vec::new();
        for (position, field) in fields.enumerate() {
            if position > 0 {
                line.push(self.source.dialect.delimiter);
            }
            match field {
                Field::Kept(record, at) => line.extend_from_slice(record.field(at).unwrap_or_default()),
                Field::New(value, quotes) => self.source.dialect.put(value, quotes, &mut line).map_err(|reason| {
                    refused("type", format!("{}: {reason}", self.scanned.layout.header.names[position]))
                })?,
            }
        }
        if line.is_empty() {
            // A blank line would be no record.
            line.extend([self.source.dialect.quote; 2]);
        }
        Ok(line)
    }

    /// The whole record by the names of the header, unmapped columns too.
    fn image(&self, record: &Record<'_>) -> std::result::Result<RowImage, Outcome> {
        let field = |(position, name): (usize, &String)| {
            let value = self.source.value(record, position).ok_or_else(|| {
                refused("refused", format!("`{name}` cannot be decoded, so that undo could not put it back"))
            })?;
            Ok((name.clone(), value))
        };
        self.scanned.layout.header.names.iter().enumerate().map(field).collect()
    }
}

/// A field of a line to be written.
#[derive(Clone, Copy)]
enum Field<'a> {
    /// As it stands in the file.
    Kept(&'a Record<'a>, usize),
    New(&'a Value, Quotes),
}

/// A lookup does not know the line it came from.
fn found(admitted: std::result::Result<pinksync_engine::Row, Unreadable>) -> Found {
    match admitted {
        Ok(row) => Found::Row(row),
        Err(unreadable) => Found::Unreadable(Unreadable { line: None, ..unreadable }),
    }
}

fn refused(code: &str, reason: impl Into<String>) -> Outcome {
    Outcome::from(Refusal { code: code.to_owned(), reason: reason.into(), retry: false })
}
