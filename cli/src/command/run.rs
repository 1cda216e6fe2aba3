//! `pinksync run`: one session, or the rest of an unfinished one.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use pinksync_local::runner::Ended;
use pinksync_model::{GuardName, Mode, Report, SessionStatus, SessionSummary};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::whole_file::WholeFile;
use crate::{open, show};

const EXAMPLES: &str = "\
Examples:
  pinksync run sync.yaml
  pinksync run sync.yaml --report report.json -o json
  pinksync plan sync.yaml --save changes.plan && pinksync run sync.yaml --plan changes.plan
  pinksync run sync.yaml --allow max_delete_percent    override a guard, this once";

/// Runs a sync: compares both systems and carries the changes over
///
/// A session that was interrupted or killed goes on where it stopped, under the same id.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Run {
    /// Sync file
    file: PathBuf,
    /// Writes the report as JSON to this file
    #[arg(long, value_name = "OUT.json")]
    report: Option<PathBuf>,
    /// Carries out just this plan (of `plan --save`); records that changed since are left alone
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Answers every question with yes
    #[arg(short, long)]
    yes: bool,
    /// Overrides a guard for this session (repeatable): max_delete_percent, empty_side, definition_changed,
    /// different_system or schema_drift
    #[arg(long, value_name = "GUARD")]
    allow: Vec<GuardName>,
    /// Segments worked on at once
    #[arg(long, value_name = "N", hide = true, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: Option<u16>,
}

impl Run {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let plan = self.plan.as_deref().map(read_plan).transpose()?;
        let report = self.report.as_deref().map(begin_report).transpose()?;
        let ended = session(&self.file, context, &self.allow, plan.as_deref(), self.workers.map(usize::from)).await?;
        let exit = tell(&ended, &self.file, context);
        let Some((file, path)) = report.zip(self.report.as_deref()) else { return Ok(exit) };
        Ok(match (write_report(&ended, file), exit) {
            (Ok(()), exit) => exit,
            // The session's own outcome is told first, and stands.
            (Err(error), exit) => {
                context.output.flush();
                let report = context.next("report", &self.file);
                let failed = unwritable(path, &error).help(format!("{report} -o json prints it")).print();
                if exit == Exit::Done { failed } else { exit }
            }
        })
    }
}

/// Runs a session to its end.
pub async fn session(
    file: &Path,
    context: &Context,
    allow: &[GuardName],
    plan: Option<&[u8]>,
    workers: Option<usize>,
) -> Result<Ended, Failure> {
    let opened = open::to_write(file, context, workers).await?;
    let begun = opened.local.begin(allow, plan).await?;
    if begun.resumed {
        context.remark(format_args!("going on with session {}", begun.id));
    }
    let ended = opened.local.run(begun).await?;
    opened.progress.end();
    Ok(ended)
}

/// Prints how a session ended and gives the exit code.
pub fn tell(ended: &Ended, file: &Path, context: &Context) -> Exit {
    match context.json() {
        true => context.output.json(&ended.report),
        false => context.output.line(show::report::text(&ended.report, file, context)),
    }
    if let Some(error) = &ended.error {
        context.output.flush();
        let failure = Failure::from(error);
        return match goes_on(&ended.report, file, context) {
            Some(goes_on) => failure.help_too(&goes_on).print(),
            None => failure.print(),
        };
    }
    Exit::of_ended(ended)
}

/// What an error did not end.
fn goes_on(report: &Report, file: &Path, context: &Context) -> Option<String> {
    let SessionSummary { id, status, mode, .. } = &report.session;
    let (what, command) = if *mode == Mode::Undo { ("undo", "undo") } else { ("session", "run") };
    (*status == SessionStatus::Paused)
        .then(|| format!("the {what} {id} is paused, and goes on with {}", context.next(command, file)))
}

fn read_plan(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| {
        Failure::usage(format!("the plan {} cannot be read", path.display()))
            .because(&error)
            .help("`pinksync plan FILE --save PLAN` makes one")
    })
}

/// Before the session begins: a report that has no place should not be found out about at the end.
fn begin_report(path: &Path) -> Result<WholeFile, Failure> {
    WholeFile::begin(path, is_report).map_err(|error| {
        unwritable(path, &error).help("nothing was begun; name a place that you may write to, and that has space")
    })
}

/// A report begins with its session.
fn is_report(beginning: &[u8]) -> bool {
    let mut text = beginning.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    let start = br#"{"session":"#;
    beginning.is_empty() || text.by_ref().take(start.len()).eq(start.iter().copied())
}

fn write_report(ended: &Ended, file: WholeFile) -> io::Result<()> {
    let mut json = serde_json::to_string_pretty(&ended.report)?;
    json.push('\n');
    file.finish(json.as_bytes())
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!("the report {} cannot be written", path.display())).because(error)
}
