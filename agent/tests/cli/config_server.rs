//! Configurations of a running server: restarted only for what it reads at its start, put back when it is unhealthy.

use std::fs;

use crate::common::ports::free_port;
use crate::common::{Answer, Lab, Pack, file, pack, script};

/// Reads `start.conf` when it starts and `live.conf` at every request; ends at once, or answers 500, where they say so.
const SERVER: &str = r#"import http.server, os, sys, signal
home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
read = lambda name: open(home + "/conf/" + name).read()
start = read("start.conf")
if "dies" in start:
    sys.exit("this configuration makes no sense")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        live = read("live.conf")
        self.send_response(500 if "sick" in live else 200)
        self.end_headers()
        self.wfile.write((start + live).encode())
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"#;

fn level(version: &str) -> Pack {
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        ("bin/server.py", script(SERVER)),
        ("conf/start.conf", file("start = vendor\n")),
        ("conf/live.conf", file("live = vendor\n")),
        ("lib/core.jar", file(format!("\0core {version}"))),
    ])
}

struct Server {
    lab: Lab,
}

impl Server {
    /// At 1.0.0, adopted, stopped; 1.1.0 is on offer.
    fn new() -> Self {
        let lab = Lab::new(&level("1.0.0"));
        lab.offer("1.0.0", &level("1.0.0"));
        lab.offer("1.1.0", &level("1.1.0"));
        let port = free_port();
        lab.instance(&format!(
            "source: {}\nservice:\n  start: [/usr/bin/env, python3, {}/bin/server.py, '{port}']\n  ports: [{port}]\n  \
             start_timeout_s: 20\n  stop_timeout_s: 10\nprobes:\n  - {{name: main, deadline_s: 1, http: {{url: \
             'http://127.0.0.1:{port}/'}}}}\nconfig:\n  values: [values.yaml]\n  files:\n    - {{path: conf/start.conf, \
             content: \"start = {{{{ start }}}}\\n\"}}\n    - {{path: conf/live.conf, content: \"live = {{{{ live }}}}\\n\", \
             restart: false}}\n",
            lab.path("packs").display(),
            lab.home().display()
        ));
        lab.run(&["adopt", "lab", "--pristine", lab.path("packs").to_str().unwrap()])
            .expect(0, "adopted");
        let server = Self { lab };
        server.values("first", "first");
        server
    }

    fn started() -> Self {
        let server = Self::new();
        server.run(&["start", "lab"]).expect(0, "started");
        server
    }

    fn values(&self, start: &str, live: &str) {
        let text = format!("start: {start}\nlive: {live}\n");
        fs::write(self.lab.path("config/instances.d/values.yaml"), text).unwrap();
    }

    fn run(&self, args: &[&str]) -> Answer {
        self.lab.run(args)
    }

    fn apply(&self) -> Answer {
        self.run(&["config", "apply", "lab"])
    }

    fn pids(&self) -> Vec<u64> {
        let check = self.run(&["check", "lab"]);
        let processes = check.report["before"]["processes"].as_array().unwrap().clone();
        let mains = processes.iter().filter(|one| one["role"] == "main");
        mains.map(|one| one["pid"].as_u64().unwrap()).collect()
    }

