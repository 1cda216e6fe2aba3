//! How a process is told to stop.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// SIGTERM and SIGINT, of which the first asks to stop and the second does not wait for it.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

/// How work ended that signals may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<T> {
    /// By itself, or in peace after it was asked to stop.
    Done(T),
    /// A second signal came before that: it was dropped where it stood.
    Dropped,
}

impl Signals {
    /// From here on, the signals end this process only through [`Self::run`].
    ///
    /// # Errors
    /// The system does not let them be caught.
    pub fn catch() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Runs work to its end. The first signal cancels `stop`, by which the work is to see that it should end; the second
    /// drops it.
    pub async fn run<T>(mut self, stop: CancellationToken, work: impl Future<Output = T>) -> Ended<T> {
        let told_twice = async {
            self.next().await;
            tracing::info!("asked to stop; a second signal ends at once");
            stop.cancel();
            self.next().await;
            tracing::warn!("asked again to stop: ending at once");
        };
        tokio::select! {
            result = work => Ended::Done(result),
            () = told_twice => Ended::Dropped,
        }
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::process::{Command, id};

    fn tell(signal: &str) {
        assert!(Command::new("kill").args([signal, &id().to_string()]).status().unwrap().success());
    }

    /// One test, since a signal reaches all that wait for it in this process.
    #[tokio::test]
    async fn the_first_signal_asks_and_the_second_does_not_wait() {
        let stop = CancellationToken::new();
        let unasked = Signals::catch().unwrap().run(stop.clone(), async { 7 }).await;
        assert_eq!((unasked, stop.is_cancelled()), (Ended::Done(7), false));

        for signal in ["-TERM", "-INT"] {
            let (stop, signals) = (CancellationToken::new(), Signals::catch().unwrap());
            let asked = stop.clone();
            tell(signal);
            let ended = signals.run(stop, async move { asked.cancelled().await }).await;
            assert_eq!(ended, Ended::Done(()));
        }

        let (stop, signals) = (CancellationToken::new(), Signals::catch().unwrap());
        let asked = stop.clone();
        tell("-TERM");
        let stubborn = async move {
            asked.cancelled().await;
            tell("-INT");
            pending::<()>().await;
        };
        assert_eq!(signals.run(stop, stubborn).await, Ended::Dropped);
    }
}
