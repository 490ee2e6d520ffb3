//! A progress bar on a terminal, for work that takes longer than a second.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::Progress;
use crate::sys::clock::{self, Deadline, Stopwatch};

/// See the module.
pub struct Bar {
    /// `None` where stderr is not a terminal: nothing is shown there.
    shown: Option<Arc<Mutex<Stack>>>,
}

const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(200);

/// The pieces of work under way, each a part of the one before.
#[derive(Default)]
struct Stack {
    tasks: Vec<Task>,
    /// What is drawn for the last of them.
    bar: Option<ProgressBar>,
}

struct Task {
    label: String,
    total: u64,
    done: u64,
    since: Stopwatch,
}

impl Bar {
    /// A bar that shows nothing where stderr is not a terminal.
    pub fn new() -> Self {
        let shown = std::io::stderr().is_terminal().then(Arc::default);
        if let Some(stack) = &shown {
            let stack = Arc::downgrade(stack);
            // Work that tells nothing for a while, such as waiting for a server, is shown too.
            std::thread::spawn(move || tick(&stack));
        }
        Self { shown }
    }

    /// Does something with a terminal on which nothing is drawn meanwhile.
    pub fn aside(&self, work: impl FnOnce()) {
        match &self.shown {
            None => work(),
            Some(_) => self.with(|stack| {
                stack.clear();
                work();
            }),
        }
    }

    fn with(&self, work: impl FnOnce(&mut Stack)) {
        if let Some(Ok(mut stack)) = self.shown.as_ref().map(|stack| stack.lock()) {
            work(&mut stack);
        }
    }
}

fn tick(stack: &Weak<Mutex<Stack>>) {
    while let Some(stack) = stack.upgrade() {
        if let Ok(mut stack) = stack.lock() {
            stack.draw();
        }
        drop(stack);
        clock::pause(TICK, &Deadline::after(TICK));
    }
}

impl Stack {
    /// Draws the last piece of work, once the work as a whole has taken long enough.
    fn draw(&mut self) {
        let (Some(first), Some(task)) = (self.tasks.first(), self.tasks.last()) else {
            return;
        };
        if first.since.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| task.bar());
        bar.set_position(task.done);
        bar.tick();
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Task {
    fn bar(&self) -> ProgressBar {
        let (length, template) = match self.total {
            0 => (None, "{spinner} {msg} {elapsed}"),
            total => (Some(total), "{msg:>10} {bar:40} {bytes}/{total_bytes} {eta}"),
        };
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr())
            .with_message(self.label.clone())
            .with_elapsed(self.since.elapsed());
        match ProgressStyle::with_template(template) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }
}

impl Progress for Bar {
    fn begin(&self, label: &str, total: u64) {
        self.with(|stack| {
            stack.clear();
            stack.tasks.push(Task {
                label: label.to_owned(),
                total,
                done: 0,
                since: Stopwatch::start(),
            });
        });
    }

    fn advance(&self, bytes: u64) {
        self.with(|stack| {
            if let Some(task) = stack.tasks.last_mut() {
                task.done = task.done.saturating_add(bytes);
            }
        });
    }

    fn end(&self) {
        self.with(|stack| {
            stack.clear();
            stack.tasks.pop();
        });
    }
}
