//! `pinksync verify`: whether both sides hold the same, in numbers.

use std::path::PathBuf;

use clap::Args;
use pinksync_model::DatasetReport;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{open, show};

const EXAMPLES: &str = "\
Examples:
  pinksync verify sync.yaml
  pinksync verify sync.yaml -o json";

/// Compares every record of both sides and counts what differs (exit code 10 if anything does); writes nothing
///
/// What both sides hold in different versions is a difference, and so is what only one of them holds: also where a
/// conflict is open, a record was rejected or left alone. What the sync's own rules keep apart is not compared and only
/// counted: records outside of the filter, only at the target of a one-way sync without `mirror`, absent where deletes are
/// ignored, or left different by a decision (`skip`, a one-way conflict that the target won).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Verify {
    /// Sync file
    file: PathBuf,
}

impl Verify {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let opened = open::to_look(&self.file, context).await?;
        let report = opened.local.verify(&mut |_| Ok(())).await?;
        opened.progress.end();
        match context.json() {
            true => context.output.json(&report),
            false => context.output.line(show::report::text(&report, &self.file, context)),
        }
        if DatasetReport::total(&report.datasets).verified.different == 0 {
            return Ok(Exit::Done);
        }
        context.remark(format_args!("record by record: {}", context.next("diff", &self.file)));
        Ok(Exit::Differs)
    }
}
