use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use super::support::{dir, eventually, free_port, probe, settings, write};
use super::*;
use crate::sys::process::{Detached, Signal, Spec, run, spawn_detached};

/// Answers every request with the same text until the test ends.
fn serve(answer: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    port
}

fn ask_http(port: u16, more: &str) -> Answer {
    let home = dir();
    let yaml = format!("http: {{url: 'http://bob:hunter2@127.0.0.1:{port}/x?token=hunter2', {more}}}");
    ask(&settings(home.path()), &probe(&yaml))
}

#[test]
fn an_answer_over_http_must_be_the_expected_one() {
    let ready =
        serve("HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{\"status\":\"ready\",\"key\":\"hunter2\"}");
    let empty = serve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let moved = serve("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    let broken = serve("HTTP/1.1 503 Unavailable\r\nContent-Length: 7\r\n\r\nhunter2");
    let short = serve("HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\nready");
    let table = [
        (ready, "", true, "status 200"),
        (
            ready,
            "body: '\"ready\"', json: {/status: ready, /key: null}",
            true,
            "status 200",
        ),
        (
            ready,
            "json: {/status: up}",
            false,
            "`/status` in the JSON body is not \"up\"",
        ),
        (ready, "status: 204", false, "status 200, expected 204"),
        (empty, "json: {/health: null}", false, "not JSON"),
        (moved, "", false, "status 302, expected 200"),
        (moved, "status: 302", true, "status 302"),
        (broken, "", false, "status 503, expected 200"),
        (short, "body: ready", false, "broke off"),
    ];
    for (port, more, ok, part) in table {
        let answer = ask_http(port, more);
        assert_eq!(answer.ok, ok, "{more}: {answer:?}");
        assert!(answer.detail.contains(part), "{more}: {answer:?}");
        assert!(!answer.detail.contains("hunter2"), "{more}: {answer:?}");
    }
}

#[test]
fn a_server_that_is_not_there_or_says_nothing_fails_in_time() {
    let refused = ask_http(free_port(), "");
    assert!(
        !refused.ok && refused.detail.starts_with("no answer"),
        "{refused:?}"
    );
    assert!(!refused.detail.contains("hunter2"), "{refused:?}");

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let home = dir();
    let asked = probe(&format!(
        "timeout_s: 1\nhttp: {{url: 'http://127.0.0.1:{port}/'}}"
    ));
    let watch = crate::sys::clock::Stopwatch::start();
    let answer = ask(&settings(home.path()), &asked);
    assert!(
        !answer.ok && watch.elapsed() < Duration::from_secs(15),
        "{answer:?}"
    );
}

#[test]
fn a_port_is_open_or_not() {
    let home = dir();
    let settings = settings(home.path());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    assert!(ask(&settings, &probe(&format!("tcp: {{port: {port}}}"))).ok);
    assert!(
        ask(
            &settings,
            &probe(&format!("tcp: {{host: localhost, port: '{port}'}}"))
        )
        .ok
    );
    drop(listener);
    let closed = ask(&settings, &probe(&format!("tcp: {{port: {port}}}")));
    assert!(
        !closed.ok && closed.detail.contains(&port.to_string()),
        "{closed:?}"
    );
    assert!(!ask(&settings, &probe("tcp: {port: '{{ port }}'}")).ok);
}

const TLS_SERVER: &str = "
import http.server, ssl, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'ok')
server = http.server.HTTPServer(('0.0.0.0', int(sys.argv[1])), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.pem', 'server.key')
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
";

const CERTIFICATES: &str = "set -e
new() { openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $1.key -subj /CN=$2 \"$3\" \"$4\" -out $1.$5 -days 2; }
new ca Own-CA -x509 -sha256 pem
new other Other-CA -x509 -sha256 pem
new server localhost -sha256 -batch csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' > ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -days 2 -out server.pem
";

fn tls_server(dir: &Path, port: u16) -> Detached {
    let in_dir = |argv: &[&str]| Spec {
        cwd: Some(dir.to_owned()),
        ..Spec::new(argv.iter().copied())
    };
    let made = run(&in_dir(&["/bin/sh", "-c", CERTIFICATES]), Duration::from_secs(60)).unwrap();
    assert!(made.success(), "{}", made.stderr_tail);
    write(&dir.join("server.py"), TLS_SERVER);
    let server = spawn_detached(
        &in_dir(&["python3", "server.py", &port.to_string()]),
        &dir.join("log"),
    )
    .unwrap();
    eventually("the server listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    server
}

#[test]
fn https_is_trusted_by_the_given_authority_only() {
    let home = dir();
    let port = free_port();
    let server = tls_server(home.path(), port);
    let with = |ca: &str, host: &str| {
        let url = format!("https://{host}:{port}/");
        let ca = if ca.is_empty() {
            String::new()
        } else {
            format!(", ca: {}", home.path().join(ca).display())
        };
        ask(
            &settings(home.path()),
            &probe(&format!("http: {{url: '{url}', body: '^ok$'{ca}}}")),
        )
    };
    let table = [
        ("ca.pem", "localhost", true, "status 200"),
        ("ca.pem", "127.0.0.1", true, "status 200"),
        ("ca.pem", "127.0.0.2", false, "ertificate"),
        ("other.pem", "localhost", false, "`ca`"),
        ("", "localhost", false, "`ca`"),
        ("server.key", "localhost", false, "holds no certificate"),
        ("none.pem", "localhost", false, "none.pem"),
    ];
    for (ca, host, ok, part) in table {
        let answer = with(ca, host);
        assert_eq!(answer.ok, ok, "{ca} {host}: {answer:?}");
        assert!(answer.detail.contains(part), "{ca} {host}: {answer:?}");
    }
    server.id().signal(Signal::SIGKILL).unwrap();
}
