//! What stands on the command line before and around a command.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, ValueEnum};

use crate::command::Command;

const EXAMPLES: &str = "\
Examples:
  pinksync demo                                    a small two-way sync to look at and play with
  pinksync init sync.yaml --source postgres://… --target shop.db
  pinksync plan sync.yaml                          what would happen; writes nothing
  pinksync run sync.yaml                           does it
  pinksync conflicts list sync.yaml                what waits for you
  pinksync undo sync.yaml                          takes the last run back

Exit codes:
  0    done
  1    failed
  2    wrong usage, or a sync file that does not validate
  3    done, but rejects, open conflicts or records left alone remain
  4    stopped by a guard
  10   plan --detailed-exitcode has changes; verify and diff found differences
  130  interrupted";

/// Keeps the records of two systems in agreement: databases and files, one way or both ways
#[derive(Debug, Parser)]
#[command(name = "pinksync", version, propagate_version = true, arg_required_else_help = true)]
#[command(max_term_width = 110, after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// How data is printed
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub output: Format,
    /// State file of the sync, if it is not beside the sync file (FILE with the ending .state.db)
    #[arg(long, global = true, value_name = "FILE.db")]
    pub state: Option<PathBuf>,
    /// Prints no progress and no remarks
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Tells on stderr what happens inside; twice for more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Tables for people
    Text,
    /// JSON: one object, or one object per line for lists
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_put_together_without_contradictions() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples_in_its_help() {
        fn look(command: &clap::Command, named: &str) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let own = help.contains("Examples:\n") && help.contains(named);
            assert!(own, "{named} has no example of its own:\n{help}");
            for inner in command.get_subcommands() {
                look(inner, &format!("{named} {}", inner.get_name()));
            }
        }
        look(&Arguments::command(), "pinksync");
    }
}
