//! `pinksync doctor`: whether everything that a run needs is there, step by step.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use pinksync_connectors::origin::Origin;
use pinksync_connectors::registry;
use pinksync_engine::connector::{CheckStep, Purpose};
use pinksync_local::StateFile;
use pinksync_model::{Connection, DatasetEntry, Direction};
use serde_json::json;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::open;
use crate::show::{counted, harmless, table, text_of};

const EXAMPLES: &str = "\
Examples:
  pinksync doctor                this machine
  pinksync doctor sync.yaml      and what this sync needs";

/// Checks what a run needs: this machine, and with FILE the sync file, its state and both systems
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Doctor {
    /// Sync file
    file: Option<PathBuf>,
}

/// A step and what it is about.
struct Finding {
    about: &'static str,
    step: CheckStep,
}

impl Doctor {
    pub async fn carry_out(self, context: &Context) -> Result<Exit, Failure> {
        let mut findings = machine();
        if let Some(path) = &self.file {
            let file = open::read(path)?;
            let definition = file.definition();
            let datasets = counted(definition.datasets.len() as u64, "dataset", "datasets");
            let detail = format!("{datasets}, {}", definition.direction.as_str());
            findings.push(Finding { about: "sync file", step: good("read", detail) });
            findings.push(Finding { about: "state", step: state(path, context) });
            let creates = definition
                .datasets
                .iter()
                .any(|entry| matches!(entry, DatasetEntry::Definition(dataset) if dataset.create_target));
            let at_source = Purpose { writes: definition.direction == Direction::TwoWay, creates: false };
            let at_target = Purpose { writes: true, creates };
            for (about, connection, purpose) in
                [("source", &definition.source, at_source), ("target", &definition.target, at_target)]
            {
                let steps = system(connection, file.folder(), purpose).await;
                findings.extend(steps.into_iter().map(|step| Finding { about, step }));
            }
        }
        for finding in findings.iter().filter(|_| context.json()) {
            let CheckStep { name, ok, detail, hint } = &finding.step;
            context
                .output
                .json(&json!({"about": finding.about, "step": name, "ok": ok, "detail": detail, "hint": hint}));
        }
        if !context.json() {
            context.output.line(list(&findings));
        }
        Ok(if findings.iter().all(|finding| finding.step.ok) { Exit::Done } else { Exit::Failed })
    }
}

fn machine() -> Vec<Finding> {
    let about = "this machine";
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let connectors = Connection::KINDS.join(", ");
    let folder = std::env::temp_dir();
    let written = tempfile::NamedTempFile::new_in(&folder).and_then(|mut probe| probe.write_all(b"x"));
    let scratch = match written {
        Ok(()) => good("write", format!("temporary files in {}", folder.display())),
        Err(error) => bad("write", format!("{}: {error}", folder.display()), "name another folder with TMPDIR"),
    };
    [
        good("program", format!("pinksync {}, connectors: {connectors}", env!("CARGO_PKG_VERSION"))),
        good("cores", cores.to_string()),
        scratch,
    ]
    .into_iter()
    .map(|step| Finding { about, step })
    .collect()
}

/// The state is only looked at: a session may be at work.
fn state(file: &std::path::Path, context: &Context) -> CheckStep {
    let path = context.state_path(file);
    if let Some(holder) = StateFile::holder(&path) {
        return good("open", format!("in use by process {} since {}", holder.pid, holder.since));
    }
    match StateFile::open_read_only(&path) {
        Ok(_) => good("open", path.display().to_string()),
        Err(pinksync_local::StateError::Absent { path }) => {
            good("open", format!("{} is made by the first run", path.display()))
        }
        Err(error) => bad("open", error.to_string(), "name another file with --state"),
    }
}

async fn system(connection: &Connection, folder: &std::path::Path, purpose: Purpose) -> Vec<CheckStep> {
    match registry::open(connection, &Origin::new(folder, "pinksync doctor")).await {
        Ok(system) => system.check(purpose).await,
        Err(error) => vec![bad("open", error.to_string(), error.remedy().unwrap_or("correct the sync file"))],
    }
}

fn good(name: &'static str, detail: String) -> CheckStep {
    CheckStep { name, ok: true, detail, hint: None }
}

fn bad(name: &'static str, detail: String, hint: &str) -> CheckStep {
    CheckStep { name, ok: false, detail, hint: Some(hint.to_owned()) }
}

fn list(findings: &[Finding]) -> String {
    let mut table = table();
    for Finding { about, step } in findings {
        let word = if step.ok { "ok" } else { "FAILED" };
        table.add_row([(*about).to_owned(), step.name.to_owned(), word.to_owned(), harmless(&step.detail)]);
    }
    let mut text = text_of(table, usize::MAX);
    for Finding { about, step } in findings {
        if let Some(hint) = step.hint.as_ref().filter(|_| !step.ok) {
            text.push_str(&format!("\nhelp: {about}, {}: {}", step.name, harmless(hint)));
        }
    }
    text
}
