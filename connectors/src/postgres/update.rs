//! Changes of some fields of records, those of the same fields in one statement.

use pinksync_engine::connector::{Change, Outcome, Write};
use pinksync_engine::{Value, Values};

use super::client::Session;
use super::encode::Arrays;
use super::layout::{Layout, ordinal};
use super::lookup::present;
use super::sql;
use super::types::Wire;
use super::write::{Failure, Outcomes, misfit, suppressed};

/// Updates that set the same fields.
pub struct Update<'w> {
    pub writes: &'w [Write],
    /// Indexes into the spec's columns.
    pub fields: Vec<usize>,
}

impl Update<'_> {
    pub async fn run(
        &self,
        session: &mut Session,
        layout: &Layout,
        part: &[usize],
    ) -> std::result::Result<Outcomes, Failure> {
        let mut wires = layout.key_wires();
        wires.extend(self.fields.iter().map(|&field| layout.column(field).wire));
        let mut arrays = Arrays::new(wires.clone());
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
        let mut touched = vec![false; sent.len()];
        for row in session.query(&self.statement(layout, &wires), &arrays.finish()).await? {
            if let Some(touched) = touched.get_mut(ordinal(&row)?) {
                *touched = true;
            }
        }
        let is_touched = |(_, touched): &(usize, bool)| *touched;
        let (written, missing): (Vec<_>, Vec<_>) = sent.into_iter().zip(touched).partition(is_touched);
        done.extend(written.into_iter().map(|(index, _)| (index, Outcome::Written)));
        let keys: Vec<Values> = missing.iter().map(|(index, _)| self.writes[*index].key.clone()).collect();
        let present = present(session, layout, &keys).await?;
        let outcome = |present| if present { suppressed() } else { Outcome::Moved };
        done.extend(missing.into_iter().zip(present).map(|((index, _), present)| (index, outcome(present))));
        Ok(done)
    }

    /// The key's values, then those to be set.
    fn values(&self, index: usize) -> impl Iterator<Item = &Value> {
        let write = &self.writes[index];
        let set: &[(usize, Value)] = match &write.change {
            Change::Update(set) => set,
            Change::Create(_) | Change::Delete | Change::Restore(_) => &[],
        };
        write.key.iter().chain(set.iter().map(|(_, value)| value))
    }

    fn statement(&self, layout: &Layout, wires: &[Wire]) -> String {
        let first = layout.spec.key.len();
        let set = self.fields.iter().enumerate().map(|(position, &field)| {
            let column = layout.column(field);
            format!("{} = {}", sql::identifier(&column.name), column.write(&format!("u.c{}", first + position)))
        });
        format!(
            "UPDATE {} SET {} FROM {} WHERE {} RETURNING u.n",
            layout.table.source(),
            set.collect::<Vec<_>>().join(", "),
            Arrays::source(wires),
            layout.joined(),
        )
    }
}
