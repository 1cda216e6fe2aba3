//! `pinksync rejects`: records that a session left out, and why.

use std::path::PathBuf;

use clap::Args;
use pinksync_local::runner::Names;
use pinksync_model::{Mode, RejectLine, SessionId};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show::{harmless, key, table, text_of};

const EXAMPLES: &str = "\
Examples:
  pinksync rejects sync.yaml
  pinksync rejects sync.yaml -o json
  pinksync rejects sync.yaml --session 0198c0de-0000-7000-8000-000000000000";

/// Lists the records that the last run left out, and why
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rejects {
    /// Sync file
    file: PathBuf,
    /// Session to look at; rejects are kept until 14 days after it ended
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
}

impl Rejects {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let Some(state) = super::sessions::state_to_read(&self.file, context)? else { return Ok(Exit::Done) };
        let id = match self.session {
            Some(id) => {
                state.session(id).await?.ok_or(pinksync_local::StateError::UnknownSession(id))?;
                Some(id)
            }
            None => state
                .sessions()
                .await?
                .iter()
                .find(|session| session.mode == Mode::Sync && super::sessions::was_run(session))
                .map(|session| session.id),
        };
        let Some(id) = id else {
            context.remark("no session yet");
            return Ok(Exit::Done);
        };
        let mut lines: Vec<RejectLine> = Vec::new();
        for stored in state.rejects(id).await? {
            lines.push(Names::of(&state, &stored.dataset).await?.reject(&stored));
        }
        match context.json() {
            true => lines.iter().for_each(|line| context.output.json(line)),
            false if lines.is_empty() => context.remark(format_args!("session {id} left nothing out")),
            false => context.output.line(list(&lines)),
        }
        Ok(Exit::Done)
    }
}

/// Compared datasets, unlike a decision on one conflict.
fn list(rejects: &[RejectLine]) -> String {
    let mut table = table();
    table.set_header(["dataset", "side", "key", "line", "code", "reason"]);
    for reject in rejects {
        table.add_row([
            harmless(&reject.dataset),
            reject.side.to_string(),
            reject.key.as_ref().map(key).unwrap_or_default(),
            reject.line.map(|line| line.to_string()).unwrap_or_default(),
            reject.code.clone(),
            harmless(&reject.reason),
        ]);
    }
    text_of(table, usize::MAX)
}
