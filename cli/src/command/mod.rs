//! The commands, one file each.

mod completions;
mod conflicts;
mod demo;
mod diff;
mod doctor;
mod init;
mod plan;
mod rejects;
mod report;
mod run;
mod sessions;
mod undo;
mod verify;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub enum Command {
    Run(run::Run),
    Plan(plan::Plan),
    Init(init::Init),
    Demo(demo::Demo),
    #[command(subcommand)]
    Conflicts(conflicts::Conflicts),
    Undo(undo::Undo),
    Report(report::ShowReport),
    Sessions(sessions::Sessions),
    Rejects(rejects::Rejects),
    Verify(verify::Verify),
    Diff(diff::Diff),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
}

impl Command {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        match self {
            Self::Run(command) => command.carry_out(context).await,
            Self::Plan(command) => command.carry_out(context).await,
            Self::Init(command) => command.carry_out(context).await,
            Self::Demo(command) => command.carry_out(context).await,
            Self::Conflicts(command) => command.carry_out(context).await,
            Self::Undo(command) => command.carry_out(context).await,
            Self::Report(command) => command.carry_out(context).await,
            Self::Sessions(command) => command.carry_out(context).await,
            Self::Rejects(command) => command.carry_out(context).await,
            Self::Verify(command) => command.carry_out(context).await,
            Self::Diff(command) => command.carry_out(context).await,
            Self::Doctor(command) => command.carry_out(context).await,
            Self::Completions(command) => Ok(command.carry_out(context)),
        }
    }
}
