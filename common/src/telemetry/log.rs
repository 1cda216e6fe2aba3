//! Log lines on stderr: for people, or one JSON object each.

use std::io::{IsTerminal, stderr};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::settings::{LogFormat, LogSettings};

/// Log lines go somewhere already: this is called once in a process.
#[derive(Debug, thiserror::Error)]
#[error("the log was started before")]
pub struct AlreadyLogging(#[source] tracing::subscriber::SetGlobalDefaultError);

/// From here on, what happens in this process is written to stderr.
///
/// # Errors
/// It is already.
pub fn start_log(settings: &LogSettings) -> Result<(), AlreadyLogging> {
    let colours = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing::subscriber::set_global_default(subscriber(settings, colours, stderr)).map_err(AlreadyLogging)
}

type Boxed = Box<dyn Subscriber + Send + Sync>;

/// In JSON, the fields of an event stand beside its level and time; those of the span it happened in under `span`.
fn subscriber<W>(settings: &LogSettings, colours: bool, writer: W) -> Boxed
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(&settings.filter)).with_writer(writer);
    match settings.format {
        LogFormat::Text => Box::new(lines.with_ansi(colours).finish()),
        LogFormat::Json => Box::new(lines.json().flatten_event(true).with_span_list(false).finish()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Result, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, filter: &str, tell: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let settings = LogSettings { format, filter: filter.to_owned() };
        tracing::subscriber::with_default(subscriber(&settings, false, move || writer.clone()), tell);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_hold_fields_of_event_and_span() {
        let text = logged(LogFormat::Json, "info", || {
            let _span = tracing::info_span!("task", id = 7).entered();
            tracing::info!(records = 3, "written\nand done");
            tracing::debug!("not shown");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&line["level"], &line["records"], &line["span"]["id"]), (&"INFO".into(), &3.into(), &7.into()));
        assert_eq!(line["message"], "written\nand done");
    }

    #[test]
    fn the_filter_decides_by_module() {
        let text = logged(LogFormat::Text, "error,pinksync_common=debug", || {
            tracing::debug!("ours");
            tracing::debug!(target: "other", "theirs");
        });
        assert!(text.contains("ours") && !text.contains("theirs"), "{text}");
    }
}
