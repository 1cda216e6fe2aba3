//! Which settings there are, what they are if nobody says, and how they fit together.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use pinksync_model::{Mistake, Secret};

use super::source::{Source, variable};
use super::{
    Access, ApiSettings, DatabaseSettings, Limits, LogFormat, LogSettings, QueueSettings, Role, SchedulerSettings,
    Settings, TlsFiles, WorkerSettings, mistake, parse,
};
use crate::auth::DEFAULT_COST;
use crate::definition::HostPolicy;
use crate::sealing::KeyRing;

const API_PORT: u16 = 8080;
const METRICS_PORT: u16 = 9090;
const POOL: usize = 16;
const RATE_LIMIT: u32 = 100;
const BODY_LIMIT: usize = 1 << 20;
const LEAST_BODY_LIMIT: usize = 1 << 10;
const LARGEST_BODY_LIMIT: usize = 64 << 20;
const LEASE: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Two heartbeats may be lost before a lease is.
const HEARTBEATS_PER_LEASE: u32 = 3;
const GRACE: Duration = Duration::from_secs(25);
const TASKS_PER_WORKER: u32 = 4;
const SESSION_LIMIT: Duration = Duration::from_hours(24);
const PAUSE_LIMIT: Duration = Duration::from_hours(7 * 24);
const SESSION_CAP: u32 = 100;
const CONNECTION_LIMIT: u32 = 8;
const JOURNAL_DAYS: u32 = 14;

const SECOND: Duration = Duration::from_secs(1);
const TENTH: Duration = Duration::from_millis(100);

pub(super) fn missing_queue() -> Mistake {
    let remedy = "set it to the URL of a RabbitMQ server, like amqps://user:password@host:5671/%2f";
    mistake(variable("amqp_url"), "this is missing", remedy)
}

pub(super) fn missing_master_key() -> Mistake {
    mistake(variable("master_key"), "the master key is missing, under which passwords are encrypted", parse::MAKE_A_KEY)
}

fn missing_database() -> Mistake {
    let remedy = "set it to the URL of a PostgreSQL database, like postgres://user:password@host:5432/pinksync";
    mistake(variable("database_url"), "this is missing", remedy)
}

