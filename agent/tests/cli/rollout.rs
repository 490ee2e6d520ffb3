//! Waves and maintenance windows: what they hold up, what they do not, and what is said of it.

use std::fs;

use crate::common::scenario::lab;
use crate::common::{Answer, Lab, configured, served};
use jiff::{Span, Timestamp};
use pitstop::plan::rollout::place;
use pitstop::sys::host;
use serde_json::Value;

/// So many minutes from now, as `strftime` has it.
fn from_now(minutes: i64, format: &str) -> String {
    let moment = Timestamp::now() + Span::new().minutes(minutes);
    moment.strftime(format).to_string()
}

fn wave(percent: &str, minutes: i64) -> String {
    let opens = from_now(minutes, "%Y-%m-%dT%H:%M:%SZ");
    format!("{{percent: {percent}, opens: {opens}}}")
}

fn window(from: i64, to: i64) -> String {
    let (from, to) = (from_now(from, "%H:%M"), from_now(to, "%H:%M"));
    format!("windows: [{{from: '{from}', to: '{to}'}}]")
}

/// More lines for the instance.
fn rollout(lab: &Lab, text: &str) {
    let source = lab.path("packs");
    lab.instance(&format!("source: {}\nrollout: {{{text}}}\n", source.display()));
}

fn history(lab: &Lab) -> Vec<Value> {
    let text = fs::read_to_string(lab.path("state/instances/lab/history.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn hint(answer: &Answer) -> &str {
    answer.report["error"]["hint"].as_str().unwrap()
}

#[test]
fn a_host_goes_when_its_wave_opens() {
    let lab = lab();
    let before = lab.tree();
    let closed = wave("100", 60);
    rollout(&lab, &format!("waves: [{closed}]"));
    let opens = closed.split("opens: ").nth(1).unwrap().trim_end_matches('}');
    let refused = lab.run(&["update", "lab", "--level", "1.1.0"]).refused(6, "wave");
    assert!(refused.message().contains(opens), "{}", refused.message());
    assert!(
        hint(&refused).contains("`pitstop update lab --level 1.1.0 --stage-only`")
            && hint(&refused).contains("--override wave"),
        "{}",
        hint(&refused)
    );
    assert!(
        refused.report["plan"].is_null(),
        "nothing is read for what may not go"
    );
    assert!(!refused.changed());
    assert_eq!(lab.tree(), before);
    assert_eq!(lab.leftovers(), Vec::<String>::new());

    // A dry run is refused alike, and shows what would be done.
    let dry = lab.run(&["update", "lab", "--dry-run"]).refused(6, "wave");
    assert_eq!(dry.message(), refused.message());
    assert_eq!(dry.report["plan"]["to"]["level"], "1.1.0");

    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert_eq!(check.report["blockers"][0]["kind"], "wave");
    let view = &check.report["rollout"];
    assert_eq!(
        (&view["wave_open"], &view["wave_opens"]),
        (&false.into(), &opens.into())
    );
    let percent = f64::from(place("", &host::name())) / 100.0;
    assert_eq!(view["percent"], percent);

    // Ahead of it everything can be prepared; then it only takes the commit.
    let staged = lab.run(&["update", "lab", "--stage-only"]).expect(0, "staged");
    lab.run(&["update", "lab"]).refused(6, "wave");
    rollout(&lab, &format!("waves: [{}]", wave("100", -60)));
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(updated.report["transaction"], staged.report["transaction"]);
    let steps = updated.report["steps"].to_string();
    assert!(!steps.contains("\"stage\""), "{steps}");
    let warnings = updated.report["warnings"].to_string();
    assert!(!warnings.contains("wave"), "{warnings}");
}

#[test]
fn the_share_that_holds_the_host_decides() {
    let lab = lab();
    // A seed that gives this host a place in the middle, whatever it is called.
    let seeds = (0..).map(|number| format!("s{number}"));
    let in_the_middle = |seed: &String| (3000..7000).contains(&place(seed, &host::name()));
    let seed = seeds.into_iter().find(in_the_middle).unwrap();
    let with = |first: i64, second: (&str, i64)| {
        let waves = format!("{}, {}", wave("10", first), wave(second.0, second.1));
        rollout(&lab, &format!("seed: {seed}, waves: [{waves}]"));
        lab.run(&["update", "lab", "--dry-run"])
    };
    with(-60, ("90", 60)).refused(6, "wave");
    with(-60, ("90", -30)).expect(0, "planned");
    let never = with(-60, ("20", -30)).refused(6, "wave");
    assert!(
        never.message().contains("the last wave ends at 20.00 %"),
        "{}",
        never.message()
    );
    let view = &never.report["rollout"];
    assert_eq!(view["wave_open"], false);
    assert_eq!(view.get("wave_opens"), None);
}

#[test]
fn nothing_else_waits_for_a_wave() {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    rollout(
        &lab,
        &format!("waves: [{}], {}", wave("100", 60), window(120, 180)),
    );
    // Nothing to do is nothing to hold up.
    lab.run(&["update", "lab"]).expect(0, "current");
    assert_eq!(
        lab.run(&["check", "lab"]).report["blockers"],
        Value::Array(vec![])
    );
    lab.run(&["verify", "lab"]).expect(0, "verified");
    lab.run(&["stop", "lab"]).expect(0, "stopped");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
}

#[test]
fn windows_are_for_whoever_restarts() {
    let lab = lab();
    rollout(&lab, &window(120, 180));
    let refused = lab.run(&["update", "lab"]).refused(6, "window");
    let view = &refused.report["rollout"];
    assert_eq!(view["window_open"], false);
    let next = view["window_next"].as_str().unwrap();
    assert!(refused.message().contains(next), "{}", refused.message());
    assert_eq!(lab.run(&["check", "lab"]).report["blockers"][0]["kind"], "window");
    rollout(&lab, &window(-60, 60));
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(updated.report["rollout"]["window_open"], true);
    assert!(updated.report["rollout"]["window_ends"].is_string());
}

#[test]
fn an_override_is_said_and_remembered() {
    let lab = lab();
    rollout(
        &lab,
        &format!("waves: [{}], {}", wave("100", 60), window(120, 180)),
    );
    lab.run(&["update", "lab", "--override", "wave"])
        .refused(6, "window");
    let both = ["update", "lab", "--override", "wave", "--override", "window"];
    // What was not in the way was not overridden: there is no lock.
    let all = [&both[..], &["--override", "lock"]].concat();
    let answer = lab.run(&all).expect(0, "updated");
    let warnings = answer.report["warnings"].to_string();
    assert!(
        warnings.contains("--override wave") && warnings.contains("--override window"),
        "{warnings}"
    );
    let last = history(&lab).pop().unwrap();
    assert_eq!(last["overridden"], serde_json::json!(["wave", "window"]));
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(history(&lab).pop().unwrap().get("overridden"), None);
}

#[test]
fn defaults_of_all_instances_yield_to_an_instance() {
    let lab = lab();
    let agent = lab.path("config/pitstop.yaml");
    let text = fs::read_to_string(&agent).unwrap();
    fs::write(&agent, format!("{text}rollout: {{{}}}\n", window(120, 180))).unwrap();
    lab.run(&["update", "lab"]).refused(6, "window");
    rollout(&lab, "windows: []");
    lab.run(&["update", "lab"]).expect(0, "updated");
}

/// It may have known it when the window was written: what goes back, stops or starts must not need it.
#[test]
fn a_window_in_a_zone_that_this_host_does_not_know_never_opens_and_holds_up_no_way_back() {
    let lab = lab();
    lab.run(&["update", "lab"]).expect(0, "updated");
    let atlantis = "{from: '00:00', to: '00:00', zone: Europe/Atlantis}";
    rollout(&lab, &format!("windows: [{atlantis}]"));
    let check = lab.run(&["check", "lab"]).expect(0, "current");
    let blocker = &check.report["blockers"][0];
    assert_eq!(blocker["kind"], "window", "{:#}", check.report);
    assert!(blocker["message"].as_str().unwrap().contains("`Europe/Atlantis`"));
    for verb in ["recover", "stop", "verify", "rollback"] {
        let answer = lab.run(&[verb, "lab"]);
        assert_eq!(answer.code, Some(0), "{verb}: {:#}", answer.report);
    }
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert_eq!(check.report["blockers"].as_array().unwrap().len(), 1);
    let refused = lab.run(&["update", "lab"]).refused(6, "window");
    assert!(
        refused.message().contains("`Europe/Atlantis`") && hint(&refused).contains("tzdata"),
        "{:#}",
        refused.report["error"]
    );
    let always = "{from: '00:00', to: '00:00'}";
    rollout(&lab, &format!("windows: [{atlantis}, {always}]"));
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    assert!(
        updated.report["warnings"]
            .to_string()
            .contains("`Europe/Atlantis`")
    );
    if std::path::Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        rollout(
            &lab,
            "windows: [{from: '00:00', to: '00:00', zone: Europe/Berlin}]",
        );
        assert_eq!(lab.run(&["check", "lab"]).report["rollout"]["window_open"], true);
    }
}

/// A configuration that restarts nothing may go at any time.
#[test]
fn a_configuration_waits_only_if_the_server_is_restarted() {
    let lab = configured::lab();
    let closed = format!("waves: [{}], {}", wave("100", 60), window(120, 180));
    let source = lab.path("packs");
    lab.instance(&format!(
        "source: {}\nrollout: {{{closed}}}\n{}",
        source.display(),
        configured::CONFIG
    ));
    lab.run(&["config", "apply", "lab"]).expect(0, "configured");

    let config = "config: {files: [{path: conf/server.conf, content: 'a = 2'}]}\n";
    let server = served::server("", &[], &format!("{config}rollout: {{{closed}}}\n")).started();
    let pids = server.pids();
    for verb in ["apply", "diff"] {
        let refused = server.run(&["config", verb, "lab"]).refused(6, "window");
        assert!(refused.report["plan"].is_object());
    }
    assert_eq!(server.pids(), pids);
    assert_eq!(server.lab.read("conf/server.conf"), "a = 1\n");
    let goes = ["config", "apply", "lab", "--override", "window"];
    let answer = server.run(&goes).expect(0, "configured");
    assert!(
        !answer.report["warnings"].to_string().contains("wave"),
        "no wave brings a configuration: {:#}",
        answer.report["warnings"]
    );
}

/// The window closes while everything is staged: nothing is stopped, and the next one finds it prepared.
#[test]
#[cfg(feature = "faults")]
fn a_window_that_closes_meanwhile_leaves_everything_staged() {
    use crate::common::host::Held;
    let lab = lab();
    rollout(&lab, &window(-60, 60));
    let clock = lab.path("clock");
    fs::write(&clock, "0").unwrap();
    let at = format!("@{}", clock.display());
    let mut run = Held::start_with(
        &lab,
        &["update", "lab"],
        "stop-before:mkdir .pitstop",
        &[("PITSTOP_FAULT_CLOCK", &at)],
    );
    assert!(run.wait().is_none(), "it was to be held");
    let before = lab.tree();
    fs::write(&clock, "7200").unwrap();
    let refused = run.go_on().unwrap().refused(6, "window");
    assert!(refused.message().contains("staged"), "{}", refused.message());
    assert_eq!(lab.tree(), before);
    assert!(!lab.leftovers().is_empty());
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    assert_eq!(check.report["before"].get("interrupted"), None);
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(updated.report["transaction"], refused.report["transaction"]);
}
