//! What can go wrong, as a bounded set.
//!
//! Every failure that leaves the process is a [`Failure`]: a [`ErrorKind`] that tools match on, a message that says
//! what was attempted on which path and why it was refused, and a hint that says what to do next.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Exit codes of every verb: a public interface, see the table in `README.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum ExitCode {
    /// Done, or nothing to do.
    Ok = 0,
    /// An error; the message says what was attempted and in which state the instance is.
    Failed = 1,
    /// Bad arguments or settings.
    Usage = 2,
    /// Conflicts need a person; nothing was changed or stopped.
    Conflicts = 3,
    /// The change failed after it was made; what was there before is back and verified.
    RolledBack = 4,
    /// Verify failed, or the rollback could not be verified.
    Unhealthy = 5,
    /// A rule says no: policy, signature, evidence, hold, wave, window, disk, lock held elsewhere, stale plan.
    Blocked = 6,
}

macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal => $exit:ident,)+) => {
        /// The kind of a failure. Later versions only add kinds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $variant,)+
        }

        impl ErrorKind {
            /// Every kind, in the order in which it is documented.
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$variant,)+];

            /// The stable name that reports carry.
            pub fn code(self) -> &'static str {
                match self { $(ErrorKind::$variant => $code,)+ }
            }

            /// The exit code that this kind leads to.
            pub fn exit(self) -> ExitCode {
                match self { $(ErrorKind::$variant => ExitCode::$exit,)+ }
            }

            /// One line on what the kind means, the text of the README's table.
            pub fn meaning(self) -> &'static str {
                match self { $(ErrorKind::$variant => concat!($($doc),+).trim_ascii(),)+ }
            }
        }
    };
}

impl ErrorKind {
    /// Whether it says that what is in place does not run, and not that something was in the way, such as a full disk.
    pub fn blames_server(self) -> bool {
        matches!(self, Self::Unhealthy | Self::StartFailed | Self::Hook)
    }
}

error_kinds! {
    /// Arguments do not fit together or name something that is not there.
    Usage = "usage" => Usage,
    /// Settings, a profile, a template or its values cannot be read or are not valid.
    Settings = "settings" => Usage,
    /// No instance of this name is configured.
    UnknownInstance = "unknown-instance" => Usage,
    /// The home does not exist or is not a directory.
    HomeMissing = "home-missing" => Failed,
    /// The directory or archive is not a pack of any known product.
    NotAPack = "not-a-pack" => Failed,
    /// The pack is of another product than the instance.
    WrongProduct = "wrong-product" => Failed,
    /// The source does not offer the level that was asked for.
    LevelUnavailable = "level-unavailable" => Failed,
    /// The target level is lower than the installed one.
    Downgrade = "downgrade" => Blocked,
    /// The source is missing, truncated, encrypted or changed while it was read.
    Source = "source" => Failed,
    /// The vendor's update tool failed, or what it said and what it did disagree.
    VendorTool = "vendor-tool" => Failed,
    /// An archive holds entries that could write outside the home, or twice to one path.
    UnsafeSource = "unsafe-source" => Failed,
    /// Content is not what its signed digest says.
    Digest = "digest" => Failed,
    /// A bundle has a format that this version does not read.
    Format = "format" => Failed,
    /// A bundle builds on files that this host does not have.
    MissingBase = "missing-base" => Failed,
    /// An archive exceeds the limits of the settings.
    Limits = "limits" => Blocked,
    /// There is not enough free space.
    Space = "space" => Blocked,
    /// The user may not read or write a path.
    Permission = "permission" => Failed,
    /// A path lies on a read-only file system.
    ReadOnly = "read-only" => Failed,
    /// The agent runs as a user who may not manage this instance.
    WrongUser = "wrong-user" => Failed,
    /// A mount or a symlink inside the home stands where the update must write.
    Mount = "mount" => Blocked,
    /// Another run holds the instance.
    Locked = "locked" => Blocked,
    /// The host, a bundle or a pack changed since it was planned with, looked at or verified.
    Stale = "stale" => Blocked,
    /// This release or this configuration failed here before and is held.
    Held = "held" => Blocked,
    /// A setting of the policy forbids it.
    Policy = "policy" => Blocked,
    /// Something is not signed by those who must, or by nobody.
    Signature = "signature" => Blocked,
    /// A trust document or a key is damaged, older than one that was seen, expired or revoked.
    Trust = "trust" => Blocked,
    /// Evidence, a scan or an approval is missing that the policy demands.
    Evidence = "evidence" => Blocked,
    /// The wave of this host has not opened.
    Wave = "wave" => Blocked,
    /// No maintenance window is open.
    Window = "window" => Blocked,
    /// The lock gives no slot of the group: none is free, or its server does not answer.
    Lock = "lock" => Blocked,
    /// A hotfix stands in the way, or does not follow those that are on.
    Hotfix = "hotfix" => Blocked,
    /// The update leaves something to a person that nobody has acknowledged.
    ManualSteps = "manual-steps" => Blocked,
    /// A file that shall be merged is not text, or too large.
    NotText = "not-text" => Failed,
    /// Files changed on both sides need a person.
    Conflicts = "conflicts" => Conflicts,
    /// An earlier transaction was interrupted and cannot be finished or undone by itself.
    Interrupted = "interrupted" => Failed,
    /// There is no snapshot to go back to.
    NoSnapshot = "no-snapshot" => Blocked,
    /// The server could not be stopped.
    StopFailed = "stop-failed" => Failed,
    /// The server could not be started.
    StartFailed = "start-failed" => Unhealthy,
    /// A required check failed.
    Unhealthy = "unhealthy" => Unhealthy,
    /// The change failed after it was made; what was there before is back and verified.
    RolledBack = "rolled-back" => RolledBack,
    /// What was there before is back but could not be verified.
    RollbackUnverified = "rollback-unverified" => Unhealthy,
    /// Somebody asked the run to stop before it had stopped the server; nothing has changed.
    Cancelled = "cancelled" => Failed,
    /// A hook of the profile failed.
    Hook = "hook" => Failed,
    /// Reading or writing failed.
    Io = "io" => Failed,
    /// A defect of pitstop.
    Internal = "internal" => Failed,
}

