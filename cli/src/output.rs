//! Data on stdout: buffered, and no panic where the reader has gone.

use std::fmt::Display;
use std::io::{self, BufWriter, Stdout, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use pinksync_engine::{Error, ErrorKind};
use serde::Serialize;

pub struct Output {
    writer: Mutex<BufWriter<Stdout>>,
    /// Nobody reads any more, or the disk behind it is full.
    closed: AtomicBool,
    /// What was printed is not all there was.
    cut: AtomicBool,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            writer: Mutex::new(BufWriter::new(io::stdout())),
            closed: AtomicBool::new(false),
            cut: AtomicBool::new(false),
        }
    }
}

impl Output {
    /// One line (or several) of text.
    pub fn line(&self, text: impl Display) {
        self.put(|writer| writeln!(writer, "{text}"));
    }

    /// One object on a line of its own.
    pub fn json<T: Serialize>(&self, value: &T) {
        self.put(|writer| {
            serde_json::to_writer(&mut *writer, value)?;
            writer.write_all(b"\n")
        });
    }

    pub fn flush(&self) {
        self.put(Write::flush);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whether some of it is lost that somebody wanted.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    /// For what prints while it goes on: there is no sense in going on unread.
    pub fn check(&self) -> Result<(), Error> {
        match self.is_closed() {
            true => Err(Error::new(ErrorKind::Interrupted, "print the output", "nobody reads it")),
            false => Ok(()),
        }
    }

    fn put(&self, write: impl FnOnce(&mut BufWriter<Stdout>) -> io::Result<()>) {
        if self.is_closed() {
            return;
        }
        let mut writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(error) = write(&mut writer) {
            self.closed.store(true, Ordering::Relaxed);
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.cut.store(true, Ordering::Relaxed);
                let help = "free some space, or send it to another place";
                crate::context::say(format_args!("error: the output cannot be written: {error}\nhelp: {help}"));
            }
        }
    }
}
