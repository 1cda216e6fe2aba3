//! A URL as it may be shown.

use super::MASK;

/// Parameters that tell how to connect and are no secret. All others are left out: a driver may take a password there.
const SHOWN_PARAMETERS: [&str; 4] = ["dbname", "user", "host", "replicaSet"];
/// Of these only what a driver knows is shown: anything else may be a password in the wrong place.
const SHOWN_MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
const SHOWN_NUMBERS: [&str; 2] = ["port", "connect_timeout"];

/// Scheme, user, hosts, ports and database of a URL, `***` in the place of its password. Everything before the last `@` is
/// taken for the user and password, so that a character that should have been encoded shows no part of a password.
pub fn public_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return MASK.to_owned();
    };
    let (user, address) = match rest.rsplit_once('@') {
        Some((login, address)) => (public_login(login), address),
        None => (String::new(), rest),
    };
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    let (hosts, database) = match place.split_once('/') {
        Some((hosts, database)) => (hosts, format!("/{database}")),
        None => (place, String::new()),
    };
    let hosts: Vec<String> = hosts.split(',').map(public_host).collect();
    format!("{scheme}://{user}{}{database}{}", hosts.join(","), public_query(query))
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
}

fn public_login(login: &str) -> String {
    match login.split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}@"),
        None => format!("{login}@"),
    }
}

/// What stands for a port and is none may be a password whose `@` was forgotten.
fn public_host(host: &str) -> String {
    match host.rsplit_once(':') {
        Some((name, port)) if !host.ends_with(']') && !port.chars().all(|c| c.is_ascii_digit()) => {
            format!("{name}:{MASK}")
        }
        _ => host.to_owned(),
    }
}

fn public_query(query: &str) -> String {
    let shown: Vec<&str> = query.split('&').filter(|parameter| is_shown(parameter)).collect();
    if shown.is_empty() { String::new() } else { format!("?{}", shown.join("&")) }
}

fn is_shown(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    SHOWN_PARAMETERS.contains(&name)
        || name == "sslmode" && SHOWN_MODES.contains(&value)
        || SHOWN_NUMBERS.contains(&name) && value.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_everything_but_its_secrets() {
        for (url, expected) in [
            ("postgres://u:hunter2@db:5432/shop?sslmode=require", "postgres://u:***@db:5432/shop?sslmode=require"),
            ("postgres://u@db/shop", "postgres://u@db/shop"),
            ("postgres://db", "postgres://db"),
            ("postgres://u:hunter2@a:1,b:2/shop", "postgres://u:***@a:1,b:2/shop"),
            ("postgres://u:hunter2@[::1]:5432/shop", "postgres://u:***@[::1]:5432/shop"),
            ("postgres://u:hunter2@[::1]/shop", "postgres://u:***@[::1]/shop"),
            ("postgres://db/shop?user=u&password=hunter2&sslmode=disable", "postgres://db/shop?user=u&sslmode=disable"),
            ("postgres://db/shop?sslmode=hunter2&connect_timeout=hunter2&port=1", "postgres://db/shop?port=1"),
            ("mongodb+srv://u:hunter2@db/?authSource=admin", "mongodb+srv://u:***@db/"),
            ("postgres://u:hun@ter2@db/shop", "postgres://u:***@db/shop"),
            ("postgres://u:hun/ter2@db/shop", "postgres://u:***@db/shop"),
            ("postgres://u:hun?ter2@db/shop", "postgres://u:***@db/shop"),
            ("postgres://u:hunter2", "postgres://u:***"),
            ("host=db password=hunter2", "***"),
            ("host=db password=hunter2://", "***"),
            ("", "***"),
        ] {
            assert_eq!(public_url(url), expected);
            assert_eq!(public_url(expected), expected);
        }
    }
}
