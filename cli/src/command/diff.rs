//! `pinksync diff`: the records in which both sides differ, one by one.

use std::path::PathBuf;

use clap::Args;
use pinksync_engine::survey::Difference;
use pinksync_model::{DatasetReport, Side};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open;
use crate::show::{counted, harmless, key, number, value};

const EXAMPLES: &str = "\
Examples:
  pinksync diff sync.yaml
  pinksync diff sync.yaml -o json";

/// Shows record by record where both sides differ (exit code 10 if they do); writes nothing
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
    let mut text = format!("{} {}", harmless(&found.dataset), key(&found.key));
    match found.only {
        Some(Side::Source) => text.push_str(": only at the source"),
        Some(Side::Target) => text.push_str(": only at the target"),
        None => {
            for (name, field) in &found.fields {
                for (sign, side) in [('<', &field.source), ('>', &field.target)] {
                    let side = side.as_ref().map(value).unwrap_or_default();
                    text.push_str(&format!("\n  {sign} {} {side}", harmless(name)));
                }
            }
        }
    }
    text
}
