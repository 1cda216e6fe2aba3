//! Yes or no, asked on a terminal; elsewhere refused with the flag that answers it.

use std::io::{IsTerminal, Write, stderr, stdin};

use crate::exit::Exit;
use crate::failure::Failure;

/// True if the user agrees. `yes`: every question was answered beforehand.
pub fn agreed(question: &str, yes: bool) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(
            Failure::usage(format!("not asked without a terminal: {question}")).help("give --yes to agree beforehand")
        );
    }
    let _ = write!(stderr(), "{question} [y/N] ");
    let _ = stderr().flush();
    let mut answer = String::new();
    stdin()
        .read_line(&mut answer)
        .map_err(|error| Failure::failed("the answer cannot be read").because(&error).help("give --yes to agree"))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// The end of a command whose question was answered with no.
pub fn declined() -> Exit {
    crate::context::say("nothing was done");
    Exit::Failed
}
