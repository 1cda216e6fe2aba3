//! Every cell of the table, for every strategy and direction, with and without `deletes: ignore` and `mirror`.
//!
//! Columns: base; source; target; kind of a conflict; then the outcome under `manual`, `source_wins`, `target_wins`, and
//! `newest_wins` where the source is newer, where the target is, and where nothing tells.
//!
//! Base: `yes`; `kept` (the sides differ on purpose); `kept-s`, `kept-t` (kept, and only that side has the record); `no`.
//! Sides: `=` as in base; `Δ` present and other; `≡` present, other, and equal on both sides; `∅` gone or not there.
//! Outcome: `-` nothing; `+T` `>T` `xT` create, update, delete at the target, `+S` `>S` `xS` at the source; `base` the
//! base alone moves; `adopt` as `base`, at first sight; `drift`; `only` (target only); `open` a conflict that waits;
//! with `!` a conflict that the strategy settled, `keep!` without a write.

use pinksync_model::{ConflictKind, Deletes, Direction, MergeMode, Strategy};

use super::{Row, Rules, decide, entry, record, rules};
use crate::decide::{Act, BaseMove, Class, Decision, Met};
use crate::home::Entry;

const ONE_WAY: &str = "
    yes     =  =  --  |  -      -      -      -      -      -
    yes     Δ  =  --  |  >T     >T     >T     >T     >T     >T
    yes     =  Δ  --  |  drift  >T     drift  drift  drift  drift
    yes     ≡  ≡  --  |  base   base   base   base   base   base
    yes     Δ  Δ  uu  |  open   >T!    keep!  >T!    keep!  open
    yes     ∅  =  --  |  xT     xT     xT     xT     xT     xT
    yes     =  ∅  --  |  drift  +T     drift  drift  drift  drift
    yes     ∅  ∅  --  |  base   base   base   base   base   base
    yes     ∅  Δ  du  |  open   xT!    keep!  keep!  keep!  keep!
    yes     Δ  ∅  ud  |  open   +T!    keep!  +T!    +T!    +T!
    kept    =  =  --  |  -      -      -      -      -      -
    kept    Δ  =  uu  |  open   >T!    keep!  >T!    keep!  open
    kept    =  Δ  uu  |  open   >T!    keep!  >T!    keep!  open
    kept    ≡  ≡  --  |  base   base   base   base   base   base
    kept    Δ  Δ  uu  |  open   >T!    keep!  >T!    keep!  open
    kept    ∅  =  du  |  open   xT!    keep!  keep!  keep!  keep!
    kept    =  ∅  ud  |  open   +T!    keep!  +T!    +T!    +T!
    kept    ∅  ∅  --  |  base   base   base   base   base   base
    kept    ∅  Δ  du  |  open   xT!    keep!  keep!  keep!  keep!
    kept    Δ  ∅  ud  |  open   +T!    keep!  +T!    +T!    +T!
    kept-s  =  =  --  |  -      -      -      -      -      -
    kept-s  Δ  =  ud  |  open   +T!    keep!  +T!    +T!    +T!
    kept-s  =  Δ  uu  |  open   >T!    keep!  >T!    keep!  open
    kept-s  ≡  ≡  --  |  base   base   base   base   base   base
    kept-s  Δ  Δ  uu  |  open   >T!    keep!  >T!    keep!  open
    kept-s  ∅  =  --  |  base   base   base   base   base   base
    kept-s  ∅  Δ  du  |  open   xT!    keep!  keep!  keep!  keep!
    kept-t  =  =  --  |  -      -      -      -      -      -
    kept-t  =  Δ  du  |  open   xT!    keep!  keep!  keep!  keep!
    kept-t  Δ  =  uu  |  open   >T!    keep!  >T!    keep!  open
    kept-t  ≡  ≡  --  |  base   base   base   base   base   base
    kept-t  Δ  Δ  uu  |  open   >T!    keep!  >T!    keep!  open
    kept-t  =  ∅  --  |  base   base   base   base   base   base
    kept-t  Δ  ∅  ud  |  open   +T!    keep!  +T!    +T!    +T!
    no      Δ  ∅  --  |  +T     +T     +T     +T     +T     +T
    no      ∅  Δ  --  |  only   only   only   only   only   only
    no      ≡  ≡  --  |  adopt  adopt  adopt  adopt  adopt  adopt
    no      Δ  Δ  cc  |  open   >T!    keep!  >T!    keep!  open
    no      ∅  ∅  --  |  -      -      -      -      -      -
