//! Makes collected changes take effect: a new file beside the old, then its atomic swap. All of it blocks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use pinksync_engine::{Error, ErrorKind, Key, Result};
use tempfile::NamedTempFile;

use super::changes::{Changes, Collected, Edit};
use super::client::{DataFile, Fingerprint, Input};
use super::error::{moved, reading, spilling, writing};
use super::output::{Output, is_ending};
use super::pairs::Pairs;
use super::read::Scanned;

const COPY_BYTES: usize = 256 * 1024;

/// Replaces the file by one with the changes in it.
///
/// # Errors
/// `Moved` if the file is not the one that was scanned: nothing has changed then.
pub fn replace(file: &DataFile, scanned: &Scanned, changes: &Changes) -> Result<()> {
    let old = File::open(&file.path).map_err(|error| reading(&file.path, error))?;
    lock(&old, file)?;
    let metadata = old.metadata().map_err(|error| reading(&file.path, error))?;
    if Fingerprint::of(&metadata) != scanned.fingerprint {
        return Err(moved(&file.path));
    }
    let temporary = beside(&file.path, 0o600)?;
    keep_rights(temporary.as_file(), &metadata).map_err(|error| writing(&file.path, error))?;
    let input = Input::new(old.try_clone().map_err(|error| reading(&file.path, error))?, file.compression);
    let mut input = input.map_err(|error| reading(&file.path, error))?;
    let mut output = Output::new(temporary.as_file(), file.compression).map_err(|error| writing(&file.path, error))?;
    let was_ended = rewrite(&mut input, &mut output, file, scanned, changes)?;
    output.finish(was_ended).map_err(|error| writing(&file.path, error))?;
    if input.finish().map_err(|error| reading(&file.path, error))? != scanned.content {
        return Err(moved(&file.path));
    }
    swap(temporary, file, scanned)
}

/// Processes of ours replace a file one after the other. Systems without locks go without.
fn lock(old: &File, file: &DataFile) -> Result<()> {
    match old.try_lock() {
        Err(TryLockError::WouldBlock) => Err(moved(&file.path)),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

/// Fails as `Aborted` while another process is about to replace the file. Those who only wait do not hold each other up, such
/// as the two sides of a sync within one folder.
pub fn wait_for_others(path: &Path) -> Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(reading(path, error)),
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let message = format!("{}: another process is about to replace it", path.display());
            Err(Error::new(ErrorKind::Aborted, "wait for other writers", message))
        }
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}

fn swap(temporary: NamedTempFile, file: &DataFile, scanned: &Scanned) -> Result<()> {
    temporary.as_file().sync_all().map_err(|error| writing(&file.path, error))?;
    if file.fingerprint() != Some(scanned.fingerprint) {
        return Err(moved(&file.path));
    }
    temporary.persist(&file.path).map_err(|error| writing(&file.path, error.error))?;
    sync_folder(&file.path).map_err(|error| {
        let message = format!("{}: the new file may not survive a power failure: {error}", file.path.display());
        Error::new(ErrorKind::UnknownOutcome, "replace the file", message).with_source(error)
    })
}

/// Puts a file with this content where none is yet.
pub fn create(file: &DataFile, content: &[u8]) -> Result<()> {
    let error = |error| writing(&file.path, error);
    let temporary = beside(&file.path, 0o666)?;
    let mut output = Output::new(temporary.as_file(), file.compression).map_err(error)?;
    output.write_all(content).map_err(error)?;
    output.finish(true).map_err(error)?;
    temporary.as_file().sync_all().map_err(error)?;
    temporary.persist_noclobber(&file.path).map_err(|failed| error(failed.error))?;
    sync_folder(&file.path).map_err(error)
}

/// A temporary file in the same folder, locked for as long as it lives; those that dead processes left are removed.
/// `mode` as for any new file: the umask takes its part away.
fn beside(path: &Path, mode: u32) -> Result<NamedTempFile> {
    let error = |error| writing(path, error);
    let folder = path.parent().unwrap_or(Path::new("/"));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let prefix = format!(".{name}.pinksync-");
    for entry in fs::read_dir(folder).map_err(error)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(&prefix) && name.ends_with(SUFFIX) {
            remove_if_abandoned(&entry.path());
        }
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(SUFFIX).permissions(fs::Permissions::from_mode(mode));
    let temporary = builder.tempfile_in(folder).map_err(error)?;
    match temporary.as_file().try_lock() {
        Err(TryLockError::WouldBlock) => Err(moved(path)),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(temporary),
    }
}

const SUFFIX: &str = ".tmp";

/// Whoever writes such a file holds its lock.
fn remove_if_abandoned(path: &Path) {
    let abandoned = File::open(path).is_ok_and(|file| file.try_lock().is_ok());
    if abandoned && let Err(error) = fs::remove_file(path) {
        tracing::debug!(path = %path.display(), %error, "an abandoned temporary file stays");
    }
}

