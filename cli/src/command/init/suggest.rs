//! Which datasets belong together, what identifies a record, and which column tells when it was changed.

use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType};
use pinksync_model::Connection;

use super::address::Address;
use crate::failure::Failure;

/// Names that columns with the time of the last change go by, without case and punctuation; likelier ones first.
const CHANGE_TIMES: [&str; 22] = [
    "updatedat",
    "modifiedat",
    "changedat",
    "lastmodified",
    "lastmodifiedat",
    "lastchanged",
    "lastchangedat",
    "lastupdated",
    "lastupdatedat",
    "lastupdate",
    "lastmodifieddate",
    "updatedon",
    "modifiedon",
    "changedon",
    "dateupdated",
    "datemodified",
    "updatetime",
    "writedate",
    "updated",
    "modified",
    "changed",
    "mtime",
];

/// What the sync file will say.
pub struct Suggestions {
    pub datasets: Vec<Suggestion>,
    /// Datasets of the source that the target has not, where it has others.
    pub only_source: Vec<String>,
    pub only_target: Vec<String>,
    /// Datasets that no column of seems to identify a record of, where there are others.
    pub without_key: Vec<String>,
}

/// One pair of datasets.
pub struct Suggestion {
    pub source: String,
    pub target: String,
    pub create_target: bool,
    pub key: Vec<String>,
    pub certainty: Certainty,
    /// On the source and on the target.
    pub modified_at: Option<(String, String)>,
    /// The column of `modified_at` is text on both sides and must be told to be a time.
    pub time_is_text: bool,
    pub only_source: Vec<String>,
    pub only_target: Vec<String>,
}

/// How sure it is that the key identifies a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certainty {
    /// A side declares it.
    Declared,
    /// Its name says so.
    ByName,
    /// It is the first column.
    Any,
}

impl Suggestions {
    /// Pairs datasets of equal name. Where the target has none of them, all are to be created there.
    ///
    /// # Errors
    /// There is nothing at the source that could be synchronised.
    pub fn make(sources: &[DatasetSchema], targets: &[DatasetSchema], target: &Address) -> Result<Self, Failure> {
        let mut made =
            Self { datasets: Vec::new(), only_source: Vec::new(), only_target: Vec::new(), without_key: Vec::new() };
        let only_pair = sources.len() == 1 && targets.len() == 1;
        for source in sources {
            let same = targets.iter().find(|target| only_pair || plain(&target.name) == plain(&source.name));
            match same {
                Some(target) => made.datasets.extend(Suggestion::of(source, Some(target), target.name.clone())),
                None => made.only_source.push(source.name.clone()),
            }
        }
        if made.datasets.is_empty() {
            made.only_source.clear();
            made.datasets =
                sources.iter().filter_map(|source| Suggestion::of(source, None, new_name(source, target))).collect();
        }
        if made.datasets.is_empty() {
            return Err(Failure::failed("the source has no dataset with columns")
                .help("check that --source names the right database, folder or file"));
        }
        if made.datasets.iter().any(|dataset| dataset.certainty != Certainty::Any) {
            let (unsure, sure) = made.datasets.into_iter().partition(|dataset| dataset.certainty == Certainty::Any);
            made.datasets = sure;
            made.without_key = Vec::into_iter(unsure).map(|dataset: Suggestion| dataset.source).collect();
        }
        let used = |name: &String| made.datasets.iter().any(|dataset| dataset.target == *name);
        made.only_target = targets
            .iter()
            .map(|target| target.name.clone())
            .filter(|name| !used(name) && !made.without_key.contains(name))
            .collect();
        Ok(made)
    }
}

impl Suggestion {
    fn of(source: &DatasetSchema, target: Option<&DatasetSchema>, name: String) -> Option<Self> {
        let (key, certainty) = key(source, target)?;
        let modified_at = change_time(source, target);
        let is_text = |schema: &DatasetSchema, name: &str| {
            schema.column(name).is_some_and(|column| column.carrier == Carrier::Text && !is_time(column))
        };
        let time_is_text = modified_at
            .as_ref()
            .is_some_and(|(one, other)| is_text(source, one) && target.is_none_or(|target| is_text(target, other)));
        let lacking = |one: &DatasetSchema, other: Option<&DatasetSchema>| -> Vec<String> {
            let other = other.map(|other| &other.columns);
            let lacks = |name: &str| other.is_some_and(|columns| columns.iter().all(|column| column.name != name));
            one.columns.iter().map(|column| column.name.clone()).filter(|name| lacks(name)).collect()
        };
        Some(Self {
            source: source.name.clone(),
            create_target: target.is_none(),
            only_source: lacking(source, target),
            only_target: target.map(|target| lacking(target, Some(source))).unwrap_or_default(),
            target: name,
            key,
            certainty,
            modified_at,
            time_is_text,
        })
    }
}

/// `public.Customers`, `customers.csv` → `customers`.
fn plain(name: &str) -> String {
    let lower = name.to_lowercase();
    let file = [".csv", ".tsv", ".csv.gz", ".csv.zst"].iter().find_map(|ending| lower.strip_suffix(ending));
    match file {
        Some(file) => file.to_owned(),
        None => lower.rsplit('.').next().unwrap_or(&lower).to_owned(),
    }
}

/// What a dataset that is still to be made will be called.
fn new_name(source: &DatasetSchema, target: &Address) -> String {
    let plain = plain(&source.name);
    match &target.connection {
        Connection::Postgres(_) => format!("public.{plain}"),
        Connection::Sqlite(_) => plain,
        Connection::Csv(settings) => {
            let path = std::path::Path::new(&settings.path);
            match path.extension().and(path.file_name()) {
                Some(file) if !path.is_dir() => file.to_string_lossy().into_owned(),
                _ => format!("{plain}.csv"),
            }
        }
    }
}

