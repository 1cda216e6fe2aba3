//! `pinksync completions`: what a shell needs to complete our commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  pinksync completions bash > /etc/bash_completion.d/pinksync
  pinksync completions zsh > ~/.zfunc/_pinksync
  pinksync completions fish > ~/.config/fish/completions/pinksync.fish";

/// Prints what a shell needs to complete our commands
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub fn carry_out(self, context: &Context) -> Exit {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "pinksync", &mut script);
        context.output.line(String::from_utf8_lossy(&script).trim_end());
        Exit::Done
    }
}
