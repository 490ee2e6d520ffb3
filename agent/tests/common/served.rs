//! A laboratory with a server that runs.

use super::host::{PATIENCE, eventually};
use super::ports::free_port;
use super::{Answer, Lab, Pack, file, pack, script};

/// A small real server: answers with its level, with 500 on /extra, for good or for its first seconds, with a line in its log,
/// with a last word in a file of the pack, and for seconds after it was asked to end, where the level says so.
const SERVER: &str = r#"import http.server, os, sys, signal, threading, time
began = time.monotonic()
home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
level = open(home + "/VERSION").read().strip()
traits = open(home + "/bin/traits").read()
port = int(sys.argv[1])
if "dies" in traits:
    sys.exit("this level dies at start")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        starts = "extra-late" in traits and time.monotonic() < began + 4
        broken = self.path == "/extra" and ("extra-broken" in traits or starts)
        body = ("level " + level).encode()
        self.send_response(500 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
if "logs" in traits:
    os.makedirs(home + "/log", exist_ok=True)
    with open(home + "/log/up.log", "a") as log:
        log.write("up " + level + "\n")
def end(*_):
    if "scribbles" in traits:
        with open(home + "/bin/traits", "a") as own:
            own.write("last words\n")
    if "litters" in traits:
        with open(home + "/web/new/core", "w") as core:
            core.write("dump")
    os._exit(0)
def ask(*_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.makedirs(home + "/log", exist_ok=True)
    open(home + "/log/asked", "w").close()
    threading.Timer(3, end).start()
signal.signal(signal.SIGTERM, ask if "lingers" in traits else end)
http.server.HTTPServer.allow_reuse_address = True
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"#;

pub fn level(version: &str, traits: &str) -> Pack {
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        ("bin/server.py", script(SERVER)),
        ("bin/traits", file(traits)),
        ("lib/core.jar", file(format!("\0core {version}"))),
        ("conf/server.conf", file("a = 1\n")),
    ])
}

pub struct Server {
    pub lab: Lab,
    port: u16,
}

/// A running server at 1.0.0. `first` are its traits, `more` more lines of the instance.
pub fn server(first: &str, offers: &[(&str, &str)], more: &str) -> Server {
    let lab = Lab::new(&level("1.0.0", first));
    lab.offer("1.0.0", &level("1.0.0", first));
    for (version, traits) in offers {
        lab.offer(version, &level(version, traits));
    }
    let port = free_port();
    let home = lab.home();
    lab.instance(&format!(
        "source: {}\nservice:\n  start: [/usr/bin/env, python3, {}/bin/server.py, '{port}']\n  ports: [{port}]\n  \
         start_timeout_s: 20\n  stop_timeout_s: 10\nprobes:\n  - {{name: main, http: {{url: 'http://127.0.0.1:{port}/', \
         body: level}}}}\n  - {{name: extra, deadline_s: 1, http: {{url: 'http://127.0.0.1:{port}/extra'}}}}\n{more}",
        lab.path("packs").display(),
        home.display()
    ));
    lab.run(&["adopt", "lab", "--pristine", lab.path("packs").to_str().unwrap()])
        .expect(0, "adopted");
    Server { lab, port }
}

impl Server {
    pub fn started(self) -> Self {
        self.lab.run(&["start", "lab"]).expect(0, "started");
        self
    }

    pub fn pids(&self) -> Vec<u64> {
        let check = self.lab.run(&["check", "lab"]);
        let processes = check.report["before"]["processes"].as_array().unwrap().clone();
        processes
            .iter()
            .filter(|one| one["role"] == "main")
            .map(|one| one["pid"].as_u64().unwrap())
            .collect()
    }

    /// What the server itself says; nothing if it does not answer.
    pub fn says(&self) -> Option<String> {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.rsplit_once("level ").map(|(_, level)| level.to_owned())
    }

    /// Adds a probe to the instance.
    pub fn probe(&self, probe: &str) {
        self.settings(|text| format!("{text}  - {probe}\n"));
    }

    /// Changes the instance's file.
    pub fn settings(&self, change: impl FnOnce(&str) -> String) {
        let file = self.lab.path("config/instances.d/lab.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, change(&text)).unwrap();
    }

    /// Adds hooks to the profile.
    pub fn hooks(&self, hooks: &str) {
        let file = self.lab.path("products/lab/product.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}hooks: [{hooks}]\n")).unwrap();
    }

    /// Starts the server as somebody does who knows nothing of what is under way.
    pub fn start_by_hand(&self) {
        let mut child = std::process::Command::new("python3")
            .arg(self.lab.home().join("bin/server.py"))
            .arg(self.port.to_string())
            .spawn()
            .unwrap();
        let end = std::thread::spawn(move || child.wait());
        eventually("the server never answers", || {
            assert!(!end.is_finished(), "the server has ended");
            self.says().is_some()
        });
    }

    pub fn run(&self, args: &[&str]) -> Answer {
        self.lab.run(args)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.lab.command(&["stop", "lab"]).output();
    }
}
