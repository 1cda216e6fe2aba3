//! Rules for the two sides.

use crate::parse::{Gathered, Place};
use crate::{Connection, CsvSettings, ServerSettings};

/// Checks the side at `place`.
pub(super) fn check(connection: &Connection, place: &Place, found: &mut Gathered<'_>) {
    match connection {
        Connection::Postgres(server) => {
            check_address(server, place, found);
            check_scheme(server, &["postgres://", "postgresql://"], place, found);
        }
        Connection::Csv(files) => check_dialect(&files.csv, &place.field("csv"), found),
        Connection::Sqlite(_) => {}
    }
}

/// Either `url`, or `host`, `database` and `user`.
fn check_address(server: &ServerSettings, place: &Place, found: &mut Gathered<'_>) {
    let parts = [
        ("host", server.host.is_some()),
        ("port", server.port.is_some()),
        ("database", server.database.is_some()),
        ("user", server.user.is_some()),
        ("password", server.password.is_some()),
    ];
    let given: Vec<&str> = parts.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if server.url.is_some() {
        if !given.is_empty() {
            let message = format!("`url` and `{}` exclude each other", given.join("`, `"));
            found.add(&place.field("url"), message, "keep the url, or the single fields without it");
        }
        return;
    }
    if given.is_empty() {
        let remedy = "add `url: \"${NAME_OF_A_VARIABLE}\"`, or `host`, `database` and `user`";
        found.add(place, "nothing says how to reach the server", remedy);
        return;
    }
    // A host is no secret and is shown; what belongs into `url` holds one.
    if server.host.as_ref().is_some_and(|host| host.contains("://") || host.find('@').is_some_and(|at| at > 0)) {
        let remedy = "write its name or address alone; what holds a user and a password belongs into `url`";
        found.add(&place.field("host"), "this is not the name of a host", remedy);
    }
    for name in ["host", "database", "user"] {
        if !given.contains(&name) {
            let remedy = format!("add `{name}: …`, or give everything as `url`");
            found.add(&place.field(name), format!("the field `{name}` is missing"), remedy);
        }
    }
}

/// The URL is not shown: it may hold a password.
fn check_scheme(server: &ServerSettings, schemes: &[&str], place: &Place, found: &mut Gathered<'_>) {
    let Some(url) = &server.url else { return };
    if !schemes.iter().any(|scheme| url.expose().starts_with(scheme)) {
        let message = format!("the url does not begin with {}", schemes.join(" or "));
        let remedy = format!("write {}user:password@host:port/database", schemes[0]);
        found.add(&place.field("url"), message, remedy);
    }
}

fn check_dialect(csv: &CsvSettings, place: &Place, found: &mut Gathered<'_>) {
    for (name, character) in [("delimiter", csv.delimiter), ("quote", csv.quote)] {
        if !character.is_ascii() || matches!(character, '\n' | '\r' | '\0') {
            let remedy = "use an ASCII character that does not end a line";
            found.add(&place.field(name), format!("this character cannot be a {name}"), remedy);
        }
    }
    if csv.delimiter == csv.quote {
        found.add(&place.field("quote"), "`quote` and `delimiter` are the same character", "choose two different ones");
    }
}
