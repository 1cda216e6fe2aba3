//! `init` against PostgreSQL: what it proposes can be planned as it stands, and holds no secret.

use pinksync_test_support::Address;

use super::support::{Flow, password_address};

const TABLES: &str = "CREATE SCHEMA sales; \
    CREATE TABLE sales.orders (shop text COLLATE \"C\", number int, total numeric, updated_at timestamptz, PRIMARY KEY (shop, number)); \
    CREATE TABLE people (id bigint PRIMARY KEY, name text, modified timestamp); \
    CREATE TABLE codes (code text COLLATE \"C\" NOT NULL UNIQUE, label text)";

#[test]
fn a_database_is_proposed_with_its_schemas_keys_and_times() {
    let flow = Flow::new();
    flow.both(TABLES);
    flow.source("CREATE VIEW everybody AS SELECT id, name FROM people");
    flow.source("CREATE TABLE only_here (id int PRIMARY KEY)");
    flow.source("INSERT INTO people SELECT n, 'p' || n, now() FROM generate_series(1, 5) n");
    let (source, target) = (flow.source.url.clone(), flow.target.url.clone());
    flow.run(&["init", "new.yaml", "--source", &source, "--target", &target]).expect(0);
    let text = std::fs::read_to_string(flow.path("new.yaml")).unwrap();
    for part in [
        "sales.orders",
        "public.people",
        "public.codes",
        "key: [shop, number]",
        "key: [id]",
        "key: [code]",
        "modified_at: updated_at",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(text.contains("# only at the source: public.everybody, public.only_here"), "{text}");
    let live: String = text.lines().filter(|line| !line.trim_start().starts_with('#')).collect();
    assert!(!live.contains("everybody"), "a view that the target lacks is only mentioned: {text}");
    flow.run(&["plan", "new.yaml"]).expect(0);
    let report = flow.session_of("new.yaml", 0);
    assert_eq!(report.written(), 5, "{}", report.0);
}

#[test]
fn a_password_is_kept_out_of_the_file() {
    let flow = Flow::new();
    flow.both(TABLES);
    let secret = Address { database: Address::of(&flow.source.url).database, ..password_address() };
    let password = format!(":{}@", secret.password.clone().unwrap());
    let secret = secret.to_string();
    flow.source("GRANT ALL ON ALL TABLES IN SCHEMA public TO pinksync_pw");
    assert!(secret.contains(&password));
    flow.run(&["init", "new.yaml", "--source", &secret, "--target", &flow.target.url]).expect(0);
    let text = std::fs::read_to_string(flow.path("new.yaml")).unwrap();
    assert!(!text.contains(&password), "{text}");
}
