//! A side as it is given on the command line, and as it stands in the sync file.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use pinksync_model::{Connection, CsvSettings, FileSettings, Secret, ServerSettings, SqliteSettings};

use crate::failure::Failure;
use crate::open;

const FORMS: &str = "postgres://…, sqlite:PATH, PATH.db, csv:FOLDER, PATH.csv, or ${NAME} to read the environment";
/// Bytes of a CSV file's first line that are looked at.
const FIRST_LINE: u64 = 64 * 1024;

/// One side.
pub struct Address {
    /// To be opened from the working folder.
    pub connection: Connection,
    /// The side in YAML, on one line; relative to the sync file's folder.
    pub written: String,
    /// The variable that the sync file reads, and its value.
    variable: Option<(String, String)>,
    /// What the user has to type before a run; without the password.
    pub export: Option<String>,
}

impl Address {
    /// `side` is `source` or `target`.
    pub fn read(side: &str, given: &str, folder: &Path) -> Result<Self, Failure> {
        let wrong = |message: String| Failure::usage(format!("--{side}: {message}")).help(format!("give {FORMS}"));
        let named = given.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let text = match named {
            Some(name) => open::environment(name).ok_or_else(|| wrong(format!("the variable {name} is not set")))?,
            None => given.to_owned(),
        };
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest.strip_prefix("//").unwrap_or(rest)),
            _ => (None, text.as_str()),
        };
        match scheme {
            Some("postgres" | "postgresql") => Ok(Self::postgres(side, &text, named)),
            Some("sqlite") => Ok(Self::sqlite(rest, folder)),
            Some("csv") => Ok(Self::csv(rest, folder)),
            Some(other) => Err(wrong(format!("systems of type `{other}` are not known here"))),
            None => Self::by_path(rest, folder)
                .ok_or_else(|| wrong("this is neither a URL nor a known kind of file".to_owned())),
        }
    }

    /// The value of a variable that the sync file reads.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.variable.as_ref().filter(|(known, _)| known == name).map(|(_, value)| value.clone())
    }

    /// Nothing lies yet where this side's file or folder would be.
    pub fn is_missing_file(&self) -> bool {
        let path = match &self.connection {
            Connection::Postgres(_) => return false,
            Connection::Sqlite(settings) => &settings.path,
            Connection::Csv(settings) => &settings.path,
        };
        !Path::new(path).try_exists().unwrap_or(true)
    }

    fn postgres(side: &str, url: &str, named: Option<&str>) -> Self {
        let connection =
            Connection::Postgres(ServerSettings { url: Some(Secret::new(url)), ..ServerSettings::default() });
        let hidden = without_password(url);
        let variable = named.map(str::to_owned).or(hidden.is_some().then(|| format!("{}_URL", side.to_uppercase())));
        let export = match (&variable, &hidden, named) {
            (Some(name), Some(hidden), None) => Some(format!("export {name}='{hidden}'")),
            _ => None,
        };
        let shown = variable.as_ref().map_or_else(|| escaped(url), |name| format!("${{{name}}}"));
        let written = format!("{{type: postgres, url: {}}}", quoted(&shown));
        Self { connection, written, variable: variable.map(|name| (name, url.to_owned())), export }
    }

    fn sqlite(path: &str, folder: &Path) -> Self {
        let written = format!("{{type: sqlite, path: {}}}", written_path(path, folder));
        let connection = Connection::Sqlite(SqliteSettings { path: path.to_owned() });
        Self { connection, written, variable: None, export: None }
    }

    fn csv(path: &str, folder: &Path) -> Self {
        let delimiter = delimiter(Path::new(path));
        let csv = match delimiter {
            ',' => String::new(),
            other => format!(", csv: {{delimiter: {}}}", quoted(&other.to_string())),
        };
        let written = format!("{{type: csv, path: {}{csv}}}", written_path(path, folder));
        let settings = CsvSettings { delimiter, ..CsvSettings::default() };
        let connection = Connection::Csv(FileSettings { path: path.to_owned(), csv: settings });
        Self { connection, written, variable: None, export: None }
    }

    /// By ending, or by what lies there.
    fn by_path(path: &str, folder: &Path) -> Option<Self> {
        let lower = path.to_ascii_lowercase();
        let bare = lower.trim_end_matches(".gz").trim_end_matches(".zst");
        let ends = |endings: &[&str]| endings.iter().any(|ending| bare.ends_with(ending));
        if ends(&[".db", ".sqlite", ".sqlite3", ".db3"]) || is_sqlite(Path::new(path)) {
            return Some(Self::sqlite(path, folder));
        }
        (ends(&[".csv", ".tsv", ".txt"]) || Path::new(path).is_dir()).then(|| Self::csv(path, folder))
    }
}

