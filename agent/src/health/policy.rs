//! What follows from what the probes said. Pure.

use crate::api::report::ProbeView;

/// The judgement on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// At least one check passed, and every check that must pass did.
    Healthy,
    /// These checks must pass and do not; before, they did, or nobody knows.
    Broken(Vec<String>),
    /// Nothing is worse than before, but these checks must pass and did not pass before either.
    AlreadyBroken(Vec<String>),
    /// No check passed: nothing says that the server is well.
    NoEvidence,
}

impl Verdict {
    /// Whether the change that was judged may stay.
    pub fn acceptable(&self) -> bool {
        matches!(self, Verdict::Healthy | Verdict::AlreadyBroken(_))
    }
}

/// Judges by what the checks said. One that only warns counts as evidence if it passes.
pub fn judge(probes: &[ProbeView]) -> Verdict {
    let failed = |known: bool| -> Vec<String> {
        let counts =
            |probe: &&ProbeView| probe.required && !probe.ok && known == (probe.baseline_ok == Some(false));
        probes
            .iter()
            .filter(counts)
            .map(|probe| probe.name.clone())
            .collect()
    };
    let (broken, already) = (failed(false), failed(true));
    if !broken.is_empty() {
        Verdict::Broken(broken)
    } else if !already.is_empty() {
        Verdict::AlreadyBroken(already)
    } else if probes.iter().any(|probe| probe.ok) {
        Verdict::Healthy
    } else {
        Verdict::NoEvidence
    }
}

/// The probes with what each said before the change. A probe that the baseline does not have stays without one.
pub fn with_baseline(mut probes: Vec<ProbeView>, baseline: &[ProbeView]) -> Vec<ProbeView> {
    for probe in &mut probes {
        let same = |before: &&ProbeView| before.name == probe.name && before.kind == probe.kind;
        probe.baseline_ok = baseline.iter().find(same).map(|before| before.ok);
    }
    probes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(name: &str, required: bool, ok: bool, baseline_ok: Option<bool>) -> ProbeView {
        ProbeView {
            name: name.to_owned(),
            kind: "tcp".to_owned(),
            required,
            ok,
            detail: String::new(),
            attempts: 1,
            ms: 0,
            baseline_ok,
        }
    }

    #[test]
    fn one_probe_is_judged_by_what_it_says_and_said() {
        let broken = || Verdict::Broken(vec!["a".to_owned()]);
        let already = || Verdict::AlreadyBroken(vec!["a".to_owned()]);
        // required, ok, before
        let table = [
            (true, true, None, Verdict::Healthy),
            (true, true, Some(true), Verdict::Healthy),
            (true, true, Some(false), Verdict::Healthy),
            (true, false, None, broken()),
            (true, false, Some(true), broken()),
            (true, false, Some(false), already()),
            (false, true, None, Verdict::Healthy),
            (false, true, Some(true), Verdict::Healthy),
            (false, true, Some(false), Verdict::Healthy),
            (false, false, None, Verdict::NoEvidence),
            (false, false, Some(true), Verdict::NoEvidence),
            (false, false, Some(false), Verdict::NoEvidence),
        ];
        for (required, ok, before, expected) in table {
            let verdict = judge(&[view("a", required, ok, before)]);
            assert_eq!(verdict, expected, "{required} {ok} {before:?}");
        }
        assert_eq!(judge(&[]), Verdict::NoEvidence, "nothing asked is no pass");
    }

    #[test]
    fn what_the_change_broke_weighs_more_than_what_was_broken() {
        let probes = [
            view("old", true, false, Some(false)),
            view("new", true, false, Some(true)),
            view("fine", true, true, Some(true)),
            view("warns", false, false, Some(true)),
        ];
        assert_eq!(judge(&probes), Verdict::Broken(vec!["new".to_owned()]));
        let unchanged = [probes[0].clone(), probes[2].clone(), probes[3].clone()];
        assert_eq!(judge(&unchanged), Verdict::AlreadyBroken(vec!["old".to_owned()]));
        assert!(judge(&unchanged).acceptable() && !judge(&probes).acceptable());
        assert_eq!(
            judge(&probes[2..]),
            Verdict::Healthy,
            "what only warns does not fail"
        );
    }

    #[test]
    fn a_baseline_is_matched_by_name_and_kind() {
        let mut before = [view("a", true, false, None), view("b", true, false, None)];
        before[1].kind = "http".to_owned();
        let after = ["a", "b", "c"].map(|name| view(name, true, false, None));
        let known: Vec<_> = with_baseline(after.to_vec(), &before)
            .iter()
            .map(|probe| probe.baseline_ok)
            .collect();
        assert_eq!(known, [Some(false), None, None]);
    }
}