";

const TWO_WAY: &str = "
    yes     =  =  --  |  -      -      -      -      -      -
    yes     Δ  =  --  |  >T     >T     >T     >T     >T     >T
    yes     =  Δ  --  |  >S     >S     >S     >S     >S     >S
    yes     ≡  ≡  --  |  base   base   base   base   base   base
    yes     Δ  Δ  uu  |  open   >T!    >S!    >T!    >S!    open
    yes     ∅  =  --  |  xT     xT     xT     xT     xT     xT
    yes     =  ∅  --  |  xS     xS     xS     xS     xS     xS
    yes     ∅  ∅  --  |  base   base   base   base   base   base
    yes     ∅  Δ  du  |  open   xT!    +S!    +S!    +S!    +S!
    yes     Δ  ∅  ud  |  open   +T!    xS!    +T!    +T!    +T!
    kept    =  =  --  |  -      -      -      -      -      -
    kept    Δ  =  uu  |  open   >T!    >S!    >T!    >S!    open
    kept    =  Δ  uu  |  open   >T!    >S!    >T!    >S!    open
    kept    ≡  ≡  --  |  base   base   base   base   base   base
    kept    Δ  Δ  uu  |  open   >T!    >S!    >T!    >S!    open
    kept    ∅  =  du  |  open   xT!    +S!    +S!    +S!    +S!
    kept    =  ∅  ud  |  open   +T!    xS!    +T!    +T!    +T!
    kept    ∅  ∅  --  |  base   base   base   base   base   base
    kept    ∅  Δ  du  |  open   xT!    +S!    +S!    +S!    +S!
    kept    Δ  ∅  ud  |  open   +T!    xS!    +T!    +T!    +T!
    kept-s  =  =  --  |  -      -      -      -      -      -
    kept-s  Δ  =  ud  |  open   +T!    xS!    +T!    +T!    +T!
    kept-s  =  Δ  uu  |  open   >T!    >S!    >T!    >S!    open
    kept-s  ≡  ≡  --  |  base   base   base   base   base   base
    kept-s  Δ  Δ  uu  |  open   >T!    >S!    >T!    >S!    open
    kept-s  ∅  =  --  |  base   base   base   base   base   base
    kept-s  ∅  Δ  du  |  open   xT!    +S!    +S!    +S!    +S!
    kept-t  =  =  --  |  -      -      -      -      -      -
    kept-t  =  Δ  du  |  open   xT!    +S!    +S!    +S!    +S!
    kept-t  Δ  =  uu  |  open   >T!    >S!    >T!    >S!    open
    kept-t  ≡  ≡  --  |  base   base   base   base   base   base
    kept-t  Δ  Δ  uu  |  open   >T!    >S!    >T!    >S!    open
    kept-t  =  ∅  --  |  base   base   base   base   base   base
    kept-t  Δ  ∅  ud  |  open   +T!    xS!    +T!    +T!    +T!
    no      Δ  ∅  --  |  +T     +T     +T     +T     +T     +T
    no      ∅  Δ  --  |  +S     +S     +S     +S     +S     +S
    no      ≡  ≡  --  |  adopt  adopt  adopt  adopt  adopt  adopt
    no      Δ  Δ  cc  |  open   >T!    >S!    >T!    >S!    open
    no      ∅  ∅  --  |  -      -      -      -      -      -
";

/// Where `deletes: ignore` makes a difference: records with a base entry that are there on one side only.
const IGNORE_ONE_WAY: &str = "
    yes     ∅  =  --  |  -      -      -      -      -      -
    yes     =  ∅  --  |  -      +T     -      -      -      -
    yes     ∅  Δ  --  |  -      -      -      -      -      -
    yes     Δ  ∅  --  |  -      +T     -      -      -      -
    kept    ∅  =  --  |  -      -      -      -      -      -
    kept    =  ∅  --  |  -      +T     -      -      -      -
    kept    ∅  Δ  --  |  -      -      -      -      -      -
    kept    Δ  ∅  --  |  -      +T     -      -      -      -
    kept-s  Δ  =  --  |  -      -      -      -      -      -
    kept-s  ∅  Δ  --  |  -      -      -      -      -      -
    kept-t  =  Δ  --  |  -      -      -      -      -      -
    kept-t  Δ  ∅  --  |  -      +T     -      -      -      -
