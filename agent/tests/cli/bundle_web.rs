//! Bundles on a web server: found, fetched once, and believed only for who signed them.

use std::fs;

use crate::common::bundles::create;
use crate::common::levels::{CONF, installed};
use crate::common::web::{Server, kept, publish, studio, until};
use nix::fcntl::{Flock, FlockArg};
use pitstop::bundle::shelf::LIST_NAME;

#[test]
fn a_host_finds_what_leads_on_and_fetches_each_only_once() {
    let studio = studio();
    assert!(!publish(&studio), "nothing is new");
    let server = Server::start(&studio, "plain");
    let check = studio.lab.run(&["check", "lab"]).expect(0, "update-available");
    let levels: Vec<&str> = check.report["offers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|offer| offer["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, ["1.2.0", "1.1.0"]);
    let answer = studio.lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
    assert_eq!(answer.report["signed_by"].as_array().unwrap().len(), 1);
    studio.lab.run(&["verify", "lab"]).expect(0, "verified");
    let fetched = |name: &str| {
        server
            .asked()
            .iter()
            .filter(|line| line.starts_with(name))
            .count()
    };
    let before = [fetched("to-1.1.0"), fetched("to-1.2.0")];
    studio.lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    studio
        .lab
        .run(&["update", "lab", "--release-hold"])
        .expect(0, "updated");
    assert_eq!(
        [fetched("to-1.1.0"), fetched("to-1.2.0")],
        before,
        "{:?}",
        server.asked()
    );
}

#[test]
fn a_host_that_was_not_taken_over_learns_its_start_from_the_server() {
    let studio = studio();
    let _server = Server::start(&studio, "plain");
    fs::remove_dir_all(studio.lab.path("state")).unwrap();
    studio
        .lab
        .write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
    let answer = studio.lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
    let merged = CONF.replace("port = 1", "port = 9999").replace("= 4", "= 16");
    assert_eq!(studio.lab.read("conf/server.conf"), merged);
}

#[test]
fn a_fetch_that_broke_goes_on_where_it_ended() {
    let studio = studio();
    let server = Server::start(&studio, "breaks-once");
    studio
        .lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(1, "source");
    let size = fs::metadata(studio.lab.path("shelf/to-1.1.0.pitstop"))
        .unwrap()
        .len();
    studio
        .lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    let last = server.asked().pop().unwrap();
    assert_eq!(last, format!("to-1.1.0.pitstop bytes={}-{}", size / 2, size - 1));
}

