//! `pinksync plan`: what a session would do, and nothing is written.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use pinksync_engine::saved_plan::SavedPlan;
use pinksync_engine::session::Ending;
use pinksync_engine::survey::Planned;
use pinksync_local::runner;
use pinksync_model::{DatasetReport, GuardName, PlanHeader, PlanLine, PlanOutput, PlanSummary};
use serde_json::json;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::show::plan::{Grouped, summary};
use crate::whole_file::WholeFile;
use crate::{open, show};

const EXAMPLES: &str = "\
Examples:
  pinksync plan sync.yaml
  pinksync plan sync.yaml --detailed-exitcode          exit 10 if there is something to do
  pinksync plan sync.yaml --save changes.plan          to be carried out by: run sync.yaml --plan changes.plan
  pinksync plan sync.yaml -o json | grep '\"delete\"'
  pinksync plan sync.yaml --check                      only reads the file; needs no connection";

/// Shows what a run would do, record by record; writes nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Plan {
    /// Sync file
    file: PathBuf,
    /// Keeps the plan for `run --plan`
    #[arg(long, value_name = "PLAN", conflicts_with = "check")]
    save: Option<PathBuf>,
    /// Exits with 10 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    /// Only checks the sync file, without connecting; variables need not be set
    #[arg(long)]
    check: bool,
    /// Plans as if this guard were overridden (repeatable)
    #[arg(long, value_name = "GUARD")]
    allow: Vec<GuardName>,
}

impl Plan {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        if self.check {
            return check(&self.file, context);
        }
        let save = self.save.as_deref().map(begin_plan).transpose()?;
        let opened = open::to_look(&self.file, context).await?;
        let (output, json) = (&context.output, context.json());
        let mut grouped = Grouped::default();
        if json {
            output.json(&PlanOutput::Header(PlanHeader::default()));
        }
        let mut sink = |line: PlanLine| {
            match json {
                true => output.json(&PlanOutput::Line(line)),
                false => grouped.add(line),
            }
            output.check()
        };
        let planned = match opened.local.plan(&self.allow, &mut sink).await {
            Err(_) if output.is_closed() => return Ok(Exit::Done),
            planned => planned?,
        };
        opened.progress.end();
        match json {
            true => tell_json(&planned, context),
            false => tell_text(&planned, &grouped, &self.file, context),
        }
        if let Some((save, path)) = save.zip(self.save.as_deref()) {
            keep(&planned, save, path, &self.file, context)?;
        }
        Ok(self.exit(&planned))
    }

    fn exit(&self, planned: &Planned) -> Exit {
        match planned.finished.ending {
            Ending::Guarded => Exit::Guarded,
            Ending::Paused => Exit::Interrupted,
            Ending::Completed if self.detailed_exitcode && !planned.summary.is_empty() => Exit::Differs,
            Ending::Completed => Exit::Done,
        }
    }
}

/// The lines are the contract; what else there is to say goes to stderr.
fn tell_json(planned: &Planned, context: &Context) {
    context.output.json(&PlanOutput::Summary(planned.summary));
    for remark in remarks(planned) {
        context.remark(remark);
    }
}

fn tell_text(planned: &Planned, grouped: &Grouped, file: &Path, context: &Context) {
    let output = &context.output;
    output.line(format_args!("{}{}", grouped.text(), summary(&planned.summary)));
    for remark in remarks(planned) {
        output.line(remark);
    }
    if planned.finished.ending == Ending::Guarded {
        let run = show::report::overriding(&planned.finished.guards, file, context);
        output.line(format_args!("a run stops there; if it is meant to be: {run}"));
    }
    let PlanSummary { create, update, delete, conflict } = planned.summary;
    if planned.finished.ending == Ending::Completed && create + update + delete > 0 {
        output.line(format_args!("to do it: {}", context.next("run", file)));
    } else if conflict > 0 {
        output.line(format_args!("to look at what waits: {}", context.next("conflicts list", file)));
    }
}

fn remarks(planned: &Planned) -> impl Iterator<Item = String> {
    let guards = planned.finished.guards.iter().filter(|guard| guard.tripped).map(show::report::guard);
    let warnings = planned.finished.warnings.iter().map(|warning| format!("warning: {}", show::harmless(warning)));
    let total = DatasetReport::total(&planned.finished.datasets);
    let rejected = (total.rejected > 0).then(|| {
        format!("warning: {} cannot be read and would be left out", show::counted(total.rejected, "record", "records"))
    });
    let waiting = (total.conflicts.open > 0)
        .then(|| show::counted(total.conflicts.open, "conflict waits for a decision", "conflicts wait for a decision"));
    guards.chain(warnings).chain(rejected).chain(waiting).collect::<Vec<_>>().into_iter()
}

fn begin_plan(path: &Path) -> Result<WholeFile, Failure> {
    WholeFile::begin(path, SavedPlan::begins).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let help = match error.kind() {
        io::ErrorKind::AlreadyExists => "name another file",
        _ => "check the folder and its free space",
    };
    Failure::failed(format!("the plan {} cannot be written", path.display())).because(error).help(help)
}

fn keep(planned: &Planned, save: WholeFile, path: &Path, file: &Path, context: &Context) -> Result<(), Failure> {
    if planned.finished.ending != Ending::Completed {
        context.remark("not saved, since a guard stopped the plan; if it is meant to be, override it with --allow");
        return Ok(());
    }
    if planned.over_no_base {
        let run = context.next("run", file);
        context.remark(format_args!("not saved, since a run with that --allow drops the base; {run} --allow … first"));
        return Ok(());
    }
    let bytes = planned.plan.to_bytes()?;
    save.finish(&bytes).map_err(|error| unwritable(path, &error))?;
    let plan = crate::context::shell_word(path);
    context.remark(format_args!("saved; to do just this: {} --plan {plan}", context.next("run", file)));
    Ok(())
}

fn check(file: &Path, context: &Context) -> Result<Exit, Failure> {
    match runner::check(file, &open::environment) {
        Ok(unset) => {
            match context.json() {
                true => context.output.json(&json!({"valid": true, "unset_variables": unset})),
                false => context.output.line(format_args!("{} is valid", file.display())),
            }
            if !unset.is_empty() {
                context.remark(format_args!("not set here, and needed for a run: {}", unset.join(", ")));
            }
            Ok(Exit::Done)
        }
        Err(error) => {
            let failure = Failure::from(error);
            if context.json() {
                context.output.json(&json!({"valid": false, "mistakes": failure.mistakes()}));
            }
            Err(failure)
        }
    }
}
