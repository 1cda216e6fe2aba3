//! What happens inside, on stderr, for those who ask (`-v`, or the variable PINKSYNC_LOG).

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

/// `verbosity`: how often `-v` was given.
pub fn start(verbosity: u8) {
    let usual = match verbosity {
        0 => "error",
        1 => "warn,pinksync=info,pinksync_engine=info,pinksync_connectors=info,pinksync_local=info",
        _ => "info,pinksync=debug,pinksync_engine=debug,pinksync_connectors=debug,pinksync_local=debug",
    };
    let filter = EnvFilter::try_from_env("PINKSYNC_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colours).init();
}