";

const IGNORE_TWO_WAY: &str = "
    yes     ∅  =  --  |  -      -      -      -      -      -
    yes     =  ∅  --  |  -      -      -      -      -      -
    yes     ∅  Δ  --  |  -      -      -      -      -      -
    yes     Δ  ∅  --  |  -      -      -      -      -      -
    kept    ∅  =  --  |  -      -      -      -      -      -
    kept    =  ∅  --  |  -      -      -      -      -      -
    kept    ∅  Δ  --  |  -      -      -      -      -      -
    kept    Δ  ∅  --  |  -      -      -      -      -      -
    kept-s  Δ  =  --  |  -      -      -      -      -      -
    kept-s  ∅  Δ  --  |  -      -      -      -      -      -
    kept-t  =  Δ  --  |  -      -      -      -      -      -
    kept-t  Δ  ∅  --  |  -      -      -      -      -      -
";

const MIRROR: &str = "
    no      ∅  Δ  --  |  xT     xT     xT     xT     xT     xT
";

/// Under `merge: field`, where the base has values: a kept record of which one side has changed since has no field that
/// both changed, so that nobody has to decide.
const FIELD_ONE_WAY: &str = "
    kept    Δ  =  --  |  >T     >T     >T     >T     >T     >T
    kept    =  Δ  --  |  keep   keep   keep   keep   keep   keep
";

const FIELD_TWO_WAY: &str = "
    kept    Δ  =  --  |  >T     >T     >T     >T     >T     >T
    kept    =  Δ  --  |  >S     >S     >S     >S     >S     >S
";

/// What a side holds in a row of the table.
fn side(mark: &str, base: Option<&str>, other_text: &'static str, time: Option<i64>) -> Option<Row> {
    let text = match (mark, base) {
        ("=", None) | ("∅", _) => return None,
        ("=", Some(base)) => base.to_owned(),
        ("Δ", _) => other_text.to_owned(),
        ("≡", _) => "both".to_owned(),
        _ => panic!("no such mark: {mark}"),
    };
    Some(record([&text, "x", "x"], time, false))
}

struct Cell<'a> {
    base: Option<Entry>,
    source: Option<Row>,
    target: Option<Row>,
    kind: &'a str,
    expected: &'a str,
}

const STRATEGIES: [(Strategy, [Option<i64>; 2]); 6] = [
    (Strategy::Manual, [Some(1), Some(2)]),
    (Strategy::SourceWins, [Some(1), Some(2)]),
    (Strategy::TargetWins, [Some(2), Some(1)]),
    (Strategy::NewestWins, [Some(2), Some(1)]),
    (Strategy::NewestWins, [Some(1), Some(2)]),
    (Strategy::NewestWins, [Some(1), Some(1)]),
];

/// A line of a table as one cell per strategy; its first three words name the row.
fn cells(line: &str, values: bool) -> Vec<Cell<'_>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [base, source, target, kind, "|", ref outcomes @ ..] = words[..] else { panic!("{line}") };
    let (at_source, at_target) = match base {
        "yes" => (Some("old"), Some("old")),
        "kept" => (Some("old s"), Some("old t")),
        "kept-s" => (Some("old s"), None),
        "kept-t" => (None, Some("old t")),
        "no" => (None, None),
        _ => panic!("{line}"),
    };
    assert_eq!(outcomes.len(), STRATEGIES.len(), "{line}");
    let cell = |(&expected, (_, times)): (&&'static str, &(Strategy, [Option<i64>; 2]))| Cell {
        base: (base != "no").then(|| {
            let held = |text: Option<&str>| text.map(|text| record([text, "x", "x"], Some(0), false));
            entry(held(at_source).as_ref(), held(at_target).as_ref(), base != "yes", values)
        }),
        source: side(source, at_source, "new s", times[0]),
        target: side(target, at_target, "new t", times[1]),
        kind,
        expected,
    };
    let outcomes: Vec<&'static str> = outcomes.iter().map(|word| &*(*word).to_owned().leak()).collect();
    outcomes.iter().zip(&STRATEGIES).map(cell).collect()
}

