//! The two sides of a sync: which system, and how to reach it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Secret, Tls};

/// One side of a sync, told apart by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Connection {
    /// A PostgreSQL server, version 14 or newer.
    Postgres(ServerSettings),
    /// A SQLite 3 database file.
    Sqlite(SqliteSettings),
    /// CSV files: a folder of them, or one file.
    Csv(FileSettings),
}

impl Connection {
    /// The values of `type` that this version knows.
    pub const KINDS: [&'static str; 3] = ["postgres", "sqlite", "csv"];

    /// The name that stands under `type`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::Sqlite(_) => "sqlite",
            Self::Csv(_) => "csv",
        }
    }
}

/// How to reach a server: by `url`, or by `host`, `database` and `user`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Such as `postgres://user:password@host:5432/database`; takes the place of the fields below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<Secret>,
    /// Host name, address, or folder of a local socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// TCP port; the system's usual one if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// Name of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password of `user`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Encryption; also allowed beside `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
}

/// Where a SQLite database lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SqliteSettings {
    /// Path of the database file; relative paths are relative to the sync file.
    #[schemars(length(min = 1))]
    pub path: String,
}

/// Where text files lie and how they are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSettings {
    /// A folder (datasets are file names or globs below it) or one file; relative to the sync file.
    #[schemars(length(min = 1))]
    pub path: String,
    /// How the CSV is written.
    #[serde(default)]
    pub csv: CsvSettings,
}

/// The dialect of a CSV file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CsvSettings {
    /// Between fields; one ASCII character.
    pub delimiter: char,
    /// Around fields that need it; one ASCII character.
    pub quote: char,
    /// Name of the character encoding, such as `utf-8` or `windows-1252`.
    pub encoding: String,
    /// The text that stands for NULL; without it an empty field is NULL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null: Option<String>,
}

impl Default for CsvSettings {
    fn default() -> Self {
        Self { delimiter: ',', quote: '"', encoding: "utf-8".to_owned(), null: None }
    }
}
