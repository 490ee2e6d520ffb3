//! The host's own log of what runs did: journald, which keeps the fields apart, or else syslog. Where there is neither,
//! nothing is written, and nothing fails.

use std::path::Path;
use std::sync::OnceLock;

use nix::syslog::{Facility, LogFlags, Priority, Severity, openlog, syslog};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::registry::LookupSpan;

/// The target of events that belong there, and of no others.
pub const TARGET: &str = "pitstop-journal";

/// Whether journald takes them.
static BY_JOURNALD: OnceLock<bool> = OnceLock::new();

/// What a line is about.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The instance.
    pub instance: &'a str,
    /// The verb.
    pub action: &'a str,
    /// Where it stands, in one word.
    pub status: &'a str,
    /// The transaction, if there is one.
    pub transaction: Option<&'a str>,
    /// The line.
    pub message: &'a str,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// What was done.
    Notice,
    /// What a person should know.
    Warning,
    /// What failed.
    Error,
}

/// The part of the program's logging that leads there; `None` without journald.
pub fn layer<S>() -> Option<impl Layer<S>>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
{
    let journald = tracing_journald::layer().ok();
    BY_JOURNALD.get_or_init(|| journald.is_some());
    let journald = journald?
        .with_field_prefix(None)
        .with_syslog_identifier("pitstop".to_owned());
    Some(journald.with_filter(filter_fn(|metadata| metadata.target() == TARGET)))
}

/// Writes a line.
pub fn say(weight: Weight, entry: &Entry<'_>) {
    // A literal for each, because an event's level is part of the program.
    macro_rules! event {
        ($level:ident) => {
            tracing::event!(
                target: TARGET,
                tracing::Level::$level,
                PITSTOP_INSTANCE = entry.instance,
                PITSTOP_ACTION = entry.action,
                PITSTOP_STATUS = entry.status,
                PITSTOP_TRANSACTION = entry.transaction,
                "{}",
                entry.message
            )
        };
    }
    if BY_JOURNALD.get() == Some(&false) {
        return say_to_syslog(weight, entry);
    }
    match weight {
        Weight::Notice => event!(INFO),
        Weight::Warning => event!(WARN),
        Weight::Error => event!(ERROR),
    }
}

fn say_to_syslog(weight: Weight, entry: &Entry<'_>) {
    if !Path::new("/dev/log").exists() {
        return;
    }
    let severity = match weight {
        Weight::Notice => Severity::LOG_NOTICE,
        Weight::Warning => Severity::LOG_WARNING,
        Weight::Error => Severity::LOG_ERR,
    };
    static OPENED: OnceLock<bool> = OnceLock::new();
    OPENED.get_or_init(|| openlog(Some(c"pitstop"), LogFlags::LOG_PID, Facility::LOG_DAEMON).is_ok());
    let transaction = entry.transaction.map_or_else(String::new, |id| format!(" {id}"));
    let Entry {
        instance,
        action,
        status,
        message,
        ..
    } = entry;
    let line = format!("{action} {instance}{transaction} {status}: {message}");
    let line = line.replace(|c: char| c.is_control(), " ");
    // There is nobody to tell that it could not be told.
    let _ = syslog(Priority::new(severity, Facility::LOG_DAEMON), line.as_str());
}
