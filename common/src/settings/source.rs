//! Where settings come from, and the mistakes that are found on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;

use pinksync_model::Mistake;
use toml::{Table, Value};

use super::mistake;

const PREFIX: &str = "PINKSYNC_";

/// The variable that names the file.
const CONFIG: &str = "PINKSYNC_CONFIG";

/// Variables of tests, measurements and the development script, which are no settings of a process.
const OTHERS: [&str; 6] =
    ["PINKSYNC_TEST_", "PINKSYNC_BENCH_", "PINKSYNC_DENY", "PINKSYNC_BIN", "PINKSYNC_PROPERTY_CASES", "PINKSYNC_IMAGE"];

/// A name is suggested if it is at most this many typing errors away.
const NEAR: usize = 4;

/// What was given, by the name of a setting (`database_url`), and what was wrong so far.
pub(super) struct Source {
    given: BTreeMap<String, Given>,
    /// The settings that were asked for: all others are unknown.
    known: BTreeSet<&'static str>,
    mistakes: Vec<Mistake>,
}

struct Given {
    text: String,
    /// How to call it in a mistake.
    origin: String,
}

impl Source {
    /// Takes what begins with `PINKSYNC_`; an empty variable is as one that is not set.
    pub(super) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut source = Self { given: BTreeMap::new(), known: BTreeSet::new(), mistakes: Vec::new() };
        let mut file = None;
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| is_ours(name)) else { continue };
            let Ok(text) = value.into_string() else {
                source.add(mistake(name, "this is not UTF-8", "set it to plain text"));
                continue;
            };
            if name == CONFIG {
                file = Some(text).filter(|text| !text.is_empty());
            } else if !text.is_empty() {
                let setting = name[PREFIX.len()..].to_lowercase();
                source.given.insert(setting, Given { text, origin: name.to_owned() });
            }
        }
        if let Some(path) = file {
            source.read_file(&path);
        }
        source
    }

    /// What a setting says, read by `parse`, which gives message and remedy where it cannot. A setting that is not given
    /// is None, and so is one with a mistake, which is noted.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, (String, String)>,
    ) -> Option<T> {
        self.known.insert(name);
        let given = self.given.get(name)?;
        match parse(given.text.trim()) {
            Ok(value) => Some(value),
            Err((message, remedy)) => {
                let found = mistake(&given.origin, message, remedy);
                self.add(found);
                None
            }
        }
    }

    /// Whether a setting is given, be it with a mistake.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.contains_key(name)
    }

    pub(super) fn add(&mut self, mistake: Mistake) {
        self.mistakes.push(mistake);
    }

    /// All mistakes, those of unknown names among them. To be called when all settings were taken.
    pub(super) fn into_mistakes(mut self) -> Vec<Mistake> {
        for (name, given) in &self.given {
            if !self.known.contains(name.as_str()) {
                let known = self.known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known));
                let near = known.filter(|(distance, _)| *distance <= NEAR).min();
                let remedy = match near {
                    Some((_, known)) => format!("did you mean {}?", variable(known)),
                    None => "remove it; docs/operations.md lists all settings".to_owned(),
                };
                self.mistakes.push(mistake(&given.origin, "there is no such setting", remedy));
            }
        }
        self.mistakes
    }

    fn read_file(&mut self, path: &str) {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                let message = format!("`{path}` cannot be read: {error}");
                return self.add(mistake(CONFIG, message, "name a readable TOML file"));
            }
        };
        // The error's own text shows the line, and a line may hold a secret.
        let table = match text.parse::<Table>() {
            Ok(table) => table,
            Err(error) => {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                let message =
                    format!("`{path}` is not TOML: line {}: {}", before.lines().count().max(1), error.message());
                return self.add(mistake(CONFIG, message, "write `name = \"value\"`, one setting per line"));
            }
        };
        for (name, value) in table {
            self.read_entry(path, &name, value);
        }
    }

    fn read_entry(&mut self, path: &str, name: &str, value: Value) {
        let origin = format!("{name} in {path}");
        match as_text(value) {
            Some(text) => {
                self.given.entry(name.to_owned()).or_insert(Given { text, origin });
            }
            None => {
                // Known by its mistake, so that it is not reported twice.
                self.given.remove(name);
                self.add(mistake(
                    origin,
                    "this is neither text, number, true, false nor a list of texts",
                    "see docs/operations.md",
                ));
            }
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX) && !OTHERS.iter().any(|other| name.starts_with(other))
}

/// The variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase())
}

/// A value as a variable would have it: lists separated by commas.
fn as_text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Boolean(bool) => Some(bool.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<String>> = items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Float(_) | Value::Datetime(_) | Value::Table(_) => None,
    }
}
