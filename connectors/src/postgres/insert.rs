//! New records: COPY straight into the table, or INSERT … ON CONFLICT (key) DO NOTHING where that is refused.

use std::collections::{BTreeMap, HashSet};
use std::pin::pin;

use futures_util::SinkExt;
use pinksync_engine::connector::{Change, Outcome, Refusal, Write};
use pinksync_engine::key::Key;
use pinksync_engine::{Result, Value, Values};

use super::client::Session;
use super::copy::CopyWriter;
use super::decode::decode;
use super::encode::Arrays;
use super::layout::{Layout, fields};
use super::lookup::present;
use super::sequence::Largest;
use super::sql;
use super::table::Column;
use super::types::Wire;
use super::write::{Failure, Outcomes, misfit, suppressed};

/// Records of the same columns.
pub struct Insert<'w> {
    layout: &'w Layout,
    writes: &'w [Write],
    columns: Vec<&'w Column>,
    /// For each of `columns` its place in the write: index of the spec, or of the image.
    places: Vec<usize>,
    /// COPY can carry every column.
    pub copies: bool,
}

impl<'w> Insert<'w> {
    /// Creates carry the columns of the spec; those that are only read are left to the server.
    pub fn of_creates(layout: &'w Layout, writes: &'w [Write]) -> Self {
        let written = |index: &usize| layout.spec.columns[*index].writable && layout.column(*index).insertable();
        let places: Vec<usize> = (0..layout.spec.columns.len()).filter(written).collect();
        let columns = places.iter().map(|&index| layout.column(index)).collect();
        Self::new(layout, writes, columns, places)
    }

    /// Restores carry whole records; those of the same columns go together. A column that is gone is a refusal.
    pub fn of_restores(
        layout: &'w Layout,
        writes: &'w [Write],
        restores: &[usize],
        outcomes: &mut [Option<Outcome>],
    ) -> Vec<(Self, Vec<usize>)> {
        let mut groups: BTreeMap<Vec<&str>, Vec<usize>> = BTreeMap::new();
        for &index in restores {
            if let Change::Restore(image) = &writes[index].change {
                groups.entry(image.iter().map(|(name, _)| name.as_str()).collect()).or_default().push(index);
            }
        }
        let mut inserts = Vec::with_capacity(groups.len());
        for (names, part) in groups {
            let found: Vec<(usize, Option<&Column>)> =
                names.iter().enumerate().map(|(place, name)| (place, layout.table.column(name))).collect();
            if let Some((place, _)) = found.iter().find(|(_, column)| column.is_none()) {
                let reason = format!("the table has no column `{}` any more", names[*place]);
                let refusal = Refusal { code: "refused".to_owned(), reason, retry: false };
                part.iter().for_each(|&index| outcomes[index] = Some(refusal.clone().into()));
                continue;
            }
            let kept = found.into_iter().filter_map(|(place, column)| Some((place, column?)));
            let (places, columns) = kept.filter(|(_, column)| column.insertable()).unzip();
            inserts.push((Self::new(layout, writes, columns, places), part));
        }
        inserts
    }

    fn new(layout: &'w Layout, writes: &'w [Write], columns: Vec<&'w Column>, places: Vec<usize>) -> Self {
        let copies = layout.table.takes_copy() && columns.iter().all(|column| column.wire != Wire::Cast);
        Self { layout, writes, columns, places, copies }
    }

    fn wires(&self) -> Vec<Wire> {
        self.columns.iter().map(|column| column.wire).collect()
    }

    fn values(&self, index: usize) -> impl Iterator<Item = &Value> {
        let change = &self.writes[index].change;
        self.places.iter().map(move |&place| match change {
            Change::Create(values) => values.get(place).unwrap_or(&Value::Null),
            Change::Restore(image) => image.get(place).map_or(&Value::Null, |(_, value)| value),
            Change::Update(_) | Change::Delete => &Value::Null,
        })
    }

