//! What the host's own log holds of a run: on the real sockets of journald and of syslog, in a mount table of the test's own.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use crate::common::Lab;
use crate::common::host::{Mounted, own_mounts, skipped};
use crate::common::scenario::lab;

/// What has arrived; whoever sent it has ended.
fn arrived(socket: &UnixDatagram) -> Vec<Vec<u8>> {
    socket.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 1 << 16];
    std::iter::from_fn(|| {
        let read = socket.recv(&mut buffer).ok()?;
        Some(buffer[..read].to_vec())
    })
    .filter(|one| !one.is_empty())
    .collect()
}

/// The fields of a datagram in journald's own protocol.
fn fields(mut bytes: &[u8]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8(bytes[..end].to_vec()).unwrap();
        bytes = &bytes[end + 1..];
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => {
                let (length, rest) = bytes.split_at(8);
                let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
                bytes = &rest[length + 1..];
                (line, String::from_utf8(rest[..length].to_vec()).unwrap())
            }
        };
        found.insert(name, value);
    }
    found
}

/// `/run` without anything in it but the socket of a journald.
fn journald() -> (Mounted, UnixDatagram) {
    let run = Mounted::tmpfs(Path::new("/run"), "mode=755");
    fs::create_dir_all("/run/systemd/journal").unwrap();
    (run, UnixDatagram::bind("/run/systemd/journal/socket").unwrap())
}

#[test]
fn journald_gets_the_fields_of_each_run() {
    let lab = lab();
    if let Err(why) = own_mounts() {
        return skipped(&why);
    }
    let (_run, socket) = journald();
    for nothing in [
        ["check", "lab"].as_slice(),
        &["verify", "lab"],
        &["update", "lab", "--dry-run"],
        &["-vv", "adopt", "lab", "--dry-run"],
    ] {
        lab.run(nothing);
    }
    assert_eq!(
        arrived(&socket).len(),
        0,
        "what changes nothing is nobody's business"
    );

    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    let transaction = updated.report["transaction"].as_str().unwrap();
    let entries: Vec<_> = arrived(&socket).iter().map(|one| fields(one)).collect();
    for entry in &entries {
        let field = |name: &str| entry[name].as_str();
        assert_eq!(
            [
                field("SYSLOG_IDENTIFIER"),
                field("PITSTOP_INSTANCE"),
                field("PITSTOP_ACTION")
            ],
            ["pitstop", "lab", "update"]
        );
    }
    let told: Vec<_> = entries
        .iter()
        .map(|entry| {
            let id = entry.get("PITSTOP_TRANSACTION").map(String::as_str);
            (
                entry["PRIORITY"].as_str(),
                entry["PITSTOP_STATUS"].as_str(),
                id == Some(transaction),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("5", "begins", false),
            ("5", "begins", true),
            ("4", "updated", true),
            ("5", "updated", true)
        ]
    );
    let last = entries.last().unwrap();
    assert!(
        last["MESSAGE"].contains("update lab: lab 1.0.0 -> 1.1.0"),
        "{last:?}"
    );

    // What is refused, by a rule and by something that is wrong.
    lab.run(&["update", "lab", "--level", "1.0.0"])
        .refused(6, "downgrade");
    lab.run(&["update", "lab", "--from", "/nowhere"])
        .refused(1, "source");
    let ends: Vec<_> = arrived(&socket).iter().map(|one| fields(one)).collect();
    let ends: Vec<_> = ends
        .iter()
        .filter(|entry| entry["PITSTOP_STATUS"] != "begins")
        .map(|entry| (entry["PRIORITY"].as_str(), entry["PITSTOP_STATUS"].as_str()))
        .collect();
    assert_eq!(ends, [("4", "blocked"), ("3", "failed")]);
}

/// Secrets of a configuration are no more in the log than in the report.
#[test]
fn no_secret_gets_there() {
    use crate::common::configured;
    let lab = configured::lab();
    if let Err(why) = own_mounts() {
        return skipped(&why);
    }
    let (_run, socket) = journald();
    lab.run(&["config", "apply", "lab"]).expect(0, "configured");
    let all = arrived(&socket);
    assert!(all.iter().all(|one| fields(one)["PITSTOP_ACTION"] == "config"));
    let text = String::from_utf8_lossy(&all.concat()).into_owned();
    assert!(!text.is_empty() && !text.contains(configured::SECRET), "{text}");
}

/// `/dev` with what every program needs, and a socket for syslog.
fn syslog(lab: &Lab) -> (Vec<Mounted>, UnixDatagram) {
    let dev = lab.path("dev");
    fs::create_dir(&dev).unwrap();
    let mut mounted = vec![Mounted::tmpfs(&dev, "mode=755")];
    for name in ["null", "zero", "random", "urandom"] {
        fs::write(dev.join(name), "").unwrap();
        mounted.push(Mounted::bind(&Path::new("/dev").join(name), &dev.join(name)));
    }
    let socket = UnixDatagram::bind(dev.join("log")).unwrap();
    let nothing = None::<&str>;
    let whole = nix::mount::MsFlags::MS_BIND | nix::mount::MsFlags::MS_REC;
    nix::mount::mount(Some(&dev), "/dev", nothing, whole, nothing).unwrap();
    (mounted, socket)
}

#[test]
fn without_journald_syslog_gets_lines_and_without_either_nothing_fails() {
    let lab = lab();
    if let Err(why) = own_mounts() {
        return skipped(&why);
    }
    let _run = Mounted::tmpfs(Path::new("/run"), "mode=755");
    let (_dev, socket) = syslog(&lab);
    let updated = lab.run(&["update", "lab"]).expect(0, "updated");
    let transaction = updated.report["transaction"].as_str().unwrap();
    let lines: Vec<_> = arrived(&socket)
        .iter()
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    // Facility daemon (3): 8 * 3 + severity.
    let (first, last) = (lines.first().unwrap(), lines.last().unwrap());
    assert!(
        first.starts_with("<29>") && first.contains("pitstop["),
        "{lines:?}"
    );
    assert!(
        last.contains(&format!("update lab {transaction} updated: ")),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.starts_with("<28>")), "{lines:?}");
    drop(socket);
    lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
}