fn is_scheme(text: &str) -> bool {
    // One letter is a Windows drive.
    text.len() > 1 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
}

/// The URL with `…` for its password; `None` where it has none. In doubt there is one: what stands before the last `@`
/// may hold any character that somebody forgot to escape.
fn without_password(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (login, place) = rest.rsplit_once('@').map_or((None, rest), |(login, place)| (Some(login), place));
    let user = login.map(|login| login.split_once(':').map_or((login, ""), |(user, _)| (user, ":…")));
    let user = user.map(|(user, password)| format!("{user}{password}@")).unwrap_or_default();
    let hidden = format!("{scheme}://{user}{}", without_secret_settings(place));
    (hidden != url).then_some(hidden)
}

fn without_secret_settings(tail: &str) -> String {
    let Some((path, query)) = tail.split_once('?') else { return tail.to_owned() };
    let hide = |setting: &str| match setting.split_once('=') {
        Some((name, _)) if name.contains("password") => format!("{name}=…"),
        _ => setting.to_owned(),
    };
    format!("{path}?{}", query.split('&').map(hide).collect::<Vec<_>>().join("&"))
}

fn is_sqlite(path: &Path) -> bool {
    let mut start = [0; 16];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"SQLite format 3\0"
}

/// The character that stands most often in the first line, of those that are usual.
fn delimiter(path: &Path) -> char {
    let usual = [',', ';', '\t', '|'];
    let line = first_line(path).unwrap_or_default();
    let count = |character: char| line.matches(character).count();
    usual.into_iter().rev().max_by_key(|&character| count(character)).filter(|&best| count(best) > 0).unwrap_or(',')
}

/// Of the file, or of the first CSV file of the folder.
fn first_line(path: &Path) -> Option<String> {
    let file = match path.is_dir() {
        false => path.to_owned(),
        true => {
            let mut files: Vec<PathBuf> = std::fs::read_dir(path).ok()?.flatten().map(|entry| entry.path()).collect();
            files.retain(|file| file.extension().is_some_and(|ending| ending == "csv" || ending == "tsv"));
            files.into_iter().min()?
        }
    };
    let mut line = Vec::new();
    BufReader::new(File::open(file).ok()?.take(FIRST_LINE)).read_until(b'\n', &mut line).ok()?;
    Some(String::from_utf8_lossy(&line).into_owned())
}

/// A path as the sync file has it: relative to its folder where it lies below it, else as it is.
fn written_path(path: &str, folder: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
    let shown = match absolute.strip_prefix(&folder) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.to_owned(),
        Err(_) => absolute,
    };
    quoted(&escaped(&shown.display().to_string()))
}

/// `${` itself, not a variable.
pub fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

/// A text in YAML; every JSON text is one.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_get_into_the_file() {
        for url in [
            "postgres://me:s3cr:et@db/crm?x=1",
            "postgres://db/crm?user=me&password=s3cret",
            "postgres://me:s3c/ret@db",
        ] {
            let address = Address::read("source", url, Path::new(".")).unwrap();
            assert_eq!(address.written, "{type: postgres, url: \"${SOURCE_URL}\"}", "{url}");
            assert_eq!(address.variable("SOURCE_URL").as_deref(), Some(url));
            assert!(!address.export.unwrap().contains("s3c"), "{url}");
        }
        let address = Address::read("target", "postgres://me@db/crm", Path::new(".")).unwrap();
        assert_eq!(address.written, "{type: postgres, url: \"postgres://me@db/crm\"}");
        assert!(address.export.is_none());
    }

    #[test]
    fn files_are_known_by_scheme_or_ending() {
        let written = |given: &str| Address::read("source", given, Path::new("sub")).map(|address| address.written);
        assert_eq!(written("sqlite:sub/a.data").unwrap(), "{type: sqlite, path: \"a.data\"}");
        assert_eq!(written("sub/a.db").unwrap(), "{type: sqlite, path: \"a.db\"}");
        assert_eq!(written("csv:sub").unwrap(), "{type: csv, path: \".\"}");
        assert!(written("/else/a.csv").unwrap().contains("\"/else/a.csv\""));
        assert!(written("mysql://a/b").is_err() && written("what").is_err() && written("${NO_SUCH_URL}").is_err());
    }
}
