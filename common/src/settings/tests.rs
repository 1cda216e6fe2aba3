//! Settings, good and bad.

use std::io::Write;

use super::*;
use crate::sealing::new_key;

const DATABASE: (&str, &str) = ("PINKSYNC_DATABASE_URL", "postgres://u:hunter2@db/pinksync");
const AMQP: (&str, &str) = ("PINKSYNC_AMQP_URL", "amqp://u:hunter2@mq/%2f");

fn read(role: Role, variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    Settings::read(role, variables.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

/// With everything that is needed, and more.
fn read_with(variables: &[(&str, &str)]) -> Result<Settings, Mistakes> {
    let key = new_key();
    let mut all = vec![DATABASE, AMQP, ("PINKSYNC_MASTER_KEY", key.as_str())];
    all.extend_from_slice(variables);
    read(Role::Up, &all)
}

fn paths(result: Result<Settings, Mistakes>) -> Vec<String> {
    let mistakes = result.unwrap_err();
    assert!(!mistakes.to_string().contains("hunter2"), "{mistakes}");
    assert!(mistakes.0.iter().all(|mistake| !mistake.remedy.is_empty()), "{mistakes:?}");
    mistakes.0.into_iter().map(|mistake| mistake.path).collect()
}

#[test]
fn defaults_are_those_of_the_documents() {
    let settings = read_with(&[]).unwrap();
    assert_eq!(settings.api.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.api.public_url, "http://127.0.0.1:8080");
    assert_eq!((settings.worker.lease.as_secs(), settings.worker.heartbeat.as_secs()), (30, 5));
    assert_eq!(settings.worker.grace.as_secs(), 25);
    assert_eq!((settings.limits.session.as_secs(), settings.limits.pause.as_secs()), (86_400, 604_800));
    assert_eq!((settings.limits.sessions_per_account, settings.limits.journal_days), (100, 14));
    assert_eq!(settings.queue.prefix, "pinksync");
    assert!(settings.worker.permits >= 1 && settings.access.file_roots.is_empty());
    assert_eq!(settings.amqp_url().unwrap().expose(), AMQP.1);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn every_role_needs_only_what_it_uses() {
    let missing = |role| paths(read(role, &[]));
    let (database, amqp, key) = (DATABASE.0, AMQP.0, "PINKSYNC_MASTER_KEY");
    assert_eq!(missing(Role::Database), [database]);
    assert_eq!(missing(Role::Secrets), [database, key]);
    assert_eq!(missing(Role::Scheduler), [database, amqp]);
    for role in [Role::Api, Role::Worker, Role::Up] {
        assert_eq!(missing(role), [database, amqp, key]);
    }
    let settings = read(Role::Database, &[DATABASE]).unwrap();
    assert!(settings.amqp_url().is_err() && settings.master_keys().is_err());
}

#[test]
fn a_missing_master_key_says_how_to_make_one() {
    let mistakes = read(Role::Worker, &[DATABASE, AMQP, ("PINKSYNC_MASTER_KEY", "")]).unwrap_err();
    assert!(mistakes.to_string().contains("openssl rand -base64 32"), "{mistakes}");
    for weak in ["hunter2", "aHVudGVyMg==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        let mistakes = read(Role::Worker, &[DATABASE, AMQP, ("PINKSYNC_MASTER_KEY", weak)]).unwrap_err();
        assert_eq!(mistakes.0.len(), 1);
        assert!(!mistakes.to_string().contains(weak) && mistakes.to_string().contains("openssl"), "{mistakes}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let result = read(
        Role::Up,
        &[
            ("PINKSYNC_DATABASE_URL", "mysql://u:hunter2@db"),
            ("PINKSYNC_AMQP_URL", "http://u:hunter2@mq"),
            ("PINKSYNC_MASTER_KEY", "hunter2"),
            ("PINKSYNC_API_LISTEN", "8080"),
            ("PINKSYNC_LEASE", "30"),
            ("PINKSYNC_WORKER_PERMITS", "0"),
            ("PINKSYNC_ALLOWED_NETWORKS", "10.0.0.0/8,ten"),
            ("PINKSYNC_FILE_ROOTS", "files"),
            ("PINKSYNC_LOG_FORMAT", "xml"),
            ("PINKSYNC_LOG", "info,=,"),
            ("PINKSYNC_ALLOW_PLAIN_HTTP", "yes"),
            ("PINKSYNC_PUBLIC_URL", "sync.example.com"),
            ("PINKSYNC_TLS_KEY", "/tls/key.pem"),
            ("PINKSYNC_DATABASE_POOL", "-1"),
        ],
    );
    let paths = paths(result);
    assert_eq!(paths.len(), 14, "{paths:?}");
    assert!(paths.contains(&"PINKSYNC_TLS_CERTIFICATE".to_owned()), "{paths:?}");
}

#[test]
fn an_unknown_name_is_a_mistake_with_a_suggestion() {
    let mistakes = read_with(&[
        ("PINKSYNC_DATABSE_POOL", "5"),
        ("PINKSYNC_NONSENSE_AT_ALL", "5"),
        ("PINKSYNC_TEST_POSTGRES_URL", "x"),
        ("PINKSYNC_BIN", "x"),
        ("PATH", "/bin"),
    ]);
    let mistakes = mistakes.unwrap_err().0;
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[0].remedy.contains("PINKSYNC_DATABASE_POOL"), "{mistakes:?}");
}

#[test]
fn plain_http_beyond_loopback_has_to_be_asked_for() {
    let open = ("PINKSYNC_API_LISTEN", "0.0.0.0:8080");
    assert_eq!(paths(read_with(&[open])), ["PINKSYNC_API_LISTEN"]);
    assert!(read_with(&[open, ("PINKSYNC_ALLOW_PLAIN_HTTP", "true")]).unwrap().api.tls.is_none());
    let tls = [open, ("PINKSYNC_TLS_CERTIFICATE", "/tls/cert.pem"), ("PINKSYNC_TLS_KEY", "/tls/key.pem")];
    assert_eq!(read_with(&tls).unwrap().api.public_url, "https://0.0.0.0:8080");
    assert!(read(Role::Scheduler, &[DATABASE, AMQP, open]).is_ok());
}

#[test]
fn heartbeats_fit_into_their_lease() {
    assert_eq!(paths(read_with(&[("PINKSYNC_HEARTBEAT", "11s")])), ["PINKSYNC_HEARTBEAT"]);
    let short = read_with(&[("PINKSYNC_LEASE", "3s")]).unwrap();
    assert_eq!(short.worker.heartbeat.as_secs(), 1);
}

#[test]
fn a_file_holds_the_same_settings_and_variables_come_first() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "database_url = \"{}\"\namqp_url = \"{}\"\nmaster_key = [\"{}\", \"old:{}\"]\n\
         lease = \"1m\"\nworker_permits = 3\nallow_plain_http = true\nfile_roots = [\"/a\", \"/b\"]\n",
        DATABASE.1,
        AMQP.1,
        *new_key(),
        *new_key()
    );
    file.write_all(text.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let config = ("PINKSYNC_CONFIG", path.as_str());
    let settings = read(Role::Up, &[config, ("PINKSYNC_LEASE", "2m")]).unwrap();
    assert_eq!((settings.worker.lease.as_secs(), settings.worker.permits), (120, 3));
    assert_eq!(settings.access.file_roots, [PathBuf::from("/a"), PathBuf::from("/b")]);
    assert_eq!(settings.master_keys().unwrap().keys().len(), 2);

    file.write_all(b"rate_limits = 5\nworker_permits2 = 1.5\n[api]\nlisten = 5\n").unwrap();
    let mistakes = read(Role::Up, &[config]).unwrap_err();
    assert_eq!(mistakes.0.len(), 3, "{mistakes}");
    assert!(mistakes.to_string().contains("PINKSYNC_RATE_LIMIT"), "{mistakes}");
}

#[test]
fn a_file_that_is_no_toml_is_not_shown() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"lease = \"1m\"\ndatabase_url = postgres://u:hunter2@db\n").unwrap();
    let mistakes = read_with(&[("PINKSYNC_CONFIG", file.path().to_str().unwrap())]).unwrap_err();
    assert!(mistakes.to_string().contains("line 2"), "{mistakes}");
    assert!(!mistakes.to_string().contains("hunter2"), "{mistakes}");
    assert_eq!(paths(read_with(&[("PINKSYNC_CONFIG", "/no/such/file")])), ["PINKSYNC_CONFIG"]);
}
