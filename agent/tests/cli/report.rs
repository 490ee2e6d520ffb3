//! Many reports as one page, and checks as metrics.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Output, Stdio};

use crate::common::Lab;
use crate::common::levels::lab;
use serde_json::Value;

/// A laboratory with a folder `reports`, in which there is the report of a real check.
fn checked() -> Lab {
    let lab = lab();
    fs::create_dir_all(lab.path("reports/host-1")).unwrap();
    let check = lab.run(&["check", "lab"]).expect(0, "update-available");
    fs::write(lab.path("reports/host-1/check.json"), check.report.to_string()).unwrap();
    lab
}

fn with_input(lab: &Lab, args: &[&str], input: &[u8]) -> Output {
    let mut command = lab.command(args);
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn a_folder_becomes_two_pages_and_what_is_no_report_is_told() {
    let lab = checked();
    let at = |name: &str| lab.path("reports").join(name).to_str().unwrap().to_owned();
    let (html, markdown, folder) = (at("fleet.html"), at("fleet.md"), at(""));
    fs::write(at("notes.txt"), "not a report").unwrap();
    fs::write(at(".hidden"), "not a report").unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("link")).unwrap();
    nix::unistd::mkfifo(at("pipe").as_str(), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let args = [
        "report",
        &folder,
        "--html",
        &html,
        "--markdown",
        &markdown,
        "--title",
        "A & <B>",
    ];
    // The second run finds the pages of the first in the folder.
    for _ in 0..2 {
        let answer = lab.run(&args);
        assert_eq!(answer.code, Some(0), "{:#}\n{}", answer.report, answer.stderr);
        let told = &answer.report;
        assert_eq!(told["schema"], "pitstop/fleet/v1");
        assert_eq!(
            (&told["reports"], &told["instances"], &told["fine"]),
            (&1.into(), &1.into(), &0.into())
        );
        assert_eq!(told["problems"]["stopped"], 1, "{told:#}");
        let warnings: Vec<_> = told["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(
            warnings[0].contains("notes.txt: line 1 is not JSON"),
            "{warnings:?}"
        );
    }
    let page = fs::read_to_string(&html).unwrap();
    assert!(page.contains("<title>A &amp; &lt;B&gt;</title>"));
    assert!(page.contains("not running") && page.contains("notes.txt"));
    let text = fs::read_to_string(&markdown).unwrap();
    assert!(text.starts_with("# A &amp; &lt;B&gt;\n"), "{text}");
    assert!(text.contains("**not running** the server does not run"), "{text}");
}

#[test]
fn a_stream_becomes_a_page_on_standard_output() {
    let lab = checked();
    let report = fs::read(lab.path("reports/host-1/check.json")).unwrap();
    let input = [&report[..], b"\n{broken}\n"].concat();
    let done = with_input(&lab, &["report", "-", "--html", "-"], &input);
    assert_eq!(done.status.code(), Some(0));
    let page = String::from_utf8(done.stdout).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert!(stderr.contains("standard input: line 2 is not JSON"), "{stderr}");
    // Without a page the counts are all there is.
    let done = with_input(&lab, &["--output", "text", "report", "-"], &input);
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(
        text.starts_with("1 instances on 1 hosts: 0 failing, 1 need attention"),
        "{text}"
    );
}

#[test]
fn a_name_alone_lies_in_the_working_directory() {
    let lab = checked();
    let mut command = lab.command(&["report", "reports", "--html", "fleet.html"]);
    let ran = command.current_dir(lab.dir.path()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stdout));
    assert!(lab.path("fleet.html").is_file());
}

#[test]
fn what_cannot_be_done_is_refused() {
    let lab = checked();
    let path = |name: &str| lab.path(name).to_str().unwrap().to_owned();
    let (reports, empty, none) = (path("reports"), path("empty"), path("none/fleet.html"));
    fs::create_dir(&empty).unwrap();
    let table: [(&[&str], i32, &str, &str); 6] = [
        (
            &["report", &reports, "--html", &empty],
            2,
            "usage",
            "it is a directory",
        ),
        (
            &["report", &reports, "--html", "-", "--markdown", "-"],
            2,
            "usage",
            "only one page",
        ),
        (
            &["report", &empty, "--html", "-"],
            2,
            "usage",
            "there is no report",
        ),
        (&["report", &path("missing")], 2, "usage", "No such file"),
        (
            &["report", &reports, "--html", &none],
            1,
            "io",
            "cannot write the page to",
        ),
        (&["report", &path("config"), &path("home")], 2, "usage", "more)"),
    ];
    for (args, exit, kind, why) in table {
        let answer = lab.run(args).refused(exit, kind);
        let message = answer.report["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(why), "{why} in {message}");
    }
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    for args in [
        &["report"][..],
        &["report", &reports, "--every", "0d"],
        &["check", "lab", "--prometheus", "f"],
    ] {
        let done = lab.command(args).output().unwrap();
        assert_eq!(done.status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn metrics_are_a_file_that_everybody_may_read_and_replaced_as_a_whole() {
    let lab = checked();
    let file = lab.path("pitstop.prom");
    let args = ["check", "--all", "--prometheus", file.to_str().unwrap()];
    let private = || {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        Ok(())
    };
    for _ in 0..2 {
        let mut command = lab.command(&args);
        // SAFETY: between fork and exec, umask is all that is called.
        let done = unsafe { command.pre_exec(private) }.output().unwrap();
        assert_eq!(done.status.code(), Some(0));
        let list: Value = serde_json::from_slice(&done.stdout).unwrap();
        assert_eq!(list["schema"], "pitstop/report-list/v1");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
    }
    let text = fs::read_to_string(&file).unwrap();
    let info = "pitstop_instance_info{name=\"lab\",product=\"lab\",level=\"1.0.0\",environment=\"\"} 1\n";
    assert!(text.contains(info), "{text}");
    assert!(
        text.contains("pitstop_update_available{name=\"lab\"} 1\n"),
        "{text}"
    );
    // Of a source that cannot be read nobody knows what it offers.
    fs::rename(lab.path("packs"), lab.path("away")).unwrap();
    lab.run(&args);
    let text = fs::read_to_string(&file).unwrap();
    assert!(
        text.contains(info) && !text.contains("pitstop_update_available{"),
        "{text}"
    );
    // Where the file cannot be written the checks are told all the same.
    let nowhere = lab.path("none/pitstop.prom");
    let answer = lab.run(&["check", "--all", "--prometheus", nowhere.to_str().unwrap()]);
    assert_eq!(
        (answer.code, answer.report["reports"].as_array().unwrap().len()),
        (Some(1), 1)
    );
    let message = answer.report["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("cannot write the metrics to"), "{message}");
}