/// A failure that a verb ends with.
#[derive(Debug)]
pub struct Failure {
    /// What tools match on.
    pub kind: ErrorKind,
    /// What was attempted, and why it was refused; without the cause's own text.
    pub message: String,
    /// The path it is about, if there is one.
    pub path: Option<PathBuf>,
    /// What to do next.
    pub hint: Option<String>,
    /// The error underneath.
    pub cause: Option<anyhow::Error>,
}

/// The result of everything that can end a verb.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with a kind and a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            path: None,
            hint: None,
            cause: None,
        }
    }

    /// An I/O error on a path: the kind follows from the error, so that a missing permission or a full disk is
    /// named as such wherever it happens. `attempted` is a verb phrase such as `read the profile`.
    pub fn io(attempted: &str, path: impl AsRef<Path>, error: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let path = path.as_ref();
        let (kind, hint) = match error.kind() {
            Io::PermissionDenied => (
                ErrorKind::Permission,
                Some("run as root or as the owner of the pack"),
            ),
            Io::ReadOnlyFilesystem => (
                ErrorKind::ReadOnly,
                Some("remount the file system read-write and run again"),
            ),
            Io::StorageFull | Io::QuotaExceeded => (
                ErrorKind::Space,
                Some("free space or raise the quota and run again"),
            ),
            _ => (ErrorKind::Io, None),
        };
        let mut failure = Self::new(kind, format!("cannot {attempted} {}", path.display())).at(path);
        failure.hint = hint.map(str::to_owned);
        failure.cause = Some(error.into());
        failure
    }

    /// Names the path it is about.
    #[must_use]
    pub fn at(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn because(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    /// The message and its chain of causes, once, on one line.
    pub fn full_message(&self) -> String {
        match &self.cause {
            Some(cause) => format!("{}: {cause:#}", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_message())
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_kebab_case_code_and_a_meaning() {
        let mut seen = std::collections::HashSet::new();
        for kind in ErrorKind::ALL {
            assert!(seen.insert(kind.code()), "{} twice", kind.code());
            assert!(
                kind.code().chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                kind.code()
            );
            assert!(kind.meaning().ends_with('.'), "{}", kind.code());
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.code());
        }
    }

    #[test]
    fn an_io_failure_names_the_path_and_its_kind_follows_the_error() {
        let table = [
            (nix::errno::Errno::EACCES, ErrorKind::Permission),
            (nix::errno::Errno::EROFS, ErrorKind::ReadOnly),
            (nix::errno::Errno::ENOSPC, ErrorKind::Space),
            (nix::errno::Errno::EDQUOT, ErrorKind::Space),
            (nix::errno::Errno::EIO, ErrorKind::Io),
        ];
        for (errno, kind) in table {
            let failure = Failure::io("write", "/srv/x", errno.into());
            assert_eq!(failure.kind, kind);
            assert!(
                failure.full_message().starts_with("cannot write /srv/x: "),
                "{failure}"
            );
        }
    }
}
