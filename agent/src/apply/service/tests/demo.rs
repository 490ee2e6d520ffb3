//! A pack with a real server in Python, for the tests of starting and stopping.

use std::path::{Path, PathBuf};

use crate::api::report::{ProbeView, ProcessRole};
use crate::api::{Failure, Result};
use crate::config::{Probe, ServiceControl, Settings, Stop};
use crate::health::tests::support::{dir, eventually, free_port, probe, settings, write};
use crate::observe::process::Observed;
use crate::sys::process::{Detached, Signal, Spec, spawn_detached};

use super::super::{Outcome, Service};

/// `server.py PORT [ignore-term] [die-after SECONDS] [say TEXT]`
const SERVER: &str = "
import http.server, os, signal, sys, threading, time
port, words = int(sys.argv[1]), sys.argv[2:]
if 'ignore-term' in words: signal.signal(signal.SIGTERM, signal.SIG_IGN)
else: signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
if 'say' in words: print(words[words.index('say') + 1], flush=True)
if 'die-after' in words:
    threading.Timer(float(words[words.index('die-after') + 1]), lambda: os._exit(9)).start()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = str(os.getpid()).encode()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
open('logs/server.log', 'a').write('server started in 1 sec\\n')
server.serve_forever()
";

pub(super) struct Demo {
    dir: tempfile::TempDir,
    pub settings: Settings,
    pub port: u16,
}

impl Demo {
    /// Starts in the foreground, stops with SIGTERM, answers on a free port.
    pub(super) fn new() -> Self {
        let dir = dir();
        let home = dir.path().join("app");
        crate::sys::fs::make_private_dirs(&home.join("logs")).unwrap();
        write(&home.join("server.py"), SERVER);
        let port = free_port();
        let mut settings = settings(&home);
        settings.ports = vec![port];
        settings.probes = vec![http_probe(port)];
        let mut demo = Self { dir, settings, port };
        demo.starts_with(&[]);
        demo
    }

    pub(super) fn home(&self) -> &Path {
        &self.settings.home
    }

    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn server(&self) -> Vec<String> {
        let file = self.home().join("server.py").display().to_string();
        vec!["python3".to_owned(), file, self.port.to_string()]
    }

    /// The server in the foreground, with more arguments.
    pub(super) fn starts_with(&mut self, more: &[&str]) {
        let mut argv = self.server();
        argv.extend(more.iter().map(|word| (*word).to_owned()));
        self.commands(&argv, Stop::Signal);
    }

    /// A shell script in the home; `SERVER` in it is the server's command line.
    pub(super) fn starts_by_script(&mut self, script: &str) {
        let file = self.script("start.sh", script);
        self.commands(&["/bin/sh".to_owned(), file], Stop::Signal);
    }

    /// Keeps the start command. `SERVER` as above.
    pub(super) fn stops_by_script(&mut self, script: &str) {
        let stop = Stop::Command(vec!["/bin/sh".to_owned(), self.script("stop.sh", script)]);
        if let ServiceControl::Commands { stop: old, .. } = &mut self.settings.service {
            *old = stop;
        }
    }

    fn script(&self, name: &str, text: &str) -> String {
        let file = self.home().join(name);
        write(&file, &text.replace("SERVER", &self.server().join(" ")));
        file.display().to_string()
    }

    fn commands(&mut self, start: &[String], stop: Stop) {
        self.settings.service = ServiceControl::Commands {
            start: start.to_vec(),
            stop,
            env: std::collections::BTreeMap::new(),
        };
    }

    pub(super) fn service(&self) -> Service<'_> {
        Service::new(&self.settings)
    }

    pub(super) fn start(&self) -> Result<Outcome> {
        self.service().start(&mut Vec::new())
    }

    pub(super) fn start_with_views(&self) -> (Result<Outcome>, Vec<ProbeView>) {
        let mut views = Vec::new();
        let result = self.service().start(&mut views);
        (result, views)
    }

    pub(super) fn stop(&self) -> Result<Outcome> {
        self.service().stop()
    }

    pub(super) fn start_failure(&self) -> Failure {
        self.start().unwrap_err()
    }

    pub(super) fn observe(&self) -> Observed {
        self.service().observe(true).unwrap()
    }

    pub(super) fn main_pids(&self) -> Vec<u32> {
        self.observe().mains().map(|found| found.view.pid).collect()
    }

    /// Runs something that is not the instance's own, beside the home.
    pub(super) fn run_beside(&self, cwd: &Path, argv: &[&str]) -> Other {
        let mut spec = Spec::new(argv.iter().copied());
        spec.cwd = Some(cwd.to_owned());
        Other(spawn_detached(&spec, &self.beside("other.log")).unwrap())
    }

    /// Starts the server without pitstop.
    pub(super) fn start_by_hand(&self, more: &[&str]) -> Other {
        let mut argv = self.server();
        argv.extend(more.iter().map(|word| (*word).to_owned()));
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let other = self.run_beside(self.home(), &argv);
        let address = ("127.0.0.1", self.port);
        eventually("the server listens", || {
            std::net::TcpStream::connect(address).is_ok()
        });
        other
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let Ok(observed) = Service {
            systemd: Default::default(),
            settings: &Settings {
                service: ServiceControl::None,
                ..self.settings.clone()
            },
        }
        .observe(false) else {
            return;
        };
        for found in observed
            .processes
            .iter()
            .filter(|one| one.view.role != ProcessRole::Bystander)
        {
            let _ = found.id().signal(Signal::SIGKILL);
        }
    }
}

/// A process that ends with the test.
pub(super) struct Other(Detached);

impl Other {
    pub(super) fn pid(&self) -> u32 {
        self.0.id().pid
    }

    pub(super) fn lives(&self) -> bool {
        self.0.id().lives()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.0.id().signal(Signal::SIGKILL);
    }
}

pub(super) fn http_probe(port: u16) -> Probe {
    probe(&format!(
        "name: http\ninterval_s: 0\nhttp: {{url: 'http://127.0.0.1:{port}/', body: '^[0-9]+$'}}"
    ))
}
