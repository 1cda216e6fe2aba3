//! Which datasets belong together, what identifies a record, and which column tells when it was changed.

use pinksync_engine::naming::Naming;
use pinksync_engine::schema::{Carrier, ColumnSchema, DatasetSchema, FieldType};

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

/// What a system has, and how it names it.
pub struct Side {
    pub schemas: Vec<DatasetSchema>,
    pub naming: Naming,
}

impl Side {
    /// Whether two names might be taken for one. Only databases with schemas tell case apart for sure.
    fn is_same(&self, one: &str, other: &str) -> bool {
        one == other || (self.naming != Naming::Qualified && one.eq_ignore_ascii_case(other))
    }

    /// `public.Customers`, `customers.csv` → `customers`.
    fn plain(&self, name: &str) -> String {
        self.naming.bare(name).to_lowercase()
    }
}

impl Suggestions {
    /// Pairs datasets of equal name. Where the target has none of them, all are to be created there.
    ///
    /// # Errors
    /// There is nothing at the source that could be synchronised.
    pub fn make(source: &Side, target: &Side) -> Result<Self, Failure> {
        let mut made =
            Self { datasets: Vec::new(), only_source: Vec::new(), only_target: Vec::new(), without_key: Vec::new() };
        for (one, same) in source.schemas.iter().zip(partners(source, target)) {
            match same {
                Some(same) => made.datasets.extend(Suggestion::of(source, one, Some(same), same.name.clone())),
                None => made.only_source.push(one.name.clone()),
            }
        }
        if made.datasets.is_empty() {
            made.only_source.clear();
            let names = new_names(source, target);
            let new = source.schemas.iter().zip(names);
            made.datasets = new.filter_map(|(one, name)| Suggestion::of(source, one, None, name)).collect();
        }
        if made.datasets.is_empty() {
            return Err(Failure::failed("the source has no dataset with columns")
                .help("check that --source names the right database, folder or file, and that its user may read the tables (SELECT)"));
        }
        if made.datasets.iter().any(|dataset| dataset.certainty != Certainty::Any) {
            let (unsure, sure) = made.datasets.into_iter().partition(|dataset| dataset.certainty == Certainty::Any);
            made.datasets = sure;
            made.without_key = Vec::into_iter(unsure).map(|dataset: Suggestion| dataset.source).collect();
        }
        let used = |name: &String| made.datasets.iter().any(|dataset| dataset.target == *name);
        made.only_target = target
            .schemas
            .iter()
            .map(|schema| schema.name.clone())
            .filter(|name| !used(name) && !made.without_key.contains(name))
            .collect();
        Ok(made)
    }
}

/// For each dataset of the source the one of the target that goes with it: of the same whole name, else of the same name
/// but for schema, ending and case, and none twice.
fn partners<'a>(source: &Side, target: &'a Side) -> Vec<Option<&'a DatasetSchema>> {
    let mut found: Vec<Option<&DatasetSchema>> = vec![None; source.schemas.len()];
    let only_pair = source.schemas.len() == 1 && target.schemas.len() == 1;
    for whole in [true, false] {
        let same = |one: &str, other: &str| match whole {
            true => one == other,
            false => only_pair || source.plain(one) == target.plain(other),
        };
        for (at, one) in source.schemas.iter().enumerate() {
            let taken = |name: &str| found.iter().flatten().any(|taken| taken.name == name);
            if found[at].is_none() {
                found[at] = target.schemas.iter().find(|other| same(&one.name, &other.name) && !taken(&other.name));
            }
        }
    }
    found
}

