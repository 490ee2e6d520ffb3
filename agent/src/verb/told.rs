//! A run as others see it: in the file that `attach` follows, in the host's log, and in the report that it leaves.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::api::ExitCode;
use crate::api::report::{Action, Report};
use crate::model::Progress;
use crate::session::{Locks, Session};
use crate::store::Store;
use crate::store::told::{LastReport, Line, RunId};
use crate::sys::clock::{self, Stopwatch};
use crate::sys::follow::Writer;
use crate::sys::journal::{self, Entry, Weight};

/// How often progress is told at most.
const PAUSE: Duration = Duration::from_millis(200);

/// Progress, passed on to whoever ran the verb and told to those who follow it.
pub(super) struct Told<'a> {
    shown: &'a dyn Progress,
    telling: Mutex<Option<Telling>>,
}

struct Telling {
    writer: Writer,
    /// Bytes that were not told yet, and since when.
    done: u64,
    since: Stopwatch,
}

impl Telling {
    fn say(&mut self, line: &Line) {
        if let Ok(json) = serde_json::to_vec(line) {
            self.writer.line(&json);
        }
    }

    fn catch_up(&mut self) {
        let done = std::mem::take(&mut self.done);
        if done > 0 {
            self.say(&Line::Done(done));
        }
        self.since = Stopwatch::start();
    }
}

impl<'a> Told<'a> {
    pub fn new(shown: &'a dyn Progress) -> Self {
        Self {
            shown,
            telling: Mutex::default(),
        }
    }

    fn with(&self, tell: impl FnOnce(&mut Telling)) {
        let mut telling = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        telling.as_mut().map(tell);
    }

    pub fn say(&self, line: &Line) {
        self.with(|telling| telling.say(line));
    }

    /// From here on a run is told. That it cannot be is no reason not to do it.
    fn begin(&self, store: &Store, run: &RunId) {
        match Writer::create(&store.told_file()) {
            Ok(writer) => {
                let mut telling = Telling {
                    writer,
                    done: 0,
                    since: Stopwatch::start(),
                };
                telling.say(&Line::Run(run.clone()));
                *self.telling.lock().unwrap_or_else(PoisonError::into_inner) = Some(telling);
            }
            Err(error) => tracing::warn!("nobody can follow this run: {error}"),
        }
    }
}

impl Progress for Told<'_> {
    fn begin(&self, label: &str, total: u64) {
        self.shown.begin(label, total);
        self.with(|telling| {
            telling.catch_up();
            telling.say(&Line::Begin {
                label: label.to_owned(),
                total,
            });
        });
    }

    fn advance(&self, bytes: u64) {
        self.shown.advance(bytes);
        self.with(|telling| {
            telling.done += bytes;
            if telling.since.elapsed() >= PAUSE {
                telling.catch_up();
            }
        });
    }

    fn end(&self) {
        self.shown.end();
        self.with(|telling| {
            telling.catch_up();
            telling.say(&Line::End);
        });
    }
}

/// A run that nobody else runs beside, until its report is left.
pub(super) struct Alone {
    run: RunId,
    store: Store,
    _locks: Locks,
}

impl Alone {
    pub fn begin(session: &Session, told: &Told<'_>, action: Action) -> Self {
        let now = clock::now();
        let run = RunId {
            pid: std::process::id(),
            began: clock::in_words(now),
            nanoseconds: now.as_nanosecond(),
            action,
        };
        let store = Store::new(&session.settings.state_dir);
        told.begin(&store, &run);
        Self {
            run,
            store,
            _locks: session.locks(),
        }
    }

    /// Leaves the report, and lets others in then.
    pub fn end(self, report: &mut Report) {
        let last = LastReport {
            run: self.run,
            ended: clock::now_rfc3339(),
            report: report.clone(),
        };
        if let Err(failure) = self.store.keep_last_report(&last) {
            report.warnings.push(failure.full_message());
        }
    }
}

/// Says in the host's log that a run begins.
pub(super) fn log_begin(report: &Report) {
    let verb = report.action.name();
    log(
        report,
        Weight::Notice,
        "begins",
        &format!("{verb} {} begins", report.instance),
    );
}

/// Says in the host's log that a transaction of a run begins.
pub(super) fn log_transaction(report: &Report) {
    let id = report.transaction.as_deref().unwrap_or_default();
    log(
        report,
        Weight::Notice,
        "begins",
        &format!("transaction {id} begins"),
    );
}

/// Says in the host's log how a run ended.
pub(super) fn log_end(report: &Report) {
    let status = serde_json::to_value(report.status).unwrap_or_default();
    let status = status.as_str().unwrap_or_default();
    for warning in &report.warnings {
        log(report, Weight::Warning, status, warning);
    }
    let weight = match report.error.as_ref().map(|error| error.kind.exit()) {
        None => Weight::Notice,
        // A rule said no, as it was told to.
        Some(ExitCode::Blocked) => Weight::Warning,
        Some(_) => Weight::Error,
    };
    let verb = report.action.name();
    let message = format!("{verb} {}: {}", report.instance, report.message);
    log(report, weight, status, &message);
}

fn log(report: &Report, weight: Weight, status: &str, message: &str) {
    journal::say(
        weight,
        &Entry {
            instance: &report.instance,
            action: report.action.name(),
            status,
            transaction: report.transaction.as_deref(),
            message,
        },
    );
}
