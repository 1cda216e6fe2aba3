//! Sequences that new ids come from: moved past ids that were written, so that the next of their own does not collide.

use std::collections::BTreeMap;

use super::sql;
use super::table::Sequence;

/// The largest id written per sequence.
#[derive(Debug, Default)]
pub struct Largest(BTreeMap<String, (i64, i64)>);

impl Largest {
    pub fn note(&mut self, sequence: &Sequence, id: i64) {
        let known = self.0.entry(sequence.name.clone()).or_insert((id, sequence.maximum));
        known.0 = known.0.max(id);
    }

    /// Statements that advance each sequence, never back: the server looks and sets in one statement.
    pub fn statements(&self) -> String {
        let one = |(name, (id, maximum)): (&String, &(i64, i64))| {
            let quoted = sql::quoted(name).unwrap_or_default();
            format!(
                "SELECT setval({quoted}, {id}) FROM {name} \
                 WHERE {id} BETWEEN 1 AND {maximum} AND (last_value < {id} OR (last_value = {id} AND NOT is_called)); "
            )
        };
        self.0.iter().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_id_counts() {
        let sequence = Sequence { name: "public.\"it's\"".to_owned(), maximum: 100 };
        let mut largest = Largest::default();
        assert_eq!(largest.statements(), "");
        for id in [3, 9, 4] {
            largest.note(&sequence, id);
        }
        let text = largest.statements();
        assert!(
            text.starts_with("SELECT setval('public.\"it''s\"', 9) FROM public.\"it's\" WHERE 9 BETWEEN 1 AND 100"),
            "{text}"
        );
    }
}
