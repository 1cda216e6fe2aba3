//! Changes of some fields of records, those of the same fields in one statement.

use pinksync_engine::connector::{Change, Outcome, Write};
use pinksync_engine::{Value, Values};

use super::client::Session;
use super::encode::{ArrayParameter, Arrays};
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

/// The records of a statement, by what became of them before it was sent.
struct Batch {
    parameters: Vec<ArrayParameter>,
    sent: Vec<usize>,
    misfits: Outcomes,
}

impl Update<'_> {
    /// Only counts what it does, which is cheaper. Fewer outcomes than records: some were left out, and nobody knows which.
    pub async fn count(
        &self,
        session: &mut Session,
        layout: &Layout,
        part: &[usize],
    ) -> std::result::Result<Outcomes, Failure> {
        let wires = self.wires(layout);
        let Batch { parameters, sent, mut misfits } = self.batch(&wires, part);
        if sent.is_empty() {
            return Ok(misfits);
        }
        let touched = session.execute(&self.statement(layout, &wires), &parameters).await?;
        if touched == sent.len() as u64 {
            misfits.extend(sent.into_iter().map(|index| (index, Outcome::Written)));
        }
        Ok(misfits)
    }

    pub async fn run(
        &self,
        session: &mut Session,
        layout: &Layout,
        part: &[usize],
    ) -> std::result::Result<Outcomes, Failure> {
        let wires = self.wires(layout);
        let Batch { parameters, sent, misfits: mut done } = self.batch(&wires, part);
        if sent.is_empty() {
            return Ok(done);
        }
        let mut touched = vec![false; sent.len()];
        for row in session.query(&format!("{} RETURNING u.n", self.statement(layout, &wires)), &parameters).await? {
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

    fn wires(&self, layout: &Layout) -> Vec<Wire> {
        let mut wires = layout.key_wires();
        wires.extend(self.fields.iter().map(|&field| layout.column(field).wire));
        wires
    }

    fn batch(&self, wires: &[Wire], part: &[usize]) -> Batch {
        let mut arrays = Arrays::new(wires.to_vec());
        let mut sent = Vec::with_capacity(part.len());
        let mut misfits = Vec::with_capacity(part.len());
        for &index in part {
            match arrays.push(self.values(index)) {
                Ok(()) => sent.push(index),
                Err(error) => misfits.push((index, misfit(error))),
            }
        }
        Batch { parameters: arrays.finish(), sent, misfits }
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
            "UPDATE {} SET {} FROM {} WHERE {}",
            layout.table.source(),
            set.collect::<Vec<_>>().join(", "),
            Arrays::source(wires),
            layout.joined(),
        )
    }
}