/// Mode, and owner where we may: the new file must not be readable by more people than the old.
fn keep_rights(new: &File, old: &fs::Metadata) -> io::Result<()> {
    let own = new.metadata()?;
    if (own.uid(), own.gid()) != (old.uid(), old.gid())
        && let Err(error) = std::os::unix::fs::fchown(new, Some(old.uid()), Some(old.gid()))
    {
        tracing::debug!(%error, "the new file's owner is not the old one's");
    }
    new.set_permissions(old.permissions())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Copies the old file with edits at their places, then appends the new lines. Whether the old file's last line had an
/// ending: the new one's is to be like it.
fn rewrite(
    input: &mut Input,
    output: &mut Output<'_>,
    file: &DataFile,
    scanned: &Scanned,
    changes: &Changes,
) -> Result<bool> {
    let mut copy = Copy { input, output, file, at: 0, last: None, buffer: vec![0; COPY_BYTES] };
    let edits = by_place(changes)?;
    let mut in_order = edits.in_order().map_err(spilling)?;
    while let Some((_, place)) = in_order.next().map_err(spilling)? {
        match changes.read_one(place)? {
            Edit::Replace { offset, body, line } => {
                copy.up_to(Some(offset))?;
                copy.skip(body)?;
                copy.put(&line)?;
            }
            Edit::Remove { offset, length } => {
                copy.up_to(Some(offset))?;
                copy.skip(length)?;
            }
            Edit::Append(_) => {}
        }
    }
    copy.up_to(None)?;
    append(&mut copy, scanned, changes)?;
    Ok(copy.last.is_none_or(is_ending))
}

/// Places of the edits of the old file's records, by the records' offsets.
fn by_place(changes: &Changes) -> Result<Pairs> {
    let mut edits = Pairs::default();
    for batch in changes.committed() {
        for (place, change) in changes.read(batch)? {
            match change.edit {
                Edit::Replace { offset, .. } | Edit::Remove { offset, .. } => {
                    edits.push(offset, place).map_err(spilling)?;
                }
                Edit::Append(_) => {}
            }
        }
    }
    edits.sort().map_err(spilling)?;
    Ok(edits)
}

/// New records come in key order, whatever order their batches were committed in.
fn append(copy: &mut Copy<'_, '_>, scanned: &Scanned, changes: &Changes) -> Result<()> {
    let ending = &scanned.layout.header.ending;
    let mut waiting = changes.committed().into_iter().peekable();
    let mut open: BTreeMap<usize, std::vec::IntoIter<(u64, Collected)>> = BTreeMap::new();
    let mut next: BinaryHeap<Reverse<(Key, usize, Vec<u8>)>> = BinaryHeap::new();
    let mut opened = 0;
    loop {
        let begun = |first: Option<&Reverse<(Key, usize, Vec<u8>)>>, low: &Key| {
            first.is_none_or(|Reverse((key, _, _))| low <= key)
        };
        if let Some(batch) = waiting.next_if(|batch| begun(next.peek(), batch.low())) {
            open.insert(opened, changes.read(batch)?.into_iter());
            advance(&mut open, opened, &mut next);
            opened += 1;
            continue;
        }
        let Some(Reverse((_, source, line))) = next.pop() else {
            return Ok(());
        };
        copy.put_line(&line, ending)?;
        advance(&mut open, source, &mut next);
    }
}

/// Puts the next new line of a batch among those to be written.
fn advance(
    open: &mut BTreeMap<usize, std::vec::IntoIter<(u64, Collected)>>,
    source: usize,
    next: &mut BinaryHeap<Reverse<(Key, usize, Vec<u8>)>>,
) {
    let Some(batch) = open.get_mut(&source) else { return };
    for (_, change) in batch {
        if let Edit::Append(line) = change.edit {
            next.push(Reverse((change.key, source, line)));
            return;
        }
    }
    open.remove(&source);
}

/// The old file being copied into the new one.
struct Copy<'a, 'o> {
    input: &'a mut Input,
    output: &'a mut Output<'o>,
    file: &'a DataFile,
    /// How far the old file was read.
    at: u64,
    /// The last byte of it.
    last: Option<u8>,
    buffer: Vec<u8>,
}

impl Copy<'_, '_> {
    /// Copies up to an offset of the old file, or to its end.
    fn up_to(&mut self, offset: Option<u64>) -> Result<()> {
        self.pass(offset.map(|offset| offset.saturating_sub(self.at)), true)
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        self.pass(Some(bytes), false)
    }

    fn pass(&mut self, bytes: Option<u64>, copied: bool) -> Result<()> {
        let mut left = bytes.unwrap_or(u64::MAX);
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(COPY_BYTES).min(COPY_BYTES);
            let read = self.input.read(&mut self.buffer[..most]).map_err(|error| reading(&self.file.path, error))?;
            if read == 0 {
                // The end is where it is asked for, or the file has shrunk.
                return if bytes.is_none() { Ok(()) } else { Err(moved(&self.file.path)) };
            }
            if copied {
                self.output.write_all(&self.buffer[..read]).map_err(|error| writing(&self.file.path, error))?;
            }
            self.at += read as u64;
            self.last = Some(self.buffer[read - 1]);
            left -= read as u64;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.output.write_all(bytes).map_err(|error| writing(&self.file.path, error))
    }

    /// A new last line; the one before it may have had no ending.
    fn put_line(&mut self, line: &[u8], ending: &[u8]) -> Result<()> {
        if !self.output.is_at_line_start() {
            self.put(ending)?;
        }
        self.put(line)?;
        self.put(ending)
    }
}
