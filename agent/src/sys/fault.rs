//! Fault injection for the crash tests: compiled in only with the feature `faults`, a no-op otherwise.
//!
//! Every effect on the file system and every read of content passes [`effect`] or [`sync`] and so gets a number, counted
//! from 1 per process, and a text `kind path`. `PITSTOP_FAULT_LOG` names a file that receives one line `N kind path` per
//! effect. `PITSTOP_FAULT=<fault>:<at>[,<fault>:<at>…]` orders faults. `<at>` is a number, or any other text for the first
//! effect whose own text holds it; `<text>;<text>` means the first one that holds the second text after one that held the
//! first. Numbers move with the age of caches and with the number of cores, texts do not.
//!
//! | fault | what happens at that effect |
//! |---|---|
//! | `kill-before`, `kill-after` | SIGKILL to this process |
//! | `stop-before`, `stop-after` | SIGSTOP: whoever ordered it looks around or changes something, then sends SIGCONT |
//! | `stop-every` | as `stop-before`, at every multiple of the number, or at every effect whose text holds the text |
//! | `enospc` | it and all later writes fail with that error |
//! | `eio`, `erofs` | it fails with that error; `erofs` only for a write |
//! | `unsynced` | it and every later sync whose text holds the text (or from that number on) is left out |
//! `PITSTOP_FAULT_CLOCK` is how many seconds the wall clock is wrong by, negative where it was set back; `@PATH` is a file
//! that holds the number, which may change while the program runs.

/// What is about to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Content is read.
    Read,
    /// Something is written, renamed, made, removed or synced.
    Write,
}

#[cfg(not(feature = "faults"))]
mod real {
    use super::Effect;

    /// An effect is about to happen; the result is its number.
    ///
    /// # Errors
    /// Never without the feature `faults`.
    #[inline]
    pub fn before(_: Effect, _: &str, _: &dyn std::fmt::Display) -> std::io::Result<u64> {
        Ok(0)
    }

    /// The effect of this number has happened.
    #[inline]
    pub fn after(_: u64) {}

    /// How many seconds the wall clock is wrong by.
    #[inline]
    pub fn clock_wrong_by_s() -> i64 {
        0
    }

    /// Whether a sync is to be left out: never without the feature `faults`.
    #[inline]
    pub fn is_unsynced(_: u64, _: &str, _: &dyn std::fmt::Display) -> bool {
        false
    }
}

#[cfg(feature = "faults")]
mod real {
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

    use nix::errno::Errno;
    use nix::sys::signal::Signal;

    use super::Effect;

    static COUNT: AtomicU64 = AtomicU64::new(0);

    /// Where a fault happens.
    enum At {
        Number(u64),
        Texts(Vec<String>),
    }

    struct Order {
        what: String,
        at: At,
        /// How many of the texts were met.
        met: AtomicUsize,
        /// The number of the first effect that it concerns, once there was one.
        first: AtomicU64,
    }

    impl Order {
        fn parse(text: &str) -> Option<Self> {
            let (what, at) = text.split_once(':')?;
            let texts = || At::Texts(at.split(';').map(str::to_owned).collect());
            let at = at.parse().map_or_else(|_| texts(), At::Number);
            Some(Self {
                what: what.to_owned(),
                at,
                met: AtomicUsize::new(0),
                first: AtomicU64::new(u64::MAX),
            })
        }

        /// Whether a fault that happens more than once happens at this effect.
        fn repeats(&self, number: u64, text: &str) -> bool {
            match &self.at {
                At::Number(at) => *at > 0 && number.is_multiple_of(*at),
                At::Texts(texts) => texts.iter().any(|wanted| text.contains(wanted.as_str())),
            }
        }

        /// Whether this is the first effect that the fault concerns.
        fn begins(&self, number: u64, text: &str) -> bool {
            let is_it = match &self.at {
                At::Number(at) => number == *at,
                At::Texts(texts) => {
                    let met = self.met.load(Ordering::SeqCst);
                    let meets = texts
                        .get(met)
                        .is_some_and(|wanted| text.contains(wanted.as_str()));
                    if meets {
                        self.met.store(met + 1, Ordering::SeqCst);
                    }
                    meets && met + 1 == texts.len()
                }
            };
            if is_it {
                self.first.store(number, Ordering::SeqCst);
            }
            is_it
        }

        fn has_begun(&self, number: u64) -> bool {
            self.first.load(Ordering::SeqCst) <= number
        }

