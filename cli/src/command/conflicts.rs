//! `pinksync conflicts`: what waits for a person, and the person's decision.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use pinksync_engine::home::StoredConflict;
use pinksync_engine::resolve::Resolution;
use pinksync_local::runner::Names;
use pinksync_local::{StateError, StateFile};
use pinksync_model::{Choice, ConflictLine, ConflictStatus};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{open, show};

const EXAMPLES: &str = "\
Examples:
  pinksync conflicts list sync.yaml
  pinksync conflicts show sync.yaml c12
  pinksync conflicts resolve sync.yaml c12 --take source
  pinksync conflicts resolve sync.yaml c12 --value '{\"city\": \"Bern\"}'   the other fields stay as the source has them";

/// Lists, shows and settles conflicts
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum Conflicts {
    /// Lists the conflicts that wait for a decision
    List(List),
    /// Shows a conflict with its three versions: base, source, target
    Show(Show),
    /// Settles a conflict
    Resolve(Resolve),
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct List {
    /// Sync file
    file: PathBuf,
    /// Settled ones, too
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Show {
    /// Sync file
    file: PathBuf,
    /// Id of the conflict, such as c12
    id: String,
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Resolve {
    /// Sync file
    file: PathBuf,
    /// Id of the conflict, such as c12
    id: String,
    /// What shall stand: a side's record, no record at all, or both as they are
    #[arg(long, value_enum, required_unless_present = "value", conflicts_with = "value")]
    take: Option<Take>,
    /// Fields that both sides get, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    value: Option<Map<String, Value>>,
}

/// What `--take` takes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Take {
    Source,
    Target,
    Delete,
    Skip,
}

impl Conflicts {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::List(list) => list.carry_out(context).await,
            Self::Show(show) => show.carry_out(context).await,
            Self::Resolve(resolve) => resolve.carry_out(context).await,
        }
    }
}

impl List {
    async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let Some(state) = super::sessions::state_to_read(&self.file, context)? else { return Ok(Exit::Done) };
        let mut lines: Vec<ConflictLine> = Vec::new();
        let (mut dataset, mut names) = (String::new(), Names::default());
        for stored in state.conflicts(self.all).await? {
            if stored.dataset != dataset {
                names = Names::of(&state, &stored.dataset).await?;
                dataset.clone_from(&stored.dataset);
            }
            lines.push(names.conflict(&stored));
        }
        if context.json() {
            lines.iter().for_each(|line| context.output.json(line));
        } else if lines.is_empty() {
            context.remark(if self.all { "no conflicts" } else { "no open conflicts" });
        } else {
            context.output.line(show::conflict::list(&lines));
            let open = lines.iter().filter(|line| line.status == ConflictStatus::Open).count() as u64;
            let waiting: u64 = state.waiting().await?.iter().map(|(_, count)| count).sum();
            if !self.all && waiting < open {
                let rest = show::counted(open - waiting, "of them waits", "of them wait");
                context.remark(format_args!("\n{rest} for nobody: the next run settles what an undo opened again"));
            }
            if let Some(open) = lines.iter().find(|line| line.status == ConflictStatus::Open) {
                let (show, resolve) =
                    (context.next("conflicts show", &self.file), context.next("conflicts resolve", &self.file));
                context.remark(format_args!("\n{show} {0}\n{resolve} {0} --take source|target|delete|skip", open.id));
            }
        }
        Ok(Exit::Done)
    }
}

impl Show {
    async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let state = StateFile::open_read_only(&context.state_path(&self.file))?;
        let stored = find(&state, &self.id, &self.file, context).await?;
        let line = Names::of(&state, &stored.dataset).await?.conflict(&stored);
        match context.json() {
            true => context.output.json(&line),
            false => context.output.line(show::conflict::one(&line)),
        }
        Ok(Exit::Done)
    }
}

impl Resolve {
    async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let opened = open::to_write(&self.file, context, None).await?;
        let state = opened.local.state();
        let stored = find(state, &self.id, &self.file, context).await?;
        if stored.record.status != ConflictStatus::Open {
            let message = format!("conflict {} is {} already", stored.id, stored.record.status.as_str());
            let list = context.next("conflicts list", &self.file);
            return Err(Failure::failed(message).help(format!("{list} shows the open ones")));
        }
        let choice = match self.take {
            None => Choice::Value,
            Some(Take::Source) => Choice::Source,
            Some(Take::Target) => Choice::Target,
            Some(Take::Delete) => Choice::Delete,
            Some(Take::Skip) => Choice::Skip,
        };
        let resolution = opened.local.resolve(&stored, choice, self.value.as_ref(), &person()).await?;
        opened.progress.end();
        let now = find(state, &stored.id, &self.file, context).await?;
        let line = Names::of(state, &now.dataset).await?.conflict(&now);
        match resolution {
            Resolution::Done(_) => {
                match context.json() {
                    true => context.output.json(&line),
                    false => context.output.line(format_args!("conflict {} is settled: {}", line.id, choice.as_str())),
                }
                Ok(Exit::Done)
            }
            Resolution::Guarded(guards) => {
                let tripped: Vec<String> = guards.iter().map(show::report::guard).collect();
                let remedies: Vec<&str> = guards.iter().map(show::report::as_it_was).collect();
                Err(Failure::guarded(tripped.join("; ")).help(remedies.join("; ")))
            }
            Resolution::Moved { .. } => {
                match context.json() {
                    true => context.output.json(&line),
                    false => context.output.line(show::conflict::one(&line)),
                }
                context.output.flush();
                let message = format!("conflict {} is not settled: the record was changed since it was found", line.id);
                Err(Failure::failed(message).help("look at what the sides hold now (above) and decide again"))
            }
        }
    }
}

async fn find(state: &StateFile, id: &str, file: &Path, context: &Context) -> Result<StoredConflict, Failure> {
    state.conflict(id).await.map_err(|error| match error {
        StateError::UnknownConflict(id) => Failure::failed(format!("there is no conflict {id}"))
            .help(format!("{} --all lists them", context.next("conflicts list", file))),
        other => other.into(),
    })
}

/// Who decides, for the record.
fn person() -> String {
    ["USER", "LOGNAME"].iter().find_map(|name| open::environment(name)).unwrap_or_else(|| "command line".to_owned())
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) if !fields.is_empty() => Ok(fields),
        Ok(_) => Err("give a JSON object with the fields that both sides shall have".to_owned()),
        Err(error) => Err(format!("this is not JSON: {error}")),
    }
}
