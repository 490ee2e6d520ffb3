//! Updates for which the vendor's tool, a stand-in of it here, works in the home itself.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::host::{Mounted, own_mounts, skipped};
use crate::common::ports::free_port;
use crate::common::switches::{BUNDLES, Bench, End, New, NewBut, OLD, Stop, faults, hold, unknowns};
use crate::common::tooled::{API, GOAL, KEYSTORE, LOG4J, PAGE, TOML, differing};
use crate::common::{Answer, Lab, difference, settled};
use serde_json::{Value, json};

const OWN: &str = "lib/own.xml";
const DATABASE: &str = "repository/database/WSO2CARBON_DB.mv.db";
const IN_PLACE: &[&str] = &["update", "lab", "--level", GOAL, "--in-place"];

/// What is otherwise than on a copy: a customer's file that the tool removes is there, and is put back.
fn rows() -> Vec<(Value, End)> {
    let rows = [unknowns(), faults()].concat();
    let own = [
        (json!({"delete_customer_file": KEYSTORE}), New),
        // The laboratory's pid file names a process that lives.
        (
            json!({"running_server": "refused"}),
            Stop("the server is running"),
        ),
    ];
    let is_other = |(switches, _): &(Value, End)| own.iter().all(|(other, _)| other != switches);
    rows.into_iter().filter(is_other).chain(own.clone()).collect()
}

fn in_place(lab: Lab, own: &'static [&'static str]) -> Bench {
    let mut bench = Bench::new(lab, own);
    bench.in_place = true;
    bench
}

#[test]
fn with_the_vendors_originals() {
    let bench = in_place(Lab::tooled(), &[LOG4J, TOML]);
    hold(&bench, rows());
}

#[test]
fn without_the_vendors_originals() {
    let lab = Lab::unadopted(&["1.5.0"]);
    lab.run(&["adopt", "lab"]).expect(0, "adopted");
    let bench = in_place(lab, &[LOG4J, TOML, BUNDLES]);
    let only_here = vec![
        (json!({"second_wave": true}), NewBut(&["bin/api-manager.sh"])),
        (json!({"removed_but_changed": "keep"}), NewBut(&[OLD])),
    ];
    hold(&bench, [rows(), only_here].concat());
}

/// What is not of the tool's own in the home, to the last bit.
fn bits(lab: &Lab) -> crate::common::Tree {
    settled(&lab.tree(), &[])
}