/// Checks every cell of `table`; rows that `instead` has too are taken from there.
fn check(table: &str, instead: &str, values: bool, rules: impl Fn(Strategy) -> Rules) -> usize {
    let name = |line: &str| line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>();
    let lines = |table: &'static str| table.lines().filter(|line| !line.trim().is_empty());
    let (table, instead): (&'static str, &'static str) = (table.to_owned().leak(), instead.to_owned().leak());
    let mut checked = 0;
    for line in lines(table) {
        let line = lines(instead).find(|other| name(other) == name(line)).unwrap_or(line);
        for (cell, (strategy, times)) in cells(line, values).into_iter().zip(STRATEGIES) {
            let rules = rules(strategy);
            let decision = decide(&rules, cell.base.as_ref(), cell.source.as_ref(), cell.target.as_ref());
            let shown = format!("{line}\n{strategy:?} {times:?}: {decision:?}");
            assert_eq!(outcome(&decision, cell.base.is_some()), cell.expected, "{shown}");
            check_rest(&decision, &cell, &shown);
            check_final(&rules, &decision, &cell, values, &shown);
            checked += 1;
        }
    }
    checked
}

/// A decision as a word of the table.
fn outcome(decision: &Decision, has_base: bool) -> String {
    let act = |act: &Act, side: &str| match act {
        Act::None => String::new(),
        Act::Create => format!("+{side}"),
        Act::Update(fields) => {
            assert_eq!(fields, &[1], "only the field that differs");
            format!(">{side}")
        }
        Act::Delete => format!("x{side}"),
    };
    let written = act(&decision.target, "T") + &act(&decision.source, "S");
    let mut word = match decision.class {
        Class::Written => written.clone(),
        Class::Unchanged => "-".to_owned(),
        Class::Adopted => "adopt".to_owned(),
        Class::Settled if decision.kept => "keep".to_owned(),
        Class::Settled => "base".to_owned(),
        Class::Drift => "drift".to_owned(),
        Class::TargetOnly => "only".to_owned(),
        Class::Open => "open".to_owned(),
    };
    assert_eq!(decision.class == Class::Written, !written.is_empty(), "{decision:?}");
    assert!(has_base || !matches!(decision.class, Class::Drift), "{decision:?}");
    if decision.conflict.is_some_and(|met| met.settled) {
        word.push('!');
    }
    word
}

fn check_rest(decision: &Decision, cell: &Cell<'_>, shown: &str) {
    let settled = cell.expected.ends_with('!');
    let kind = match cell.kind {
        "--" => None,
        "uu" => Some(ConflictKind::UpdateUpdate),
        "ud" => Some(ConflictKind::UpdateDelete),
        "du" => Some(ConflictKind::DeleteUpdate),
        "cc" => Some(ConflictKind::CreateCreate),
        other => panic!("{other}"),
    };
    assert_eq!(decision.conflict, kind.map(|kind| Met { kind, settled }), "{shown}");
    let stays = ["-", "drift", "only", "open"].contains(&cell.expected);
    assert_eq!(decision.base == BaseMove::Stay, stays, "{shown}");
    assert_eq!(decision.kept, cell.expected.starts_with("keep"), "{shown}");
    assert_eq!(decision.mirror, cell.expected == "xT" && cell.base.is_none(), "{shown}");
    assert!(!decision.merged, "{shown}");
}

/// What is decided once stays so: once it is carried out, nothing is left to do; what waits, waits.
fn check_final(rules: &Rules, decision: &Decision, cell: &Cell<'_>, values: bool, shown: &str) {
    let (source, target) = (cell.source.clone(), cell.target.clone());
    let end = |act: &Act, own: Option<Row>, other: &Option<Row>| match act {
        Act::None => own,
        Act::Delete => None,
        Act::Create | Act::Update(_) => other.clone(),
    };
    let new_source = end(&decision.source, source.clone(), &target);
    let new_target = end(&decision.target, target, &source);
    let base = match decision.base {
        BaseMove::Stay => cell.base.clone(),
        BaseMove::Follow => (new_source.is_some() || new_target.is_some())
            .then(|| entry(new_source.as_ref(), new_target.as_ref(), decision.kept, values)),
    };
    let again = decide(rules, base.as_ref(), new_source.as_ref(), new_target.as_ref());
    match decision.base {
        BaseMove::Stay => assert_eq!(again, *decision, "{shown}"),
        BaseMove::Follow => assert_eq!(outcome(&again, base.is_some()), "-", "{shown}"),
    }
}

