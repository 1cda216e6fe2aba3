//! Connection settings from a sync file, checked and turned into the driver's.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::{ServerSettings, TlsMode};
use tokio_postgres::config::{Host, SslMode};

/// How long a connection may take to come about.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

const OPERATION: &str = "read the connection settings";

/// Settings that can be connected with.
#[derive(Clone)]
pub struct Target {
    pub driver: tokio_postgres::Config,
    pub tls: TlsMode,
    /// Path of a PEM file of authorities.
    pub authority: Option<PathBuf>,
    /// After this time without a statement the server ends a transaction.
    pub idle_limit: Duration,
}

impl Target {
    /// Relative paths are relative to `base_folder`; `application` is what the server shows as `application_name`.
    pub fn new(settings: &ServerSettings, base_folder: &Path, application: &str) -> Result<Self> {
        let (mut driver, mut tls, mut authority) = match &settings.url {
            Some(url) => from_url(url.expose())?,
            None => (from_fields(settings)?, TlsMode::default(), None),
        };
        if let Some(given) = &settings.tls {
            tls = given.mode();
            authority = given.ca().map(str::to_owned);
        }
        let authority = authority.map(|path| base_folder.join(path));
        driver
            .application_name(application)
            .ssl_mode(match tls {
                TlsMode::Disable => SslMode::Disable,
                TlsMode::Prefer => SslMode::Prefer,
                TlsMode::Require | TlsMode::VerifyFull => SslMode::Require,
            })
            .keepalives_idle(Duration::from_secs(30))
            .keepalives_interval(Duration::from_secs(10))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(60));
        if driver.get_connect_timeout().is_none() {
            driver.connect_timeout(CONNECT_TIMEOUT);
        }
        if driver.get_hosts().is_empty() {
            return Err(mistake("no host is named").with_remedy("add a host to the url"));
        }
        Ok(Self { driver, tls, authority, idle_limit: Duration::ZERO })
    }

    /// Hosts with ports, as `host:5432`; several with commas.
    pub fn address(&self) -> String {
        let one = |(host, port): (&Host, u16)| match host {
            Host::Tcp(name) => format!("{name}:{port}"),
            #[cfg(unix)]
            Host::Unix(path) => format!("{}:{port}", path.display()),
        };
        self.driver.get_hosts().iter().zip(self.ports()).map(one).collect::<Vec<_>>().join(",")
    }

    /// Where connections go, with ports: addresses where the settings give those, else names.
    pub fn hosts(&self) -> Vec<(String, u16)> {
        let addresses = self.driver.get_hostaddrs();
        let name = |(at, host): (usize, &Host)| match (addresses.get(at), host) {
            (Some(address), _) => address.to_string(),
            (None, Host::Tcp(name)) => name.clone(),
            #[cfg(unix)]
            (None, Host::Unix(path)) => path.display().to_string(),
        };
        self.driver.get_hosts().iter().enumerate().map(name).zip(self.ports()).collect()
    }

    /// Connects to these addresses instead of looking names up, where all hosts have one.
    pub fn connect_to(&mut self, addresses: &HashMap<String, IpAddr>) {
        let found: Option<Vec<IpAddr>> = self.hosts().iter().map(|(name, _)| addresses.get(name).copied()).collect();
        if self.driver.get_hostaddrs().is_empty() {
            for address in found.into_iter().flatten() {
                self.driver.hostaddr(address);
            }
        }
    }

    /// The port of each host; one port may stand for all of them.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        let ports = self.driver.get_ports();
        (0..self.driver.get_hosts().len()).map(|at| ports.get(at).or(ports.first()).copied().unwrap_or(5432))
    }

    /// The database's name; the server takes the user's where none is given.
    pub fn database(&self) -> &str {
        self.driver.get_dbname().or(self.driver.get_user()).unwrap_or("postgres")
    }
}

fn mistake(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Definition, OPERATION, message)
}

fn from_fields(settings: &ServerSettings) -> Result<tokio_postgres::Config> {
    let mut driver = tokio_postgres::Config::new();
    let missing =
        |name: &str| mistake(format!("the field `{name}` is missing")).with_remedy(format!("add `{name}: …`"));
    driver.host(settings.host.as_deref().ok_or_else(|| missing("host"))?);
    driver.port(settings.port.unwrap_or(5432));
    driver.dbname(settings.database.as_deref().ok_or_else(|| missing("database"))?);
    driver.user(settings.user.as_deref().ok_or_else(|| missing("user"))?);
    if let Some(password) = &settings.password {
        driver.password(password.expose());
    }
    Ok(driver)
}

