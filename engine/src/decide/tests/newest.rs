//! `newest_wins` at its edges, and records that differ in nothing but the time of their change.

use pinksync_model::{ConflictKind, Direction, MergeMode, Strategy};

use super::{Row, Rules, TIME, decide, entry, record, rules};
use crate::decide::{Act, BaseMove, Class, Decision};

const SECOND: i64 = 1_000_000;

fn old() -> Row {
    record(["old", "x", "x"], Some(0), true)
}

fn clash(rules: &Rules, source: Option<i64>, target: Option<i64>) -> Decision {
    let base = entry(Some(&old()), Some(&old()), false, true);
    decide(
        rules,
        Some(&base),
        Some(&record(["s", "x", "x"], source, true)),
        Some(&record(["t", "x", "x"], target, true)),
    )
}

fn newest(tolerance: i64) -> Rules {
    Rules { clock_tolerance_microseconds: tolerance, ..rules(Direction::TwoWay, Strategy::NewestWins) }
}

#[test]
fn the_later_record_stands_as_a_whole() {
    let decision = clash(&newest(0), Some(6), Some(5));
    assert_eq!((&decision.target, &decision.source), (&Act::Update(vec![1, TIME]), &Act::None));
    let decision = clash(&newest(0), Some(5), Some(6));
    assert_eq!((&decision.target, &decision.source), (&Act::None, &Act::Update(vec![1, TIME])));
    let met = decision.conflict.unwrap();
    assert_eq!((met.kind, met.settled), (ConflictKind::UpdateUpdate, true));
}

#[test]
fn what_cannot_be_told_apart_waits_for_a_person() {
    for (rules, source, target) in [
        (newest(0), Some(5), Some(5)),
        (newest(0), None, Some(5)),
        (newest(0), Some(5), None),
        (newest(0), None, None),
        (newest(2 * SECOND), Some(5), Some(6)),
        (newest(2 * SECOND), Some(6), Some(5)),
        (Rules { modified_at: None, ..newest(0) }, Some(5), Some(6)),
    ] {
        let decision = clash(&rules, source, target);
        assert_eq!((decision.class, decision.base), (Class::Open, BaseMove::Stay), "{source:?} {target:?}");
        assert!(!decision.writes());
    }
}

#[test]
fn times_as_far_apart_as_the_tolerance_are_told_apart() {
    assert!(clash(&newest(SECOND), Some(6), Some(5)).writes());
    assert!(!clash(&newest(SECOND + 1), Some(6), Some(5)).writes());
}

#[test]
fn the_ends_of_time_are_compared_like_any_time() {
    let decision = clash(&newest(SECOND), Some(i64::MAX / SECOND), Some(i64::MIN / SECOND));
    assert_eq!(decision.source, Act::None);
    assert!(decision.writes());
}

#[test]
fn an_edit_outlives_a_delete_whatever_its_time() {
    let base = entry(Some(&old()), Some(&old()), false, true);
    for time in [None, Some(-9), Some(9)] {
        let edited = record(["s", "x", "x"], time, true);
        let decision = decide(&newest(0), Some(&base), Some(&edited), None);
        assert_eq!(decision.target, Act::Create);
        let met = decision.conflict.unwrap();
        assert_eq!((met.kind, met.settled), (ConflictKind::UpdateDelete, true));
        assert_eq!(decide(&newest(0), Some(&base), None, Some(&edited)).source, Act::Create);
    }
}

#[test]
fn where_only_the_time_differs_the_later_goes_to_both_and_nobody_is_asked() {
    let base = entry(Some(&old()), Some(&old()), false, true);
    for strategy in [Strategy::Manual, Strategy::SourceWins, Strategy::TargetWins, Strategy::NewestWins] {
        for merge in [MergeMode::Record, MergeMode::Field] {
            let two_way = Rules { merge, ..rules(Direction::TwoWay, strategy) };
            let one_way = Rules { merge, ..rules(Direction::OneWay, strategy) };
            for (source, target, later_at_source) in
                [(Some(6), Some(5), true), (Some(5), Some(6), false), (Some(5), None, true), (None, Some(5), false)]
            {
                let (source, target) = (record(["n", "x", "x"], source, true), record(["n", "x", "x"], target, true));
                for base in [Some(&base), None] {
                    let decision = decide(&two_way, base, Some(&source), Some(&target));
                    let set = Act::Update(vec![TIME]);
                    let expected = if later_at_source { (set.clone(), Act::None) } else { (Act::None, set.clone()) };
                    assert_eq!((decision.target, decision.source), expected, "{strategy:?}");
                    assert_eq!((decision.conflict, decision.kept), (None, false));
                    let decision = decide(&one_way, base, Some(&source), Some(&target));
                    assert_eq!((decision.target, decision.source), (set, Act::None), "one-way: the source's");
                    assert_eq!((decision.conflict, decision.kept), (None, false));
                }
            }
        }
    }
}

#[test]
fn a_time_that_is_only_read_still_decides_and_is_not_written() {
    let rules = Rules { compared: vec![1, 2, 3], ..newest(0) };
    let base = entry(
        Some(&record(["o", "x", "x"], Some(0), false)),
        Some(&record(["o", "x", "x"], Some(0), false)),
        false,
        true,
    );
    let (source, target) = (record(["s", "x", "x"], Some(5), false), record(["t", "x", "x"], Some(6), false));
    assert_eq!(decide(&rules, Some(&base), Some(&source), Some(&target)).source, Act::Update(vec![1]));
    let moved = record(["o", "x", "x"], Some(9), false);
    assert_eq!(decide(&rules, Some(&base), Some(&moved), Some(&target)).class, Class::Written);
    let both = decide(&rules, Some(&base), Some(&moved), Some(&record(["o", "x", "x"], Some(7), false)));
    assert_eq!(both.class, Class::Unchanged, "a time that is not compared is no change");
}
