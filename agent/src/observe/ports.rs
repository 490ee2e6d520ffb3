//! Listening TCP ports and who holds them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::sys::procfs;

/// The code of `LISTEN` in the kernel's tables.
const LISTEN: &str = "0A";

/// A port on which somebody listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The socket's inode, which names it among open files.
    pub inode: u64,
}

/// Who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The port.
    pub port: u16,
    /// The process; absent where this user may not see it.
    pub pid: Option<u32>,
    /// Its program, or `unknown`.
    pub program: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.pid {
            Some(pid) => write!(
                f,
                "port {} is held by process {pid} ({})",
                self.port, self.program
            ),
            None => write!(f, "port {} is held by a process that cannot be seen", self.port),
        }
    }
}

/// All listening TCP sockets of this network namespace, IPv4 and IPv6.
///
/// # Errors
/// Of the system; a kernel without IPv6 is no error.
pub fn listening() -> io::Result<BTreeSet<Listener>> {
    let mut all = parse(&table("/proc/net/tcp")?);
    match table("/proc/net/tcp6") {
        Ok(text) => all.extend(parse(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(all)
}

fn table(path: &str) -> io::Result<String> {
    let bytes = procfs::read(Path::new(path), 64 << 20)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(table: &str) -> BTreeSet<Listener> {
    let listener = |line: &str| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        (*fields.get(3)? == LISTEN).then_some(Listener {
            port: u16::from_str_radix(port, 16).ok()?,
            inode: fields.get(9)?.parse().ok()?,
        })
    };
    table.lines().skip(1).filter_map(listener).collect()
}

/// Who listens on any of these ports. Reads the open files of all processes only if somebody does.
///
/// # Errors
/// Of the system.
pub fn holders(ports: &[u16]) -> io::Result<Vec<Holder>> {
    if ports.is_empty() {
        return Ok(Vec::new());
    }
    let taken: Vec<Listener> = listening()?
        .into_iter()
        .filter(|listener| ports.contains(&listener.port))
        .collect();
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let mut holders: Vec<Holder> = procfs::pids()?
        .into_iter()
        .flat_map(|pid| held_by(pid, &taken))
        .collect();
    for listener in &taken {
        if !holders.iter().any(|holder| holder.port == listener.port) {
            holders.push(Holder {
                port: listener.port,
                pid: None,
                program: "unknown".to_owned(),
            });
        }
    }
    holders.sort_by_key(|holder| (holder.port, holder.pid));
    holders.dedup();
    Ok(holders)
}

fn held_by(pid: u32, taken: &[Listener]) -> Vec<Holder> {
    let Ok(files) = procfs::open_files(pid) else {
        return Vec::new();
    };
    let open: BTreeSet<PathBuf> = files.collect();
    let holds = |listener: &&Listener| open.contains(Path::new(&format!("socket:[{}]", listener.inode)));
    let holder = |listener: &Listener| Holder {
        port: listener.port,
        pid: Some(pid),
        program: procfs::Stat::of(pid).map_or_else(|_| "unknown".to_owned(), |stat| stat.program),
    };
    taken.iter().filter(holds).map(holder).collect()
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use crate::sys::clock::Deadline;

    #[test]
    fn a_listening_socket_is_found_with_its_process_and_a_connected_one_is_not() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(server) = TcpListener::bind(address) else {
                continue;
            };
            let local = server.local_addr().unwrap();
            let client = TcpStream::connect(local).unwrap();
            let ports = [local.port(), client.local_addr().unwrap().port()];
            let found = holders(&ports).unwrap();
            // A child that another test has just forked holds it too, until it becomes its program.
            let ours = |one: &Holder| (one.port, one.pid) == (local.port(), Some(std::process::id()));
            assert!(
                found.iter().any(ours) && found.iter().all(|one| one.port == local.port()),
                "{found:?}"
            );
            drop((client, server));
            let deadline = Deadline::after(Duration::from_secs(20));
            while !holders(&ports[..1]).unwrap().is_empty() {
                assert!(!deadline.passed(), "the port is still taken");
            }
        }
    }

    #[test]
    fn tables_of_the_kernel_are_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0\n\
            \x20  1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0\n\
            \x20  2: 00000000000000000000000001000000:0016 00:0 0A 0:0 00:0 0  0 0 12 1 0\n\
            broken\n";
        let found: Vec<_> = parse(table)
            .into_iter()
            .map(|one| (one.port, one.inode))
            .collect();
        assert_eq!(found, [(22, 12), (8080, 4711)]);
    }
}
