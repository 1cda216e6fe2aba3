//! A file that is there as a whole or not at all: written beside its place, then renamed.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Bytes of a file that is in the way, by which it is told whether it may be replaced.
const LOOKED_AT: u64 = 4096;

/// A place that was found writable, before the work whose outcome it takes.
pub struct WholeFile {
    place: PathBuf,
    /// `None`: a device or a pipe, which is written as it stands.
    beside: Option<NamedTempFile>,
}

impl WholeFile {
    /// `replaces`: whether a file that begins so is an earlier one of the same kind. No other file's place is taken.
    pub fn begin(path: &Path, replaces: fn(&[u8]) -> bool) -> io::Result<Self> {
        // A link stays, and what it leads to is replaced.
        let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        match fs::metadata(&place) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => Ok(Self { place, beside: None }),
            Ok(_) if !replaces(&beginning(&place)?) => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "another kind of file is there, which is not replaced",
            )),
            Ok(found) => Self::beside(place, found.permissions().mode()),
            Err(_) => Self::beside(place, 0o666),
        }
    }

    fn beside(place: PathBuf, mode: u32) -> io::Result<Self> {
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".pinksync-").permissions(Permissions::from_mode(mode));
        let beside = Some(builder.tempfile_in(folder)?);
        Ok(Self { place, beside })
    }

    pub fn finish(self, bytes: &[u8]) -> io::Result<()> {
        let Some(mut beside) = self.beside else {
            return File::options().write(true).open(&self.place)?.write_all(bytes);
        };
        beside.write_all(bytes)?;
        beside.as_file().sync_all()?;
        beside.persist(&self.place).map_err(|error| error.error)?;
        Ok(())
    }
}

fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any(_: &[u8]) -> bool {
        true
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn what_was_there_stays_until_all_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        fs::write(&path, "old").unwrap();
        drop(WholeFile::begin(&path, any).unwrap());
        assert_eq!((fs::read_to_string(&path).unwrap(), names(folder.path()).len()), ("old".to_owned(), 1));
        WholeFile::begin(&path, any).unwrap().finish(b"new").unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap(), names(folder.path()).len()), ("new".to_owned(), 1));
    }

    #[test]
    fn links_and_devices_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("report.json"), folder.path().join("link"));
        fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        WholeFile::begin(&link, any).unwrap().finish(b"new").unwrap();
        assert!(link.is_symlink() && fs::read_to_string(&path).unwrap() == "new");
        WholeFile::begin(Path::new("/dev/null"), any).unwrap().finish(b"new").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn a_place_that_cannot_be_written_is_told_at_the_beginning() {
        let folder = tempfile::tempdir().unwrap();
        assert!(WholeFile::begin(folder.path(), any).is_err());
        assert!(WholeFile::begin(&folder.path().join("nothing/report.json"), any).is_err());
    }
}
