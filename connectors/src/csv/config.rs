//! The dialect of a side's files, checked, and where they lie.

use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8};
use pinksync_engine::{Error, ErrorKind, Result};
use pinksync_model::{CsvSettings, FileSettings};

/// How fields are told apart, quoted and encoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialect {
    pub delimiter: u8,
    pub quote: u8,
    pub encoding: &'static Encoding,
    /// The text that stands for NULL; `None`: an empty field does.
    pub null: Option<String>,
}

/// What the side's path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    Folder(PathBuf),
    File(PathBuf),
}

const OPERATION: &str = "open the CSV files";

impl Dialect {
    /// # Errors
    /// `Definition`: the delimiter, the quote or the encoding is not usable.
    pub fn new(settings: &CsvSettings) -> Result<Self> {
        let mistake = |message: String, remedy: &str| {
            Err(Error::new(ErrorKind::Definition, OPERATION, message).with_remedy(remedy))
        };
        let Some(encoding) = Encoding::for_label(settings.encoding.as_bytes()) else {
            return mistake(
                "csv.encoding: there is no such encoding".to_owned(),
                "use a name such as utf-8, windows-1252 or shift_jis",
            );
        };
        if !encoding.is_ascii_compatible() {
            let message = format!("csv.encoding: files in {} are not read", encoding.name());
            return mistake(message, "convert the file to utf-8");
        }
        let mut bytes = [0; 2];
        for (place, name, character) in [(0, "delimiter", settings.delimiter), (1, "quote", settings.quote)] {
            if !character.is_ascii() || matches!(character, '\r' | '\n' | '\0') {
                let message = format!("csv.{name}: {character:?} cannot be one");
                return mistake(message, "use one ASCII character");
            }
            // Behind the first byte of a character, encodings of several bytes use these for other things.
            if encoding != UTF_8 && !encoding.is_single_byte() && (character >= '@' || character.is_ascii_digit()) {
                let message = format!("csv.{name}: {character:?} may be half of a character in {}", encoding.name());
                return mistake(message, "convert the file to utf-8");
            }
            bytes[place] = character as u8;
        }
        let [delimiter, quote] = bytes;
        if delimiter == quote {
            return mistake("csv: delimiter and quote are the same character".to_owned(), "change one of them");
        }
        Ok(Self { delimiter, quote, encoding, null: settings.null.clone().filter(|token| !token.is_empty()) })
    }
}

impl Root {
    /// A path that does not exist yet is a file if its name ends like one.
    pub fn locate(settings: &FileSettings, base_folder: &Path) -> Self {
        let joined = base_folder.join(&settings.path);
        let path = joined.canonicalize().unwrap_or_else(|_| match (joined.parent(), joined.file_name()) {
            (Some(folder), Some(name)) => {
                folder.canonicalize().map_or_else(|_| joined.clone(), |folder| folder.join(name))
            }
            _ => joined.clone(),
        });
        if path.is_file() || (!path.is_dir() && has_file_ending(&path)) { Self::File(path) } else { Self::Folder(path) }
    }

    pub fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::File(path) => path,
        }
    }
}

/// Whether a name says by its ending that it is a file of ours.
pub fn has_file_ending(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ["csv", "tsv", "txt", "gz", "zst"].iter().any(|known| ending.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_dialects_are_refused() {
        let with = |change: fn(&mut CsvSettings)| {
            let mut settings = CsvSettings::default();
            change(&mut settings);
            Dialect::new(&settings)
        };
        assert!(Dialect::new(&CsvSettings::default()).is_ok());
        assert_eq!(with(|s| s.encoding = "latin1".into()).unwrap().encoding.name(), "windows-1252");
        assert!(with(|s| s.delimiter = '\t').is_ok());
        for refused in [
            with(|s| s.encoding = "utf-16le".into()),
            with(|s| s.encoding = "no-such".into()),
            with(|s| s.delimiter = '"'),
            with(|s| s.delimiter = '\n'),
            with(|s| s.quote = '«'),
            with(|s| (s.encoding, s.delimiter) = ("shift_jis".into(), '|')),
        ] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Definition);
        }
    }

    #[test]
    fn a_path_is_a_folder_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::write(base.join("plain"), "id\n").unwrap();
        let locate =
            |path: &str| Root::locate(&FileSettings { path: path.to_owned(), csv: CsvSettings::default() }, &base);
        assert_eq!(locate("."), Root::Folder(base.clone()));
        assert_eq!(locate("plain"), Root::File(base.join("plain")));
        assert_eq!(locate("new.csv"), Root::File(base.join("new.csv")));
        assert_eq!(locate("missing"), Root::Folder(base.join("missing")));
    }
}
