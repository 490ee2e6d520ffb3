//! What environments prove, by a table.

use super::tests::{hour, judged, level, rule};
use super::*;
use crate::trust::predicate::evidence::{Outcome, Suite, Tested};

/// `staging h1 3 +smoke -api ! =f,g`: where, on which host (`h1/g`: and instance), at which hour, suites that passed and failed,
/// whether it failed, and which instances the host has.
fn evidence(text: &str) -> Evidence {
    let mut words = text.split(' ');
    let mut next = || words.next().unwrap();
    let (environment, host, at) = (
        next().to_owned(),
        next().to_owned(),
        hour(next().parse().unwrap()),
    );
    let (host, instance) = host.split_once('/').unwrap_or((&host, "f"));
    let rest: Vec<&str> = words.collect();
    let suites = rest
        .iter()
        .filter(|word| word.starts_with(['+', '-']))
        .map(|word| Suite {
            name: word[1..].to_owned(),
            required: true,
            ok: word.starts_with('+'),
            passed: 1,
            failed: 0,
            skipped: 0,
        });
    Evidence {
        result: match rest.contains(&"!") {
            true => Outcome::Failed,
            false => Outcome::Passed,
        },
        configuration: Vec::new(),
        passed_tests: Vec::new(),
        warned_tests: Vec::new(),
        failed_tests: Vec::new(),
        pitstop: Some(Tested {
            environment,
            host: host.to_owned(),
            instance: instance.to_owned(),
            instances: rest
                .iter()
                .filter_map(|word| word.strip_prefix('='))
                .flat_map(|names| names.split(',').map(str::to_owned))
                .collect(),
            at,
            product: "flink".to_owned(),
            level: Level::new("1.20.1"),
            hotfixes: Vec::new(),
            deviations: 0,
            config: None,
            resolutions: None,
            agent: "0.1.0".to_owned(),
            suites: suites.collect(),
        }),
    }
}