#[test]
fn what_the_operator_owns_comes_through_and_a_rollback_leads_back() {
    let lab = Lab::tooled();
    lab.log_to_file();
    lab.write(KEYSTORE, "the customer's");
    lab.write(OWN, "<own/>");
    lab.write(DATABASE, "rows");
    lab.write("updates/logs/older.log", "older");
    let before = bits(&lab);
    let dry = lab.run(&[IN_PLACE, &["--dry-run"]].concat()).expect(0, "planned");
    assert_eq!(
        (&dry.report["plan"]["in_place"], &dry.report["plan"]["files"]),
        (&json!(true), &json!([]))
    );
    assert!(
        dry.report["warnings"]
            .to_string()
            .contains("stopped as long as it runs")
    );
    assert_eq!(
        (difference(&before, &bits(&lab)), lab.leftovers()),
        (String::new(), vec![])
    );
    let done = lab.run(IN_PLACE).expect(0, "updated");
    assert_eq!(done.report["plan"]["in_place"], true);
    let steps: Vec<&str> = done.report["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].as_str().unwrap())
        .collect();
    assert_eq!(
        steps,
        [
            "snapshot",
            "update-tool",
            "put-back",
            "stage",
            "commit",
            "integrity",
            "hook"
        ]
    );
    assert_eq!(
        differing(&lab.product(), &lab.vendor("4")),
        [OWN, LOG4J, DATABASE, KEYSTORE]
    );
    assert!(lab.read(LOG4J).contains("appender = file") && lab.read(LOG4J).contains("level = WARN"));
    let again = lab.run(IN_PLACE).expect(0, "current");
    assert!(!again.changed());
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(difference(&before, &bits(&lab)), "");
}

/// Whatever leads out of the home is out of the tool's way while it works there.
#[test]
fn nothing_outside_the_home_is_written_and_attributes_come_back() {
    let lab = Lab::tooled();
    let (shared, twin) = (lab.path("shared"), lab.path("twin.jar"));
    fs::create_dir(&shared).unwrap();
    fs::write(shared.join("web.xml"), "shared").unwrap();
    symlink(&shared, lab.home().join("repository/resources/shared")).unwrap();
    fs::hard_link(lab.home().join(API), &twin).unwrap();
    let (page, api) = (fs::read(lab.home().join(PAGE)).unwrap(), fs::read(&twin).unwrap());
    fs::remove_file(lab.home().join(PAGE)).unwrap();
    fs::write(lab.path("outside.jag"), &page).unwrap();
    fs::hard_link(lab.path("outside.jag"), lab.home().join(PAGE)).unwrap();
    let toml = lab.home().join(TOML);
    fs::set_permissions(&toml, fs::Permissions::from_mode(0o440)).unwrap();
    std::os::unix::fs::chown(&toml, Some(1234), Some(1235)).unwrap();
    xattr::set(&toml, "user.origin", b"operator").unwrap();
    let before = bits(&lab);
    lab.knobs(&json!({"exit1_half": true}));
    lab.run(IN_PLACE).refused(1, "vendor-tool");
    assert_eq!(difference(&before, &bits(&lab)), "");
    lab.knobs(&json!({}));
    lab.run(IN_PLACE).expect(0, "updated");
    let metadata = fs::metadata(&toml).unwrap();
    assert_eq!(
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o777),
        (1234, 1235, 0o440)
    );
    assert_eq!(xattr::get(&toml, "user.origin").unwrap().unwrap(), b"operator");
    assert_eq!(fs::read(lab.path("outside.jag")).unwrap(), page);
    assert_eq!(fs::read(&twin).unwrap(), api);
    assert_eq!(fs::read_to_string(shared.join("web.xml")).unwrap(), "shared");
    assert!(lab.home().join("repository/resources/shared").is_symlink());
}

#[test]
fn what_does_not_fit_together_is_refused_before_anything_is_done() {
    let lab = Lab::tooled();
    let before = bits(&lab);
    for other in [
        &["--stage-only"][..],
        &["--continue"],
        &["--plan", "0123456789abcdef"],
    ] {
        assert_eq!(
            lab.command(&[IN_PLACE, other].concat())
                .output()
                .unwrap()
                .status
                .code(),
            Some(2),
            "{other:?}"
        );
    }
    lab.run(&["update", "lab", "--in-place"]).refused(2, "usage");
    let pack = lab.path("pristine/4");
    lab.run(&[IN_PLACE, &["--from", pack.to_str().unwrap()]].concat())
        .refused(2, "usage");
    assert_eq!(
        (difference(&before, &bits(&lab)), lab.leftovers()),
        (String::new(), vec![])
    );
    let [first, _] = lab.two_hotfixes();
    lab.apply(&first).expect(0, "hotfix-applied");
    let refused = lab.run(IN_PLACE).refused(6, "hotfix");
    assert!(
        refused.report["error"]["hint"]
            .as_str()
            .unwrap()
            .contains("hotfix revert")
    );
}

#[test]
fn what_no_snapshot_can_hold_is_refused_while_the_server_runs() {
    if let Err(why) = own_mounts() {
        return skipped(&why);
    }
    let lab = Lab::tooled();
    let at = |path: &str| {
        fs::create_dir_all(lab.home().join(path)).unwrap();
        Mounted::tmpfs(&lab.home().join(path), "mode=755,size=8m")
    };
    let vendors = at("repository/resources/mounted");
    lab.run(IN_PLACE).refused(6, "mount");
    drop(vendors);
    let state = at("repository/database");
    lab.run(&[IN_PLACE, &["--dry-run"]].concat()).expect(0, "planned");
    drop(state);
    let pack = lab.path("pack");
    fs::rename(lab.home(), &pack).unwrap();
    let _small = at("");
    let copied = Command::new("cp")
        .arg("-a")
        .arg(pack.join("."))
        .arg(lab.home())
        .status();
    assert!(copied.unwrap().success());
    lab.run(IN_PLACE).refused(6, "space");
    assert_eq!(lab.leftovers(), Vec::<String>::new());
}

