//! `pinksync sessions`: what was run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use pinksync_local::runner::RESOLVE;
use pinksync_local::{StateError, StateFile};
use pinksync_model::SessionLine;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show::{counted, harmless, number, table, text_of, time};

const EXAMPLES: &str = "\
Examples:
  pinksync sessions sync.yaml
  pinksync sessions sync.yaml -o json";

/// Lists the sessions of a sync, the latest first
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Sessions {
    /// Sync file
    file: PathBuf,
}

impl Sessions {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let Some(state) = state_to_read(&self.file, context)? else { return Ok(Exit::Done) };
        let sessions = state.sessions().await?;
        match context.json() {
            true => sessions.iter().for_each(|line| context.output.json(line)),
            false if sessions.is_empty() => context.remark("no sessions yet"),
            false => {
                context.output.line(list(&sessions));
                let open = state.waiting().await?.iter().map(|(_, open)| open).sum();
                context.remark(waiting_now(open, &self.file, context));
            }
        }
        Ok(Exit::Done)
    }
}

/// The state for a list, which is empty where there is no state yet.
pub fn state_to_read(file: &Path, context: &Context) -> Result<Option<Arc<StateFile>>, Failure> {
    match StateFile::open_read_only(&context.state_path(file)) {
        Ok(state) => Ok(Some(state)),
        Err(StateError::Absent { .. }) if file.exists() => {
            context.remark(format_args!("no session yet: {}", context.next("run", file)));
            Ok(None)
        }
        Err(StateError::Absent { .. }) => {
            let message = format!("there is no sync file {}", file.display());
            Err(Failure::usage(message).help("check the path; `pinksync init` writes a new sync file"))
        }
        Err(error) => Err(error.into()),
    }
}

/// Conflicts that are open now, whatever sessions left at their ends.
pub fn waiting_now(open: u64, file: &Path, context: &Context) -> String {
    let waiting = counted(open, "conflict waits", "conflicts wait");
    match open {
        0 => "no conflict waits for a decision now".to_owned(),
        _ => format!("{waiting} for a decision now: {}", context.next("conflicts list", file)),
    }
}

fn list(sessions: &[SessionLine]) -> String {
    let mut table = table();
    table.set_header(["session", "mode", "status", "began", "written", "open at its end", "remark"]);
    for session in sessions {
        let mut remarks: Vec<String> = Vec::new();
        if session.undone {
            remarks.push("taken back".to_owned());
        }
        remarks.extend(session.allowed.iter().map(|guard| format!("allowed: {guard}")));
        remarks.extend(session.reason.as_ref().map(|reason| harmless(&reason.detail)));
        table.add_row([
            session.id.to_string(),
            session.mode.to_string(),
            session.status.to_string(),
            time(&session.started_at),
            number(session.written),
            number(session.open_conflicts),
            remarks.join("; "),
        ]);
    }
    text_of(table, usize::MAX)
}

/// A run or an undo, not a decision on a single conflict.
pub fn was_run(session: &SessionLine) -> bool {
    session.reason.as_ref().is_none_or(|reason| reason.code != RESOLVE)
}