        fn is_at(&self, number: u64) -> bool {
            self.first.load(Ordering::SeqCst) == number
        }

        fn before(&self, effect: Effect, number: u64, text: &str) -> std::io::Result<()> {
            let now = self.begins(number, text);
            match (self.what.as_str(), effect) {
                ("kill-before", _) if now => raise(Signal::SIGKILL),
                ("stop-before", _) if now => raise(Signal::SIGSTOP),
                ("stop-every", _) if self.repeats(number, text) => raise(Signal::SIGSTOP),
                ("enospc", Effect::Write) if self.has_begun(number) => return Err(Errno::ENOSPC.into()),
                ("eio", _) if now => return Err(Errno::EIO.into()),
                ("erofs", Effect::Write) if now => return Err(Errno::EROFS.into()),
                _ => {}
            }
            Ok(())
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "faults are ordered by the test that starts the program"
    )]
    fn orders() -> &'static [Order] {
        static ORDERS: OnceLock<Vec<Order>> = OnceLock::new();
        ORDERS.get_or_init(|| {
            let text = std::env::var("PITSTOP_FAULT").unwrap_or_default();
            text.split(',').filter_map(Order::parse).collect()
        })
    }

    /// To this very thread, so that it does not get a step further before the signal arrives.
    fn raise(signal: Signal) {
        let _ = nix::sys::signal::raise(signal);
    }

    /// An effect is about to happen; the result is its number.
    ///
    /// # Errors
    /// The injected one.
    pub fn before(effect: Effect, kind: &str, path: &dyn std::fmt::Display) -> std::io::Result<u64> {
        let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
        let text = format!("{kind} {path}");
        log(number, &text);
        for order in orders() {
            order.before(effect, number, &text)?;
        }
        Ok(number)
    }

    /// The effect of this number has happened.
    pub fn after(number: u64) {
        for order in orders().iter().filter(|order| order.is_at(number)) {
            match order.what.as_str() {
                "kill-after" => raise(Signal::SIGKILL),
                "stop-after" => raise(Signal::SIGSTOP),
                _ => {}
            }
        }
    }

    /// How many seconds the wall clock is wrong by.
    #[expect(clippy::disallowed_methods, reason = "and so is a wrong clock")]
    pub fn clock_wrong_by_s() -> i64 {
        let Ok(ordered) = std::env::var("PITSTOP_FAULT_CLOCK") else {
            return 0;
        };
        let ordered = match ordered.strip_prefix('@') {
            Some(path) => std::fs::read_to_string(path).unwrap_or_default(),
            None => ordered,
        };
        ordered.trim().parse().unwrap_or(0)
    }

    /// Whether a sync is to be left out, as it would be by a mistake.
    pub fn is_unsynced(number: u64, kind: &str, path: &dyn std::fmt::Display) -> bool {
        orders().iter().any(|order| {
            let is_named = match order.at {
                At::Number(_) => order.has_begun(number),
                At::Texts(_) => order.repeats(number, &format!("{kind} {path}")),
            };
            order.what == "unsynced" && is_named
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "and logged where it says, without counting as an effect"
    )]
    fn log(number: u64, text: &str) {
        static LOG: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
        let Some(file) = LOG.get_or_init(|| std::env::var_os("PITSTOP_FAULT_LOG").map(Into::into)) else {
            return;
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the log must not count as an effect itself"
        )]
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(file);
        if let Ok(mut opened) = opened {
            // In one piece: threads log side by side.
            let _ = opened.write_all(format!("{number} {text}\n").as_bytes());
        }
    }
}

pub use real::clock_wrong_by_s;
use real::{after, before, is_unsynced};

/// Runs one effect, or the fault that is ordered in its place.
///
/// # Errors
/// The effect's own, or the injected one.
pub fn effect<T>(
    effect: Effect,
    kind: &str,
    path: &dyn std::fmt::Display,
    run: impl FnOnce() -> std::io::Result<T>,
) -> std::io::Result<T> {
    let number = before(effect, kind, path)?;
    let result = run();
    after(number);
    result
}

/// Runs one sync, which is an effect that a test may leave out.
///
/// # Errors
/// The sync's own, or the injected one.
pub fn sync(
    kind: &str,
    path: &dyn std::fmt::Display,
    run: impl FnOnce() -> std::io::Result<()>,
) -> std::io::Result<()> {
    let number = before(Effect::Write, kind, path)?;
    let result = if is_unsynced(number, kind, path) {
        Ok(())
    } else {
        run()
    };
    after(number);
    result
}
