//! Random histories over real systems: a second session writes nothing, both sides agree, one_way leaves the source
//! untouched, and undo can be done over. `PINKSYNC_PROPERTY_CASES` raises the number of cases, `PINKSYNC_PROPERTY_SEED`
//! is another beginning for them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;

use pinksync_connectors::origin::Origin;
use pinksync_connectors::registry;
use pinksync_engine::session::{Observer, Stop};
use pinksync_local::runner::{Local, Settings, SyncFile, Systems};
use pinksync_model::{DatasetReport, GuardName, Phase, Report};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use super::pair::{Pair, Partner};
use super::support::Cells;

const CASES: u32 = 60;
const KEYS: u8 = 8;

/// A kind of sync, and what others do before each of its sessions.
#[derive(Debug, Clone)]
struct History {
    two_way: bool,
    strategy: &'static str,
    merge: &'static str,
    base: &'static str,
    rounds: Vec<Vec<Edit>>,
}

#[derive(Debug, Clone)]
enum Edit {
    /// Side (true: the source), key, text, number, minute of the change.
    Put(bool, u8, u8, u8, u8),
    Text(bool, u8, u8),
    Remove(bool, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<bool>(), 0..KEYS, 0..4_u8, 0..4_u8, 0..4_u8).prop_map(|(at, key, a, n, time)| Edit::Put(at, key, a, n, time)),
        2 => (any::<bool>(), 0..KEYS, 0..4_u8).prop_map(|(at, key, a)| Edit::Text(at, key, a)),
        2 => (any::<bool>(), 0..KEYS).prop_map(|(at, key)| Edit::Remove(at, key)),
    ]
}

fn history() -> impl Strategy<Value = History> {
    let strategy = select(vec!["manual", "source_wins", "target_wins", "newest_wins"]);
    let rounds = vec(vec(edit(), 0..10), 1..4);
    let two_way = prop_oneof![2 => Just(true), 1 => Just(false)];
    (two_way, strategy, select(vec!["record", "field"]), select(vec!["values", "hashes"]), rounds).prop_map(
        |(two_way, strategy, merge, base, rounds)| {
            let base = if merge == "field" || strategy == "manual" { "values" } else { base };
            History { two_way, strategy, merge, base, rounds }
        },
    )
}

impl Edit {
    fn at_source(&self) -> bool {
        match self {
            Self::Put(source, ..) | Self::Text(source, ..) | Self::Remove(source, _) => *source,
        }
    }

    /// In the SQL of both systems.
    fn sql(&self) -> String {
        const TEXTS: [&str; 4] = ["NULL", "''", "'a'", "'ü '"];
        const NUMBERS: [&str; 4] = ["NULL", "'1.50'", "'-0.25'", "'12345678.90'"];
        match self {
            Self::Put(_, key, a, n, minute) => {
                let (a, n) = (TEXTS[usize::from(*a)], NUMBERS[usize::from(*n)]);
                let time = format!("'2026-01-01 00:0{minute}:00'");
                format!(
                    "INSERT INTO t VALUES ({key}, {a}, {n}, {time}) \
                     ON CONFLICT (id) DO UPDATE SET a = {a}, n = {n}, updated_at = {time};"
                )
            }
            Self::Text(_, key, a) => format!("UPDATE t SET a = {} WHERE id = {key};", TEXTS[usize::from(*a)]),
            Self::Remove(_, key) => format!("DELETE FROM t WHERE id = {key};"),
        }
    }
}

struct Silent;

impl Observer for Silent {
    fn phase(&self, _: &str, _: Phase) {}
    fn advanced(&self, _: &str, _: usize, _: usize, _: &DatasetReport) {}
}

/// Databases that all cases share.
struct Place {
    pair: Pair,
    runtime: tokio::runtime::Runtime,
    systems: Systems,
}

impl Place {
    fn new(partner: Partner) -> Self {
        let columns = "id bigint PRIMARY KEY, a text, n numeric(10,2), updated_at timestamp(3)";
        let pair = Pair::new(partner, columns, "id INTEGER PRIMARY KEY, a TEXT, n TEXT, updated_at TEXT");
        pair.sync("", "key: [id]");
        let file = SyncFile::read(&pair.flow.path("sync.yaml"), &|_| None).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let definition = file.definition();
        let open =
            |connection| runtime.block_on(registry::open(connection, &Origin::new(file.folder(), "pinksync"))).unwrap();
        let systems = Systems { source: open(&definition.source), target: open(&definition.target) };
        Self { pair, runtime, systems }
    }

