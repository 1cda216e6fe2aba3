//! Fields: which are copied, combined or decided, under `merge: field` and without.

use pinksync_model::{Direction, MergeMode, Strategy};

use super::{Row, Rules, TIME, decide, entry, record, rules};
use crate::decide::{Act, Class, Decision};
use crate::home::Entry;

fn row(texts: [&str; 3], time: i64) -> Row {
    record(texts, Some(time), true)
}

fn same_base(values: bool) -> Entry {
    let old = row(["a", "b", "c"], 0);
    entry(Some(&old), Some(&old), false, values)
}

fn by_field(direction: Direction, strategy: Strategy) -> Rules {
    Rules { merge: MergeMode::Field, ..rules(direction, strategy) }
}

fn acts(decision: &Decision) -> (Vec<usize>, Vec<usize>) {
    let fields = |act: &Act| match act {
        Act::None => Vec::new(),
        Act::Update(fields) => fields.clone(),
        other => panic!("{other:?}"),
    };
    (fields(&decision.target), fields(&decision.source))
}

#[test]
fn a_copy_carries_only_what_its_side_changed() {
    // A trigger holds `a` in another form at the target: it is not sent again.
    let base = entry(Some(&row(["a", "b", "c"], 0)), Some(&row(["A", "b", "c"], 0)), false, true);
    for merge in [MergeMode::Record, MergeMode::Field] {
        let rules = Rules { merge, ..rules(Direction::TwoWay, Strategy::Manual) };
        let decision = decide(&rules, Some(&base), Some(&row(["a", "B", "c"], 1)), Some(&row(["A", "b", "c"], 0)));
        assert_eq!((acts(&decision), decision.kept), ((vec![2, TIME], vec![]), false));
        let decision = decide(&rules, Some(&base), Some(&row(["a", "b", "c"], 0)), Some(&row(["A", "b", "C"], 1)));
        assert_eq!(acts(&decision), (vec![], vec![3, TIME]));
    }
}

#[test]
fn without_values_in_the_base_a_copy_carries_all_that_differs() {
    let base = entry(Some(&row(["a", "b", "c"], 0)), Some(&row(["A", "b", "c"], 0)), false, false);
    let rules = rules(Direction::OneWay, Strategy::Manual);
    let decision = decide(&rules, Some(&base), Some(&row(["a", "B", "c"], 0)), Some(&row(["A", "b", "c"], 0)));
    assert_eq!(acts(&decision), (vec![1, 2], vec![]));
}

#[test]
fn fields_changed_on_one_side_only_are_combined_and_the_later_time_goes_with_them() {
    for strategy in [Strategy::Manual, Strategy::SourceWins, Strategy::TargetWins, Strategy::NewestWins] {
        let rules = by_field(Direction::TwoWay, strategy);
        let decision =
            decide(&rules, Some(&same_base(true)), Some(&row(["s", "b", "c"], 5)), Some(&row(["a", "b", "t"], 7)));
        assert_eq!(acts(&decision), (vec![1], vec![3, TIME]), "{strategy:?}");
        assert!(decision.merged && decision.conflict.is_none() && !decision.kept);
        let decision =
            decide(&rules, Some(&same_base(true)), Some(&row(["s", "b", "c"], 7)), Some(&row(["a", "b", "t"], 5)));
        assert_eq!(acts(&decision), (vec![1, TIME], vec![3]));
    }
}

#[test]
fn the_strategy_decides_just_the_fields_that_both_changed() {
    let (source, target) = (row(["s", "s", "c"], 5), row(["t", "b", "t"], 7));
    let decide =
        |strategy| decide(&by_field(Direction::TwoWay, strategy), Some(&same_base(true)), Some(&source), Some(&target));
    let decision = decide(Strategy::SourceWins);
    assert_eq!(acts(&decision), (vec![1, 2], vec![3, TIME]));
    assert!(decision.merged && decision.conflict.is_some_and(|met| met.settled));
    let decision = decide(Strategy::TargetWins);
    assert_eq!(acts(&decision), (vec![2], vec![1, 3, TIME]));
    let decision = decide(Strategy::NewestWins);
    assert_eq!(acts(&decision), (vec![2], vec![1, 3, TIME]));
    let decision = decide(Strategy::Manual);
    assert_eq!((decision.class, decision.writes()), (Class::Open, false), "the whole record stays unwritten");
}

