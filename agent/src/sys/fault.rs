//! Fault injection for the crash tests: compiled in only with the feature `faults`, a no-op otherwise.
//!
//! Every effect on the file system and every read of content passes [`effect`] and so gets a number, counted from 1 per process. The environment variable `PITSTOP_FAULT` names one: `kill-before:N`, `kill-after:N`
//! (SIGKILL to this process), `enospc:N`, `eio:N`, `erofs:N` (the effect fails with that error, and so do all later
//! writes for `enospc`). `PITSTOP_FAULT_LOG` names a file that receives one line `N kind path` per effect.

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
}

#[cfg(feature = "faults")]
mod real {
    use std::io::Write;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use nix::errno::Errno;

    use super::Effect;

    static COUNT: AtomicU64 = AtomicU64::new(0);

    struct Order {
        what: String,
        at: u64,
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "faults are ordered by the test that starts the program"
    )]
    fn order() -> Option<&'static Order> {
        static ORDER: OnceLock<Option<Order>> = OnceLock::new();
        let parse = || {
            let text = std::env::var("PITSTOP_FAULT").ok()?;
            let (what, at) = text.split_once(':')?;
            Some(Order {
                what: what.to_owned(),
                at: at.parse().ok()?,
            })
        };
        ORDER.get_or_init(parse).as_ref()
    }

    fn die() {
        let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::SIGKILL);
    }

    /// An effect is about to happen; the result is its number.
    ///
    /// # Errors
    /// The injected one.
    pub fn before(effect: Effect, kind: &str, path: &dyn std::fmt::Display) -> std::io::Result<u64> {
        let number = COUNT.fetch_add(1, Ordering::SeqCst) + 1;
        log(number, kind, path);
        let Some(order) = order() else { return Ok(number) };
        match (order.what.as_str(), effect) {
            ("kill-before", _) if number == order.at => die(),
            ("enospc", Effect::Write) if number >= order.at => return Err(Errno::ENOSPC.into()),
            ("eio", _) if number == order.at => return Err(Errno::EIO.into()),
            ("erofs", Effect::Write) if number == order.at => return Err(Errno::EROFS.into()),
            _ => {}
        }
        Ok(number)
    }

    /// The effect of this number has happened.
    pub fn after(number: u64) {
        if let Some(order) = order()
            && order.what == "kill-after"
            && number == order.at
        {
            die();
        }
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
            let _ = writeln!(opened, "{number} {kind} {path}");
        }
    }
}

use real::{after, before};

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