#[test]
fn evidence_in_words() {
    const ONE: &str = "evidence: [{environment: staging}]";
    const TWO: &str = "evidence: [{environment: staging, hosts: 2, soak: 24h}]";
    const SUITES: &str = "evidence: [{environment: staging, suites: [smoke, api]}]";
    const ORDER: &str = "evidence: [{environment: dev}, {environment: staging}]";
    const SOAKED: &str = "evidence: [{environment: dev, soak: 24h}, {environment: staging}]";
    const FRESH: &str = "max_age: 48h, evidence: [{environment: staging, hosts: 2, soak: 72h}]";
    let table: &[(&str, &[&str], &str)] = &[
        ("", &[], ""),
        (ONE, &[], "needs evidence from staging: 0 of 1 host"),
        (ONE, &["staging h1 1"], ""),
        (ONE, &["dev h1 1"], "needs evidence from staging: 0 of 1 host"),
        (
            ONE,
            &["staging h1 1 !"],
            "needs evidence from staging: 0 of 1 host, not well on h1",
        ),
        (ONE, &["staging h1 1 !", "staging h1 2"], ""),
        (
            ONE,
            &["staging h1 2 !", "staging h1 1"],
            "needs evidence from staging: 0 of 1 host, not well on h1",
        ),
        // One host twice is one host.
        (
            TWO,
            &["staging h1 1", "staging h1 2"],
            "needs evidence from staging: 1 of 2 hosts, for 24 h",
        ),
        (
            TWO,
            &["staging h1 1", "staging h2 90"],
            "needs evidence from staging: 2 of 2 hosts, soak ends in 14 h",
        ),
        (TWO, &["staging h1 1", "staging h2 76"], ""),
        (
            TWO,
            &["staging h2 90"],
            "needs evidence from staging: 1 of 2 hosts, soak ends in 14 h",
        ),
        // A failure meanwhile begins anew.
        (
            TWO,
            &["staging h1 1", "staging h2 1", "staging h2 80 !", "staging h2 99"],
            "needs evidence from staging: 2 of 2 hosts, soak ends in 23 h",
        ),
        // A host is well once all of its instances are, of which anything was said.
        (
            ONE,
            &["staging h1/f 1 !", "staging h1/g 2"],
            "needs evidence from staging: 0 of 1 host, not well on h1",
        ),
        (ONE, &["staging h1/f 1 !", "staging h1/g 2", "staging h1/f 3"], ""),
        (
            TWO,
            &["staging h1/f 1", "staging h1/g 90", "staging h2 1"],
            "needs evidence from staging: 2 of 2 hosts, soak ends in 14 h",
        ),
        // One that the host does not have any more counts no longer, by the host's word.
        (ONE, &["staging h1/f 1 !", "staging h1/g 2 =g"], ""),
        (ONE, &["staging h1/g 2 =g", "staging h1/f 1 !"], ""),
        (
            ONE,
            &["staging h1/f 1 ! =f,g", "staging h1/g 2 =f,g"],
            "needs evidence from staging: 0 of 1 host, not well on h1",
        ),
        // It came back.
        (
            ONE,
            &["staging h1/f 1 !", "staging h1/g 2 =g", "staging h1/f 3 ! =f,g"],
            "needs evidence from staging: 0 of 1 host, not well on h1",
        ),
        // Another host's word says nothing of it.
        (
            ONE,
            &["staging h1/f 1 ! =f", "staging h2/g 2 ! =g"],
            "needs evidence from staging: 0 of 1 host, not well on h1, h2",
        ),
        // Its failure is over from then on and not earlier.
        (
            TWO,
            &[
                "staging h2 1",
                "staging h1/g 1",
                "staging h1/f 2 !",
                "staging h1/g 80 =g",
            ],
            "needs evidence from staging: 2 of 2 hosts, soak ends in 4 h",
        ),
        (
            TWO,
            &[
                "staging h2 1",
                "staging h1/g 1",
                "staging h1/f 79",
                "staging h1/g 80 =g",
            ],
            "",
        ),
        (
            SUITES,
            &["staging h1/f 1 +smoke +api", "staging h1/g 1 +smoke"],
            "needs evidence from staging: 0 of 1 host with smoke, api",
        ),
        // A third host that fails does not take away what two prove, but the person is told where it does not suffice.
        (TWO, &["staging h1 1", "staging h2 1", "staging h3 2 !"], ""),
        (SUITES, &["staging h1 1 +smoke +api"], ""),
        (
            SUITES,
            &["staging h1 1 +smoke"],
            "needs evidence from staging: 0 of 1 host with smoke, api",
        ),
        (SUITES, &["staging h1 1 +smoke +api", "staging h1 2"], ""),
        (
            SUITES,
            &["staging h1 1 +smoke -api"],
            "needs evidence from staging: 0 of 1 host with smoke, api, not well on h1",
        ),
        (ORDER, &["dev h1 5", "staging h2 6"], ""),
        (
            ORDER,
            &["dev h1 5", "staging h2 4"],
            "needs evidence from staging: 0 of 1 host",
        ),
        (
            ORDER,
            &["staging h2/f 4 !", "dev h1 5", "staging h2/g 6"],
            "needs evidence from staging: 0 of 1 host, not well on h2",
        ),
        // The environment before is content once its soak ended, and not when that began.
        (
            SOAKED,
            &["dev h1 5", "staging h2 28"],
            "needs evidence from staging: 0 of 1 host",
        ),
        (SOAKED, &["dev h1 5", "staging h2 29"], ""),
        (SOAKED, &["dev h1 5", "staging h2 28", "staging h2 30"], ""),
        (ORDER, &["staging h2 4"], "needs evidence from dev: 0 of 1 host"),
        // Old evidence counts as long as the host says from time to time that it still holds.
        (
            FRESH,
            &["staging h1 1", "staging h1 90", "staging h2 2", "staging h2 60"],
            "",
        ),
        (
            FRESH,
            &["staging h1 1", "staging h1 90", "staging h2 2"],
            "needs evidence from staging: 1 of 2 hosts, for 3 d",
        ),
    ];
    for (policy, told, expected) in table {
        let proof = Proof {
            evidence: told.iter().map(|text| evidence(text)).collect(),
            ..Proof::default()
        };
        assert_eq!(judged(policy, &proof).join("; "), *expected, "{policy} {told:?}");
    }
}

#[test]
fn results_of_others_that_do_not_say_where_count_nowhere() {
    let mut foreign = evidence("staging h1 1");
    foreign.pitstop = None;
    let proof = Proof {
        evidence: vec![foreign],
        ..Proof::default()
    };
    assert_eq!(judged("evidence: [{environment: staging}]", &proof).len(), 1);
}

#[test]
fn where_the_clock_is_behind_an_environment_soaks_by_its_own_words_only() {
    let policy = rule("max_age: 48h, evidence: [{environment: staging, soak: 24h}]");
    // The clock shows 100; what was verified before was made at 200.
    let table: [(&[&str], &str); 4] = [
        (
            &["staging h1 180"],
            "needs evidence from staging: 1 of 1 host, soak ends in 24 h",
        ),
        (
            &["staging h1 180", "dev h1 240"],
            "needs evidence from staging: 0 of 1 host, for 24 h",
        ),
        (
            &["staging h1 180", "dev h1 210"],
            "needs evidence from staging: 1 of 1 host, soak ends in 24 h",
        ),
        (&["staging h1 180", "staging h1 204"], ""),
    ];
    for (told, expected) in table {
        let proof = Proof {
            evidence: told.iter().map(|text| evidence(text)).collect(),
            ..Proof::default()
        };
        let mut present = Present::new(hour(100), hour(200));
        for one in &proof.evidence {
            assert!(present.saw(one.pitstop.as_ref().unwrap().at));
        }
        let found = judge(
            &policy,
            (&level(), LevelOrder::default()),
            "f-1",
            &proof,
            &present,
        );
        let missing: Vec<String> = found.missing.into_iter().map(|missing| missing.text).collect();
        assert_eq!(missing.join("; "), expected, "{told:?}");
    }
}
