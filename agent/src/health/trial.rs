//! Asking probes again until they pass or their time is over.

use std::convert::Infallible;
use std::time::Duration;

use crate::api::report::ProbeView;
use crate::config::Probe;
use crate::sys::clock::{Deadline, Stopwatch, pause};

use super::answer::Answer;
use super::probe::{Prober, kind_name};

/// How long probes are asked again.
#[derive(Debug, Clone, Copy)]
pub enum Waiting {
    /// Each until its own deadline: the server should be up.
    Own,
    /// The same, and that of none that must pass ends before this one: the server may still be starting.
    OwnOrLater(Deadline),
    /// All until a common one, because the server is starting.
    Until(Deadline),
}

/// Several probes and what they said so far. A probe that passed is not asked again.
#[derive(Debug)]
pub struct Trials<'a> {
    prober: Prober<'a>,
    trials: Vec<Trial<'a>>,
}

#[derive(Debug)]
struct Trial<'a> {
    probe: &'a Probe,
    deadline: Deadline,
    watch: Stopwatch,
    pause: Option<Deadline>,
    attempts: u32,
    ms: u64,
    answer: Option<Answer>,
}

impl<'a> Trials<'a> {
    /// Begins: the time of all probes runs from now.
    pub fn new(prober: Prober<'a>, waiting: Waiting) -> Self {
        let trials = prober
            .settings
            .probes
            .iter()
            .map(|probe| Trial::new(probe, waiting));
        Self {
            trials: trials.collect(),
            prober,
        }
    }

    /// Asks every probe whose turn it is, once.
    pub fn poll(&mut self) {
        for trial in &mut self.trials {
            trial.poll(&self.prober);
        }
    }

    /// Whether every required probe has passed. True without any, which is no evidence.
    pub fn required_pass(&self) -> bool {
        self.trials
            .iter()
            .all(|trial| trial.passed() || !trial.probe.required)
    }

    /// Whether no probe will be asked any more.
    pub fn over(&self) -> bool {
        self.trials.iter().all(Trial::over)
    }

    /// Whether there is a probe that must pass.
    pub fn any_required(&self) -> bool {
        self.trials.iter().any(|trial| trial.probe.required)
    }

    /// Gives the probes that have not passed their own time from now on, if that ends earlier than before.
    pub fn finish_soon(&mut self) {
        for trial in self.trials.iter_mut().filter(|trial| !trial.passed()) {
            let own = Deadline::after(Duration::from_secs(trial.probe.deadline_s));
            if own.left() < trial.deadline.left() {
                trial.deadline = own;
            }
        }
    }

    /// What the probes said, in the order of the settings.
    pub fn views(&self) -> Vec<ProbeView> {
        self.trials.iter().map(Trial::view).collect()
    }

    /// How long until a probe's turn comes, at most 100 ms.
    pub fn idle(&self) -> Duration {
        let open = self.trials.iter().filter(|trial| !trial.over());
        let next = open
            .map(|trial| trial.pause.map_or(Duration::ZERO, |pause| pause.left()))
            .min();
        next.unwrap_or(Duration::ZERO)
            .clamp(Duration::from_millis(5), Duration::from_millis(100))
    }
}

impl<'a> Trial<'a> {
    fn new(probe: &'a Probe, waiting: Waiting) -> Self {
        let own = Deadline::after(Duration::from_secs(probe.deadline_s));
        Self {
            probe,
            deadline: match waiting {
                Waiting::Own => own,
                Waiting::OwnOrLater(deadline) if !probe.required || deadline.left() < own.left() => own,
                Waiting::OwnOrLater(deadline) | Waiting::Until(deadline) => deadline,
            },
            watch: Stopwatch::start(),
            pause: None,
            attempts: 0,
            ms: 0,
            answer: None,
        }
    }

    fn passed(&self) -> bool {
        self.answer.as_ref().is_some_and(|answer| answer.ok)
    }

    /// The last try begins before the deadline, and there is always one.
    fn over(&self) -> bool {
        self.passed() || (self.attempts > 0 && self.deadline.passed())
    }

    fn poll(&mut self, prober: &Prober<'_>) {
        let waits = self.pause.is_some_and(|pause| !pause.passed());
        if self.over() || waits {
            return;
        }
        let timeout = Duration::from_secs(self.probe.timeout_s);
        self.answer = Some(prober.ask(self.probe, timeout));
        self.attempts += 1;
        self.ms = self.watch.ms();
        // Every pause of a starting server is downtime: the first ones are short.
        let first = Duration::from_millis(50) * (1 << self.attempts.min(10));
        let interval = Duration::from_millis(self.probe.interval_s.saturating_mul(1000).max(50));
        self.pause = Some(Deadline::after(interval.min(first)));
    }

    fn view(&self) -> ProbeView {
        let detail = self.answer.as_ref().map(|answer| answer.detail.clone());
        ProbeView {
            name: self.probe.name.clone(),
            kind: kind_name(self.probe).to_owned(),
            required: self.probe.required,
            ok: self.passed(),
            detail: detail.unwrap_or_else(|| "not asked".to_owned()),
            attempts: self.attempts,
            ms: self.ms,
            baseline_ok: None,
        }
    }
}

/// Asks all probes of an instance until each has passed or its time is over.
pub fn run_all(prober: Prober<'_>, waiting: Waiting) -> Vec<ProbeView> {
    let Ok(views) = run_while(prober, waiting, || Ok::<(), Infallible>(()));
    views
}

/// The same, for as long as somebody lets it go on.
///
/// # Errors
/// Those of `go_on`, which is asked between two tries.
pub fn run_while<E>(
    prober: Prober<'_>,
    waiting: Waiting,
    go_on: impl Fn() -> Result<(), E>,
) -> Result<Vec<ProbeView>, E> {
    let mut trials = Trials::new(prober, waiting);
    loop {
        trials.poll();
        if trials.over() {
            return Ok(trials.views());
        }
        go_on()?;
        let idle = trials.idle();
        pause(idle, &Deadline::after(idle));
    }
}
