//! Fault injection for the crash tests: compiled in only with the feature `faults`, a no-op otherwise.
//!
//! Every effect on the file system and every read of content passes [`effect`] or [`sync`] and so gets a number, counted
//! from 1 per process, and a text `kind path`. `PITSTOP_FAULT_LOG` names a file that receives one line `N kind path` per
//! effect. `PITSTOP_FAULT=<fault>:<at>[,<fault>:<at>…]` orders faults. `<at>` is a number, or any other text for the first
//! effect whose own text holds it: numbers move with the age of caches and with the number of cores, texts do not.
//!
//! | fault | what happens at that effect |
//! |---|---|
//! | `kill-before`, `kill-after` | SIGKILL to this process |
//! | `stop-before`, `stop-after` | SIGSTOP: whoever ordered it looks around or changes something, then sends SIGCONT |
//! | `stop-every` | as `stop-before`, at every multiple of the number, or at every effect whose text holds the text |
//! | `enospc` | it and all later writes fail with that error |
//! | `eio`, `erofs` | it fails with that error; `erofs` only for a write |
//! | `unsynced` | it and every later sync whose text holds the text (or from that number on) is left out |

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
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::errno::Errno;
    use nix::sys::signal::Signal;

    use super::Effect;

    static COUNT: AtomicU64 = AtomicU64::new(0);

    /// Where a fault happens.
    enum At {
        Number(u64),
        Text(String),
    }

    struct Order {
        what: String,
        at: At,
        /// The number of the first effect that it concerns, once there was one.
        first: AtomicU64,
    }

    impl Order {
        fn parse(text: &str) -> Option<Self> {
            let (what, at) = text.split_once(':')?;
            let at = at.parse().map_or_else(|_| At::Text(at.to_owned()), At::Number);
            Some(Self {
                what: what.to_owned(),
                at,
                first: AtomicU64::new(u64::MAX),
            })
        }

        /// Whether an effect is one of those that the fault may concern.
        fn names(&self, number: u64, kind: &str, path: &dyn std::fmt::Display) -> bool {
            match &self.at {
                At::Number(at) => number == *at,
                At::Text(text) => format!("{kind} {path}").contains(text.as_str()),
            }
        }

        fn repeats(&self, number: u64, kind: &str, path: &dyn std::fmt::Display) -> bool {
            match &self.at {
                At::Number(at) => *at > 0 && number.is_multiple_of(*at),
                At::Text(_) => self.names(number, kind, path),
            }
        }

        /// Whether this is the first one.
        fn begins(&self, number: u64, kind: &str, path: &dyn std::fmt::Display) -> bool {
            self.names(number, kind, path)
                && self
                    .first
                    .compare_exchange(u64::MAX, number, Ordering::SeqCst, Ordering::SeqCst)
                    .is_ok()
        }

        fn has_begun(&self, number: u64) -> bool {
            self.first.load(Ordering::SeqCst) <= number
        }

        fn is_at(&self, number: u64) -> bool {
            self.first.load(Ordering::SeqCst) == number
        }

        fn before(
            &self,
            effect: Effect,
            number: u64,
            kind: &str,
            path: &dyn std::fmt::Display,
        ) -> std::io::Result<()> {
            let now = self.begins(number, kind, path);
            match (self.what.as_str(), effect) {
                ("kill-before", _) if now => raise(Signal::SIGKILL),
                ("stop-before", _) if now => raise(Signal::SIGSTOP),
                ("stop-every", _) if self.repeats(number, kind, path) => raise(Signal::SIGSTOP),
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
        log(number, kind, path);
        for order in orders() {
            order.before(effect, number, kind, path)?;
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

    /// Whether a sync is to be left out, as it would be by a mistake.
    pub fn is_unsynced(number: u64, kind: &str, path: &dyn std::fmt::Display) -> bool {
        orders().iter().any(|order| {
            order.what == "unsynced"
                && match order.at {
                    At::Number(_) => order.has_begun(number),
                    At::Text(_) => order.names(number, kind, path),
                }
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "and logged where it says, without counting as an effect"
    )]
    fn log(number: u64, kind: &str, path: &dyn std::fmt::Display) {
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
            let _ = opened.write_all(format!("{number} {kind} {path}\n").as_bytes());
        }
    }
}

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
