//! The rules of deciding, from the definition.

use pinksync_model::{DatasetDefinition, Strategy, SyncDefinition};

use super::Pair;
use crate::decide::Rules;
use crate::schema::FieldType;

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

/// Where the newest wins, its time must sort as time does: `9:59` is no later than `10:30`, and as text it would be.
pub(super) fn time_without_order(rules: &Rules, pairs: &[Pair]) -> Option<String> {
    let newest = |strategy: &Strategy| *strategy == Strategy::NewestWins;
    let decides = newest(&rules.strategy) || rules.field_strategies.iter().flatten().any(newest);
    let time = &pairs[rules.modified_at.filter(|_| decides)?];
    let sorts = matches!(
        time.common,
        FieldType::Int { .. }
            | FieldType::Float { .. }
            | FieldType::Decimal { .. }
            | FieldType::Date
            | FieldType::Time { .. }
            | FieldType::Timestamp { .. }
            | FieldType::Instant { .. }
    );
    (!sorts).then(|| {
        let (name, ty) = (&time.source.name, crate::reduce::type_name(&time.common));
        format!(
            "modified_at: `{name}` is {ty}, which does not sort as times do: give its type (`types: {{{name}: timestamp}}`), \
             or choose a column of a time or number type"
        )
    })
}
