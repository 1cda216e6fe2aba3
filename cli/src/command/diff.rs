//! `pinksync diff`: the records in which both sides differ, one by one.

use std::path::PathBuf;

use clap::Args;
use pinksync_engine::survey::Difference;
use pinksync_model::DatasetReport;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open;
use crate::show::{counted, harmless, key, number, value};

const EXAMPLES: &str = "\
Examples:
  pinksync diff sync.yaml
  pinksync diff sync.yaml -o json";

/// Shows record by record where both sides differ (exit code 10 if they do), and why; writes nothing
///
/// What both sides hold in different versions is a difference, and so is what only one of them holds: also where a
/// conflict is open, a record was rejected or left alone. What the sync's own rules keep apart is not compared and only
/// counted: records outside of the filter, only at the target of a one-way sync without `mirror`, absent where deletes are
/// ignored, or left different by a decision (`skip`, a one-way conflict that the target won).
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Diff {
    /// Sync file
    file: PathBuf,
}

impl Diff {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let opened = open::to_look(&self.file, context).await?;
        let (output, json) = (&context.output, context.json());
        let mut different = 0_u64;
        let mut sink = |found: Difference| {
            different += 1;
            match json {
                true => output.json(&found),
                false => output.line(text(&found)),
            }
            output.check()
        };
        let report = match opened.local.verify(&mut sink).await {
            Ok(report) => report,
            Err(_) if output.is_closed() => return Ok(Exit::Differs),
            Err(error) => return Err(error.into()),
        };
        opened.progress.end();
        for warning in &report.warnings {
            context.remark(format_args!("warning: {}", harmless(warning)));
        }
        let differ = counted(different, "record differs", "records differ");
        match DatasetReport::total(&report.datasets).verified.not_compared {
            0 => context.remark(format_args!("{differ}")),
            left => context.remark(format_args!("{differ}, {} not compared", number(left))),
        }
        Ok(if different == 0 { Exit::Done } else { Exit::Differs })
    }
}

/// `<` is what the source holds, `>` what the target holds.
fn text(found: &Difference) -> String {
    let (dataset, key, reason) = (harmless(&found.dataset), key(&found.key), harmless(&found.reason));
    match found.only {
        Some(side) => format!("{dataset} {key}: only at the {side} ({reason})"),
        None => {
            let mut text = format!("{dataset} {key}: {reason}");
            for (name, field) in &found.fields {
                for (sign, side) in [('<', &field.source), ('>', &field.target)] {
                    let side = side.as_ref().map(value).unwrap_or_default();
                    text.push_str(&format!("\n  {sign} {} {side}", harmless(name)));
                }
            }
            text
        }
    }
}
