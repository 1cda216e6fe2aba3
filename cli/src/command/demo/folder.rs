//! The demo's folder: what is in it, and making it. Only a folder that a demo made is ever written to.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

use super::people::{CRM_ONLY, Person, SHARED, SHOP_ONLY};
use crate::failure::Failure;

/// Says that a demo made this folder.
const MARKER: &str = ".pinksync-demo";
const READY: &str = "This folder was made by `pinksync demo`; `pinksync demo --fresh` makes it anew.\n";
const HALF_MADE: &str = "This folder is being made by `pinksync demo`.\n";

/// What a demo makes, or its sessions do.
const OURS: [&str; 8] = [
    "crm/customers.csv",
    "shop.db",
    "shop.db-journal",
    "shop.db-wal",
    "shop.db-shm",
    "sync.yaml",
    "sync.state.db-wal",
    "sync.state.db-shm",
];

const SYNC_FILE: &str = r#"# The sync of `pinksync demo`: the export of a CRM and the database of a shop follow each other.
name: crm-and-shop
direction: two_way            # changes of either side are carried to the other; one_way never writes the source
strategy: newest_wins         # changed on both sides: the later edit stands. Equal times wait for a person

source: {type: csv, path: crm}          # a folder: its datasets are file names
target: {type: sqlite, path: shop.db}   # relative to this file; postgres takes a url: "${SHOP_URL}"

datasets:
  - source: customers.csv
    target: customers
    key: [id]
    modified_at: updated_at
    fields: {town: city}                # one column, two names
    exclude: [sales_rep, cart_items]    # each side keeps these to itself
    types: {updated_at: timestamp}      # text on both sides, compared as times
    # filter: {field: town, op: ne, value: Oslo}
    # deletes: ignore                   # what is deleted on one side stays on the other

guards:
  max_delete_percent: 50                # a session that would delete more stops before the first delete
"#;

const SHOP_TABLE: &str = "CREATE TABLE customers (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT,
    city TEXT,
    cart_items INTEGER NOT NULL DEFAULT 0,
    updated_at TEXT NOT NULL
)";

pub struct Folder {
    path: PathBuf,
}

/// What is there already.
pub enum Found {
    /// Nothing that anybody made.
    Nothing,
    /// A demo that was interrupted while it was being made.
    HalfMade,
    Ready,
}

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn sync_file(&self) -> PathBuf {
        self.path.join("sync.yaml")
    }

    pub fn crm_file(&self) -> PathBuf {
        self.path.join("crm/customers.csv")
    }

    pub fn shop(&self) -> Result<Connection, Failure> {
        let path = self.path.join("shop.db");
        Connection::open(&path).map_err(|error| unwritable(&path, &error))
    }

    /// # Errors
    /// Somebody else's files are there.
    pub fn look(&self) -> Result<Found, Failure> {
        match std::fs::read_to_string(self.path.join(MARKER)) {
            Ok(text) if text == READY => return Ok(Found::Ready),
            Ok(_) => return Ok(Found::HalfMade),
            Err(_) => {}
        }
        match std::fs::read_dir(&self.path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => Ok(Found::Nothing),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Found::Nothing),
            Ok(false) => {
                Err(Failure::usage(format!("{} is not empty and was not made by a demo", self.path.display()))
                    .help("name another folder: `pinksync demo DIR`"))
            }
            Err(error) => Err(unwritable(&self.path, &error)),
        }
    }

    /// Both sides as they are before the first session.
    pub fn make(&self) -> Result<(), Failure> {
        std::fs::create_dir_all(self.path.join("crm")).map_err(|error| unwritable(&self.path, &error))?;
        self.put(MARKER, HALF_MADE)?;
        self.clear()?;
        self.put("crm/customers.csv", &crm_export())?;
        self.put("sync.yaml", SYNC_FILE)?;
        let shop = self.shop()?;
        let fill = || -> rusqlite::Result<()> {
            let transaction = shop.unchecked_transaction()?;
            transaction.execute_batch(SHOP_TABLE)?;
            for person in SHARED.iter().chain(&SHOP_ONLY) {
                insert(&transaction, person)?;
            }
            transaction.commit()
        };
        fill().map_err(|error| unwritable(&self.path, &error))
    }

    pub fn mark_ready(&self) -> Result<(), Failure> {
        self.put(MARKER, READY)
    }

    pub fn put(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.path.join(name);
        std::fs::write(&path, text).map_err(|error| unwritable(&path, &error))
    }

    /// Removes what an earlier demo made, and nothing else. The state file's lock must be free.
    fn clear(&self) -> Result<(), Failure> {
        let state = self.path.join("sync.state.db");
        if let Some(holder) = pinksync_local::StateFile::holder(&state) {
            let message = format!("the demo in {} is in use by process {}", self.path.display(), holder.pid);
            return Err(Failure::failed(message).help("wait until it has ended"));
        }
        for path in OURS.iter().map(|name| self.path.join(name)).chain([state]) {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(unwritable(&path, &error)),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Adds a customer to the shop.
pub fn insert(shop: &Connection, person: &Person) -> rusqlite::Result<()> {
    let insert = "INSERT INTO customers (id, name, email, phone, city, cart_items, updated_at)
                  VALUES (?1, ?2, ?3, ?4, ?5, ?1 % 4, ?6)";
    let Person { id, name, email, phone, city, updated_at } = person;
    shop.execute(insert, params![id, name, email, phone, city, updated_at])?;
    Ok(())
}

/// A line of the CRM's export.
pub fn crm_line(person: &Person) -> String {
    let sales_rep = ["Kim", "Robin", "Alex"][person.id as usize % 3];
    let Person { id, name, email, phone, city, updated_at } = person;
    format!("{id},{name},{email},{phone},{city},{sales_rep},{updated_at}\n")
}

fn crm_export() -> String {
    let mut text = String::from("id,name,email,phone,town,sales_rep,updated_at\n");
    for person in SHARED.iter().chain(&CRM_ONLY) {
        let _ = text.write_str(&crm_line(person));
    }
    text
}

pub fn unwritable(path: &Path, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::failed(format!("{} cannot be written", path.display()))
        .because(error)
        .help("name a folder that you may write to: `pinksync demo DIR`")
}
