//! A small real FleetLock server: so many slots for each group, held by name, and a log of who asked for what.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub at: Instant,
    pub what: String,
    pub group: String,
    pub id: String,
    pub status: u16,
}

#[derive(Default)]
struct Shared {
    slots: BTreeMap<String, usize>,
    holders: BTreeMap<String, BTreeSet<String>>,
    log: Vec<Asked>,
    /// Whether slots that are given back are refused, as by a server that is not well.
    sick: bool,
}

pub struct FleetLock {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl FleetLock {
    /// Groups and how many slots each has.
    pub fn start(slots: &[(&str, usize)]) -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), slots)
    }

    /// At an address that nobody listened on before.
    pub fn start_at(port: u16, slots: &[(&str, usize)]) -> Self {
        Self::listen(TcpListener::bind(("127.0.0.1", port)).unwrap(), slots)
    }

    fn listen(listener: TcpListener, slots: &[(&str, usize)]) -> Self {
        let slots = slots.iter().map(|(group, count)| ((*group).to_owned(), *count));
        let shared = Arc::new(Mutex::new(Shared {
            slots: slots.collect(),
            ..Shared::default()
        }));
        let port = listener.local_addr().unwrap().port();
        let of_server = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                answer(&of_server, stream);
            }
        });
        Self { port, shared }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `rollout:` of an instance that asks this server for a slot of the group `is`.
    pub fn rollout(&self, id: &str, more: &str) -> String {
        rollout(self.port, id, more)
    }

    pub fn log(&self) -> Vec<Asked> {
        self.shared().log.clone()
    }

    /// What was asked and answered, in short.
    pub fn told(&self) -> Vec<(String, u16)> {
        let log = self.log();
        log.into_iter().map(|asked| (asked.what, asked.status)).collect()
    }

    pub fn holders(&self, group: &str) -> Vec<String> {
        let shared = self.shared();
        shared.holders.get(group).into_iter().flatten().cloned().collect()
    }

    /// As another member of the group would.
    pub fn seize(&self, group: &str, id: &str) {
        let mut shared = self.shared();
        shared
            .holders
            .entry(group.to_owned())
            .or_default()
            .insert(id.to_owned());
    }

    pub fn free(&self, group: &str) {
        self.shared().holders.remove(group);
    }

    pub fn sick(&self, is: bool) {
        self.shared().sick = is;
    }

    /// Waits until so many questions of a kind were answered.
    pub fn until(&self, what: &str, count: usize) {
        let began = Instant::now();
        while self.log().iter().filter(|asked| asked.what == what).count() < count {
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

pub fn rollout(port: u16, id: &str, more: &str) -> String {
    format!("rollout:\n  lock: {{fleetlock: 'http://127.0.0.1:{port}', group: is, id: {id}, {more}}}\n")
}

fn answer(shared: &Mutex<Shared>, mut stream: TcpStream) {
    let Some((path, protocol, body)) = request(&mut stream) else {
        return;
    };
    let params = &body["client_params"];
    let text = |key: &str| params[key].as_str().unwrap_or_default().to_owned();
    let (group, id) = (text("group"), text("id"));
    let (what, mut shared) = (path.trim_start_matches("/v1/").to_owned(), shared.lock().unwrap());
    let (status, kind) = match (protocol, what.as_str(), shared.slots.get(&group).copied()) {
        (false, ..) => (400, "invalid_request"),
        (true, _, None) => (404, "unknown_group"),
        (true, "pre-reboot", Some(slots)) => {
            let holders = shared.holders.entry(group.clone()).or_default();
            match holders.contains(&id) || holders.len() < slots {
                true => {
                    holders.insert(id.clone());
                    (200, "")
                }
                false => (409, "failed_lock"),
            }
        }
        (true, "steady-state", Some(_)) if shared.sick => (500, "failed_unlock"),
        (true, "steady-state", Some(_)) => {
            shared.holders.entry(group.clone()).or_default().remove(&id);
            (200, "")
        }
        _ => (404, "unknown_path"),
    };
    shared.log.push(Asked {
        at: Instant::now(),
        what,
        group,
        id,
        status,
    });
    drop(shared);
    let body = match kind {
        "" => String::new(),
        kind => json!({"kind": kind, "value": format!("the server's words about {kind}")}).to_string(),
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// The path, whether the protocol's header is there, and the body.
fn request(stream: &mut TcpStream) -> Option<(String, bool, Value)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.strip_prefix("POST ")?.split_whitespace().next()?.to_owned();
    let (mut length, mut protocol) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        protocol |= header == "fleet-lock-protocol: true";
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, protocol, serde_json::from_slice(&body).ok()?))
}
