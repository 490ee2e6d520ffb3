//! A progress bar on a terminal, for work that takes longer than a second.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::Progress;
use crate::sys::clock::Stopwatch;

/// See the module.
pub struct Bar {
    is_shown: bool,
    state: Mutex<Option<(ProgressBar, Stopwatch)>>,
}

const PATIENCE: Duration = Duration::from_secs(1);

impl Bar {
    /// A bar that shows nothing where stderr is not a terminal.
    pub fn new() -> Self {
        Self {
            is_shown: std::io::stderr().is_terminal(),
            state: Mutex::new(None),
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Option<(ProgressBar, Stopwatch)>) -> T) -> Option<T> {
        if !self.is_shown {
            return None;
        }
        self.state.lock().ok().map(|mut state| work(&mut state))
    }
}

impl Progress for Bar {
    fn begin(&self, label: &str, total: u64) {
        self.with(|state| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
            let style = ProgressStyle::with_template("{msg:>10} {bar:40} {bytes}/{total_bytes} {eta}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(label.to_owned());
            *state = Some((bar, Stopwatch::start()));
        });
    }

    fn advance(&self, bytes: u64) {
        self.with(|state| {
            let Some((bar, since)) = state else { return };
            if bar.is_hidden() && since.elapsed() > PATIENCE {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.inc(bytes);
        });
    }

    fn end(&self) {
        self.with(|state| {
            if let Some((bar, _)) = state.take() {
                bar.finish_and_clear();
            }
        });
    }
}