#[test]
fn a_field_that_both_changed_to_the_same_is_no_conflict() {
    let rules = by_field(Direction::TwoWay, Strategy::Manual);
    let decision =
        decide(&rules, Some(&same_base(true)), Some(&row(["n", "s", "c"], 1)), Some(&row(["n", "b", "t"], 1)));
    assert_eq!(acts(&decision), (vec![2], vec![3]));
    assert_eq!(decision.conflict, None);
}

#[test]
fn a_field_may_have_its_own_strategy_under_merge_field_and_only_there() {
    let (source, target) = (row(["s", "s", "c"], 0), row(["t", "t", "c"], 0));
    let own = vec![None, Some(Strategy::TargetWins), None, None, None];
    let rules = Rules { field_strategies: own.clone(), ..by_field(Direction::TwoWay, Strategy::SourceWins) };
    let decision = decide(&rules, Some(&same_base(true)), Some(&source), Some(&target));
    assert_eq!(acts(&decision), (vec![2], vec![1]));
    assert!(decision.merged && decision.conflict.is_some_and(|met| met.settled));
    let decision =
        decide(&Rules { merge: MergeMode::Record, ..rules }, Some(&same_base(true)), Some(&source), Some(&target));
    assert_eq!(acts(&decision), (vec![1, 2], vec![]), "a record stands as a whole");
    let manual = vec![None, Some(Strategy::Manual), None, None, None];
    let rules = Rules { field_strategies: manual, ..by_field(Direction::TwoWay, Strategy::SourceWins) };
    assert_eq!(decide_class(&rules, &source, &target), Class::Open, "one field that waits holds the record");
    let untouched = row(["s", "b", "c"], 0);
    assert_eq!(
        decide_class(&rules, &untouched, &row(["a", "t", "c"], 0)),
        Class::Written,
        "unless it is not contested"
    );
}

fn decide_class(rules: &Rules, source: &Row, target: &Row) -> Class {
    decide(rules, Some(&same_base(true)), Some(source), Some(target)).class
}

#[test]
fn without_values_in_the_base_every_differing_field_is_contested() {
    let (source, target) = (row(["s", "b", "c"], 0), row(["a", "b", "t"], 0));
    let decision = decide(
        &by_field(Direction::TwoWay, Strategy::SourceWins),
        Some(&same_base(false)),
        Some(&source),
        Some(&target),
    );
    assert_eq!(acts(&decision), (vec![1, 3], vec![]));
    assert!(decision.conflict.is_some() && !decision.merged);
    let decision =
        decide(&by_field(Direction::TwoWay, Strategy::Manual), Some(&same_base(false)), Some(&source), Some(&target));
    assert_eq!(decision.class, Class::Open);
}

#[test]
fn one_way_combines_at_the_target_and_keeps_what_the_target_changed() {
    let decision = decide(
        &by_field(Direction::OneWay, Strategy::Manual),
        Some(&same_base(true)),
        Some(&row(["s", "b", "c"], 0)),
        Some(&row(["a", "b", "t"], 0)),
    );
    assert_eq!((acts(&decision), decision.kept, decision.conflict), ((vec![1], vec![]), true, None));
    let decision = decide(
        &by_field(Direction::OneWay, Strategy::TargetWins),
        Some(&same_base(true)),
        Some(&row(["s", "s", "c"], 0)),
        Some(&row(["t", "b", "c"], 0)),
    );
    assert_eq!((acts(&decision), decision.kept), ((vec![2], vec![]), true), "the source is never written");
    assert!(decision.conflict.is_some_and(|met| met.settled));
}

#[test]
fn what_neither_side_changed_stays_as_it_is_on_each() {
    for kept in [true, false] {
        // `a` differs: on purpose, or because the target holds it in another form.
        let base = entry(Some(&row(["a", "b", "c"], 0)), Some(&row(["A", "b", "c"], 0)), kept, true);
        let rules = by_field(Direction::TwoWay, Strategy::Manual);
        let decision = decide(&rules, Some(&base), Some(&row(["a", "s", "c"], 0)), Some(&row(["A", "b", "t"], 0)));
        assert_eq!(acts(&decision), (vec![2], vec![3]));
        assert_eq!((decision.kept, decision.conflict), (kept, None), "what a trigger did is not on purpose");
        let decision = decide(&rules, Some(&base), Some(&row(["A", "s", "c"], 0)), Some(&row(["A", "b", "t"], 0)));
        assert_eq!((acts(&decision), decision.kept), ((vec![2], vec![3]), false), "it was brought together");
    }
}
