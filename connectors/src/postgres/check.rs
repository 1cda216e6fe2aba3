//! `pinksync doctor`: each step towards a working connection by itself, so that the first that fails is the cause.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pinksync_engine::connector::{CheckStep, Purpose};
use pinksync_engine::{Error, ErrorKind};
use tokio_postgres::config::Host;

use super::catalog::get;
use super::client::{Pool, Session};
use super::config::CONNECT_TIMEOUT;
use super::error::translate;

/// Oldest server that is supported, as `server_version_num`.
const OLDEST: i32 = 140_000;
/// A clock that is off by more than this makes `newest_wins` decide wrongly.
const MAX_SKEW: Duration = Duration::from_secs(2);

/// Runs the steps in order and stops at the first on which all later ones depend.
pub async fn check(pool: &Arc<Pool>, purpose: Purpose) -> Vec<CheckStep> {
    let mut steps = Vec::new();
    let target = pool.target();
    for (host, port) in target.driver.get_hosts().iter().zip(target.ports()) {
        if let Host::Tcp(name) = host
            && !reach(name, port, &mut steps).await
        {
            return steps;
        }
    }
    let mut lease = match pool.lend().await {
        Ok(lease) => lease,
        Err(error) => {
            let name = if error.kind() == ErrorKind::Denied { "authenticate" } else { "connect" };
            steps.push(failed(name, &error));
            return steps;
        }
    };
    match lease.session() {
        Ok(session) => {
            if let Err(error) = ask(session, purpose, &mut steps).await {
                steps.push(failed("ask the server", &error));
            }
        }
        Err(error) => steps.push(failed("connect", &error)),
    }
    lease.give_back();
    steps
}

/// Name and port, before PostgreSQL's own protocol is spoken.
async fn reach(name: &str, port: u16, steps: &mut Vec<CheckStep>) -> bool {
    let address = format!("{name}:{port}");
    let addresses: Vec<_> = match tokio::net::lookup_host((name, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => {
            let hint = "check the host's name, and that this machine can resolve it";
            steps.push(step("resolve", false, format!("{name}: {error}"), Some(hint)));
            return false;
        }
    };
    steps.push(step("resolve", true, format!("addresses of {name}: {}", addresses.len()), None));
    match tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::TcpStream::connect(&addresses[..])).await {
        Ok(Ok(_)) => {
            steps.push(step("connect", true, address, None));
            true
        }
        refused => {
            let reason = match refused {
                Ok(Err(error)) => error.to_string(),
                _ => format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()),
            };
            let hint = "check port and firewall, and that the server listens on this address (`listen_addresses`)";
            steps.push(step("connect", false, format!("{address}: {reason}"), Some(hint)));
            false
        }
    }
}

const QUESTIONS: &str = "
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int4 AS number,
       current_user::text AS name, coalesce((SELECT s.ssl FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()), false) AS tls,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool AS read_only,
       (extract(epoch FROM clock_timestamp()) * 1000)::int8 AS milliseconds,
       coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       count(t.oid) AS tables,
       count(t.oid) FILTER (WHERE has_any_column_privilege(t.oid, 'SELECT')) AS readable,
       count(t.oid) FILTER (WHERE has_any_column_privilege(t.oid, 'INSERT') AND has_any_column_privilege(t.oid, 'UPDATE')
                              AND has_table_privilege(t.oid, 'DELETE')) AS writable
FROM (SELECT) one LEFT JOIN (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND has_schema_privilege(n.oid, 'USAGE')
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)') t ON true";

async fn ask(session: &mut Session, purpose: Purpose, steps: &mut Vec<CheckStep>) -> Result<(), Error> {
    let row = session.client.query_one(QUESTIONS, &[]).await.map_err(|error| translate("ask the server", error))?;
    let encrypted = if get(&row, "tls")? { "encrypted" } else { "not encrypted" };
    steps.push(step("authenticate", true, format!("as {}, {encrypted}", get::<String>(&row, "name")?), None));
    let version: String = get(&row, "version")?;
    let new_enough = get::<i32>(&row, "number")? >= OLDEST;
    steps.push(step("version", new_enough, version, (!new_enough).then_some("PostgreSQL 14 or newer is needed")));
    let (tables, readable, writable) =
        (get::<i64>(&row, "tables")?, get::<i64>(&row, "readable")?, get::<i64>(&row, "writable")?);
    let hint = (readable == 0 && tables > 0).then_some("GRANT SELECT on the tables to this user");
    steps.push(step("read", hint.is_none(), format!("{readable} of {tables} tables"), hint));
    if purpose.writes {
        let creates = purpose.creates && get(&row, "may_create")?;
        let (detail, hint) = match get(&row, "read_only")? {
            true => ("the server is read only".to_owned(), Some("connect to the primary server, which takes writes")),
            false => (
                format!("{writable} of {tables} tables{}", if creates { ", and tables can be made" } else { "" }),
                (writable == 0 && tables > 0 && !creates)
                    .then_some("GRANT INSERT, UPDATE, DELETE on the tables to this user"),
            ),
        };
        steps.push(step("write", hint.is_none(), detail, hint));
    }
    steps.push(clock(get(&row, "milliseconds")?));
    Ok(())
}

fn clock(server_milliseconds: i64) -> CheckStep {
    let here = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let there = Duration::from_millis(server_milliseconds.unsigned_abs());
    let skew = here.abs_diff(there);
    let hint = (skew > MAX_SKEW).then_some("set both clocks by NTP; `newest_wins` compares times of both sides");
    step("clock", hint.is_none(), format!("{} ms apart", skew.as_millis()), hint)
}

fn step(name: &'static str, ok: bool, detail: String, hint: Option<&str>) -> CheckStep {
    CheckStep { name, ok, detail, hint: hint.map(str::to_owned) }
}

fn failed(name: &'static str, error: &Error) -> CheckStep {
    step(name, false, error.message().to_owned(), error.remedy())
}