/// The rules of the table: its time is read and not written.
fn plain(direction: Direction, strategy: Strategy) -> Rules {
    Rules { compared: vec![1, 2, 3], ..rules(direction, strategy) }
}

#[test]
fn every_cell_decides_as_written() {
    let mut checked = 0;
    for (direction, table, ignore, field) in [
        (Direction::OneWay, ONE_WAY, IGNORE_ONE_WAY, FIELD_ONE_WAY),
        (Direction::TwoWay, TWO_WAY, IGNORE_TWO_WAY, FIELD_TWO_WAY),
    ] {
        for (merge, values) in
            [(MergeMode::Record, true), (MergeMode::Record, false), (MergeMode::Field, true), (MergeMode::Field, false)]
        {
            for deletes in [Deletes::Propagate, Deletes::Ignore] {
                for mirror in [false, true] {
                    let mut instead = String::new();
                    instead += if deletes == Deletes::Ignore { ignore } else { "" };
                    instead += if mirror && direction == Direction::OneWay { MIRROR } else { "" };
                    instead += if merge == MergeMode::Field && values { field } else { "" };
                    checked += check(table, &instead, values, |strategy| Rules {
                        merge,
                        deletes,
                        mirror,
                        ..plain(direction, strategy)
                    });
                }
            }
        }
    }
    assert_eq!(checked, 2 * 4 * 2 * 2 * 39 * 6);
}

#[test]
fn a_base_whose_sides_a_trigger_made_different_decides_as_any_other() {
    let held =
        entry(Some(&record(["a", "x", "x"], None, false)), Some(&record(["A", "x", "x"], None, false)), false, true);
    let source = |text: &str| record([text, "x", "x"], None, false);
    for direction in [Direction::OneWay, Direction::TwoWay] {
        let rules = plain(direction, Strategy::Manual);
        let decided = |source: Option<Row>, target: Option<Row>| {
            outcome(&decide(&rules, Some(&held), source.as_ref(), target.as_ref()), true)
        };
        let back = |one_way: &str, two_way: &str| {
            if direction == Direction::OneWay { one_way.to_owned() } else { two_way.to_owned() }
        };
        assert_eq!(decided(Some(source("a")), Some(source("A"))), "-");
        assert_eq!(decided(Some(source("b")), Some(source("A"))), ">T");
        assert_eq!(decided(Some(source("a")), Some(source("B"))), back("drift", ">S"));
        assert_eq!(decided(Some(source("A")), Some(source("A"))), "base");
        assert_eq!(decided(None, Some(source("A"))), "xT");
        assert_eq!(decided(Some(source("a")), None), back("drift", "xS"));
        assert_eq!(decided(Some(source("b")), Some(source("B"))), "open");
    }
}

#[test]
fn absence_on_a_side_that_was_not_read_completely_proves_nothing() {
    let old = record(["old", "x", "x"], None, false);
    let new = record(["new", "x", "x"], None, false);
    let base = entry(Some(&old), Some(&old), false, true);
    for direction in [Direction::OneWay, Direction::TwoWay] {
        for strategy in [Strategy::Manual, Strategy::SourceWins, Strategy::TargetWins, Strategy::NewestWins] {
            let blind_source = Rules { source_incomplete: true, mirror: true, ..plain(direction, strategy) };
            let blind_target = Rules { target_incomplete: true, ..plain(direction, strategy) };
            for other in [&old, &new] {
                let gone = decide(&blind_source, Some(&base), None, Some(other));
                assert!(!gone.writes() && gone.conflict.is_none() && gone.base == BaseMove::Stay, "{gone:?}");
                let gone = decide(&blind_target, Some(&base), Some(other), None);
                assert!(!gone.writes() && gone.conflict.is_none() && gone.base == BaseMove::Stay, "{gone:?}");
            }
            assert!(decide(&blind_source, None, None, Some(&new)).deletes().is_none());
        }
    }
}
