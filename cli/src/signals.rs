//! Ctrl-C: once asks the session to end at its next checkpoint, twice ends at once. And a full disk is an error, no end.

use pinksync_engine::session::Stop;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::context::say;
use crate::exit::Exit;
use crate::failure::Failure;

/// Listens from now on. Must be called inside the runtime.
pub fn stop_on_signals(stop: &Stop) -> Result<(), Failure> {
    let mut signals =
        Signals::listen().map_err(|error| Failure::failed("the program cannot listen for Ctrl-C").because(&error))?;
    let stop = stop.clone();
    tokio::spawn(async move {
        signals.next().await;
        say("stopping at the next checkpoint; Ctrl-C again ends at once");
        stop.request();
        signals.next().await;
        end_at_once();
    });
    Ok(())
}

/// A write beyond the limit on a file's size (`ulimit -f`, a quota) then fails like any other on a full disk. Left alone,
/// its signal ends the process without a word. Must be called inside the runtime.
pub fn outlive_full_disks() -> Result<(), Failure> {
    // SIGXFSZ. Whoever listens to it need not hear it: the write tells.
    let listening = signal(SignalKind::from_raw(25));
    listening.map(drop).map_err(|error| Failure::failed("the program cannot listen for signals").because(&error))
}

#[expect(clippy::disallowed_methods, reason = "the user asked twice; what is settled is settled, as after a kill")]
fn end_at_once() -> ! {
    std::process::exit(Exit::Interrupted.code().into())
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