#[test]
fn what_another_run_fetches_is_waited_for() {
    let studio = studio();
    let lab = &studio.lab;
    let server = Server::start(&studio, "plain");
    lab.run(&["check", "lab"]).expect(0, "update-available");
    let asked = |name: &str| {
        server
            .asked()
            .iter()
            .filter(|line| line.starts_with(name))
            .count()
    };
    let (list, bundle) = (LIST_NAME, "to-1.1.0.pitstop");
    let before = (asked(list), asked(bundle));

    let at = |end: &str| kept(&studio, bundle, end);
    // The check has fetched it.
    fs::remove_file(at("pitstop")).unwrap();
    let lock = Flock::lock(fs::File::create(at("lock")).unwrap(), FlockArg::LockExclusive).unwrap();
    let run = lab.spawn(&["update", "lab", "--level", "1.1.0"]);
    // Once to know what there is, once to fetch it.
    until(|| asked(list) >= before.0 + 2);
    fs::copy(lab.path("shelf").join(bundle), at("new")).unwrap();
    fs::rename(at("new"), at("pitstop")).unwrap();
    drop(lock);
    assert_eq!(run.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(asked(bundle), before.1, "{:?}", server.asked());
}

#[test]
fn a_server_without_ranges_serves_as_well() {
    let studio = studio();
    let _server = Server::start(&studio, "no-ranges");
    let answer = studio.lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
}

#[test]
fn what_the_server_swapped_or_led_elsewhere_is_refused() {
    let studio = studio();
    let shelf = studio.lab.path("shelf");
    let server = Server::start(&studio, "plain");
    let bundle = shelf.join("to-1.1.0.pitstop");
    let good = fs::read(&bundle).unwrap();
    let mut swapped = good.clone();
    let end = swapped.len() - 2000;
    swapped[end] ^= 1;
    fs::write(&bundle, &swapped).unwrap();
    studio
        .lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(1, "digest");
    // Also when the list goes along with it.
    publish(&studio);
    studio
        .lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(1, "digest");
    fs::remove_file(shelf.join("to-1.2.0.pitstop")).unwrap();
    studio
        .lab
        .run(&["update", "lab", "--level", "1.2.0"])
        .refused(1, "source");
    drop(server);

    let _server = Server::start(&studio, "redirect");
    let refused = studio.lab.run(&["update", "lab"]).refused(1, "source");
    assert!(refused.message().contains("302"), "{}", refused.message());
}

#[test]
fn a_bundle_that_cannot_be_had_or_used_is_in_the_way_of_no_other() {
    let studio = studio();
    let sign = [
        "--sign",
        studio.key.to_str().unwrap(),
        "--expires",
        "2020-01-01T00:00:00Z",
    ];
    create(
        &studio.lab,
        &["1.0.0"],
        "1.2.0",
        &studio.lab.path("shelf/short.pitstop"),
        &sign,
    );
    create(
        &studio.lab,
        &["1.0.0"],
        "1.2.0",
        &studio.lab.path("shelf/gone.pitstop"),
        &sign[..2],
    );
    publish(&studio);
    fs::remove_file(studio.lab.path("shelf/gone.pitstop")).unwrap();
    let _server = Server::start(&studio, "plain");
    let answer = studio.lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
    let warnings = answer.report["warnings"].to_string();
    for part in ["gone.pitstop", "short.pitstop", "2020-01-01T00:00:00Z only"] {
        assert!(warnings.contains(part), "{warnings}");
    }
}

/// What it cannot serve may be what leads on: nothing is said to be current, and nothing more is asked for.
#[test]
fn a_server_that_lists_and_cannot_serve_is_a_failure() {
    let studio = studio();
    let server = Server::start(&studio, "lists-only");
    let refused = studio.lab.run(&["update", "lab"]).refused(1, "source");
    assert!(refused.message().contains("503"), "{}", refused.message());
    assert_eq!(server.asked().len(), 2, "{:?}", server.asked());
    let check = studio.lab.run(&["check", "lab"]);
    assert_eq!(check.report["blockers"][0]["kind"], "source");
}

/// A bundle is chosen by how it begins. Another one that is signed as well must not take its place afterwards.
#[test]
fn a_bundle_that_begins_as_another_is_refused() {
    let studio = studio();
    let sign = ["--sign", studio.key.to_str().unwrap()];
    create(&studio.lab, &["1.0.0"], "1.2.0", &studio.lab.path("face"), &sign);
    let _server = Server::start(&studio, "two-faces");
    let before = studio.lab.tree();
    let refused = studio.lab.run(&["update", "lab"]).refused(6, "stale");
    assert!(refused.message().contains("lab-1.1.0"), "{}", refused.message());
    assert_eq!(studio.lab.tree(), before);
    // What was fetched tells the truth from now on.
    let answer = studio.lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(installed(&answer.report), "1.2.0");
}

#[test]
fn only_who_the_authority_vouches_for_and_only_what_is_encrypted() {
    let studio = studio();
    let server = Server::start(&studio, "plain");
    studio.lab.instance(&format!("source: '{}'\n", server.url));
    let refused = studio.lab.run(&["update", "lab"]).refused(1, "source");
    assert!(refused.message().contains("no answer"), "{}", refused.message());
    studio
        .lab
        .instance(&format!("source: '{}'\n", server.url.replace("https", "http")));
    studio.lab.run(&["check", "lab"]).refused(2, "settings");
}
