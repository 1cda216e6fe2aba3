//! How far a session is: a bar on a terminal, a line every ten seconds elsewhere. All of it on stderr.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pinksync_engine::session::Observer;
use pinksync_model::{DatasetReport, Phase};
use tokio::task::JoinHandle;

use crate::context::{Context, say};
use crate::show::number;

const LINE_EVERY: Duration = Duration::from_secs(10);
const BAR_EVERY: Duration = Duration::from_millis(100);

/// Shown for as long as this lives.
pub struct Progress {
    board: Arc<Board>,
    lines: Option<JoinHandle<()>>,
}

/// What the session told last.
#[derive(Default)]
pub struct Board {
    has_bar: bool,
    /// Made when there is something to tell: until then the terminal is free for questions.
    bar: OnceLock<ProgressBar>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    dataset: String,
    phase: Option<Phase>,
    done: usize,
    total: usize,
    counted: DatasetReport,
}

impl Progress {
    /// Must be called inside the runtime.
    pub fn start(context: &Context) -> Self {
        let quiet = context.global.quiet;
        // What `-v` tells would run through a bar.
        let has_bar = !quiet && context.global.verbose == 0 && std::io::stderr().is_terminal();
        let board = Arc::new(Board { has_bar, ..Board::default() });
        let told = Arc::clone(&board);
        let lines = (!quiet && !has_bar).then(|| tokio::spawn(async move { tell(&told, say).await }));
        Self { board, lines }
    }

    pub fn board(&self) -> &Arc<Board> {
        &self.board
    }

    /// Takes the bar away before something else is printed.
    pub fn end(&self) {
        if let Some(bar) = self.board.bar.get() {
            bar.finish_and_clear();
        }
        if let Some(lines) = &self.lines {
            lines.abort();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    let template = "{spinner} {msg} {elapsed}";
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(BAR_EVERY);
    bar
}

async fn tell(board: &Board, say: impl Fn(String)) {
    let mut ticks = tokio::time::interval(LINE_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let text = board.state().text();
        if !text.is_empty() {
            say(text);
        }
    }
}

impl Board {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show(&self, state: &State) {
        if self.has_bar {
            self.bar.get_or_init(bar).set_message(state.text());
        }
    }
}

impl Observer for Board {
    fn phase(&self, dataset: &str, phase: Phase) {
        let mut state = self.state();
        if state.dataset != dataset {
            *state = State { dataset: dataset.to_owned(), ..State::default() };
        }
        if state.phase != Some(phase) {
            (state.phase, state.done, state.total) = (Some(phase), 0, 0);
        }
        self.show(&state);
    }

    fn advanced(&self, _dataset: &str, done: usize, total: usize, counted: &DatasetReport) {
        let mut state = self.state();
        state.counted += counted;
        if total > 0 {
            (state.done, state.total) = (done, total);
        }
        self.show(&state);
    }
}

impl State {
    fn text(&self) -> String {
        let Some(phase) = self.phase else { return String::new() };
        let mut text = match &*self.dataset {
            "" => phase.to_string(),
            dataset => format!("{dataset}: {phase}"),
        };
        if matches!(phase, Phase::Comparing | Phase::Verifying) && self.total > 0 {
            text.push_str(&format!(", {} of {} parts", number(self.done as u64), number(self.total as u64)));
        }
        let read = self.counted.read.source.max(self.counted.read.target);
        for (count, what) in [(read, "compared"), (self.counted.written(), "written")] {
            if count > 0 {
                text.push_str(&format!(", {} {what}", number(count)));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_dataset_phase_and_counts() {
        let board = Board::default();
        assert_eq!(board.state().text(), "");
        board.phase("a → b", Phase::Comparing);
        let mut counted = DatasetReport::default();
        counted.read.source = 12_000;
        counted.to_target.created = 7;
        board.advanced("a → b", 3, 12, &counted);
        assert_eq!(board.state().text(), "a → b: comparing, 3 of 12 parts, 12,000 compared, 7 written");
        board.phase("a → b", Phase::Deleting);
        board.advanced("a → b", 0, 0, &counted);
        assert_eq!(board.state().text(), "a → b: deleting, 24,000 compared, 14 written");
        board.phase("c → d", Phase::Staging);
        assert_eq!(board.state().text(), "c → d: staging");
        board.phase("", Phase::Finishing);
        assert_eq!(board.state().text(), "finishing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_comes_every_ten_seconds_once_there_is_something_to_tell() {
        let board = Arc::new(Board::default());
        let (send, mut lines) = tokio::sync::mpsc::unbounded_channel();
        let told = Arc::clone(&board);
        let began = tokio::time::Instant::now();
        tokio::spawn(async move { tell(&told, |line| send.send((began.elapsed().as_secs(), line)).unwrap()).await });
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(11)).await;
        tokio::task::yield_now().await;
        board.phase("a → b", Phase::Comparing);
        assert_eq!(lines.recv().await.unwrap(), (20, "a → b: comparing".to_owned()));
        board.phase("", Phase::Finishing);
        assert_eq!(lines.recv().await.unwrap(), (30, "finishing".to_owned()));
    }
}