    fn files(&self) -> (String, String) {
        (self.lab.read("conf/start.conf"), self.lab.read("conf/live.conf"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.lab.command(&["stop", "lab"]).output();
    }
}

fn lines(start: &str, live: &str) -> (String, String) {
    (format!("start = {start}\n"), format!("live = {live}\n"))
}

fn steps(answer: &Answer) -> Vec<String> {
    let steps = answer.report["steps"].as_array().unwrap().iter();
    steps
        .map(|step| step["step"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_server_is_restarted_only_for_what_it_reads_at_its_start() {
    let server = Server::started();
    let first = server.pids();
    let answer = server.apply().expect(0, "configured");
    let second = server.pids();
    assert!(first != second && second.len() == 1, "{first:?} {second:?}");
    assert!(answer.message().contains("stopped for"), "{}", answer.message());
    assert!(!server.apply().expect(0, "current").changed());
    server.values("first", "second");
    let answer = server.apply().expect(0, "configured");
    assert!(
        answer.message().contains("was not restarted"),
        "{}",
        answer.message()
    );
    assert_eq!(answer.report["timing"]["stopped_ms"], 0);
    assert_eq!(
        steps(&answer),
        ["baseline", "stage", "commit", "integrity", "verify"]
    );
    assert_eq!(server.files(), lines("first", "second"));
    assert_eq!(server.pids(), second);
    server
        .run(&["rollback", "lab", "--config"])
        .expect(0, "rolled-back");
    assert_eq!(server.files(), lines("first", "first"));
    assert_eq!(
        server.pids(),
        second,
        "what was put in place live is taken back live"
    );
}

#[test]
fn a_stopped_server_stays_stopped() {
    let server = Server::new();
    let answer = server.apply().expect(0, "configured");
    assert!(
        answer.message().contains("was not running"),
        "{}",
        answer.message()
    );
    assert_eq!(server.pids(), Vec::<u64>::new());
    server.run(&["start", "lab"]).expect(0, "started");
}

#[test]
fn a_configuration_that_the_server_does_not_survive_is_taken_back_and_held() {
    let server = Server::started();
    server.apply().expect(0, "configured");
    server.values("dies", "first");
    let answer = server.apply().refused(4, "rolled-back");
    assert!(
        answer.message().contains("the configuration failed on this host"),
        "{}",
        answer.message()
    );
    assert!(
        answer
            .message()
            .contains("the configuration from before is back and verified"),
        "{}",
        answer.message()
    );
    assert_eq!(server.files(), lines("first", "first"));
    assert_eq!(server.pids().len(), 1);
    let pids = server.pids();
    let held = server.apply().refused(6, "held");
    assert!(
        !held.changed() && server.pids() == pids,
        "a held configuration restarts nothing"
    );
    server.run(&["config", "diff", "lab"]).refused(6, "held");
    server.lab.write("conf/start.conf", "start = dies\n");
    let there = server.apply().expect(0, "current");
    assert!(!there.changed(), "what is there already is no change");
    server.lab.write("conf/start.conf", "start = first\n");
    server
        .run(&["config", "apply", "lab", "--release-hold"])
        .refused(4, "rolled-back");
    server.values("better", "first");
    server.apply().expect(0, "configured");
    assert_eq!(server.files(), lines("better", "first"));
    let check = server.run(&["check", "lab"]);
    assert_eq!(
        check.report["before"]["holds"],
        serde_json::json!([]),
        "no release is to blame"
    );
    assert_eq!(check.report["before"]["config"].get("held"), None);
}

#[test]
fn a_live_change_that_makes_the_server_sick_is_taken_back() {
    let server = Server::started();
    server.apply().expect(0, "configured");
    server.values("first", "sick");
    server.apply().refused(4, "rolled-back");
    assert_eq!(server.files(), lines("first", "first"));
    server.run(&["verify", "lab"]).expect(0, "verified");
}

#[test]
fn levels_and_configurations_are_taken_back_apart() {
    let server = Server::started();
    server.run(&["update", "lab"]).expect(0, "updated");
    server.apply().expect(0, "configured");
    let dry = server
        .run(&["rollback", "lab", "--config", "--dry-run"])
        .expect(0, "planned");
    assert_eq!(dry.report["plan"]["from"], dry.report["plan"]["to"]);
    server.run(&["rollback", "lab"]).expect(0, "rolled-back");
    assert_eq!(server.lab.read("VERSION"), "1.0.0\n");
    assert_eq!(server.files(), lines("first", "first"), "the configuration stays");
    assert!(!server.apply().expect(0, "current").changed());
    server
        .run(&["rollback", "lab", "--config"])
        .expect(0, "rolled-back");
    assert_eq!(server.files(), lines("vendor", "vendor"));
    server
        .run(&["rollback", "lab", "--config"])
        .refused(6, "no-snapshot");
    server.run(&["verify", "lab"]).expect(0, "verified");
}
