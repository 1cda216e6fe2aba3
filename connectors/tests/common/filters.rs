//! Random filters over random records: what a connector gives under a filter is what the engine selects.

use std::sync::Arc;

use pinksync_engine::Value;
use pinksync_engine::connector::{Guard, System};
use pinksync_engine::filter::Filter;
use pinksync_engine::key::KeyRange;
use pinksync_engine::row::{Row, SideSpec};
use pinksync_engine::schema::DatasetSchema;
use pinksync_model::Op;
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_assert, prop_assert_eq, prop_oneof};
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

const CASES: u32 = 48;

/// Ids of rows from which filters only take values.
pub const FIRST_OTHER: i64 = 1000;

/// Rows of a table as SQL (all columns after the id), and filters over them.
#[derive(Debug, Clone)]
pub struct Case {
    rows: Vec<Vec<String>>,
    others: Vec<Vec<String>>,
    filters: Vec<Shape>,
}

/// A filter whose columns and values are chosen once the rows can be read.
#[derive(Debug, Clone)]
enum Shape {
    All(Vec<Shape>),
    Any(Vec<Shape>),
    Not(Box<Shape>),
    Compare(Index, Op, Index),
    In(Index, Vec<Index>),
    Like(Index, String),
    IsNull(Index, bool),
}

/// Characters that mean something to a pattern, to SQL or to a collation, and plain ones.
const CHARACTERS: [char; 13] = ['a', 'b', 'A', 'Z', ' ', '%', '_', '\\', '\'', '"', 'ü', 'Ä', '日'];

/// Short texts.
pub fn text(most: usize) -> impl Strategy<Value = String> {
    vec(select(CHARACTERS.to_vec()), 0..=most).prop_map(|characters| characters.into_iter().collect())
}

pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One of a few, or any.
pub fn cell(few: &[&str], any: impl Strategy<Value = String> + 'static) -> BoxedStrategy<String> {
    let few: Vec<String> = few.iter().map(|&text| text.to_owned()).collect();
    prop_oneof![1 => Just("NULL".to_owned()), 4 => select(few), 3 => any].boxed()
}

fn shape() -> impl Strategy<Value = Shape> {
    let op = select(vec![Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge]);
    let column = || any::<Index>();
    let leaf = prop_oneof![
        6 => (column(), op, any::<Index>()).prop_map(|(column, op, value)| Shape::Compare(column, op, value)),
        2 => (column(), vec(any::<Index>(), 0..4)).prop_map(|(column, values)| Shape::In(column, values)),
        2 => (column(), text(4)).prop_map(|(column, pattern)| Shape::Like(column, pattern)),
        1 => (column(), any::<bool>()).prop_map(|(column, negated)| Shape::IsNull(column, negated)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Shape::All),
            vec(inner.clone(), 0..3).prop_map(Shape::Any),
            inner.prop_map(|part| Shape::Not(Box::new(part))),
        ]
    })
}

impl Shape {
    /// Over columns after the id; values are those that some row has there.
    fn filter(&self, rows: &[Row]) -> Filter {
        let columns = rows.first().map_or(1, |row| row.values().len() - 1);
        let at = |column: &Index| 1 + column.index(columns.max(1));
        let value = |column: usize, row: &Index| match rows.is_empty() {
            true => Value::Null,
            false => row.get(rows).values()[column].clone(),
        };
        let parts = |parts: &[Self]| parts.iter().map(|part| part.filter(rows)).collect();
        match self {
            Self::All(list) => Filter::All(parts(list)),
            Self::Any(list) => Filter::Any(parts(list)),
            Self::Not(part) => Filter::Not(Box::new(part.filter(rows))),
            Self::Compare(column, op, row) => {
                let column = at(column);
                Filter::Compare { column, op: *op, value: value(column, row) }
            }
            Self::In(column, list) => {
                let column = at(column);
                Filter::In { column, values: list.iter().map(|row| value(column, row)).collect() }
            }
            Self::Like(column, pattern) => Filter::Like { column: at(column), pattern: pattern.clone() },
            Self::IsNull(column, negated) => Filter::IsNull { column: at(column), negated: *negated },
        }
    }
}

