//! Whole files: what is accepted, and every mistake with its place, its words and its remedy.

use std::fmt::Write;

use crate::{
    BaseKind, Connection, DatasetEntry, Deletes, Filter, Incremental, Mistakes, ModifiedAt, Op, Strategy,
    SyncDefinition, TlsMode,
};

/// Two SQLite sides and whatever else is given.
fn with(rest: &str) -> String {
    format!("source: {{type: sqlite, path: a.db}}\ntarget: {{type: sqlite, path: b.db}}\n{rest}")
}

/// One dataset with these fields, in flow style.
fn dataset(fields: &str) -> String {
    with(&format!("datasets: [{{source: customers, {fields}}}]"))
}

fn environment(name: &str) -> Option<String> {
    match name {
        "CRM_URL" => Some("postgres://crm:hunter2@db/crm".to_owned()),
        "WRONG" => Some("hunter2".to_owned()),
        "SIZE" => Some("500".to_owned()),
        _ => None,
    }
}

fn parse(text: &str) -> Result<SyncDefinition, Mistakes> {
    SyncDefinition::parse(text, &environment)
}

/// The mistakes as `path: message (remedy)`, one per line.
fn mistakes(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[track_caller]
fn assert_mistake(text: &str, path: &str, message: &str) {
    let found = parse(text).unwrap_err();
    let fits = |mistake: &&crate::Mistake| mistake.path == path && mistake.message.contains(message);
    assert!(found.0.iter().any(|mistake| fits(&mistake)), "wanted {path}: {message}\ngot {found}\nin {text}");
    assert!(found.0.iter().all(|mistake| !mistake.remedy.is_empty()), "a remedy is missing: {found}");
    assert_eq!(found.0.len(), 1, "more than asked for: {found}");
}

#[test]
fn the_file_of_the_contract_is_read() {
    let text = r#"
name: crm-to-shop
direction: two_way
strategy: newest_wins
merge: record
source: { type: postgres, url: "${CRM_URL}", tls: {mode: verify_full, ca: ca.pem} }
target: { type: sqlite, path: shop.db }
datasets:
  - source: public.customers
    target: customers
    key: [id]
    modified_at: updated_at
    fields: {email: email_addr, price: {to: amount, lossy: allow, strategy: source_wins}}
    exclude: [internal_note]
    filter: {all: [{field: active, op: eq, value: true}, {not: {field: gone, op: is_null}}]}
    deletes: ignore
    mirror: false
    create_target: true
    types: {id: int}
  - "public.*"
guards: {max_delete_percent: 12.5}
options: {batch_size: 1000, incremental: full, full_every: 7d, verify: none, clock_tolerance: 0s, records_per_second: null, base: hashes}
"#;
    let definition = parse(text).unwrap();
    let Connection::Postgres(server) = &definition.source else { panic!("{definition:?}") };
    assert_eq!(server.url.as_ref().unwrap().expose(), "postgres://crm:hunter2@db/crm");
    let tls = server.tls.as_ref().unwrap();
    assert_eq!((tls.mode(), tls.ca()), (TlsMode::VerifyFull, Some("ca.pem")));
    assert_eq!(definition.base_kind(), BaseKind::Hashes);
    assert_eq!(definition.options.incremental, Incremental::Full);
    assert_eq!(definition.options.full_every.unwrap().get().as_secs(), 7 * 86_400);
    let DatasetEntry::Definition(dataset) = &definition.datasets[0] else { panic!("{definition:?}") };
    assert_eq!(dataset.fields["email"].to.as_deref(), Some("email_addr"));
    assert_eq!(dataset.fields["price"].strategy, Some(Strategy::SourceWins));
    assert_eq!(dataset.deletes, Deletes::Ignore);
    assert_eq!(dataset.modified_at, Some(ModifiedAt::Same("updated_at".to_owned())));
    let Some(Filter::All(parts)) = &dataset.filter else { panic!("{dataset:?}") };
    let given = Filter::Compare { field: "gone".to_owned(), op: Op::IsNull, value: true.into() };
    assert_eq!(parts[1], Filter::Not(Box::new(given)));
    assert_eq!(definition.datasets[1], DatasetEntry::Pattern("public.*".to_owned()));
}

#[test]
fn what_is_left_out_takes_its_default() {
    let definition = parse(&with("datasets: [customers]")).unwrap();
    assert_eq!(definition.options.batch_size, 1000);
    assert!((definition.guards.max_delete_percent - 50.0).abs() < f64::EPSILON);
    assert_eq!(definition.base_kind(), BaseKind::Values, "manual conflicts show what they started from");
    let definition = parse(&with("strategy: source_wins\ndatasets: [customers]")).unwrap();
    assert_eq!(definition.base_kind(), BaseKind::Hashes);
}

#[test]
fn a_definition_goes_through_json_and_back() {
    let text = dataset(
        "key: id, modified_at: {source: a, target: b}, fields: {x: y}, filter: {any: [{field: n, op: in, value: [1]}]}",
    );
    let definition = parse(&text).unwrap();
    let json = serde_json::to_string(&definition).unwrap();
    assert_eq!(parse(&json).unwrap(), definition);
}

#[test]
fn all_mistakes_come_at_once() {
    let text = r#"
direction: both
target: {type: mysql, url: "${CRM_URL}"}
source: {type: postgres, url: "${NOT_SET}", prt: 1}
datasets:
  - source: a
    mirror: "yes"
    excude: [x]
    key: id
    exclude: [id]
    filter: {all: [{field: n, op: equals, value: 1}]}
  - {source: b, fields: {x: z, y: {to: z, lossy: maybe}}}
  - {}
guards: {max_delete_percent: 101}
options: {batch_size: 1001, full_every: often, retries: 3}
nmae: x
"#;
    let mut paths: Vec<String> = parse(text).unwrap_err().0.into_iter().map(|mistake| mistake.path).collect();
    paths.sort();
    let expected = [
        "datasets[0].exclude[0]",
        "datasets[0].excude",
        "datasets[0].filter.all[0].op",
        "datasets[0].mirror",
        "datasets[1].fields.y.lossy",
        "datasets[2]",
        "direction",
        "guards.max_delete_percent",
        "nmae",
        "options.batch_size",
        "options.full_every",
        "options.retries",
        "source.prt",
        "source.url",
        "target.type",
    ];
    assert_eq!(paths, expected, "{}", mistakes(text));
}

#[test]
fn shapes_are_explained() {
    let ok = "datasets: [a]";
    for (text, path, message) in [
        (with("datasets: []"), "datasets", "empty"),
        (with("datasets: a"), "datasets", "expected a list, found text"),
        (with("datasets: [5]"), "datasets[0]", "expected text or named fields, found a number"),
        (with(&format!("{ok}\noptions: {{batch_size: 1001}}")), "options.batch_size", "1001 is more than 1000"),
        (with(&format!("{ok}\noptions: {{batch_size: 0}}")), "options.batch_size", "0 is less than 1"),
        (with(&format!("{ok}\noptions: {{batch_size: 2.5}}")), "options.batch_size", "a whole number, found 2.5"),
        (with(&format!("{ok}\noptions: {{clock_tolerance: 5}}")), "options.clock_tolerance", "found a number"),
        (with(&format!("{ok}\noptions: {{full_every: 5w}}")), "options.full_every", "`5w` is not a duration"),
        (with(&format!("{ok}\noptions:")), "options", "found nothing"),
        (with(&format!("{ok}\nstrategy: newest")), "strategy", "`newest` is not one of manual, source_wins"),
        (with(&format!("{ok}\nstrategy: [manual]")), "strategy", "expected text, found a list"),
        (with(&format!("{ok}\nbatch_size: 5")), "batch_size", "unknown field `batch_size`"),
        (dataset("mirror: yes"), "datasets[0].mirror", "expected true or false, found text"),
        (dataset("key: 5"), "datasets[0].key", "expected text or a list, found a number"),
        (dataset("modified_at: {source: a}"), "datasets[0].modified_at", "the field `target` is missing"),
        (dataset("fields: {x: {too: y}}"), "datasets[0].fields.x.too", "unknown field `too`"),
        (dataset("types: {x: integer}"), "datasets[0].types.x", "`integer` is not one of int"),
        (dataset("filter: {field: a}"), "datasets[0].filter", "the field `op` is missing"),
        (dataset("filter: {}"), "datasets[0].filter", "this is not a filter"),
        (dataset("filter: {all: [], any: []}"), "datasets[0].filter", "this is not a filter"),
        (dataset("filter: {not: {all: [{x: 1}]}}"), "datasets[0].filter.not.all[0]", "this is not a filter"),
    ] {
        assert_mistake(&text, path, message);
    }
}

#[test]
fn sides_are_explained() {
    for (side, path, message) in [
        ("{path: x.db}", "source", "the field `type` is missing"),
        (
            "{type: mysql, url: x}",
            "source.type",
            "this is not a type of connection that this version knows: postgres, sqlite, csv",
        ),
        ("{type: 5}", "source.type", "expected text, found a number"),
        ("{type: sqlite}", "source", "the field `path` is missing"),
        ("{type: sqlite, path: a, url: b}", "source.url", "unknown field `url`"),
        ("{type: postgres}", "source", "how to reach the server"),
        ("{type: postgres, host: h, user: u}", "source.database", "the field `database` is missing"),
        ("{type: postgres, url: \"mysql://h/d\"}", "source.url", "does not begin with postgres://"),
        ("{type: postgres, url: \"postgres://h/d\", user: u}", "source.url", "`url` and `user` exclude each other"),
        ("{type: postgres, url: \"postgres://h/d\", tls: full}", "source.tls", "this is not one of disable"),
        ("{type: postgres, url: \"postgres://h/d\", tls: {mode: x}}", "source.tls.mode", "this is not one of"),
        ("{type: csv, path: ., csv: {delimiter: ab}}", "source.csv.delimiter", "exactly one character"),
        ("{type: csv, path: ., csv: {delimiter: '\"'}}", "source.csv.quote", "the same character"),
        ("{type: csv, path: ., csv: {quote: \"»\"}}", "source.csv.quote", "cannot be a quote"),
        ("shop.db", "source", "expected named fields, found text"),
    ] {
        let text = format!("source: {side}\ntarget: {{type: sqlite, path: b.db}}\ndatasets: [a]");
        assert_mistake(&text, path, message);
    }
}

#[test]
fn rules_across_fields_are_explained() {
    for (text, path, message) in [
        (dataset("mirror: true") + "\ndirection: two_way", "datasets[0].mirror", "exclude each other"),
        (dataset("key: id") + "\nstrategy: newest_wins", "datasets[0].modified_at", "`customers` has no `modified_at`"),
        (dataset("fields: {a: {strategy: newest_wins}}"), "datasets[0].modified_at", "the strategy of `a`"),
        (dataset("key: id") + "\noptions: {incremental: cursor}", "options.incremental", "is not available yet"),
        (with("datasets: [\"*\"]\noptions: {incremental: cursor}"), "options.incremental", "is not available yet"),
        (dataset("key: [a, b], exclude: [c, b]"), "datasets[0].exclude[1]", "`b` is part of the key"),
        (dataset("key: [a, a]"), "datasets[0].key[1]", "`a` is in the key twice"),
        (dataset("fields: {a: c, b: c}"), "datasets[0].fields.b", "`b` and `a` both go to"),
        (dataset("key: id, fields: {a: id}"), "datasets[0].fields.a", "a field of the key"),
        (with("datasets: [a, b, a]"), "datasets[2]", "`a` is given twice: `datasets[0]` writes it already"),
        (
            with("datasets: [{source: a, target: x}, {source: b, target: x}]"),
            "datasets[1].target",
            "`x` is given twice",
        ),
        (
            with("direction: two_way\ndatasets: [{source: a, target: x}, {source: a, target: y}]"),
            "datasets[1].source",
            "`a` is given twice",
        ),
        (with("datasets: [{key: id}]"), "datasets[0]", "nothing says which table"),
    ] {
        assert_mistake(&text, path, message);
    }
    parse(&with("datasets: [{source: a, target: x}, {source: a, target: y}]")).unwrap();
    parse(&dataset("key: id, fields: {id: code, code: id}")).unwrap();
    parse(&with("strategy: newest_wins\ndatasets: [\"public.*\"]")).unwrap();
}

#[test]
fn filters_are_explained() {
    for (filter, path, message) in [
        ("{field: a, op: eq, value: null}", "value", "`eq` has no value"),
        ("{field: a, op: ne}", "value", "`ne` has no value"),
        ("{field: a, op: in, value: 5}", "value", "`in` takes a list"),
        ("{field: a, op: in, value: [1, null]}", "value[1]", "cannot look for NULL"),
        ("{field: a, op: in, value: [[1]]}", "value[0]", "single values"),
        ("{field: a, op: like, value: 5}", "value", "`like` takes text"),
        ("{field: a, op: is_null, value: 1}", "value", "takes true or false"),
        ("{field: a, op: lt, value: {x: 1}}", "value", "`lt` takes a single value"),
    ] {
        let text = dataset(&format!("filter: {{any: [{filter}]}}"));
        assert_mistake(&text, &format!("datasets[0].filter.any[0].{path}"), message);
    }
}

#[test]
fn a_filter_has_at_most_32_levels() {
    let nested = |levels: usize| {
        let mut filter = "{field: a, op: eq, value: 1}".to_owned();
        for _ in 1..levels {
            filter = format!("{{all: [{filter}]}}");
        }
        dataset(&format!("filter: {filter}"))
    };
    parse(&nested(32)).unwrap();
    assert_mistake(&nested(33), "datasets[0].filter", "33 levels deep, at most 32");
    parse(&nested(5_000)).unwrap_err();
}

#[test]
fn what_a_variable_held_is_never_shown() {
    let text = r#"
source: {type: "${WRONG}"}
target: {type: postgres, url: "${WRONG}"}
strategy: ${WRONG}
datasets:
  - {source: "${WRONG}", key: ["${WRONG}", "${WRONG}"], exclude: ["${WRONG}"], modified_at: {source: "${WRONG}"}}
  - {source: x, target: "${WRONG}", fields: {a: "${WRONG}", b: "${WRONG}"}, filter: {field: "${WRONG}", op: "${WRONG}"}}
  - "${WRONG}"
options: {full_every: "${WRONG}", batch_size: "${WRONG}"}
"#;
    let found = parse(text).unwrap_err();
    assert!(found.0.len() >= 10, "{found}");
    assert!(!format!("{found} {found:?}").contains("hunter2"), "{found}");
}

#[test]
fn a_variable_may_stand_for_a_number() {
    let definition = parse(&with("datasets: [a]\noptions: {batch_size: \"${SIZE}\"}")).unwrap();
    assert_eq!(definition.options.batch_size, 500);
    assert_mistake(&with("datasets: [a]\noptions: {batch_size: \"500\"}"), "options.batch_size", "found text");
}

#[test]
fn a_variable_that_is_not_set_is_one_mistake() {
    assert_mistake(
        &with("datasets: [a]\noptions: {full_every: \"${GONE}\"}"),
        "options.full_every",
        "`GONE` is not set",
    );
}

#[test]
fn remedies_name_what_was_meant() {
    let mut found = String::new();
    for text in [
        with("datasets: [a]\noptions: {batchsize: 5}"),
        with("datasets: [a]\nbatch_size: 5"),
        with("datasets: [a]\ndirection: two-way"),
        "source: {type: postgresql, url: x}\ntarget: {type: sqlite, path: b.db}\ndatasets: [a]".to_owned(),
    ] {
        writeln!(found, "{}", mistakes(&text)).unwrap();
    }
    for hint in ["`batch_size`? known fields here", "`options.batch_size`?", "did you mean `two_way`?", "`postgres`?"] {
        assert!(found.contains(hint), "{hint} is not in\n{found}");
    }
}
