//! Rows as one transaction sees them: a snapshot with its own changes laid over it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::table::Stored;
use crate::key::{Key, KeyRange};

/// Where a row lies: its key, and a number for records that share one (tables without a declared key).
pub(super) type Slot = (Key, u32);
pub(super) type Rows = BTreeMap<Slot, Arc<Stored>>;
/// `None`: deleted.
pub(super) type Changes = BTreeMap<Slot, Option<Arc<Stored>>>;

#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub base: &'a Rows,
    pub changes: &'a Changes,
}

impl<'a> View<'a> {
    pub fn get(&self, slot: &Slot) -> Option<&'a Arc<Stored>> {
        match self.changes.get(slot) {
            Some(change) => change.as_ref(),
            None => self.base.get(slot),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = (&'a Slot, &'a Arc<Stored>)> + use<'a> {
        self.range(&KeyRange::default())
    }

    pub fn range(&self, range: &KeyRange) -> impl Iterator<Item = (&'a Slot, &'a Arc<Stored>)> + use<'a> {
        let bounds = bounds(range);
        let mut base = self.base.range(bounds.clone()).peekable();
        let mut changes = self.changes.range(bounds).peekable();
        std::iter::from_fn(move || {
            loop {
                let Some(&(changed, _)) = changes.peek() else { return base.next() };
                if base.peek().is_some_and(|(slot, _)| *slot < changed) {
                    return base.next();
                }
                base.next_if(|(slot, _)| *slot == changed);
                if let Some((slot, Some(stored))) = changes.next() {
                    return Some((slot, stored));
                }
            }
        })
    }
}

/// The slots of a key range; a range that ends before it begins is empty.
fn bounds(range: &KeyRange) -> (Bound<Slot>, Bound<Slot>) {
    let low = range.low.as_ref().map(|key| (key.clone(), 0));
    let high = range.high.as_ref().map(|key| (key.clone(), 0)).max(low.clone().filter(|_| range.high.is_some()));
    (low.map_or(Bound::Unbounded, Bound::Included), high.map_or(Bound::Unbounded, Bound::Excluded))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn slot(n: u8) -> Slot {
        (Key::from_bytes([n]), 0)
    }

    fn stored(n: i64) -> Arc<Stored> {
        Arc::new(Stored { stamp: 0, values: vec![Value::Int(n)], broken: None })
    }

    #[test]
    fn own_changes_lie_over_the_snapshot() {
        let base: Rows = [1, 2, 4, 6].map(|n| (slot(n), stored(n.into()))).into();
        let changes: Changes =
            [(slot(2), None), (slot(3), Some(stored(30))), (slot(4), Some(stored(40))), (slot(7), None)].into();
        let view = View { base: &base, changes: &changes };
        let seen = |range: KeyRange| view.range(&range).map(|(_, row)| row.values[0].clone()).collect::<Vec<_>>();
        let ints = |values: &[i64]| values.iter().map(|n| Value::Int(*n)).collect::<Vec<_>>();
        assert_eq!(seen(KeyRange::default()), ints(&[1, 30, 40, 6]));
        let (two, four) = (Key::from_bytes([2]), Key::from_bytes([4]));
        assert_eq!(seen(KeyRange { low: Some(two.clone()), high: Some(four.clone()) }), ints(&[30]));
        assert_eq!(seen(KeyRange { low: Some(four), high: Some(two) }), ints(&[]));
        assert_eq!(view.get(&slot(2)), None);
        assert_eq!(view.get(&slot(4)).unwrap().values, ints(&[40]));
    }
}
