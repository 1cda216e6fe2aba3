//! The parts of a server's URL, to name another database, password or host of it.

use std::fmt;

/// `postgres://user:password@host:port/database?settings`, each part as it stands in the URL.
#[derive(Debug, Clone)]
pub struct Address {
    pub user: String,
    pub password: Option<String>,
    /// An IPv6 address is in brackets.
    pub host: String,
    pub port: String,
    pub database: String,
    pub settings: Vec<String>,
}

impl Address {
    pub fn of(url: &str) -> Self {
        let rest = url.split_once("://").unwrap_or_else(|| panic!("no URL of a server: {url}")).1;
        let (rest, settings) = rest.split_once('?').unwrap_or((rest, ""));
        let (server, database) = rest.split_once('/').unwrap_or((rest, "postgres"));
        let (login, server) = server.rsplit_once('@').unwrap_or(("postgres", server));
        let (user, password) =
            login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password.to_owned())));
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (server, "5432"),
        };
        Self {
            user: user.to_owned(),
            password,
            host: host.to_owned(),
            port: port.to_owned(),
            database: database.to_owned(),
            settings: settings.split('&').filter(|setting| !setting.is_empty()).map(str::to_owned).collect(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.password.as_ref().map(|password| format!(":{password}")).unwrap_or_default();
        let mark = if self.settings.is_empty() { "" } else { "?" };
        let settings = self.settings.join("&");
        let Self { user, host, port, database, .. } = self;
        write!(out, "postgres://{user}{password}@{host}:{port}/{database}{mark}{settings}")
    }
}

#[test]
fn any_url_is_taken_apart_and_put_together() {
    for (url, whole) in [
        ("postgres://u@h:1/d", "postgres://u@h:1/d"),
        (
            "postgresql://u:p%40@[::1]/d?sslmode=disable&hostaddr=::1",
            "postgres://u:p%40@[::1]:5432/d?sslmode=disable&hostaddr=::1",
        ),
        ("postgres://h?application_name=a/b@c", "postgres://postgres@h:5432/postgres?application_name=a/b@c"),
    ] {
        assert_eq!(Address::of(url).to_string(), whole);
    }
}