impl Suggestion {
    fn of(side: &Side, source: &DatasetSchema, target: Option<&DatasetSchema>, name: String) -> Option<Self> {
        let (key, certainty) = key(&side.plain(&source.name), source, target)?;
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

/// What datasets that are still to be made will be called: as the source calls them, in the form of the target. Where two
/// would have one name, the schema or folder stays in it.
fn new_names(source: &Side, target: &Side) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for schema in &source.schemas {
        let whole = schema.name.replace(['.', '/'], "_");
        let likely = [new_name(source, target, &schema.name), new_name(target, target, &whole)];
        let numbered = (2..).map(|number| new_name(target, target, &format!("{whole}_{number}")));
        let taken = |name: &String| names.iter().any(|known| target.is_same(known, name));
        let free = likely.into_iter().chain(numbered).find(|name| !taken(name));
        names.push(free.unwrap_or(whole));
    }
    names
}

fn new_name(source: &Side, target: &Side, name: &str) -> String {
    let name = target.naming.candidates(name, &source.naming).pop().unwrap_or_default();
    match &target.naming {
        Naming::Qualified if !name.contains('.') => format!("public.{name}"),
        Naming::Files { endings } if !endings.iter().any(|ending| name.ends_with(ending)) => {
            format!("{name}{}", endings.first().copied().unwrap_or_default())
        }
        _ => name,
    }
}

/// The declared key of either side, or a column that looks like one.
fn key(plain: &str, source: &DatasetSchema, target: Option<&DatasetSchema>) -> Option<(Vec<String>, Certainty)> {
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
    let singular = plain.trim_end_matches('s');
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
            empty_is_null: false,
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

    const FILES: Naming = Naming::Files { endings: &[".csv"] };

    fn side(naming: Naming, schemas: Vec<DatasetSchema>) -> Side {
        Side { schemas, naming }
    }

    fn tables(naming: Naming, names: &[&str]) -> Side {
        side(naming, names.iter().map(|name| schema(name, &["id"], &["id"])).collect())
    }

    #[test]
    fn datasets_of_equal_name_are_paired() {
        let customers = schema("public.Customers", &["id", "name", "Updated At"], &["id"]);
        let sources = side(Naming::Qualified, vec![customers, schema("public.log", &["a"], &[])]);
        let targets = side(FILES, vec![schema("customers", &["id", "changed_at"], &[]), schema("x", &["id"], &[])]);
        let made = Suggestions::make(&sources, &targets).unwrap();
        let [only] = &made.datasets[..] else { panic!("one pair") };
        assert_eq!((only.key.as_slice(), only.certainty), (&["id".to_owned()][..], Certainty::Declared));
        assert_eq!(only.modified_at, Some(("Updated At".to_owned(), "changed_at".to_owned())));
        assert!(only.time_is_text && !only.create_target);
        assert_eq!((made.only_source, made.only_target), (vec!["public.log".to_owned()], vec!["x".to_owned()]));
    }

    #[test]
    fn the_same_whole_name_comes_before_the_same_name_in_another_schema() {
        let pairs = |sources: &[&str], targets: &[&str]| -> Vec<(String, String)> {
            let (source, target) = (tables(Naming::Qualified, sources), tables(Naming::Qualified, targets));
            let made = Suggestions::make(&source, &target).unwrap();
            made.datasets.into_iter().map(|dataset| (dataset.source, dataset.target)).collect()
        };
        let same = |name: &str| (name.to_owned(), name.to_owned());
        assert_eq!(pairs(&["a.t", "b.t"], &["b.t", "a.t"]), [same("a.t"), same("b.t")]);
        assert_eq!(pairs(&["a.t", "b.t"], &["b.t"]), [same("b.t")]);
        assert_eq!(pairs(&["a.t", "b.t"], &["c.T"]), [("a.t".to_owned(), "c.T".to_owned())]);
    }

    #[test]
    fn a_dataset_without_anything_like_a_key_is_left_out_where_there_are_others() {
        let log = || schema("public.log", &["at", "message"], &[]);
        let none = || side(Naming::Plain, Vec::new());
        let made = Suggestions::make(&side(Naming::Qualified, vec![schema("a", &["id"], &["id"]), log()]), &none());
        let made = made.unwrap();
        assert_eq!((made.datasets.len(), made.without_key), (1, vec!["public.log".to_owned()]));
        let made = Suggestions::make(&side(Naming::Qualified, vec![log()]), &none()).unwrap();
        assert_eq!((made.datasets[0].certainty, made.without_key.len()), (Certainty::Any, 0));
    }

    #[test]
    fn an_empty_target_gets_everything() {
        let sources = side(FILES, vec![schema("customers.csv", &["name", "Customer-ID"], &[])]);
        for (naming, name) in [
            (Naming::Plain, "customers"),
            (Naming::Qualified, "public.customers"),
            (FILES, "customers.csv"),
            (Naming::One("new".to_owned()), "new"),
        ] {
            let made = Suggestions::make(&sources, &side(naming, Vec::new())).unwrap();
            let [only] = &made.datasets[..] else { panic!("one dataset") };
            assert_eq!((only.target.as_str(), only.create_target, only.certainty), (name, true, Certainty::ByName));
            assert_eq!(only.key, ["Customer-ID"]);
        }
        let none = || side(Naming::Plain, Vec::new());
        assert!(Suggestions::make(&none(), &none()).is_err());
    }

    #[test]
    fn new_datasets_keep_schema_and_case_and_never_share_a_name() {
        let sources = tables(Naming::Qualified, &["public.T", "sales.T", "sales.t"]);
        for (naming, names) in [
            (Naming::Qualified, ["public.T", "sales.T", "sales.t"]),
            (Naming::Plain, ["T", "sales_T", "sales_t_2"]),
            (FILES, ["T.csv", "sales_T.csv", "sales_t_2.csv"]),
        ] {
            let made = Suggestions::make(&sources, &side(naming, Vec::new())).unwrap();
            assert_eq!(
                made.datasets.iter().map(|dataset| &dataset.target).collect::<Vec<_>>(),
                names.iter().collect::<Vec<_>>()
            );
        }
    }
}
