//! The steps of `doctor`: is the path there, can its files be read, can its folder be written.

use std::path::Path;

use pinksync_engine::connector::{CheckStep, Purpose};
use pinksync_engine::{Error, Result};

use super::client::{self, DataFile};
use super::config::{Dialect, Root};
use super::error::writing;
use super::files::Files;
use super::schema;

/// What was found, or why the step failed.
type Check = fn(&Files, &Dialect) -> Result<String>;

/// Goes through the steps until one fails. Blocks.
pub fn steps(files: &Files, dialect: &Dialect, purpose: Purpose) -> Vec<CheckStep> {
    let mut steps = Vec::new();
    let checks: [(&'static str, Check); 3] = [("resolve", resolve), ("read", read), ("write", write)];
    let needed = if purpose.writes { checks.len() } else { checks.len() - 1 };
    for &(name, check) in &checks[..needed] {
        let step = match check(files, dialect) {
            Ok(detail) => CheckStep { name, ok: true, detail, hint: None },
            Err(error) => failed(name, &error),
        };
        let ok = step.ok;
        steps.push(step);
        if !ok {
            break;
        }
    }
    steps
}

fn failed(name: &'static str, error: &Error) -> CheckStep {
    CheckStep { name, ok: false, detail: error.to_string(), hint: error.remedy().map(str::to_owned) }
}

fn resolve(files: &Files, _dialect: &Dialect) -> Result<String> {
    let names = client::names(&files.root)?;
    Ok(format!("{} (datasets: {})", files.root.path().display(), names.len()))
}

/// Reads the header of every file.
fn read(files: &Files, dialect: &Dialect) -> Result<String> {
    let mut columns = 0;
    for name in client::names(&files.root)? {
        if let (name, client::Place::There(path)) = files.find(&name)? {
            columns += schema::describe(&DataFile::new(&path), dialect, &name)?.columns.len();
        }
    }
    Ok(format!("columns in all: {columns}"))
}

/// Puts a temporary file into the folder, which goes away at once.
fn write(files: &Files, _dialect: &Dialect) -> Result<String> {
    let folder = match &files.root {
        Root::Folder(folder) => folder,
        Root::File(file) => file.parent().unwrap_or(Path::new("/")),
    };
    tempfile::tempfile_in(folder).map_err(|error| writing(folder, error))?;
    Ok("the folder can be written".to_owned())
}
