//! What a host bears of a web server and of its own disk: silence, proxies, and no room.

use std::fs;
use std::io::Write;
use std::process::Child;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pitstop::bundle::shelf::LIST_NAME;

use crate::common::Lab;
use crate::common::web::{PROXY, Python, Server, kept, size, studio, until};

/// Whether anything of the server was kept.
fn has_shelf(lab: &Lab) -> bool {
    fs::read_dir(lab.path("state/cache/web")).is_ok_and(|mut entries| entries.next().is_some())
}

/// Neither a server that is silent nor another run that fetches is waited for any longer.
#[test]
fn a_signal_ends_a_fetch_and_the_wait_for_another_ones() {
    let studio = studio();
    let lab = &studio.lab;
    let bundle = "to-1.1.0.pitstop";
    let update = ["update", "lab", "--level", "1.1.0"];
    let server = Server::start(&studio, "waits");
    let ends = |mut run: Child| {
        kill(Pid::from_raw(run.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let began = Instant::now();
        while run.try_wait().unwrap().is_none() {
            if began.elapsed() > Duration::from_secs(20) {
                run.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = run.wait_with_output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(report["error"]["kind"], "cancelled", "{report:#}");
        assert_eq!(output.status.code(), Some(1));
    };
    let run = lab.spawn(&update);
    let whole = size(&lab.path("shelf").join(bundle));
    until(|| has_shelf(lab) && size(&kept(&studio, bundle, "part")) == whole / 2);
    ends(run);
    fs::write(lab.path("asked.go"), "").unwrap();

    let asked = || {
        server
            .asked()
            .iter()
            .filter(|line| line.starts_with(LIST_NAME))
            .count()
    };
    let before = asked();
    let lock = Flock::lock(
        fs::File::create(kept(&studio, bundle, "lock")).unwrap(),
        FlockArg::LockExclusive,
    )
    .unwrap();
    let run = lab.spawn(&update);
    until(|| asked() >= before + 2);
    ends(run);
    drop(lock);

    lab.run(&update).expect(0, "updated");
    let last = server.asked().pop().unwrap();
    assert_eq!(last, format!("{bundle} bytes={}-{}", whole / 2, whole - 1));
}

#[test]
fn a_bundle_that_there_is_no_room_for_is_refused_before_it_comes() {
    let studio = studio();
    let lab = &studio.lab;
    let server = Server::start(&studio, "plain");
    let settings = lab.path("config/pitstop.yaml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(
        &settings,
        format!("{text}limits: {{total_bytes: {}}}\n", 1_u64 << 60),
    )
    .unwrap();
    let bundle = "to-1.1.0.pitstop";
    let list = lab.path("shelf").join(LIST_NAME);
    let (whole, lied) = (size(&lab.path("shelf").join(bundle)), 1_u64 << 55);
    let text = fs::read_to_string(&list).unwrap();
    fs::write(
        &list,
        text.replace(&format!(" {whole} {bundle}"), &format!(" {lied} {bundle}")),
    )
    .unwrap();
    lab.run(&["check", "lab"]);
    let part = kept(&studio, bundle, "part");
    fs::write(&part, "what came before").unwrap();
    let before = server.asked();
    let refused = lab
        .run(&["update", "lab", "--level", "1.1.0"])
        .refused(6, "space");
    for words in [
        format!("{} MiB needed", lied >> 20),
        " MiB free".to_owned(),
        bundle.to_owned(),
    ] {
        assert!(refused.message().contains(&words), "{}", refused.message());
    }
    assert!(!part.exists());
    let asked = server.asked();
    let again = asked[before.len()..]
        .iter()
        .filter(|line| line.starts_with(bundle));
    assert_eq!(again.count(), 0, "{asked:?}");
}

#[test]
fn what_cannot_be_finished_for_lack_of_space_does_not_stay() {
    if let Err(why) = crate::common::host::own_mounts() {
        return crate::common::host::skipped(&why);
    }
    let studio = studio();
    let lab = &studio.lab;
    let bundle = "to-1.1.0.pitstop";
    let folder = lab.path("state/cache/web");
    fs::create_dir_all(&folder).unwrap();
    let _mounted = crate::common::host::Mounted::tmpfs(&folder, "mode=700,size=80m");
    let _server = Server::start(&studio, "waits");
    let run = lab.spawn(&["update", "lab", "--level", "1.1.0"]);
    let whole = size(&lab.path("shelf").join(bundle));
    until(|| has_shelf(lab) && size(&kept(&studio, bundle, "part")) == whole / 2);
    let other = kept(&studio, bundle, "part").with_file_name("others");
    let mut other = fs::File::create(other).unwrap();
    while other.write_all(&[0; 4096]).is_ok() {}
    fs::write(lab.path("asked.go"), "").unwrap();
    let output = run.wait_with_output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["error"]["kind"], "space", "{report:#}");
    assert!(!kept(&studio, bundle, "part").exists());
}

/// How a bundle begins is only kept to save time.
#[test]
fn a_full_cache_hides_no_bundle() {
    let studio = studio();
    let _server = Server::start(&studio, "plain");
    let fault = format!("eio:write {}", studio.lab.path("state/cache/web").display());
    let check = studio
        .lab
        .run_with(&["check", "lab"], &[("PITSTOP_FAULT", &fault)]);
    let check = check.expect(0, "update-available");
    assert_eq!(
        check.report["offers"].as_array().unwrap().len(),
        2,
        "{:#}",
        check.report
    );
    assert_eq!(check.report["warnings"], serde_json::json!([]));
}

/// Both levels that an instance can go back to, and the one where another stands, may still be led on from.
#[test]
fn bundles_that_lead_nobody_on_any_more_are_removed() {
    let studio = studio();
    let lab = &studio.lab;
    let server = Server::start(&studio, "plain");
    let (first, second) = ("to-1.1.0.pitstop", "to-1.2.0.pitstop");
    let settings = lab.path("config/instances.d/lab.yaml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}policy: {{keep_snapshots: 1}}\n")).unwrap();
    let instances = lab.path("state/instances");
    fs::create_dir(instances.join("other")).unwrap();
    fs::copy(
        instances.join("lab/state.json"),
        instances.join("other/state.json"),
    )
    .unwrap();
    let is_kept = || [first, second].map(|bundle| kept(&studio, bundle, "pitstop").exists());

    lab.run(&["update", "lab", "--level", "1.1.0"])
        .expect(0, "updated");
    lab.run(&["update", "lab"]).expect(0, "updated");
    assert_eq!(is_kept(), [true, true], "another instance is at 1.0.0");
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    fs::remove_dir_all(instances.join("other")).unwrap();
    let before = server.asked().len();
    lab.run(&["update", "lab", "--release-hold"]).expect(0, "updated");
    assert_eq!(
        is_kept(),
        [false, true],
        "from 1.1.0, to which it can go back, the second one leads on"
    );
    lab.run(&["check", "lab"]).expect(0, "current");
    let asked = server.asked();
    assert!(
        asked[before..].iter().all(|line| line.starts_with(LIST_NAME)),
        "{asked:?}"
    );
}

#[test]
fn a_proxy_is_asked_over_only_where_the_settings_name_one() {
    let studio = studio();
    let lab = &studio.lab;
    let server = Server::start(&studio, "plain");
    let log = lab.path("proxied");
    let proxy = Python::start(PROXY, &[&log]);
    let instance = |proxy: &str| {
        let ca = lab.path("server.pem");
        let web = format!("url: '{}', ca: {}{proxy}", server.url, ca.display());
        lab.instance(&format!("source: {{web: {{{web}}}}}\n"));
    };
    let address = format!("127.0.0.1:{}", proxy.port);
    instance(&format!(
        ", proxy: {{https: 'http://me:hunter2@{address}', no_proxy: 127.0.0.1}}"
    ));
    lab.run(&["check", "lab"]).expect(0, "update-available");
    assert!(!log.exists(), "the host is to be asked directly");

    instance(&format!(", proxy: {{https: 'http://me:hunter2@{address}'}}"));
    fs::remove_dir_all(lab.path("state/cache")).unwrap();
    let answer = lab.run(&["update", "lab", "-vv"]).expect(0, "updated");
    let there = server
        .url
        .trim_start_matches("https://")
        .trim_end_matches("/shelf");
    let proxied = fs::read_to_string(&log).unwrap();
    // `me:hunter2`
    let expected = format!("{there} bWU6aHVudGVyMg==");
    assert!(
        proxied.lines().count() >= 3 && proxied.lines().all(|line| line == expected),
        "{proxied}"
    );
    drop(proxy);
    let refused = lab.run(&["update", "lab", "-vv"]).refused(1, "source");
    let hint = refused.report["error"]["hint"].as_str().unwrap();
    assert!(hint.contains(&format!("over the proxy {address}")), "{hint}");
    for told in [&answer, &refused] {
        let told = format!("{}{}", told.report, told.stderr);
        assert!(!told.contains("hunter2"), "{told}");
    }

    instance("");
    drop(server);
    let table: [(&[(&str, &str)], bool); 4] = [
        (&[("HTTPS_PROXY", "http://me:hunter2@p:1")], true),
        (&[("all_proxy", "http://p:1")], true),
        (&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", "127.0.0.1")], false),
        (&[("http_proxy", "http://p:1")], false),
    ];
    for (environment, is_told) in table {
        let refused = lab.run_with(&["update", "lab"], environment).refused(1, "source");
        let hint = refused.report["error"]["hint"].as_str().unwrap();
        let words = format!("the environment's {} is not used", environment[0].0);
        assert_eq!(hint.contains(&words), is_told, "{environment:?}: {hint}");
        assert!(!refused.report.to_string().contains("hunter2"));
    }
}
