//! What happens when others write at the same time, and when the connection does not last.

use pinksync_engine::connector::{Guard, Outcome};
use pinksync_engine::key::KeyRange;
use pinksync_engine::{ErrorKind, Value};

use super::setup::{Place, int, text, told};

const TABLE: &str = "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')";

#[tokio::test]
async fn a_snapshot_that_others_overtook_is_aborted() {
    let place = Place::new("pinksync_overtaken", TABLE).await;
    let table = place.open("t", &["id"]).await;
    let rows = table.rows().await;
    for (edit, write) in [
        ("UPDATE t SET v = 'other' WHERE id = 1", table.update(&rows[0], &[("v", text("mine"))])),
        ("UPDATE t SET v = 'other' WHERE id = 1", table.delete(&rows[0])),
        ("DELETE FROM t WHERE id = 2", table.update(&rows[1], &[("v", text("mine"))])),
        ("INSERT INTO t VALUES (9, 'other')", table.create(vec![int(9), text("mine")])),
    ] {
        let mut transaction = table.begin(Guard::Snapshot).await;
        transaction.read(&KeyRange::default(), usize::MAX).await.unwrap();
        place.run(edit).await;
        let error = transaction.write(vec![write]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Aborted, "{edit}: {error}");
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Aborted, "a failed transaction is not committed: {error}");
    }
    assert_eq!(place.ask("SELECT * FROM t ORDER BY 1").await, ["1|other", "3|c", "9|other"]);
}

#[tokio::test]
async fn a_row_that_is_not_in_the_snapshot_has_moved() {
    let place = Place::new("pinksync_vanished", TABLE).await;
    let table = place.open("t", &["id"]).await;
    let rows = table.rows().await;
    place.run("DELETE FROM t WHERE id < 3").await;
    for guard in [Guard::Snapshot, Guard::Compare] {
        let writes =
            vec![table.update(&rows[0], &[("v", text("mine"))]), table.delete(&rows[1]), table.update(&rows[2], &[])];
        assert_eq!(told(&table.apply(guard, writes).await), ["moved", "moved", "written"]);
    }
}

#[tokio::test]
async fn rows_are_locked_and_compared() {
    let place = Place::new("pinksync_compared", TABLE).await;
    let table = place.open("t", &["id"]).await;
    let rows = table.rows().await;
    place.run("UPDATE t SET v = 'other' WHERE id = 1").await;
    let mut transaction = table.begin(Guard::Compare).await;
    let writes = vec![table.update(&rows[0], &[("v", text("mine"))]), table.delete(&rows[1])];
    assert_eq!(told(&transaction.write(writes).await.unwrap()), ["moved", "deleted"]);
    let locked = place.other.simple_query("SELECT 1 FROM t WHERE id IN (1, 2) FOR UPDATE NOWAIT").await.unwrap_err();
    assert_eq!(locked.code().unwrap().code(), "55P03");
    transaction.commit().await.unwrap();
    assert_eq!(place.ask("SELECT * FROM t ORDER BY 1").await, ["1|other", "3|c"]);
}

#[tokio::test]
async fn where_no_index_keeps_keys_unique_only_one_of_two_makes_a_record() {
    let place = Place::new(
        "pinksync_no_arbiter",
        "CREATE TABLE t (id int, v text); INSERT INTO t VALUES (1, 'a');
         CREATE TABLE d (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, v text); INSERT INTO d VALUES (1, 'a')",
    )
    .await;
    for name in ["t", "d"] {
        let table = place.open(name, &["id"]).await;
        let create = |id: i64| table.create(vec![int(id), text("mine")]);
        let mut first = table.begin(Guard::Snapshot).await;
        assert_eq!(told(&first.write(vec![create(1), create(2)]).await.unwrap()), ["moved", "written"]);
        let second = table.try_apply(Guard::Snapshot, vec![create(2)]);
        let (first, second) = tokio::join!(first.commit(), second);
        first.unwrap();
        assert_eq!(told(&second.unwrap()), ["moved"], "{name}");
        assert_eq!(place.ask(&format!("SELECT * FROM {name} ORDER BY 1")).await, ["1|a", "2|mine"]);
    }
}

