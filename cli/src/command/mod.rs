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
mod service;
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
    Api(service::Api),
    Worker(service::Worker),
    Scheduler(service::Scheduler),
    Up(service::Up),
    Migrate(service::Migrate),
    #[command(subcommand)]
    Keys(service::Keys),
    Health(service::Health),
    Completions(completions::Completions),
}

impl Command {
    /// Whether it is a process of the service, which logs by its own settings.
    pub fn serves(&self) -> bool {
        matches!(self, Self::Api(_) | Self::Worker(_) | Self::Scheduler(_) | Self::Up(_))
    }

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
            Self::Api(command) => command.carry_out().await,
            Self::Worker(command) => command.carry_out().await,
            Self::Scheduler(command) => command.carry_out().await,
            Self::Up(command) => command.carry_out().await,
            Self::Migrate(command) => command.carry_out(context).await,
            Self::Keys(command) => command.carry_out(context).await,
            Self::Health(command) => command.carry_out().await,
            Self::Completions(command) => Ok(command.carry_out(context)),
        }
    }
}
