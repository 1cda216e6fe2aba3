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
