//! Files on disk: finding the one that a dataset names, reading it through its compression, telling versions apart.

use std::fs::{self, File, Metadata};
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use flate2::read::MultiGzDecoder;
use globset::GlobBuilder;
use pinksync_engine::{Error, ErrorKind, Result};

use super::config::{Root, has_file_ending};
use super::error::reading;

const ENDINGS: [&str; 3] = [".csv", ".csv.gz", ".csv.zst"];
/// Endings that say what kind of file it is and are no part of its name elsewhere; a new file gets the first.
pub const KNOWN_ENDINGS: [&str; 9] =
    [".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst", ".txt", ".txt.gz", ".txt.zst"];
/// Folders below the side's folder that are looked into.
const DEPTH: usize = 8;

/// A dataset's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Free of links, so that replacing the file replaces what a link points to.
    pub path: PathBuf,
    pub compression: Compression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Where a dataset's file is, or would be.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    There(PathBuf),
    Missing(PathBuf),
}

impl DataFile {
    pub fn new(path: &Path) -> Self {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let compression = match () {
            () if ending.eq_ignore_ascii_case("gz") => Compression::Gzip,
            () if ending.eq_ignore_ascii_case("zst") => Compression::Zstd,
            () => Compression::None,
        };
        Self { path: path.canonicalize().unwrap_or_else(|_| path.to_owned()), compression }
    }

    /// Opens the file for reading from its beginning.
    pub fn open(&self) -> Result<(Input, Fingerprint)> {
        let error = |error| reading(&self.path, error);
        let file = File::open(&self.path).map_err(error)?;
        let fingerprint = Fingerprint::of(&file.metadata().map_err(error)?);
        Ok((Input::new(file, self.compression).map_err(error)?, fingerprint))
    }

    /// What lies under the path now; `None` if nothing does.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        fs::metadata(&self.path).ok().map(|metadata| Fingerprint::of(&metadata))
    }
}

/// What tells one version of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    device: u64,
    inode: u64,
    pub size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
}

impl Fingerprint {
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// A file read through its compression, with a running hash of its raw bytes.
pub enum Input {
    Plain(Hashed),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Hashed>>>),
}

impl Input {
    pub fn new(file: File, compression: Compression) -> io::Result<Self> {
        let hashed = Hashed { file, hasher: DefaultHasher::new() };
        Ok(match compression {
            Compression::None => Self::Plain(hashed),
            Compression::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(hashed)))),
            Compression::Zstd => {
                Self::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(BufReader::new(hashed))?))
            }
        })
    }

    /// The hash of all raw bytes, those after the last compressed one too.
    pub fn finish(self) -> io::Result<u64> {
        let mut hashed = match self {
            Self::Plain(hashed) => hashed,
            Self::Gzip(decoder) => decoder.into_inner().into_inner(),
            Self::Zstd(decoder) => decoder.finish().into_inner(),
        };
        io::copy(&mut hashed, &mut io::sink())?;
        Ok(hashed.hasher.finish())
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(input) => input.read(out),
            Self::Gzip(input) => input.read(out),
            Self::Zstd(input) => input.read(out),
        }
    }
}

/// A file whose bytes are hashed as they are read.
pub struct Hashed {
    file: File,
    hasher: DefaultHasher,
}

impl Read for Hashed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        self.hasher.write(&out[..read]);
        Ok(read)
    }
}

/// Names of the datasets below the root, sorted.
pub fn names(root: &Root) -> Result<Vec<String>> {
    let folder = match root {
        Root::File(path) => return Ok(vec![stem(path)]),
        Root::Folder(folder) => folder,
    };
    let files = files(folder)?;
    let mut names: Vec<String> = files
        .iter()
        .map(|file| {
            let short = without_ending(file);
            match files.iter().filter(|other| without_ending(other) == short).count() {
                1 => short.to_owned(),
                _ => file.clone(),
            }
        })
        .collect();
    names.sort();
    Ok(names)
}

/// The name by which a single file is called as a dataset.
pub fn stem(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    without_ending(&name).to_owned()
}

