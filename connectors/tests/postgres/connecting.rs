//! Ways in: passwords, TLS, servers that are not there, and what `doctor` says of each.

use std::net::ToSocketAddrs;
use std::path::Path;

use pinksync_connectors::origin::Origin;
use pinksync_connectors::postgres::Postgres;
use pinksync_engine::connector::{CheckStep, Purpose};
use pinksync_engine::{Error, ErrorKind};
use pinksync_model::{Secret, ServerSettings, Tls, TlsMode};
use pinksync_test_support::Address;

use super::setup::{server_url, system, variable};

fn password_url() -> String {
    variable("PINKSYNC_TEST_POSTGRES_PASSWORD_URL")
}

async fn try_connect(settings: &ServerSettings) -> Result<Vec<String>, Error> {
    Postgres::open(settings, &Origin::new(Path::new("."), "pinksync test"))?.datasets().await
}

fn settings(url: &str, tls: Option<Tls>) -> ServerSettings {
    ServerSettings { url: Some(Secret::new(url)), tls, ..ServerSettings::default() }
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_shown() {
    let url = password_url();
    for password in [Some("hunter2".to_owned()), None] {
        let wrong = Address { password, ..Address::of(&url) }.to_string();
        let error = try_connect(&settings(&wrong, None)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
        assert!(error.remedy().unwrap().contains("password"), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
    try_connect(&settings(&url, None)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = try_connect(&settings(&format!("postgres://u:hunter2@127.0.0.1:{port}/d"), None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.message().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(!format!("{error:?}").contains("hunter2") && error.remedy().is_some());
    let error = try_connect(&settings("postgres://u@no-such-host.invalid/d", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_a_mistake_of_the_definition() {
    let missing = Address { database: "no_such_database".to_owned(), ..Address::of(&server_url()) };
    let error = try_connect(&settings(&missing.to_string(), None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
}

async fn is_encrypted(settings: &ServerSettings) -> bool {
    let steps = Postgres::open(settings, &Origin::new(Path::new("."), "pinksync test"))
        .unwrap()
        .check(Purpose { writes: true, creates: false })
        .await;
    let step = steps.iter().find(|step| step.name == "authenticate").unwrap_or_else(|| panic!("{steps:?}"));
    !step.detail.contains("not encrypted")
}

#[tokio::test]
async fn tls_is_as_strict_as_it_is_told() {
    let (url, authority) = (server_url(), variable("PINKSYNC_TEST_POSTGRES_CA"));
    for (mode, encrypted) in [(TlsMode::Disable, false), (TlsMode::Prefer, true), (TlsMode::Require, true)] {
        assert_eq!(is_encrypted(&settings(&url, Some(Tls::Mode(mode)))).await, encrypted, "{mode:?}");
    }
    let verified = |ca: Option<String>| Some(Tls::Authority { mode: TlsMode::VerifyFull, ca });
    assert!(is_encrypted(&settings(&url, verified(Some(authority.clone())))).await);
    let mut by_url = Address::of(&url);
    by_url.settings.retain(|setting| !setting.starts_with("ssl"));
    by_url.settings.extend(["sslmode=verify-full".to_owned(), format!("sslrootcert={authority}")]);
    assert!(is_encrypted(&settings(&by_url.to_string(), None)).await);
    let error = try_connect(&settings(&url, verified(None))).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Definition),
        "not trusted by the system: {error}"
    );
    let error = try_connect(&settings(&url, verified(Some("/no/such/file.pem".to_owned())))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Definition, "{error}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_accepted() {
    let authority = variable("PINKSYNC_TEST_POSTGRES_CA");
    // The same server under a name that its certificate does not have.
    let mut other = Address::of(&server_url());
    let found = format!("{}:{}", other.host, other.port).to_socket_addrs().unwrap().next().unwrap();
    other.host = "other.example".to_owned();
    if !other.settings.iter().any(|setting| setting.starts_with("hostaddr=")) {
        other.settings.push(format!("hostaddr={}", found.ip()));
    }
    let other = other.to_string();
    let tls = |mode| Some(Tls::Authority { mode, ca: Some(authority.clone()) });
    try_connect(&settings(&other, tls(TlsMode::Require))).await.unwrap();
    let error = try_connect(&settings(&other, tls(TlsMode::VerifyFull))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(error.message().contains("not valid for name"), "{error}");
}

fn names(steps: &[CheckStep]) -> Vec<(&str, bool)> {
    steps.iter().map(|step| (step.name, step.ok)).collect()
}

#[tokio::test]
async fn doctor_names_the_step_that_fails() {
    let steps = system(&server_url()).check(Purpose { writes: true, creates: false }).await;
    let expected = ["resolve", "connect", "authenticate", "version", "read", "write", "clock"].map(|name| (name, true));
    assert_eq!(names(&steps), expected, "{steps:?}");
    let steps = system(&server_url()).check(Purpose { writes: false, creates: false }).await;
    let read_only: Vec<_> = expected.into_iter().filter(|(name, _)| *name != "write").collect();
    assert_eq!(names(&steps), read_only, "what is only read needs no right to write");
    let wrong = Address { password: Some("wrong".to_owned()), ..Address::of(&password_url()) };
    let steps = system(&wrong.to_string()).check(Purpose { writes: true, creates: false }).await;
    assert_eq!(names(&steps), [("resolve", true), ("connect", true), ("authenticate", false)]);
    assert!(steps[2].hint.is_some());
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let steps =
        system(&format!("postgres://u@127.0.0.1:{port}/d")).check(Purpose { writes: true, creates: false }).await;
    assert_eq!(names(&steps), [("resolve", true), ("connect", false)]);
    let steps = system("postgres://u@no-such-host.invalid/d").check(Purpose { writes: true, creates: false }).await;
    assert_eq!(names(&steps), [("resolve", false)]);
}