    /// Empty tables, and a sync that knows nothing.
    fn begin(&self, history: &History) -> Local {
        self.pair.source("DELETE FROM t");
        self.pair.target("DELETE FROM t");
        let direction = if history.two_way { "two_way" } else { "one_way" };
        let rest = format!(
            "direction: {direction}\nstrategy: {}\nmerge: {}\noptions: {{ base: {} }}\n",
            history.strategy, history.merge, history.base
        );
        self.pair.sync(&rest, "key: [id], modified_at: updated_at");
        for ending in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(self.pair.flow.path(&format!("sync.state.db{ending}")));
        }
        let file = SyncFile::read(&self.pair.flow.path("sync.yaml"), &|_| None).unwrap();
        let systems = Systems { source: Arc::clone(&self.systems.source), target: Arc::clone(&self.systems.target) };
        let settings = Settings { state: None, workers: 2, observer: Arc::new(Silent), stop: Stop::default() };
        Local::open(file, systems, settings).unwrap()
    }

    fn apply(&self, edits: &[Edit]) {
        let sql = |source| edits.iter().filter(|edit| edit.at_source() == source).map(Edit::sql).collect::<String>();
        self.pair.source(&sql(true));
        self.pair.target(&sql(false));
    }

    fn session(&self, local: &Local) -> Report {
        self.runtime.block_on(async {
            let begun = local.begin(&[GuardName::MaxDeletePercent, GuardName::EmptySide], None).await.unwrap();
            let ended = local.run(begun).await.unwrap();
            assert!(ended.error.is_none(), "{:?}", ended.error);
            assert_eq!(ended.report.session.status.to_string(), "completed", "{:?}", ended.report);
            ended.report
        })
    }

    fn undo(&self, local: &Local, report: &Report) -> Report {
        self.runtime.block_on(async {
            let of = local.to_undo(Some(report.session.id)).await.unwrap();
            let ended = local.undo(&of, false, &mut |_| Ok(())).await.unwrap();
            assert!(ended.error.is_none(), "{:?}", ended.error);
            ended.report
        })
    }

    fn sides(&self) -> [BTreeMap<String, Cells>; 2] {
        let sql = "SELECT id, a, CAST(n AS TEXT), CAST(updated_at AS TEXT) FROM t";
        let keyed = |rows: Vec<Cells>| rows.into_iter().map(|row| (row[0].clone().unwrap(), row)).collect();
        [keyed(self.pair.source_rows(sql)), keyed(self.pair.target_rows(sql))]
    }

    /// Which version of each source row it is: a write of the same values shows, too.
    fn versions(&self) -> Vec<Cells> {
        self.pair.source_rows("SELECT id, xmin, ctid FROM t ORDER BY id")
    }

    fn open_conflicts(&self) -> BTreeSet<String> {
        let open = self.pair.flow.lines(&["conflicts", "list", "sync.yaml", "-o", "json"]);
        open.iter().map(|conflict| conflict["key"]["id"].to_string()).collect()
    }

    fn holds(&self, history: &History) -> Result<(), TestCaseError> {
        let local = self.begin(history);
        for (number, edits) in history.rounds.iter().enumerate() {
            self.apply(edits);
            let (before, versions) = (self.sides(), self.versions());
            let report = self.session(&local);
            let after = self.sides();
            if !history.two_way {
                prop_assert_eq!(&self.versions(), &versions, "session {}: one_way wrote the source", number);
            }
            self.agree(history, &after)?;
            if number + 1 == history.rounds.len() {
                self.undo(&local, &report);
                prop_assert_eq!(&self.sides(), &before, "undo");
                let again = self.session(&local);
                prop_assert_eq!(&self.sides(), &after, "the session after undo");
                prop_assert_eq!(counters(&again), counters(&report), "the session after undo");
            }
            let second = self.session(&local);
            prop_assert_eq!(written(&second), 0, "a second session wrote: {:?}", second);
            prop_assert_eq!(&self.sides(), &after);
        }
        Ok(())
    }

    /// What no open conflict keeps apart is the same on both sides.
    fn agree(&self, history: &History, sides: &[BTreeMap<String, Cells>; 2]) -> Result<(), TestCaseError> {
        if !history.two_way && history.strategy != "source_wins" {
            return Ok(());
        }
        let open = self.open_conflicts();
        let keys: BTreeSet<&String> = sides.iter().flat_map(BTreeMap::keys).collect();
        for key in keys.into_iter().filter(|key| !open.contains(*key)) {
            let (source, target) = (sides[0].get(key), sides[1].get(key));
            // What only the target ever had is its own.
            prop_assert!(
                spelled(source) == spelled(target) || (!history.two_way && source.is_none()),
                "record {key}: {source:?} {target:?}"
            );
        }
        Ok(())
    }
}

/// SQLite keeps a number as it was given.
fn spelled(row: Option<&Cells>) -> Option<Cells> {
    let mut row = row?.clone();
    row[2] = row[2].as_ref().map(|text| text.parse::<f64>().unwrap().to_string());
    Some(row)
}

fn written(report: &Report) -> u64 {
    report.datasets.iter().map(DatasetReport::written).sum()
}

/// What was decided and done, without times and what was read.
fn counters(report: &Report) -> Vec<u64> {
    let one = &report.datasets[0];
    let (to, from) = (&one.to_target, &one.to_source);
    let conflicts = &one.conflicts;
    vec![
        to.created,
        to.updated,
        to.deleted,
        from.created,
        from.updated,
        from.deleted,
        one.adopted,
        one.settled,
        one.merged,
        one.drift,
        one.target_only,
        conflicts.resolved,
        conflicts.open,
        one.rejected,
    ]
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a whole number: {text}")))
}

fn check(partner: Partner) {
    let asked = number("PINKSYNC_PROPERTY_CASES").map_or(CASES, |asked| u32::try_from(asked / 100).unwrap().max(CASES));
    let number = number("PINKSYNC_PROPERTY_SEED").unwrap_or(1);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let config = Config { cases: asked, failure_persistence: None, max_shrink_iters: 300, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let place = Place::new(partner);
    match runner.run(&history(), |history| place.holds(&history)) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => {
            panic!("PINKSYNC_PROPERTY_SEED={number}: {reason}\nsmallest case: {case:#?}")
        }
        Err(error @ TestError::Abort(_)) => panic!("PINKSYNC_PROPERTY_SEED={number}: {error}"),
    }
    // The harness swallows what a passing test prints.
    writeln!(std::io::stderr().lock(), "property: {asked} histories with {partner:?}, seed {number}").unwrap();
}

#[test]
fn random_histories_between_postgres_databases() {
    check(Partner::Postgres);
}

#[test]
fn random_histories_between_postgres_and_sqlite() {
    check(Partner::Sqlite);
}