#[tokio::test]
async fn of_two_who_create_at_once_the_second_is_told() {
    let place = Place::new("pinksync_creators", TABLE).await;
    let table = place.open("t", &["id"]).await;
    let create = || table.create(vec![int(7), text("mine")]);
    let mut first = table.begin(Guard::Compare).await;
    assert_eq!(told(&first.write(vec![create()]).await.unwrap()), ["written"]);
    let second = table.try_apply(Guard::Compare, vec![create(), table.create(vec![int(8), text("mine")])]);
    let (first, second) = tokio::join!(first.commit(), second);
    first.unwrap();
    assert_eq!(told(&second.unwrap()), ["moved", "written"]);
}

#[tokio::test]
async fn a_connection_that_is_ended_is_not_used_again() {
    let place = Place::new("pinksync_ended", TABLE).await;
    let table = place.open("t", &["id"]).await;
    let mut reading = table.begin(Guard::Snapshot).await;
    reading.read(&KeyRange::default(), usize::MAX).await.unwrap();
    let mut committing = table.begin(Guard::Snapshot).await;
    committing.write(vec![table.create(vec![int(9), text("x")])]).await.unwrap();
    let end =
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'pinksync_ended'";
    assert_ne!(place.ask(end).await, ["0"]);
    let error = reading.lookup(&[[int(1)].into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    reading.rollback().await.unwrap();
    let error = committing.commit().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    assert_eq!(table.rows().await.len(), 3, "a new connection is made, and nothing was committed");
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_its_query_and_its_transaction() {
    let place = Place::new(
        "pinksync_given_up",
        "CREATE TABLE t (id int PRIMARY KEY, v text);
         CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION slow()",
    )
    .await;
    let table = place.open("t", &["id"]).await;
    let mut transaction = table.begin(Guard::Compare).await;
    let sleeping =
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND application_name = 'pinksync_given_up'";
    let write = transaction.write(vec![table.create(vec![int(1), text("x")])]);
    let watch = async {
        while place.ask(sleeping).await[0] == "0" {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = write => panic!("the write came to an end"),
        () = watch => {}
    }
    let error = transaction.lookup(&[[int(1)].into()]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted, "{error}");
    drop(transaction);
    // The query is cancelled, long before its minute is over.
    let gone = async {
        while place.ask(sleeping).await[0] != "0" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.unwrap();
    assert_eq!(place.ask("SELECT count(*) FROM t").await, ["0"]);
}

#[tokio::test]
async fn sessions_pin_what_values_depend_on() {
    let place = Place::new("pinksync_pinned", "").await;
    place
        .run(
            "CREATE TABLE t (id int PRIMARY KEY, settings text);
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               NEW.settings := (SELECT string_agg(name || '=' || setting, ' ' ORDER BY name COLLATE \"C\") FROM pg_settings WHERE name IN
                 ('row_security', 'jit', 'DateStyle', 'IntervalStyle', 'bytea_output', 'extra_float_digits', 'lc_monetary',
                  'TimeZone', 'xmloption', 'standard_conforming_strings', 'lock_timeout', 'application_name'));
               RETURN NEW; END $$;
             CREATE TRIGGER note BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()",
        )
        .await;
    let table = place.open("t", &["id"]).await;
    assert!(matches!(
        table.apply(Guard::Compare, vec![table.create(vec![int(1), Value::Null])]).await[0],
        Outcome::Written
    ));
    let settings = place.ask("SELECT settings FROM t").await.remove(0);
    for pinned in [
        "row_security=off",
        "jit=off",
        "DateStyle=ISO",
        "IntervalStyle=postgres",
        "bytea_output=hex",
        "extra_float_digits=3",
        "lc_monetary=C",
        "TimeZone=UTC",
        "xmloption=content",
        "standard_conforming_strings=on",
        "lock_timeout=10000",
        "application_name=pinksync_pinned",
    ] {
        assert!(settings.contains(pinned), "{pinned} is not in {settings}");
    }
}
