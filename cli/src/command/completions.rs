//! `pinksync completions`: what a shell needs to complete our commands.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::context::Context;
use crate::exit::Exit;

/// Prints completions for a shell: `pinksync completions bash > /etc/bash_completion.d/pinksync`
#[derive(Debug, Args)]
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