#[test]
fn a_conflict_puts_everything_back_and_the_answer_goes_on_in_the_home() {
    let lab = Lab::tooled();
    lab.write(PAGE, &lab.read(PAGE).replace("<p>text</p>", "<p>our text</p>"));
    lab.write(LOG4J, &lab.read(LOG4J).replace("level = INFO", "level = DEBUG"));
    let before = bits(&lab);
    let conflicts = |answer: &Answer| answer.report["conflicts"].as_array().unwrap().len();
    assert_eq!(conflicts(&lab.run(IN_PLACE).refused(3, "conflicts")), 2);
    assert_eq!(difference(&before, &bits(&lab)), "");
    lab.run(&["conflicts", "resolve", "lab", PAGE, "--take", "theirs"])
        .expect(0, "conflicts");
    let half = lab.run(&["update", "lab", "--continue"]).refused(3, "conflicts");
    assert_eq!(conflicts(&half), 1);
    lab.run(&["conflicts", "resolve", "lab", "--all", "--take", "theirs"])
        .expect(0, "resolved");
    for other in [&["--stage-only"][..], &["--plan", "0123456789abcdef"]] {
        let refused = lab.run(&[&["update", "lab", "--continue"], other].concat());
        let refused = refused.refused(2, "usage");
        assert!(refused.message().contains(other[0]), "{}", refused.message());
    }
    assert_eq!(difference(&before, &bits(&lab)), "");
    let done = lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(done.report["plan"]["in_place"], true);
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), Vec::<String>::new());
}

/// Killed while the tool writes: the tool ends too, and the next run puts everything back.
#[test]
fn killed_while_the_tool_works_the_next_run_puts_everything_back() {
    let lab = Lab::tooled();
    lab.log_to_file();
    let before = bits(&lab);
    for place in ["download", "files"] {
        lab.knobs(&json!({"hang_at": place}));
        let mut update = lab
            .command(IN_PLACE)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        lab.until_tool_is_at(place);
        update.kill().unwrap();
        update.wait().unwrap();
        let checked = lab.run(&["check", "lab"]).expect(0, "interrupted");
        assert_eq!(checked.report["after"]["interrupted"]["phase"], "in-place");
        lab.run(&[IN_PLACE, &["--dry-run"]].concat())
            .refused(1, "interrupted");
        lab.knobs(&json!({}));
        lab.run(&["stop", "lab"]).expect(0, "stopped");
        assert_eq!(difference(&before, &bits(&lab)), "", "{place}");
        let left = lab.leftovers().into_iter();
        let left: Vec<String> = left
            .filter(|path| !path.starts_with("kept") && path != "owner")
            .collect();
        assert_eq!(left, Vec::<String>::new(), "{place}");
        let works = |pid: &Path| {
            let text = fs::read(pid.join("environ")).unwrap_or_default();
            let text = String::from_utf8_lossy(&text).into_owned();
            text.contains("PITSTOP_TRANSACTION=") && text.contains(lab.dir.path().to_str().unwrap())
        };
        let processes = fs::read_dir("/proc").unwrap();
        let left = processes
            .filter(|one| works(&one.as_ref().unwrap().path()))
            .count();
        assert_eq!(left, 0, "{place}: the tool still works");
    }
    lab.run(IN_PLACE).expect(0, "updated");
    assert_eq!(differing(&lab.product(), &lab.vendor("4")), [LOG4J]);
}

