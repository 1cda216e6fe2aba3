//! `pinksync report`: the report of a session, the last one unless it is named.

use std::path::PathBuf;

use clap::Args;
use pinksync_local::{StateFile, runner};
use pinksync_model::{DatasetReport, SessionId};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show;

const EXAMPLES: &str = "\
Examples:
  pinksync report sync.yaml
  pinksync report sync.yaml -o json
  pinksync report sync.yaml --session 0198c0de-0000-7000-8000-000000000000";

/// Shows the report of the last session, or of the one named
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ShowReport {
    /// Sync file
    file: PathBuf,
    /// Session to report on
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
}

impl ShowReport {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let state = StateFile::open_read_only(&context.state_path(&self.file))?;
        let last = async || {
            let sessions = state.sessions().await?;
            Ok::<_, Failure>(
                sessions.iter().find(|session| super::sessions::was_run(session)).map(|session| session.id),
            )
        };
        let id = match self.session {
            Some(id) => Some(id),
            None => last().await?,
        };
        let Some(id) = id else {
            let run = context.next("run", &self.file);
            return Err(Failure::failed("there is no session to report on yet").help(run));
        };
        let report = runner::report_of(&state, id).await?;
        match context.json() {
            true => context.output.json(&report),
            false => {
                context.output.line(show::report::text(&report, &self.file, context));
                let open = state.waiting().await?.iter().map(|(_, open)| open).sum();
                if open != DatasetReport::total(&report.datasets).conflicts.open {
                    context.remark(super::sessions::waiting_now(open, &self.file, context));
                }
            }
        }
        Ok(Exit::Done)
    }
}
