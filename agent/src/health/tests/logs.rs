use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::support::{dir, probe, settings, write};
use super::*;

const STARTED: &str = "log: {file: logs/carbon.log, pattern: 'started in \\d+ sec'}";

fn append(path: &Path, text: &str) {
    crate::sys::fs::open_append(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// A home with a log in which an earlier start is recorded.
fn home() -> tempfile::TempDir {
    let home = dir();
    crate::sys::fs::make_private_dirs(&home.path().join("logs")).unwrap();
    append(
        &home.path().join("logs/carbon.log"),
        "WSO2 Carbon started in 61 sec\n",
    );
    home
}

/// What a probe says after `change` has happened since the marks were taken.
fn after(home: &Path, yaml: &str, change: impl FnOnce(&Path)) -> Answer {
    let probe = probe(yaml);
    let settings = settings(home);
    let marks = mark_logs(home, std::slice::from_ref(&probe));
    change(&home.join("logs/carbon.log"));
    let prober = Prober {
        marks: Some(marks),
        ..prober(&settings)
    };
    prober.ask(&probe, Duration::from_secs(5))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "rotates a log as a server does")]
fn only_lines_since_the_start_count_however_the_log_is_rotated() {
    type Change = fn(&Path);
    let old = "an old line that is as long as the one of the start\n";
    let new = "WSO2 Carbon started in 7 sec\n";
    let table: [(&str, bool, Change); 9] = [
        ("nothing new", false, |_| {}),
        ("other lines", false, |log| {
            append(log, "Starting WSO2 Carbon...\n")
        }),
        ("the line", true, |log| {
            append(log, "x\nWSO2 Carbon started in 7 sec\ny\n")
        }),
        ("the line without its end", true, |log| {
            append(log, "WSO2 Carbon started in 7 sec")
        }),
        ("a new file", true, |log| {
            std::fs::rename(log, log.with_extension("log.1")).unwrap();
            append(log, "WSO2 Carbon started in 7 sec\n");
        }),
        ("a new file without the line", false, |log| {
            std::fs::rename(log, log.with_extension("log.1")).unwrap();
            append(log, "Starting WSO2 Carbon...\n");
        }),
        ("the line and then a new file", true, |log| {
            append(log, "WSO2 Carbon started in 7 sec\n");
            std::fs::rename(log, log.with_file_name("carbon-2026-01-01.log")).unwrap();
            append(log, "x\n");
        }),
        ("emptied and shorter", true, |log| {
            std::fs::write(log, "x started in 7 sec\n").unwrap();
        }),
        ("emptied and longer", true, |log| {
            std::fs::write(log, format!("started in 7 sec\n{}", "x\n".repeat(100))).unwrap();
        }),
    ];
    for (what, ok, change) in table {
        let home = home();
        append(&home.path().join("logs/carbon.log"), &old.repeat(3));
        let answer = after(home.path(), STARTED, change);
        assert_eq!(answer.ok, ok, "{what}: {answer:?}");
    }
    let gone = after(home().path(), STARTED, |log| std::fs::remove_file(log).unwrap());
    assert!(
        !gone.ok && gone.detail.contains("there is no logs/carbon.log"),
        "{gone:?}"
    );
    let fresh = dir();
    crate::sys::fs::make_private_dirs(&fresh.path().join("logs")).unwrap();
    assert!(
        after(fresh.path(), STARTED, |log| append(log, new)).ok,
        "the first log of all"
    );
}

#[test]
fn a_forbidden_line_fails_even_if_the_wanted_one_is_there() {
    let yaml = "log: {file: logs/carbon.log, pattern: started, forbid: 'OutOfMemory|FATAL'}";
    let bad = after(home().path(), yaml, |log| {
        append(log, "started\nx\njava.lang.OutOfMemoryError: hunter2\n")
    });
    assert!(
        !bad.ok && bad.detail.contains("line 3") && !bad.detail.contains("hunter2"),
        "{bad:?}"
    );
    assert!(after(home().path(), yaml, |log| append(log, "started\n")).ok);
    let earlier = home();
    append(&earlier.path().join("logs/carbon.log"), "FATAL\n");
    assert!(
        after(earlier.path(), yaml, |log| append(log, "started\n")).ok,
        "the past does not count"
    );
}

#[test]
fn the_newest_file_of_a_glob_counts() {
    let yaml = "log: {file: 'logs/flink-*-master-*.log', pattern: started}";
    let home = home();
    let log = |name: &str| home.path().join("logs").join(name);
    append(&log("flink-a-master-0.log"), "started\n");
    let answer = after(home.path(), yaml, |_| append(&log("flink-b-master-0.log"), "x\n"));
    assert!(!answer.ok, "{answer:?}");
    let answer = after(home.path(), yaml, |_| {
        append(&log("flink-c-client-0.log"), "started\n")
    });
    assert!(!answer.ok, "{answer:?}");
    let answer = after(home.path(), yaml, |_| {
        append(&log("flink-d-master-1.log"), "started\n")
    });
    assert!(answer.ok, "{answer:?}");
}

#[test]
fn without_marks_logs_written_since_the_server_started_count_also_rotated_ones() {
    let home = home();
    let settings = settings(home.path());
    let asked = probe(STARTED);
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    let ask_since = |started: Option<u64>| {
        let prober = Prober {
            up: Up {
                since_unix: started,
                lasts: None,
            },
            ..prober(&settings)
        };
        prober.ask(&asked, Duration::from_secs(5)).ok
    };
    assert!(ask_since(None) && ask_since(Some(now - 60)));
    assert!(
        !ask_since(Some(now + 60)),
        "a log that was not written since the start says nothing"
    );
    let log = home.path().join("logs/carbon.log");
    write(&log, "x\n");
    assert!(!ask_since(Some(now - 60)));
    append(
        &home.path().join("logs/carbon-2026-01-01.log"),
        "WSO2 Carbon started in 7 sec\n",
    );
    assert!(ask_since(Some(now - 60)));
}

#[test]
fn a_line_of_its_start_is_missed_only_as_long_as_a_server_may_be_starting() {
    let asked = probe("log: {file: logs/carbon.log, pattern: started, forbid: FATAL}");
    let limit = 60;
    // The log, for how many seconds the server has been up, whether it passes and that is said to be no matter.
    let table = [
        (Some("x\n"), Some(limit - 1), false),
        (Some("x\n"), None, false),
        (Some("x\n"), Some(limit), true),
        (None, Some(limit - 1), false),
        (None, Some(limit), true),
        (Some("FATAL\n"), Some(limit), false),
    ];
    for (text, lasts, passes) in table {
        let home = dir();
        crate::sys::fs::make_private_dirs(&home.path().join("logs")).unwrap();
        if let Some(text) = text {
            append(&home.path().join("logs/carbon.log"), text);
        }
        let settings = settings(home.path());
        assert_eq!(settings.start_timeout_s, limit);
        let up = Up {
            since_unix: None,
            lasts: lasts.map(Duration::from_secs),
        };
        let answer = Prober {
            up,
            ..prober(&settings)
        }
        .ask(&asked, Duration::from_secs(5));
        let told = answer.detail.contains("not held against");
        assert_eq!(
            (answer.ok, told),
            (passes, passes),
            "{text:?} {lasts:?}: {answer:?}"
        );
    }
}

#[test]
fn without_marks_what_is_forbidden_counts_only_after_the_last_start() {
    let asked = probe("log: {file: logs/carbon.log, pattern: 'started in', forbid: FATAL}");
    let table = [
        ("FATAL of an earlier start\nWSO2 Carbon started in 7 sec\n", true),
        ("WSO2 Carbon started in 7 sec\nFATAL out of memory\n", false),
        ("FATAL\nWSO2 Carbon started in 7 sec\nFATAL\n", false),
        ("WSO2 Carbon started in 7 sec: FATAL\n", false),
        ("FATAL\n", false),
    ];
    for (text, passes) in table {
        let home = home();
        append(&home.path().join("logs/carbon.log"), text);
        let settings = settings(home.path());
        let answer = prober(&settings).ask(&asked, Duration::from_secs(5));
        assert_eq!(answer.ok, passes, "{text}: {answer:?}");
    }
}

#[test]
fn a_long_line_and_bytes_that_are_no_text_do_not_matter() {
    let answer = after(home().path(), STARTED, |log| {
        let mut file = crate::sys::fs::open_append(log).unwrap();
        file.write_all(&vec![0xff; 300_000]).unwrap();
        file.write_all(b"\nWSO2 Carbon started in 7 sec\n").unwrap();
    });
    assert!(answer.ok, "{answer:?}");
}

#[test]
fn a_broken_pattern_is_named() {
    let answer = after(
        home().path(),
        "log: {file: logs/carbon.log, pattern: '('}",
        |_| {},
    );
    assert!(
        !answer.ok && answer.detail.contains("not a regular expression"),
        "{answer:?}"
    );
}
