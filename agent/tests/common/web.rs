//! A shelf of bundles on a web server, and a proxy before it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pitstop::model::Digest;

use super::bundles::{Studio, create};

/// A server of one folder over TLS. It tells what it is asked for, knows ranges, and does what `conduct` says.
pub struct Server {
    _python: Python,
    pub url: String,
    asked: PathBuf,
}

const SERVER: &str = r#"
import http.server, os, ssl, sys, time
folder, asked, conduct = sys.argv[1:4]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = os.path.basename(self.path)
        with open(asked, "a") as out:
            out.write(f"{name} {self.headers.get('range', '-')}\n")
        if conduct == "redirect":
            self.send_response(302)
            self.send_header("location", "http://127.0.0.1:1/" + name)
            self.end_headers()
            return
        if conduct == "lists-only" and name.endswith(".pitstop"):
            self.send_error(503)
            return
        try:
            has_face = conduct == "two-faces" and name == "to-1.1.0.pitstop" and not self.was_looked_at(name)
            data = open(os.path.join(folder, "../face" if has_face else name), "rb").read()
        except OSError:
            self.send_error(404)
            return
        asks, first, last = self.headers.get("range"), "", ""
        if asks and conduct != "no-ranges":
            first, last = asks.removeprefix("bytes=").split("-")
            whole = data
            data = data[int(first):int(last) + 1]
            self.send_response(206)
            self.send_header("content-range", f"bytes {first}-{last}/{len(whole)}")
        else:
            self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if conduct == "breaks-once" and not os.path.exists(asked + ".broke") and asks and self.was_looked_at(name):
            open(asked + ".broke", "w").close()
            data = data[:len(data) // 2]
        if conduct == "waits" and asks and self.was_looked_at(name) and not os.path.exists(asked + ".go"):
            self.wfile.write(data[:len(data) // 2])
            data = data[len(data) // 2:]
            while not os.path.exists(asked + ".go"):
                time.sleep(0.01)
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True
    def was_looked_at(self, name):
        return sum(line.startswith(name) for line in open(asked)) > 1
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/../server.pem", folder + "/../server.key")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
"#;

/// Leads on to where it is asked for, and tells where to and who asked.
pub const PROXY: &str = r#"
import socket, socketserver, sys, threading
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        target, who = self.rfile.readline().split()[1].decode(), "-"
        while (line := self.rfile.readline().strip()):
            if line.lower().startswith(b"proxy-authorization: "):
                who = line.split()[-1].decode()
        with open(sys.argv[1], "a") as out:
            out.write(f"{target} {who}\n")
        host, port = target.rsplit(":", 1)
        with socket.create_connection((host, int(port))) as there:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            threading.Thread(target=pour, args=(there, self.connection), daemon=True).start()
            pour(self.connection, there)
def pour(a, b):
    try:
        while (data := a.recv(65536)):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass
socketserver.ThreadingTCPServer.daemon_threads = True
server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"#;

pub struct Python {
    child: Child,
    pub port: String,
}

impl Python {
    pub fn start(script: &str, args: &[&Path]) -> Self {
        let mut child = Command::new("python3")
            .args(["-B", "-c", script])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        Self {
            child,
            port: port.trim().to_owned(),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn start(studio: &Studio, conduct: &str) -> Self {
        let path = |name: &str| studio.lab.path(name);
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ed25519",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=127.0.0.1",
            ])
            .args([
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
            ])
            .arg(path("server.key"))
            .arg("-out")
            .arg(path("server.pem"))
            .output();
        assert!(made.unwrap().status.success());
        let asked = path("asked");
        let _ = fs::remove_file(&asked);
        let python = Python::start(SERVER, &[&path("shelf"), &asked, Path::new(conduct)]);
        let url = format!("https://127.0.0.1:{}/shelf", python.port);
        studio.lab.instance(&format!(
            "source: {{web: {{url: '{url}', ca: {}}}}}\n",
            path("server.pem").display()
        ));
        Self {
            _python: python,
            url,
            asked,
        }
    }

    pub fn asked(&self) -> Vec<String> {
        fs::read_to_string(&self.asked)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

/// Waits until something is so.
#[track_caller]
pub fn until(is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came to be");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is kept of a bundle of the shelf.
pub fn kept(studio: &Studio, bundle: &str, end: &str) -> PathBuf {
    let bytes = fs::read(studio.lab.path("shelf").join(bundle)).unwrap();
    let folder = fs::read_dir(studio.lab.path("state/cache/web")).unwrap().next();
    let name = format!("{}.{end}", Digest::of(&bytes));
    folder.unwrap().unwrap().path().join(name)
}

pub fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |found| found.len())
}

/// A studio whose shelf holds bundles 1.0.0→1.1.0 and 1.1.0→1.2.0, listed.
pub fn studio() -> Studio {
    let studio = Studio::new();
    let lab = &studio.lab;
    fs::create_dir(lab.path("shelf")).unwrap();
    let sign = ["--sign", studio.key.to_str().unwrap()];
    for (from, to) in [("1.0.0", "1.1.0"), ("1.1.0", "1.2.0")] {
        create(
            lab,
            &[from],
            to,
            &lab.path(&format!("shelf/to-{to}.pitstop")),
            &sign,
        );
    }
    publish(&studio);
    studio
}

pub fn publish(studio: &Studio) -> bool {
    let listed = studio
        .lab
        .run(&["bundle", "publish", studio.lab.path("shelf").to_str().unwrap()]);
    assert_eq!(listed.code, Some(0), "{}", listed.report);
    listed.changed()
}
