//! What the probes of a server say of the change that was made.

use crate::api::report::ProbeView;
use crate::api::{ErrorKind, Failure, Result};
use crate::health::policy::{self, Verdict};

use super::super::Run;

/// Judges a change by the probes that were asked after it. Whether the server is well, and not only as unwell as before.
pub(super) fn judge(run: &mut Run<'_>) -> Result<bool> {
    let mut well = true;
    run.step("verify", |run| {
        healthy(&run.report.probes)?;
        let still = still_failing(&run.report.probes);
        well = still.is_none();
        let Some(names) = still else {
            return Ok((false, "healthy".to_owned()));
        };
        run.warn(format!(
            "what failed before the change still fails, so nothing is verified: {names}"
        ));
        Ok((false, format!("no worse than before, still failing: {names}")))
    })?;
    Ok(well)
}

/// What must pass and fails as it did before, where nothing else speaks against the change.
pub(super) fn still_failing(probes: &[ProbeView]) -> Option<String> {
    match policy::judge(probes) {
        Verdict::AlreadyBroken(names) => Some(names.join(", ")),
        _ => None,
    }
}

/// The verdict over probes as a result.
pub(in crate::verb) fn healthy(probes: &[ProbeView]) -> Result<()> {
    let unhealthy = |message: String| {
        Err(Failure::new(ErrorKind::Unhealthy, message)
            .hint("see `probes` in the report and the server's log"))
    };
    match policy::judge(probes) {
        Verdict::Healthy | Verdict::AlreadyBroken(_) => Ok(()),
        Verdict::Broken(names) => unhealthy(format!("required checks failed: {}", names.join(", "))),
        Verdict::NoEvidence => unhealthy("nothing proves that the server is healthy".to_owned()),
    }
}