/// The driver knows neither `verify-full` nor `sslrootcert`: both are taken out of the URL before it reads it.
/// The URL is never part of a message.
fn from_url(url: &str) -> Result<(tokio_postgres::Config, TlsMode, Option<String>)> {
    let (mut tls, mut authority, mut rest) = (TlsMode::default(), None, Vec::new());
    // The driver takes what follows the first one for the host, and hosts are shown.
    if url.matches('@').count() > 1 {
        return Err(
            mistake("the url has more than one `@`").with_remedy("write those of user, password and parameters as %40")
        );
    }
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", mode)) => tls = ssl_mode(mode)?,
            Some(("sslrootcert", path)) => authority = Some(percent_decoded(path)?),
            _ => rest.push(parameter),
        }
    }
    let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    let driver = plain.parse::<tokio_postgres::Config>().map_err(|error| {
        mistake(format!("the url cannot be read: {}", pinksync_model::chain(&error)))
            .with_remedy("write postgres://user:password@host:port/database, special characters as %40 and the like")
    })?;
    Ok((driver, tls, authority))
}

fn ssl_mode(mode: &str) -> Result<TlsMode> {
    Ok(match mode {
        "disable" => TlsMode::Disable,
        "allow" | "prefer" => TlsMode::Prefer,
        "require" => TlsMode::Require,
        "verify-full" => TlsMode::VerifyFull,
        _ => {
            return Err(
                mistake("this `sslmode` is not known").with_remedy("use disable, prefer, require or verify-full")
            );
        }
    })
}

fn percent_decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| mistake("`sslrootcert` is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinksync_model::{Secret, Tls};

    fn url(text: &str) -> ServerSettings {
        ServerSettings { url: Some(Secret::new(text)), ..ServerSettings::default() }
    }

    #[test]
    fn a_url_says_where_and_how() {
        let target = Target::new(
            &url("postgres://me:s%40crt@db.example:6000/shop?sslmode=verify-full&sslrootcert=%2Fca.pem"),
            Path::new("/base"),
            "x",
        );
        let target = target.unwrap();
        assert_eq!((target.address().as_str(), target.database()), ("db.example:6000", "shop"));
        assert_eq!((target.tls, target.authority.as_deref()), (TlsMode::VerifyFull, Some(Path::new("/ca.pem"))));
        assert_eq!(target.driver.get_password(), Some(&b"s@crt"[..]));
        assert_eq!(target.driver.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn the_tls_field_stands_above_the_url() {
        let mut settings = url("postgres://me@h/d?sslmode=require&connect_timeout=3");
        settings.tls = Some(Tls::Mode(TlsMode::Disable));
        let target = Target::new(&settings, Path::new("/base"), "x").unwrap();
        assert_eq!((target.tls, target.address().as_str()), (TlsMode::Disable, "h:5432"));
    }

    #[test]
    fn each_host_has_its_port() {
        let of = |text: &str| {
            let target = Target::new(&url(text), Path::new("/base"), "x").unwrap();
            (target.address(), target.ports().collect::<Vec<_>>())
        };
        assert_eq!(of("postgres://me@a:1,b:2/d"), ("a:1,b:2".to_owned(), vec![1, 2]));
        assert_eq!(of("postgres://me@a,b/d"), ("a:5432,b:5432".to_owned(), vec![5432, 5432]));
    }

    #[test]
    fn a_relative_authority_lies_beside_the_sync_file() {
        let mut settings = url("postgres://me@h/d?sslmode=verify-full&sslrootcert=certs%2Fca.pem");
        let authority = |settings: &ServerSettings| Target::new(settings, Path::new("/base"), "x").unwrap().authority;
        assert_eq!(authority(&settings).as_deref(), Some(Path::new("/base/certs/ca.pem")));
        settings.tls = Some(Tls::Authority { mode: TlsMode::VerifyFull, ca: Some("own.pem".to_owned()) });
        assert_eq!(authority(&settings).as_deref(), Some(Path::new("/base/own.pem")));
    }

    #[test]
    fn single_fields_do_as_well() {
        let settings = ServerSettings {
            host: Some("h".to_owned()),
            database: Some("d".to_owned()),
            user: Some("u".to_owned()),
            ..ServerSettings::default()
        };
        assert_eq!(Target::new(&settings, Path::new("/base"), "x").unwrap().address(), "h:5432");
        let settings = ServerSettings { user: None, ..settings };
        let error = Target::new(&settings, Path::new("/base"), "x").map(|_| ()).unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::Definition, Some("add `user: …`")));
    }

    #[test]
    fn a_mistake_does_not_show_the_password() {
        for text in [
            "postgres://u:hunter2@h:port/d",
            "postgres://u:hunter2@h/d?sslmode=maybe",
            "postgres://u:hunter2@",
            "postgres://u:hun@hunter2@h/d",
            "postgres://u@h/d?sslmode=hunter2",
            "postgres://u:hunter2",
        ] {
            let error = Target::new(&url(text), Path::new("/base"), "x").map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Definition);
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