impl Case {
    /// Puts the rows into an empty table; ids count from 1, those of the others from [`FIRST_OTHER`].
    pub fn insert(&self, table: &str) -> String {
        let row = |(id, cells): (i64, &Vec<String>)| format!("({id}, {})", cells.join(", "));
        let rows = (1..).zip(&self.rows).chain((FIRST_OTHER..).zip(&self.others));
        let rows: Vec<String> = rows.map(row).collect();
        format!("DELETE FROM {table}; INSERT INTO {table} VALUES {};", rows.join(", "))
    }

    /// Reads the table of a system under each filter. `forget` removes the rows that filters only take values from.
    pub async fn check(
        &self,
        system: &Arc<dyn System>,
        (spec, schema): (&SideSpec, &DatasetSchema),
        forget: impl AsyncFnOnce(),
    ) -> Result<(), TestCaseError> {
        let all = read(system, spec, schema, None).await.0;
        forget().await;
        let rows = read(system, spec, schema, None).await.0;
        for shape in &self.filters {
            let filter = shape.filter(&all);
            let selected = rows.iter().filter(|row| filter.matches(row.values())).map(id);
            let expected: Vec<Value> = selected.collect();
            let (found, count) = read(system, spec, schema, Some(filter.clone())).await;
            prop_assert_eq!(&found.iter().map(id).collect::<Vec<_>>(), &expected, "{:?}", filter);
            prop_assert!(count.is_none_or(|count| count >= expected.len() as u64), "summed: {:?}", filter);
        }
        Ok(())
    }
}

fn id(row: &Row) -> Value {
    row.native[0].clone()
}

/// The rows under a filter, and how many records the system's sums counted, if it has any: they may count records that
/// only the engine sorts out, and miss none.
async fn read(
    system: &Arc<dyn System>,
    spec: &SideSpec,
    schema: &DatasetSchema,
    filter: Option<Filter>,
) -> (Vec<Row>, Option<u64>) {
    let spec = SideSpec { filter: filter.map(Arc::new), ..spec.clone() };
    let dataset = system.open(Arc::new(spec), schema).await.unwrap();
    let mut transaction = dataset.begin(Guard::Snapshot).await.unwrap();
    let page = transaction.read(&KeyRange::default(), usize::MAX).await.unwrap();
    assert!(page.cut.is_none() && page.unreadable.is_empty(), "{:?}", page.unreadable);
    let sums = transaction.sums(&KeyRange::default(), &[]).await.unwrap();
    transaction.rollback().await.unwrap();
    (page.rows, sums.map(|sums| sums[0].count))
}

/// Runs a property over tables of these columns. `PINKSYNC_PROPERTY_SEED` is another beginning, `PINKSYNC_PROPERTY_CASES`
/// another number of cases.
pub fn check(columns: Vec<BoxedStrategy<String>>, property: impl Fn(Case) -> Result<(), TestCaseError>) {
    let number = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    let begins = number("PINKSYNC_PROPERTY_SEED").unwrap_or(1);
    let cases = number("PINKSYNC_PROPERTY_CASES").map_or(CASES, |cases| u32::try_from(cases).unwrap());
    eprintln!("random filters: seed {begins}, {cases} cases");
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&begins.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let case = (vec(columns.clone(), 1..10), vec(columns, 0..5), vec(shape(), 1..30));
    let case = case.prop_map(|(rows, others, filters)| Case { rows, others, filters });
    match runner.run(&case, property) {
        Ok(()) => {}
        Err(TestError::Fail(reason, case)) => panic!("seed {begins}: {reason}\nsmallest case: {case:#?}"),
        Err(error @ TestError::Abort(_)) => panic!("seed {begins}: {error}"),
    }
}
