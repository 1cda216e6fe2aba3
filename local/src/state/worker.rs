//! A thread that owns one SQLite connection and runs what is sent to it, one thing after the other.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use pinksync_engine::{Error, ErrorKind};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::Fault;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The sending end. Dropping it runs what is still queued, closes the connection and waits for that.
#[derive(Debug)]
pub(crate) struct Worker {
    path: PathBuf,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(crate) fn start(mut connection: Connection, path: &Path) -> Result<Self, Error> {
        let (jobs, queue) = mpsc::channel::<Job>();
        let serve = move || {
            while let Ok(job) = queue.recv() {
                job(&mut connection);
            }
        };
        let thread = std::thread::Builder::new().name("state-file".to_owned()).spawn(serve).map_err(|error| {
            Error::new(ErrorKind::Other, "open the state file", "no thread could be started").with_source(error)
        })?;
        Ok(Self { path: path.to_owned(), jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` on the connection and gives what it came to. It runs to its end even if nobody waits any more.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = answer.send(work(connection));
        });
        let sent = self.jobs.as_ref().map(|jobs| jobs.send(job));
        match (sent, answered.await) {
            (Some(Ok(())), Ok(result)) => result,
            _ => Err(Fault::Refused("the state file's thread has ended; start again".to_owned())),
        }
    }

    /// As [`Worker::run`], with the error in the engine's form.
    pub(crate) async fn call<T, F>(&self, operation: &'static str, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.run(work).await.map_err(|fault| fault.into_error(operation, &self.path))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there was already seen by whoever waited for an answer.
            let _ = thread.join();
        }
    }
}
