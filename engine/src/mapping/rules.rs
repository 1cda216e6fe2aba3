//! The rules of deciding, from the definition.

use pinksync_model::{DatasetDefinition, SyncDefinition};

use super::Pair;
use crate::decide::Rules;

pub(super) fn rules(sync: &SyncDefinition, dataset: &DatasetDefinition, pairs: &[Pair], key: &[usize]) -> Rules {
    let time = dataset.modified_at.as_ref();
    let tolerance = sync.options.clock_tolerance.get().as_micros();
    Rules {
        direction: sync.direction,
        strategy: sync.strategy,
        merge: sync.merge,
        deletes: dataset.deletes,
        mirror: dataset.mirror,
        clock_tolerance_microseconds: i64::try_from(tolerance).unwrap_or(i64::MAX),
        modified_at: time.and_then(|time| pairs.iter().position(|pair| pair.source.name == time.source())),
        field_strategies: pairs
            .iter()
            .map(|pair| dataset.fields.get(&pair.source.name).and_then(|rule| rule.strategy))
            .collect(),
        compared: (0..pairs.len()).filter(|index| pairs[*index].written && !key.contains(index)).collect(),
        source_incomplete: false,
        target_incomplete: false,
    }
}