/// None only together with a mistake; mistakes also without.
pub(super) fn settings(role: Role, source: &mut Source) -> Option<Settings> {
    let database = database(source);
    let queue = queue(role, source);
    let keys = master_keys(role, source);
    let (api, worker) = (api(role, source), worker(source));
    let scheduler = SchedulerSettings {
        tasks_per_worker: source.take("tasks_per_worker", parse::number(1, 1000)).unwrap_or(TASKS_PER_WORKER),
    };
    let limits = limits(source);
    let access = Access {
        file_roots: source.take("file_roots", parse::folders).unwrap_or_default(),
        hosts: HostPolicy::new(source.take("allowed_networks", parse::networks).unwrap_or_default()),
    };
    let metrics_listen = source.take("metrics_listen", parse::address).unwrap_or(loopback(METRICS_PORT));
    let log = LogSettings {
        format: source.take("log_format", parse::log_format).unwrap_or(LogFormat::Text),
        filter: source.take("log", parse::log_filter).unwrap_or_else(|| "info".to_owned()),
    };
    let database = database?;
    Some(Settings { database, queue, keys, api, worker, scheduler, limits, access, metrics_listen, log })
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A setting without which the process cannot do.
fn required<T>(
    source: &mut Source,
    name: &'static str,
    parse: impl FnOnce(&str) -> parse::Parsed<T>,
    missing: Option<Mistake>,
) -> Option<T> {
    if let Some(missing) = missing.filter(|_| !source.has(name)) {
        source.add(missing);
    }
    source.take(name, parse)
}

fn database(source: &mut Source) -> Option<DatabaseSettings> {
    let url: Option<Secret> = required(source, "database_url", parse::database_url, Some(missing_database()));
    let authority = source.take("database_ca", parse::path);
    let pool = source.take("database_pool", parse::number(2, 1000)).unwrap_or(POOL);
    Some(DatabaseSettings { url: url?, authority, pool })
}

fn queue(role: Role, source: &mut Source) -> QueueSettings {
    let missing = role.needs_queue().then(missing_queue);
    let url = required(source, "amqp_url", parse::amqp_url, missing);
    let prefix = source.take("queue_prefix", parse::text).unwrap_or_else(|| "pinksync".to_owned());
    QueueSettings { url, prefix }
}

fn master_keys(role: Role, source: &mut Source) -> Option<KeyRing> {
    let missing = role.needs_master_key().then(missing_master_key);
    required(source, "master_key", parse::key_ring, missing)
}

fn api(role: Role, source: &mut Source) -> ApiSettings {
    let listen = source.take("api_listen", parse::address).unwrap_or(loopback(API_PORT));
    let tls = tls(source);
    let allowed = source.take("allow_plain_http", parse::bool).unwrap_or(false);
    let has_tls = source.has("tls_certificate") || source.has("tls_key");
    if role.serves() && !has_tls && !allowed && !listen.ip().is_loopback() {
        let message = format!("{listen} would be reached by plain HTTP, which shows API keys to everybody on the way");
        let remedy = "set PINKSYNC_TLS_CERTIFICATE and PINKSYNC_TLS_KEY; behind a proxy that speaks HTTPS set \
                      PINKSYNC_ALLOW_PLAIN_HTTP=true";
        source.add(mistake(variable("api_listen"), message, remedy));
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    ApiSettings {
        listen,
        tls,
        public_url: source.take("public_url", parse::http_url).unwrap_or_else(|| format!("{scheme}://{listen}")),
        rate_limit: match source.take("rate_limit", parse::number(0, 1_000_000)).unwrap_or(RATE_LIMIT) {
            0 => None,
            limit => Some(limit),
        },
        body_limit: source
            .take("body_limit", parse::number(LEAST_BODY_LIMIT, LARGEST_BODY_LIMIT))
            .unwrap_or(BODY_LIMIT),
        bcrypt_cost: source.take("bcrypt_cost", parse::number(10, 20)).unwrap_or(DEFAULT_COST),
    }
}

/// Both files, or none.
fn tls(source: &mut Source) -> Option<TlsFiles> {
    let certificate = source.take("tls_certificate", parse::path);
    let key = source.take("tls_key", parse::path);
    match (certificate, key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (certificate, _) => {
            let (given, lacking) = match certificate {
                Some(_) => ("tls_certificate", "tls_key"),
                None => ("tls_key", "tls_certificate"),
            };
            let message = format!("this is missing beside {}", variable(given));
            source.add(mistake(variable(lacking), message, "set both to PEM files, or none"));
            None
        }
    }
}

fn worker(source: &mut Source) -> WorkerSettings {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let lease = source.take("lease", parse::duration(SECOND)).unwrap_or(LEASE);
    let heartbeat =
        source.take("heartbeat", parse::duration(TENTH)).unwrap_or(HEARTBEAT.min(lease / HEARTBEATS_PER_LEASE));
    if heartbeat * HEARTBEATS_PER_LEASE > lease {
        let message = "a lease would be lost with its first late heartbeat";
        let remedy = "make it at most a third of PINKSYNC_LEASE";
        source.add(mistake(variable("heartbeat"), message, remedy));
    }
    WorkerSettings {
        permits: source.take("worker_permits", parse::number(1, 1000)).unwrap_or(processors),
        lease,
        heartbeat,
        grace: source.take("grace", parse::duration(Duration::ZERO)).unwrap_or(GRACE),
    }
}

fn limits(source: &mut Source) -> Limits {
    Limits {
        session: source.take("session_limit", parse::duration(SECOND)).unwrap_or(SESSION_LIMIT),
        pause: source.take("pause_limit", parse::duration(SECOND)).unwrap_or(PAUSE_LIMIT),
        sessions_per_account: source.take("session_cap", parse::number(1, 100_000)).unwrap_or(SESSION_CAP),
        tasks_per_connection: source.take("connection_limit", parse::number(1, 100_000)).unwrap_or(CONNECTION_LIMIT),
        journal_days: source.take("journal_days", parse::number(1, 3650)).unwrap_or(JOURNAL_DAYS),
    }
}
