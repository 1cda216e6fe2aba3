//! `pinksync init`: looks at both systems and writes a sync file to begin with.

mod address;
mod document;
mod suggest;

use std::path::{Path, PathBuf};

use clap::Args;
use pinksync_connectors::origin::Origin;
use pinksync_connectors::registry;
use pinksync_engine::connector::System;
use pinksync_engine::mapping::Mapping;
use pinksync_engine::schema::DatasetSchema;
use pinksync_model::{DatasetEntry, SyncDefinition};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open;
use address::Address;
use suggest::{Side, Suggestions};

const EXAMPLES: &str = "\
Examples:
  pinksync init sync.yaml --source postgres://me@db.example.org/crm --target shop.db
  pinksync init sync.yaml --source '${CRM_URL}' --target csv:exports
  pinksync init sync.yaml --source customers.csv --target sqlite:shop.db --force

URLs:
  postgres://user:password@host:5432/database    a password is not written into the file
  sqlite:PATH or PATH.db                         a SQLite database
  csv:FOLDER or PATH.csv                         CSV files of a folder, or one file
  ${NAME}                                        any of these, read from the environment";

/// Looks at both systems and writes a commented sync file: datasets, keys, suggested modified_at
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Init {
    /// Sync file to write
    file: PathBuf,
    /// The side that is read first
    #[arg(long, value_name = "URL")]
    source: String,
    /// The side that is always written
    #[arg(long, value_name = "URL")]
    target: String,
    /// Overwrites the file if it exists
    #[arg(long)]
    force: bool,
}

impl Init {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        if !self.force && self.file.try_exists().unwrap_or(true) {
            return Err(Failure::usage(format!("{} exists already", self.file.display()))
                .help("choose another name, or give --force to overwrite it"));
        }
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let source = Address::read("source", &self.source, folder)?;
        let target = Address::read("target", &self.target, folder)?;
        let (at_source, at_target) =
            (describe(&source, true).await?, describe(&target, !target.is_missing_file()).await?);
        let at_target = only_written(at_target);
        let suggestions = Suggestions::make(&at_source, &at_target)?;
        let text = document::write(&self.file, &source, &target, &suggestions);
        let misfits = misfits(&text, &source, &target, &at_source.schemas, &at_target.schemas)?;
        std::fs::write(&self.file, &text).map_err(|error| {
            Failure::failed(format!("{} cannot be written", self.file.display()))
                .because(&error)
                .help("check that the folder exists and that you may write to it")
        })?;
        self.tell(context, &[&source, &target], &suggestions, &misfits);
        Ok(Exit::Done)
    }

    fn tell(&self, context: &Context, sides: &[&Address], suggestions: &Suggestions, misfits: &[String]) {
        let count = suggestions.datasets.len() as u64;
        match context.json() {
            true => context.output.json(&serde_json::json!({"file": self.file, "datasets": count, "misfits": misfits})),
            false => {
                let datasets = crate::show::counted(count, "dataset", "datasets");
                context.output.line(format_args!("wrote {} with {datasets}", self.file.display()));
            }
        }
        for misfit in misfits {
            context.remark(format_args!("to be changed by you: {misfit}"));
        }
        for address in sides {
            if let Some(export) = &address.export {
                context.remark(format_args!("the password is not in the file; before a run: {export}"));
            }
        }
        context.remark(format_args!("look at the file, then: {}", context.next("plan", &self.file)));
    }
}

/// `looks`: false for a file that is still to be made, which holds nothing.
async fn describe(address: &Address, looks: bool) -> Result<Side, Failure> {
    let system = registry::open(&address.connection, &Origin::new(Path::new("."), "pinksync")).await?;
    let mut side = Side { schemas: Vec::new(), naming: system.naming() };
    let names = if looks { system.datasets().await? } else { Vec::new() };
    for name in names {
        side.schemas.extend(schema(&*system, &name).await?);
    }
    Ok(side)
}

/// The target without what takes no writes there, such as most views.
fn only_written(mut target: Side) -> Side {
    let (written, others): (Vec<_>, Vec<_>) = target.schemas.into_iter().partition(|schema| schema.writable);
    for schema in others {
        crate::context::say(format_args!("left out: {} of the target takes no writes", schema.name));
    }
    target.schemas = written;
    target
}

/// A dataset that cannot be described (an empty file, a broken view) is none that can be suggested.
async fn schema(system: &dyn System, name: &str) -> Result<Option<DatasetSchema>, Failure> {
    use pinksync_engine::ErrorKind;
    match system.describe(name).await {
        Err(error) if matches!(error.kind(), ErrorKind::Definition | ErrorKind::Data) => {
            crate::context::say(format_args!("left out: {error}"));
            Ok(None)
        }
        described => Ok(described?),
    }
}

/// What a person still has to change: column types that do not fit and the like. Proves that the text is a sync file.
fn misfits(
    text: &str,
    source: &Address,
    target: &Address,
    sources: &[DatasetSchema],
    targets: &[DatasetSchema],
) -> Result<Vec<String>, Failure> {
    let variable = |name: &str| [source, target].into_iter().find_map(|side| side.variable(name));
    let definition = SyncDefinition::parse(text, &|name| variable(name).or_else(|| open::environment(name)))
        .map_err(|mistakes| unfit(&mistakes))?;
    let find = |schemas: &[DatasetSchema], name: &Option<String>| {
        schemas.iter().find(|schema| Some(&schema.name) == name.as_ref()).cloned()
    };
    let mut misfits = Vec::new();
    for entry in &definition.datasets {
        let DatasetEntry::Definition(dataset) = entry else { continue };
        if let (Some(source), Some(target)) = (find(sources, &dataset.source), find(targets, &dataset.target)) {
            misfits.extend(
                Mapping::plan(&definition, dataset, &source, &target).err().map(|error| error.message().to_owned()),
            );
        }
    }
    Ok(misfits)
}

fn unfit(mistakes: &pinksync_model::Mistakes) -> Failure {
    Failure::failed(format!("the sync file would not be valid: {mistakes}"))
        .help("write the file by hand; `pinksync plan FILE --check` says what is wrong with it")
}