fn without_ending(name: &str) -> &str {
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Files below a folder with an ending of ours, as paths relative to it. What begins with a dot is left out.
fn files(folder: &Path) -> Result<Vec<String>> {
    check_folder(folder)?;
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), String::new(), 0)];
    while let Some((path, prefix, depth)) = folders.pop() {
        for entry in fs::read_dir(&path).map_err(|error| reading(&path, error))? {
            let entry = entry.map_err(|error| reading(&path, error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let kind = entry.file_type().map_err(|error| reading(&path, error))?;
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), format!("{prefix}{name}/"), depth + 1));
            } else if !kind.is_dir() && ENDINGS.iter().any(|ending| name.ends_with(ending)) && entry.path().is_file() {
                found.push(format!("{prefix}{name}"));
            }
        }
    }
    found.sort();
    Ok(found)
}

pub fn check_folder(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Storage, "open the CSV files", format!("the folder {} does not exist", folder.display()))
        .with_remedy("create the folder, or correct `path`; relative paths are relative to the sync file"))
}

/// The name and place of the file that a dataset's name stands for: a file below the folder with or without `.csv`,
/// or a pattern that fits one file. A root that is one file has only that.
pub fn find(root: &Root, dataset: &str) -> Result<(String, Place)> {
    match root {
        Root::File(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !dataset.is_empty() && dataset != name && dataset != stem(path) {
                return Err(mistake(format!("`path` is the one file {name}; it has no dataset `{dataset}`")));
            }
            check_folder(path.parent().unwrap_or(Path::new("/")))?;
            let place = if path.is_file() { Place::There(path.clone()) } else { Place::Missing(path.clone()) };
            Ok((stem(path), place))
        }
        Root::Folder(folder) => {
            check_folder(folder)?;
            if dataset.contains(['*', '?', '[', '{']) && !folder.join(dataset).is_file() {
                return match_pattern(folder, dataset);
            }
            Ok((dataset.to_owned(), find_below(folder, dataset)?))
        }
    }
}

fn match_pattern(folder: &Path, pattern: &str) -> Result<(String, Place)> {
    let glob = GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| mistake(format!("`{pattern}` is not a pattern: {error}")))?
        .compile_matcher();
    let files: Vec<String> =
        files(folder)?.into_iter().filter(|name| glob.is_match(name) || glob.is_match(without_ending(name))).collect();
    match &files[..] {
        [one] => Ok((one.clone(), Place::There(folder.join(one)))),
        [] => Err(mistake(format!("no file below {} fits `{pattern}`", folder.display()))),
        several => {
            let few = several.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
            Err(mistake(format!("`{pattern}` fits {} files ({few}); a dataset is one file", several.len())))
        }
    }
}

fn find_below(folder: &Path, dataset: &str) -> Result<Place> {
    let inside = Path::new(dataset).components().all(|part| matches!(part, Component::Normal(_)));
    if dataset.is_empty() || !inside {
        return Err(mistake(format!("`{dataset}` is not the name of a file below {}", folder.display())));
    }
    let exact = folder.join(dataset);
    if exact.is_file() {
        return Ok(Place::There(exact));
    }
    let with_ending = |ending: &str| folder.join(format!("{dataset}{ending}"));
    let mut there: Vec<PathBuf> =
        ENDINGS.iter().map(|ending| with_ending(ending)).filter(|path| path.is_file()).collect();
    match (there.pop(), there.is_empty()) {
        (Some(path), true) => Ok(Place::There(path)),
        (Some(_), false) => {
            Err(mistake(format!("`{dataset}` stands for several files: give the name with its ending")))
        }
        (None, _) if has_file_ending(&exact) => Ok(Place::Missing(exact)),
        (None, _) => Ok(Place::Missing(with_ending(ENDINGS[0]))),
    }
}

fn mistake(message: String) -> Error {
    Error::new(ErrorKind::Definition, "find the dataset's file", message)
        .with_remedy("a dataset is named by its file's path below the folder, with or without `.csv`")
}

#[cfg(test)]
mod tests;
