//! A laboratory with a real server in which calls are recorded.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;

use pitstop::api::report::{Report, ReportList};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::common::ports::free_port;
use crate::common::tooled::LOGIN;
use crate::common::{Answer, Lab, Pack, file, pack};
use crate::normal::Normal;

/// Answers 503 while `data/sick` exists, and does not end while `data/busy` does.
const SERVER: &str = "
import http.server, os, signal, sys, time
home, port = sys.argv[1], int(sys.argv[2])
has = lambda name: os.path.exists(home + '/data/' + name)
def stop(*_):
    while has('busy'): time.sleep(0.01)
    os._exit(0)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if has('sick') else 200); self.send_header('Content-Length', '0'); self.end_headers()
    def log_message(self, *_): pass
signal.signal(signal.SIGTERM, stop)
http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler).serve_forever()
";

const SERVICE: &str = r#"
process: {main: [bin/server.py]}
service:
  start: [python3, "{{ home }}/bin/server.py", "{{ home }}", "{{ port }}"]
  stop_timeout_s: 60
  start_timeout_s: 60
  ports: ["{{ port }}"]
vars: {port: 8080}
probes:
  - {name: health, deadline_s: 1, http: {url: "http://127.0.0.1:{{ port }}/health"}}
  - {name: port, tcp: {port: "{{ port }}"}}
"#;

pub const CONF: &str = "port = 1\n\n# memory\nmemory = 2\n\n# threads\nthreads = 4\n";

pub fn level(version: &str, threads: &str) -> Pack {
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        ("bin/server.py", file(format!("# {version}\n{SERVER}"))),
        (
            "conf/server.conf",
            file(CONF.replace("threads = 4", &format!("threads = {threads}"))),
        ),
        (
            &format!("lib/core-{version}.jar"),
            file(format!("\0core {version}")),
        ),
        ("lib/driver.jar", file(format!("\0driver {version}"))),
        ("web/index.html", file("<h1>welcome</h1>\n\n<p>text</p>\n")),
    ])
}

/// A release whose server ends at once.
pub fn broken() -> Pack {
    let mut pack = level("1.2.0", "16");
    pack.insert(
        "bin/server.py".into(),
        file("raise SystemExit('FATAL a class is missing')\n"),
    );
    pack
}

/// What the recordings hold, by name.
pub type Takes = BTreeMap<String, Value>;

/// A laboratory with a real server, and what was recorded in it.
pub struct Studio {
    pub lab: Lab,
    normal: RefCell<Normal>,
    takes: RefCell<Takes>,
}

impl Studio {
    /// With 1.0.0 installed but not adopted and 1.1.0 on offer.
    pub fn new() -> Self {
        // The modes of directories are part of plans.
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        let lab = Lab::new(&level("1.0.0", "4"));
        lab.offer("1.0.0", &level("1.0.0", "4"));
        lab.offer("1.1.0", &level("1.1.0", "8"));
        let profile = lab.path("products/lab/product.yaml");
        let text = fs::read_to_string(&profile).unwrap();
        fs::write(&profile, text + SERVICE).unwrap();
        let settings = lab.path("config/pitstop.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, text + "environment: staging\n").unwrap();
        let port = free_port();
        lab.instance(&format!(
            "source: {}\nvars: {{port: {port}}}\n",
            lab.path("packs").display()
        ));
        let studio = Self::of(lab);
        studio.name(&port.to_string(), "8080");
        studio.lab.write("data/db", "precious");
        studio
            .lab
            .write("conf/server.conf", &CONF.replace("port = 1", "port = 9999"));
        studio
    }

    fn of(lab: Lab) -> Self {
        Self {
            normal: RefCell::new(Normal::new(lab.dir.path())),
            lab,
            takes: RefCell::default(),
        }
    }

    /// With a stand-in of the vendor's update tool.
    pub fn tooled() -> Self {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
        Self::of(Lab::tooled())
    }

    pub fn adopted() -> Self {
        let studio = Self::new();
        let packs = studio.packs();
        studio
            .lab
            .run(&["adopt", "lab", "--pristine", &packs])
            .expect(0, "adopted");
        studio
    }

    pub fn started() -> Self {
        let studio = Self::adopted();
        studio.lab.run(&["start", "lab"]).expect(0, "started");
        studio
    }

    /// What a word that differs from run to run is called in the recordings.
    pub fn name(&self, word: &str, name: &str) {
        self.normal.borrow_mut().name(word, name);
    }

    pub fn packs(&self) -> String {
        self.lab.path("packs").to_str().unwrap().to_owned()
    }

    /// Records a call of one instance, which must end with this exit code and status, or error kind.
    #[track_caller]
    pub fn take(&self, name: &str, args: &[&str], expected: (i32, &str)) -> Value {
        let answer = self.lab.run(args);
        let answer = match expected {
            (0, status) => answer.expect(0, status),
            (exit, kind) => answer.refused(exit, kind),
        };
        assert_typed::<Report>(name, &answer.report);
        self.keep(name, args, answer)
    }

    /// Records a call of all instances.
    #[track_caller]
    pub fn take_all(&self, name: &str, args: &[&str], exit: i32) {
        self.take_typed::<ReportList>(name, args, exit);
    }

    /// Records a call that does not print the report of one instance.
    #[track_caller]
    pub fn take_typed<T: Serialize + DeserializeOwned>(&self, name: &str, args: &[&str], exit: i32) {
        let answer = self.lab.run_with(args, &LOGIN);
        assert_eq!(answer.code, Some(exit), "{:#}", answer.report);
        assert_typed::<T>(name, &answer.report);
        self.keep(name, args, answer);
    }

    fn keep(&self, name: &str, args: &[&str], answer: Answer) -> Value {
        let exit = answer.code.unwrap();
        let take = self
            .normal
            .borrow_mut()
            .recording(args, exit, answer.report.clone());
        let earlier = self.takes.borrow_mut().insert(name.to_owned(), take);
        assert!(earlier.is_none(), "{name} is recorded twice");
        answer.report
    }

    /// What was recorded.
    pub fn takes(&self) -> Takes {
        self.takes.take()
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.lab.home().join("data/busy"));
        let _ = self.lab.command(&["stop", "lab"]).output();
    }
}

/// The schema is made from these types: what goes through them unchanged has no field that it does not describe.
#[track_caller]
fn assert_typed<T: Serialize + DeserializeOwned>(name: &str, report: &Value) {
    let typed: T = serde_json::from_value(report.clone()).unwrap();
    assert_eq!(&serde_json::to_value(typed).unwrap(), report, "{name}");
}
