//! The `pinksync` binary: reads the command line, carries out one command, ends with its exit code.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod command;
mod context;
mod exit;
mod failure;
mod logging;
mod open;
mod output;
mod progress;
mod question;
mod show;
mod signals;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use context::Context;
use failure::Failure;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if !arguments.command.serves() {
        logging::start(arguments.global.verbose);
    }
    // Fails only where a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let context = Context::new(arguments.global);
    let exit = carry_out(arguments.command, &context).unwrap_or_else(|failure| failure.print());
    context.output.flush();
    ExitCode::from(exit.with_output(context.output.is_cut()).code())
}

fn carry_out(command: command::Command, context: &Context) -> Result<exit::Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed("the program cannot start its threads").because(&error))?;
    let exit = runtime.block_on(async {
        signals::outlive_full_disks()?;
        command.carry_out(context).await
    });
    // What still waits on a system that does not answer is not waited for.
    runtime.shutdown_background();
    exit
}
