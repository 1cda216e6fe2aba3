//! `pinksync undo`: takes back what a session wrote.

use std::path::PathBuf;

use clap::Args;
use pinksync_local::StoredSession;
use pinksync_model::{DatasetReport, PlanAction, PlanHeader, PlanLine, PlanOutput, PlanSummary, Report, SessionId};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show::plan::Grouped;
use crate::{open, question, show};

const EXAMPLES: &str = "\
Examples:
  pinksync undo sync.yaml --dry-run      what would be taken back
  pinksync undo sync.yaml --yes
  pinksync undo sync.yaml --session 0198c0de-0000-7000-8000-000000000000";

/// Takes back the last session that wrote and is not undone yet, or the one named
///
/// Records that somebody changed since are left alone and listed (exit code 3).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Undo {
    /// Sync file
    file: PathBuf,
    /// Session to take back
    #[arg(long, value_name = "ID")]
    session: Option<SessionId>,
    /// Only shows what would be done
    #[arg(long)]
    dry_run: bool,
    /// Does not ask
    #[arg(short, long)]
    yes: bool,
}

impl Undo {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        // Without a state there is nothing to undo, and none should be made.
        drop(pinksync_local::StateFile::open_read_only(&context.state_path(&self.file))?);
        let opened = open::to_write(&self.file, context, None).await?;
        let of = opened.local.to_undo(self.session).await?;
        if !self.dry_run && !self.agreed(&of, opened.local.state()).await? {
            return Ok(question::declined());
        }
        let (mut grouped, mut summary) = (Grouped::default(), PlanSummary::default());
        let (output, json) = (&context.output, context.json());
        if json && self.dry_run {
            output.json(&PlanOutput::Header(PlanHeader::default()));
        }
        let mut sink = |line: PlanLine| {
            summary.count(line.action);
            match (json, self.dry_run) {
                (true, true) => output.json(&PlanOutput::Line(line)),
                (true, false) => {}
                // The report names them.
                (false, false) if line.action == PlanAction::Conflict => {}
                (false, _) => grouped.add(line),
            }
            Ok(())
        };
        let ended = opened.local.undo(&of, self.dry_run, &mut sink).await?;
        opened.progress.end();
        if ended.report.guards.iter().any(|guard| guard.tripped && !guard.allowed) {
            return Ok(super::run::tell(&ended, &self.file, context));
        }
        if !json {
            let word = if self.dry_run { "would take back" } else { "took back" };
            output.line(format_args!("{word} session {} of {}\n", of.id, show::time(&of.started_at)));
            output.line(format_args!("{}\n", grouped.text().trim_end()));
        }
        match (self.dry_run, json) {
            (false, _) => Ok(super::run::tell(&ended, &self.file, context)),
            (true, false) => {
                output.line(would(&ended.report));
                Ok(Exit::of_ended(&ended))
            }
            (true, true) => {
                output.json(&PlanOutput::Summary(summary));
                Ok(Exit::of_ended(&ended))
            }
        }
    }

    /// Asks before anything is written.
    async fn agreed(&self, of: &StoredSession, state: &pinksync_local::StateFile) -> Result<bool, Failure> {
        let sessions = state.sessions().await?;
        let written = sessions.iter().find(|session| session.id == of.id).map_or(0, |session| session.written);
        let written = show::counted(written, "written record", "written records");
        question::agreed(
            &format!("take back session {} of {} with {written}?", of.id, show::time(&of.started_at)),
            self.yes,
        )
    }
}

/// What a dry run came to.
fn would(report: &Report) -> String {
    let total = DatasetReport::total(&report.datasets);
    let records = show::counted(total.written(), "record would be put back", "records would be put back");
    match total.left_alone {
        0 => records,
        left => format!("{records}, {} left alone", show::number(left)),
    }
}
