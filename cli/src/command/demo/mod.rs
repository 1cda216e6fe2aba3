//! `pinksync demo`: a small two-way sync to look at and to play with.

mod edits;
mod folder;
mod people;

use std::path::PathBuf;

use clap::Args;
use pinksync_local::StateFile;

use crate::arguments::Global;
use crate::command::run;
use crate::context::{Context, shell_word};
use crate::exit::Exit;
use crate::failure::Failure;
use folder::{Folder, Found};

const EXAMPLES: &str = "\
Examples:
  pinksync demo                    in pinksync-demo
  pinksync demo somewhere
  pinksync demo --fresh            makes the folder anew";

/// Makes and runs a small two-way sync: a CSV file as a CRM exports it, and the SQLite database of a shop
///
/// Called again it runs the sync in the folder once more; edit either side in between.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Demo {
    /// Folder to make
    #[arg(default_value = "pinksync-demo")]
    dir: PathBuf,
    /// Starts over in a folder that an earlier demo made
    #[arg(long)]
    fresh: bool,
}

impl Demo {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        // The demo has a state of its own, whatever --state says.
        let own = Context::new(Global { state: None, ..context.global.clone() });
        let folder = Folder::new(self.dir);
        let exit = match folder.look()? {
            Found::Ready if !self.fresh => self::again(&folder, &own).await?,
            Found::Ready | Found::HalfMade | Found::Nothing => self::make(&folder, &own).await?,
        };
        own.output.flush();
        Ok(exit)
    }
}

/// Both sides, a first session, edits on both sides, and the session that is shown.
async fn make(folder: &Folder, context: &Context) -> Result<Exit, Failure> {
    folder.make()?;
    let file = folder.sync_file();
    tell(context, format_args!("{}", made(folder)));
    let quiet = Context::new(Global { quiet: true, ..context.global.clone() });
    let first = run::session(&file, &quiet, &[], None, None).await?;
    if let Some(error) = &first.error {
        return Err(error.into());
    }
    edits::at_the_crm(folder)?;
    edits::at_the_shop(folder)?;
    folder.mark_ready()?;
    tell(context, EDITED);
    tell(context, format_args!("$ {}\n", context.next("run", &file)));
    let exit = shown(folder, context).await?;
    tell(context, format_args!("\n{}", next(folder, context, &open_conflict(folder, context).await?)));
    Ok(exit)
}

async fn again(folder: &Folder, context: &Context) -> Result<Exit, Failure> {
    let again = "was made by an earlier demo; its sync is run once more (--fresh starts over)";
    context.remark(format_args!("{} {again}", folder.path().display()));
    shown(folder, context).await
}

/// Runs the sync as `pinksync run` does. The open conflict is meant to be there.
async fn shown(folder: &Folder, context: &Context) -> Result<Exit, Failure> {
    let file = folder.sync_file();
    let ended = run::session(&file, context, &[], None, None).await?;
    Ok(match run::tell(&ended, &file, context) {
        Exit::Remains => Exit::Done,
        other => other,
    })
}

fn tell(context: &Context, text: impl std::fmt::Display) {
    if !context.json() {
        context.output.line(text);
        context.output.flush();
    }
}

fn made(folder: &Folder) -> String {
    let path = folder.path().display();
    format!(
        "{path}/crm/customers.csv   24 customers, as a CRM exports them\n\
         {path}/shop.db             24 customers of a shop, 18 of them the CRM's\n\
         {path}/sync.yaml           how the two follow each other\n\n\
         A first session made them agree: each side got the six customers that it lacked."
    )
}

const EDITED: &str = "\
Since then people worked on both sides:
  the CRM    two new customers, two changed, one deleted
  the shop   one new customer, two changed
  both       Clara Vogel was changed on both sides, later in the shop: the later edit stands
             Jonas Weber was changed on both sides in the same second: a person has to decide
";

/// The id of the conflict that waits for a decision.
async fn open_conflict(folder: &Folder, context: &Context) -> Result<String, Failure> {
    let state = StateFile::open_read_only(&context.state_path(&folder.sync_file()))?;
    Ok(state.conflicts(false).await?.first().map_or_else(|| "ID".to_owned(), |conflict| conflict.id.clone()))
}

fn next(folder: &Folder, context: &Context, conflict: &str) -> String {
    let file = folder.sync_file();
    let resolve = context.next("conflicts resolve", &file);
    format!(
        "Now try:\n  {list}\n  {resolve} {conflict} --take source      (or target, or delete, or --value)\n  {plan}\n  \
         {undo}\n  {editor}      and run again: edit, add, delete lines\n\n\
         A sync of your own:\n  pinksync init sync.yaml --source postgres://… --target shop.db\n  pinksync plan sync.yaml",
        list = context.next("conflicts list", &file),
        plan = context.next("plan", &file),
        undo = context.next("undo", &file),
        editor = format_args!("$EDITOR {}", shell_word(&folder.crm_file())),
    )
}