#[test]
fn a_tool_that_hangs_is_ended_and_what_it_did_is_put_back() {
    let lab = Lab::tooled();
    lab.configure("{credentials: {file: ../../login.yaml}, timeout_s: 2}");
    hold(
        &in_place(lab, &[]),
        vec![
            (json!({"hang_at": "files"}), Stop("did not end within its time")),
            (
                json!({"output_pause": "silent"}),
                Stop("did not end within its time"),
            ),
        ],
    );
}

const SERVER: &str = "
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
";

/// A pack whose server runs.
struct Served(Lab);

impl Served {
    fn new() -> Self {
        let lab = Lab::tooled();
        let port = free_port();
        lab.write("server.py", SERVER);
        // What stands for Java: the server has no use for it.
        let java = lab.path("jdk/bin/java");
        fs::create_dir_all(java.parent().unwrap()).unwrap();
        fs::write(&java, "").unwrap();
        let profile = format!(
            "name: wso2am\ntitle: Served\nextends: served-base\nprocess: {{main: [server.py]}}\nservice:\n  start: [python3, \
             '{{{{ home }}}}/server.py', '{port}']\n  ports: ['{port}']\nprobes:\n  - {{name: started, http: {{url: \
             'http://127.0.0.1:{port}/'}}}}\n  - {{name: version, tcp: {{port: '{port}'}}}}\n\
             vars: {{java_home: {}}}\n",
            lab.path("jdk").display()
        );
        let products = lab.path("products");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/products/wso2am/product.yaml");
        let shipped = fs::read_to_string(shipped)
            .unwrap()
            .replace("name: wso2am\n", "name: served-base\n");
        for (name, text) in [("served-base", shipped), ("wso2am", profile)] {
            fs::create_dir_all(products.join(name)).unwrap();
            fs::write(products.join(name).join("product.yaml"), text).unwrap();
        }
        fs::write(
            lab.path("config/pitstop.yaml"),
            format!("products: {}\n", products.display()),
        )
        .unwrap();
        lab.run(&["start", "lab"]).expect(0, "started");
        Self(lab)
    }

    fn pid(&self) -> Option<u64> {
        let report = self.0.run(&["check", "lab"]).report;
        let processes = report["after"]["processes"].as_array()?;
        let server = processes.iter().find(|process| process["role"] == "main")?;
        server["pid"].as_u64()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.command(&["stop", "lab"]).output();
    }
}

#[test]
fn a_server_is_down_while_the_tool_works_and_runs_again_whatever_came_of_it() {
    let served = Served::new();
    let lab = &served.0;
    let first = served.pid().unwrap();
    lab.knobs(&json!({"exit1_half": true}));
    let before = bits(lab);
    let refused = lab.run(IN_PLACE).refused(1, "vendor-tool");
    assert!(refused.report["timing"]["stopped_ms"].as_u64().unwrap() > 0);
    assert_eq!(difference(&before, &bits(lab)), "");
    let second = served.pid().unwrap();
    assert_ne!(first, second);
    lab.knobs(&json!({"hang_at": "files"}));
    let mut update = lab
        .command(IN_PLACE)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    lab.until_tool_is_at("files");
    let meanwhile = lab.run(&["check", "lab"]).report;
    assert_eq!(served.pid(), None, "{:#}", meanwhile["after"]);
    lab.run(&["start", "lab"]).refused(6, "locked");
    update.kill().unwrap();
    update.wait().unwrap();
    lab.knobs(&json!({}));
    lab.run(&["start", "lab"]).expect(0, "started");
    assert_eq!(difference(&before, &bits(lab)), "");
    assert!(served.pid().is_some());
    let done = lab.run(IN_PLACE).expect(0, "updated");
    assert!(done.report["timing"]["stopped_ms"].as_u64().unwrap() > 0);
    assert!(done.report["after"]["state"] == "running" && served.pid().is_some());
    let back = lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(back.report["after"]["state"], "running");
    assert_eq!(difference(&before, &bits(lab)), "");
}
