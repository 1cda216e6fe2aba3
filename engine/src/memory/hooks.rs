//! Outside edits at a chosen moment: what somebody else does while a session is at work.

use super::MemorySystem;

/// What the engine is about to do when the outside edit happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// `Dataset::begin`.
    Begin,
    /// `Transaction::read`.
    Read,
    /// The next chunk of `Dataset::scan`.
    Scan,
    /// `Transaction::lookup`.
    Lookup,
    /// `Transaction::write`.
    Write,
    /// `Transaction::commit`.
    Commit,
    /// `Dataset::publish`.
    Publish,
}

type Edit = Box<dyn FnOnce(&MemorySystem) + Send>;

/// Edits that wait for their moment.
#[derive(Default)]
pub(super) struct Hooks(Vec<Hook>);

struct Hook {
    moment: Moment,
    /// How many such moments pass first.
    skip: u64,
    edit: Edit,
}

impl Hooks {
    pub fn add(&mut self, moment: Moment, skip: u64, edit: Edit) {
        self.0.push(Hook { moment, skip, edit });
    }

    /// One more `moment` has come: takes out the edits that are due.
    pub fn pass(&mut self, moment: Moment) -> Vec<Edit> {
        let (due, waiting): (Vec<Hook>, Vec<Hook>) =
            std::mem::take(&mut self.0).into_iter().partition(|hook| hook.moment == moment && hook.skip == 0);
        self.0 = waiting;
        for hook in self.0.iter_mut().filter(|hook| hook.moment == moment) {
            hook.skip -= 1;
        }
        due.into_iter().map(|hook| hook.edit).collect()
    }

    pub fn waiting(&self) -> usize {
        self.0.len()
    }
}