    fn column_list(&self) -> String {
        self.columns.iter().map(|column| sql::identifier(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// One COPY in binary, a message per batch. Fewer outcomes than records: some were left out, and nobody knows which.
    pub async fn copy(&self, session: &mut Session, part: &[usize]) -> std::result::Result<Outcomes, Failure> {
        let statement =
            format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.layout.table.quoted(), self.column_list());
        let statement = session.prepared(&statement).await?;
        let mut sink = pin!(session.client.copy_in(&statement).await?);
        let mut writer = CopyWriter::new(self.wires());
        let mut done = Vec::with_capacity(part.len());
        for batch in part.chunks(self.layout.batch_size()) {
            for &index in batch {
                done.push(match writer.push(self.values(index)) {
                    Ok(()) => (index, Outcome::Written),
                    Err(error) => (index, misfit(error)),
                });
            }
            sink.send(writer.take()).await?;
        }
        let sent = writer.tuples();
        sink.send(writer.finish()).await?;
        let copied = sink.finish().await?;
        if copied < sent as u64 {
            done.clear();
        }
        Ok(done)
    }

    /// INSERT of what is not there yet. A record in the way of the key has moved; in the way of another unique index
    /// it is a refusal of the statement.
    pub async fn run(&self, session: &mut Session, part: &[usize]) -> std::result::Result<Outcomes, Failure> {
        let mut arrays = Arrays::new(self.wires());
        let mut done = Vec::with_capacity(part.len());
        let mut sent = Vec::with_capacity(part.len());
        for &index in part {
            match arrays.push(self.values(index)) {
                Ok(()) => sent.push(index),
                Err(error) => done.push((index, misfit(error))),
            }
        }
        if sent.is_empty() {
            return Ok(done);
        }
        let rows = session.query(&self.statement(), &arrays.finish()).await?;
        if rows.len() == sent.len() {
            done.extend(sent.into_iter().map(|index| (index, Outcome::Written)));
            return Ok(done);
        }
        let written: HashSet<Key> = rows.iter().filter_map(|row| self.returned_key(row)).collect();
        let is_written =
            |index: &usize| self.layout.encoded_key(&self.writes[*index].key).is_some_and(|key| written.contains(&key));
        let (there, missing): (Vec<usize>, Vec<usize>) = sent.into_iter().partition(is_written);
        done.extend(there.into_iter().map(|index| (index, Outcome::Written)));
        let keys: Vec<Values> = missing.iter().map(|&index| self.writes[index].key.clone()).collect();
        let present = present(session, self.layout, &keys).await?;
        let outcome = |present| if present { Outcome::Moved } else { suppressed() };
        done.extend(missing.into_iter().zip(present).map(|(index, present)| (index, outcome(present))));
        Ok(done)
    }

    fn statement(&self) -> String {
        let values: Vec<String> =
            self.columns.iter().enumerate().map(|(index, column)| column.write(&format!("u.c{index}"))).collect();
        let overriding = match self.columns.iter().any(|column| column.identity_always) {
            true => " OVERRIDING SYSTEM VALUE",
            false => "",
        };
        let key: Vec<String> = self.layout.key_columns().map(|column| sql::identifier(&column.name)).collect();
        let conflict = match self.layout.has_arbiter {
            true => format!(" ON CONFLICT ({}) DO NOTHING", key.join(", ")),
            false => String::new(),
        };
        let returning: Vec<String> = self.layout.key_columns().map(Column::read).collect();
        format!(
            "INSERT INTO {} AS t ({}){overriding} SELECT {} FROM {} ORDER BY u.n{conflict} RETURNING {}",
            self.layout.table.quoted(),
            self.column_list(),
            values.join(", "),
            Arrays::source(&self.wires()),
            returning.join(", "),
        )
    }

    fn returned_key(&self, row: &tokio_postgres::Row) -> Option<Key> {
        let decode = |(wire, field): (Wire, Option<&[u8]>)| decode(wire, field?).ok();
        let values: Option<Vec<Value>> = self.layout.key_wires().into_iter().zip(fields(row, 0)).map(decode).collect();
        self.layout.encoded_key(&values?)
    }

    /// Notes the ids that were written into columns with a sequence.
    pub fn note_largest(&self, part: &[usize], outcomes: &[Option<Outcome>], largest: &mut Largest) {
        for (position, column) in self.columns.iter().enumerate() {
            let Some(sequence) = &column.sequence else { continue };
            let written = part.iter().filter(|&&index| matches!(outcomes[index], Some(Outcome::Written)));
            let ids = written.filter_map(|&index| match self.values(index).nth(position) {
                Some(Value::Int(id)) => Some(*id),
                _ => None,
            });
            if let Some(id) = ids.max() {
                largest.note(sequence, id);
            }
        }
    }
}

/// The columns of an image: everything that can be put back.
pub fn image_columns(layout: &Layout) -> Vec<&Column> {
    layout.table.columns.iter().filter(|column| !column.generated).collect()
}

/// The image of a deleted record from the fields of [`image_columns`].
pub fn image<'a>(columns: &[&Column], fields: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Vec<(String, Value)>> {
    use pinksync_engine::{Error, ErrorKind};
    columns
        .iter()
        .zip(fields)
        .map(|(column, field)| {
            let value = field.map_or(Ok(Value::Null), |bytes| decode(column.wire, bytes));
            value.map(|value| (column.name.clone(), value)).map_err(|error| {
                let message = format!("column `{}` of a deleted record: {}", column.name, error.0);
                Error::new(ErrorKind::Data, "delete records", message)
            })
        })
        .collect()
}