/// The declared key of either side, or a column that looks like one.
fn key(source: &DatasetSchema, target: Option<&DatasetSchema>) -> Option<(Vec<String>, Certainty)> {
    let on_both = |columns: &[String]| {
        let has = |schema: &DatasetSchema| columns.iter().all(|name| schema.column(name).is_some());
        !columns.is_empty() && has(source) && target.is_none_or(has)
    };
    let declared = std::iter::once(source)
        .chain(target)
        .flat_map(|schema| std::iter::once(&schema.primary_key).chain(&schema.unique_keys).collect::<Vec<_>>());
    if let Some(found) = declared.into_iter().find(|columns| on_both(columns)) {
        return Some((found.clone(), Certainty::Declared));
    }
    let shared = || source.columns.iter().filter(|column| on_both(std::slice::from_ref(&column.name)));
    let singular = plain(&source.name).trim_end_matches('s').to_owned();
    let likely = [
        "id".to_owned(),
        format!("{singular}id"),
        "uuid".to_owned(),
        "key".to_owned(),
        "code".to_owned(),
        "number".to_owned(),
    ];
    let by_name = likely.iter().find_map(|name| shared().find(|column| bare(&column.name) == bare(name)));
    let by_ending = || shared().find(|column| bare(&column.name).ends_with("id"));
    match by_name.or_else(by_ending) {
        Some(guess) => Some((vec![guess.name.clone()], Certainty::ByName)),
        None => shared().next().map(|any| (vec![any.name.clone()], Certainty::Any)),
    }
}

fn change_time(source: &DatasetSchema, target: Option<&DatasetSchema>) -> Option<(String, String)> {
    let find = |schema: &DatasetSchema| {
        CHANGE_TIMES.iter().find_map(|known| {
            schema
                .columns
                .iter()
                .find(|column| bare(&column.name) == *known && may_be_time(column))
                .map(|column| column.name.clone())
        })
    };
    let one = find(source)?;
    let other = match target {
        None => one.clone(),
        Some(target) if target.column(&one).is_some_and(may_be_time) => one.clone(),
        Some(target) => find(target)?,
    };
    Some((one, other))
}

fn is_time(column: &ColumnSchema) -> bool {
    matches!(column.ty, FieldType::Timestamp { .. } | FieldType::Instant { .. } | FieldType::Date)
}

fn may_be_time(column: &ColumnSchema) -> bool {
    is_time(column) || column.carrier == Carrier::Text
}

fn bare(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(name: &str, columns: &[&str], key: &[&str]) -> DatasetSchema {
        let column = |name: &&str| ColumnSchema {
            name: (*name).to_owned(),
            ty: FieldType::TEXT,
            carrier: Carrier::Text,
            native: "text".to_owned(),
            nullable: true,
            writable: true,
            ordered: false,
        };
        DatasetSchema {
            name: name.to_owned(),
            columns: columns.iter().map(column).collect(),
            primary_key: key.iter().map(|name| (*name).to_owned()).collect(),
            unique_keys: Vec::new(),
            estimated_rows: None,
            transforms: false,
            references: Vec::new(),
            writable: true,
        }
    }

    fn target(given: &str) -> Address {
        Address::read("target", given, std::path::Path::new(".")).unwrap()
    }

    #[test]
    fn datasets_of_equal_name_are_paired() {
        let sources =
            [schema("public.Customers", &["id", "name", "Updated At"], &["id"]), schema("public.log", &["a"], &[])];
        let targets = [schema("customers.csv", &["id", "changed_at"], &[]), schema("x.csv", &["id"], &[])];
        let made = Suggestions::make(&sources, &targets, &target("csv:here")).unwrap();
        let [only] = &made.datasets[..] else { panic!("one pair") };
        assert_eq!((only.key.as_slice(), only.certainty), (&["id".to_owned()][..], Certainty::Declared));
        assert_eq!(only.modified_at, Some(("Updated At".to_owned(), "changed_at".to_owned())));
        assert!(only.time_is_text && !only.create_target);
        assert_eq!((made.only_source, made.only_target), (vec!["public.log".to_owned()], vec!["x.csv".to_owned()]));
    }

    #[test]
    fn a_dataset_without_anything_like_a_key_is_left_out_where_there_are_others() {
        let log = || schema("public.log", &["at", "message"], &[]);
        let made = Suggestions::make(&[schema("a", &["id"], &["id"]), log()], &[], &target("a.db")).unwrap();
        assert_eq!((made.datasets.len(), made.without_key), (1, vec!["public.log".to_owned()]));
        let made = Suggestions::make(&[log()], &[], &target("a.db")).unwrap();
        assert_eq!((made.datasets[0].certainty, made.without_key.len()), (Certainty::Any, 0));
    }

    #[test]
    fn an_empty_target_gets_everything() {
        let sources = [schema("customers.csv", &["name", "Customer-ID"], &[])];
        for (given, name) in [
            ("a.db", "customers"),
            ("postgres://a/b", "public.customers"),
            ("csv:out", "customers.csv"),
            ("new.csv", "new.csv"),
        ] {
            let made = Suggestions::make(&sources, &[], &target(given)).unwrap();
            let [only] = &made.datasets[..] else { panic!("one dataset") };
            assert_eq!((only.target.as_str(), only.create_target, only.certainty), (name, true, Certainty::ByName));
            assert_eq!(only.key, ["Customer-ID"]);
        }
        assert!(Suggestions::make(&[], &[], &target("a.db")).is_err());
    }
}
