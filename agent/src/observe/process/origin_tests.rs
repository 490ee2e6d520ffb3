//! Whose a process is that names a home. Command lines are written with the main class as `MAIN` and the diagnostics' as
//! `DIAG`.

use super::tests::{BOOTSTRAP, DIAGNOSTICS, Given, roles_by, rules};
use super::*;
use crate::api::report::ProcessRole::{Bystander, Helper, Main};

/// As the profiles of WSO2 have them.
fn carbon() -> ProcessRules {
    ProcessRules {
        home: vec!["-Dcarbon.home=".to_owned(), "-Dapp.home=".to_owned()],
        ..rules(true)
    }
}

/// A process whose program is the one in `/usr/bin` that it is called as, if that is no path.
fn given(parent: u32, cwd: &'static str, line: &'static str) -> Given {
    let words = line.split(' ').map(|word| match word {
        "MAIN" => BOOTSTRAP,
        "DIAG" => DIAGNOSTICS,
        word => word,
    });
    let args: &'static [&'static str] = words.collect::<Vec<_>>().leak();
    let program = format!("/usr/bin/{}", args[0].rsplit('/').next().unwrap());
    Given(parent, program.leak(), args, cwd)
}

type Case = (&'static str, &'static str, Option<ProcessRole>);

fn each(rules: &ProcessRules, table: &[Case]) {
    for (cwd, line, expected) in table {
        assert_eq!(
            roles_by(rules, None, &[given(1, cwd, line)]),
            [*expected],
            "{line}"
        );
    }
}

#[test]
fn a_server_that_says_its_home_is_that_ones_whatever_else_it_names() {
    let table: &[Case] = &[
        ("/", "java -Dcarbon.home=/srv/app -Dx=/srv/is MAIN", Some(Main)),
        (
            "/",
            "java -Dcarbon.home=/srv/is -Dx=/srv/app/conf/x.xml MAIN",
            Some(Bystander),
        ),
        (
            "/",
            "java -Dcarbon.home=/srv/is -cp /srv/app/lib/x.jar MAIN",
            Some(Bystander),
        ),
        ("/", "java -Dcarbon.home=/srv/is MAIN", None),
        ("/srv/app/bin", "java -Dcarbon.home=/srv/is MAIN", Some(Bystander)),
        ("/unit", "java -Dcarbon.home=/srv/is MAIN", Some(Helper)),
        (
            "/",
            "java -Dcarbon.home=/srv/is -Dcarbon.home=/opt/current MAIN",
            Some(Main),
        ),
        ("/", "java -Dcarbon.home=/srv/app/wso2/broker MAIN", Some(Main)),
        ("/srv/app/bin", "java -Dcarbon.home=.. MAIN", Some(Main)),
        (
            "/srv/app/bin",
            "java -Dcarbon.home=../../is MAIN",
            Some(Bystander),
        ),
        ("/", "java -Dcarbon.home= -cp /srv/app/bin/x.jar MAIN", Some(Main)),
        ("/", "java -Dapp.home=/x -Dcarbon.home=/srv/app MAIN", Some(Main)),
        (
            "/",
            "java -Dapp.home=/srv/app/diagnostics-tool DIAG",
            Some(Helper),
        ),
        (
            "/",
            "java -Dapp.home=/srv/is/diagnostics-tool -Dlog=/srv/app/logs DIAG",
            Some(Bystander),
        ),
    ];
    each(&carbon(), table);
    let of_our_java = Given(
        1,
        "/srv/app/jre/bin/java",
        &["java", "-Dcarbon.home=/srv/is", BOOTSTRAP],
        "/",
    );
    assert_eq!(roles_by(&carbon(), None, &[of_our_java]), [Some(Bystander)]);
}

#[test]
fn a_server_of_another_home_is_nobodys_child() {
    let rows = [
        given(1, "/", "java -Dcarbon.home=/srv/app MAIN"),
        given(100, "/", "java -Dcarbon.home=/srv/is MAIN"),
        given(101, "/", "sleep 5"),
        given(100, "/", "sleep 5"),
    ];
    let expected = [Some(Main), None, None, Some(Helper)];
    assert_eq!(roles_by(&carbon(), None, &rows), expected);
}

/// Two installations of one product that does not say its home: the class path tells them apart.
#[test]
fn a_rule_alone_does_not_make_a_server_that_runs_from_elsewhere_ours() {
    let table: &[Case] = &[
        (
            "/",
            "java -Dlog=/srv/app/logs/x.log -classpath /srv/b/lib/x.jar MAIN",
            Some(Bystander),
        ),
        (
            "/",
            "java -Dlog=/var/log/x.log -classpath /etc/b:/srv/app/lib/x.jar MAIN",
            Some(Main),
        ),
        ("/", "java -Dhome=/srv/app MAIN", Some(Main)),
        ("/", "python3 /m/check.py MAIN /srv/app", Some(Bystander)),
    ];
    each(&rules(true), table);
}

#[test]
fn without_rules_who_only_mentions_the_home_is_no_server() {
    let table: &[Case] = &[
        ("/", "java -jar /srv/app/x.jar", Some(Main)),
        ("/srv/app", "java -jar x.jar", Some(Main)),
        ("/srv/app", "java -cp lib/*:/m/x.jar Main", Some(Main)),
        ("/srv/app/bin", "java -cp ../lib/* Main", Some(Main)),
        ("/", "java -cp /srv/app/bin/../lib/x.jar Main", Some(Main)),
        ("/", "java -cp /opt/current/lib/gone.jar Main", Some(Main)),
        ("/", "/srv/app/jre/bin/java Main", Some(Main)),
        ("/", "/srv/app/venv/bin/python -m acme", Some(Main)),
        ("/srv/app", "python3 -u server.py", Some(Main)),
        ("/srv/app", "python3 -m acme --home=/srv/app", Some(Main)),
        ("/", "node -r /m/agent.js /srv/app/x.js", Some(Main)),
        ("/srv/app", "nginx -c conf/x.xml", Some(Main)),
        // Others' servers, agents, and what people run.
        (
            "/",
            "java -Dconfig=/srv/app/conf/x.xml -jar /srv/b/x.jar",
            Some(Bystander),
        ),
        (
            "/",
            "java -cp /srv/b/x.jar:/srv/app/lib/y.jar Main",
            Some(Bystander),
        ),
        ("/srv/app", "java -jar ../b/x.jar", Some(Bystander)),
        (
            "/",
            "python3 /root/report.py /srv/app/logs/x.log",
            Some(Bystander),
        ),
        ("/srv/app", "python3 /root/report.py logs/x.log", Some(Bystander)),
        ("/", "python3 -m http.server -d /srv/app/logs", Some(Bystander)),
        ("/", "filebeat --path=/srv/app/logs", Some(Bystander)),
        ("/", "promtail /srv/app/logs/x.log", Some(Bystander)),
        ("/srv", "filebeat --path=/srv/b", None),
    ];
    each(&rules(false), table);
}

#[test]
fn the_vendors_update_tool_is_no_part_of_the_server_nor_is_what_it_starts() {
    const TOOL: &str = "/srv/app/bin/wso2update_linux";
    const COPY: &str = "/data/app-4.2.0/.pitstop/candidates/0a/pack/bin/wso2update_linux";
    let given = [
        Given(1, TOOL, &["./wso2update_linux", "--level", "4"], "/srv/app/bin"),
        Given(100, "/usr/bin/cat", &["cat"], "/"),
        Given(1, COPY, &[COPY, "--no-backup"], "/"),
        Given(
            1,
            "/usr/bin/bash",
            &["bash", "./update_tool_setup.sh"],
            "/srv/app/bin",
        ),
        Given(1, "/usr/bin/python3", &["python3", TOOL], "/srv/app/bin"),
        // A server that was started by hand in the same shell, and its helper.
        Given(
            1,
            "/usr/bin/java",
            &["java", "-Dcarbon.home=/srv/app", BOOTSTRAP],
            "/",
        ),
        Given(105, "/usr/bin/cat", &["cat"], "/"),
        Given(105, TOOL, &[TOOL], "/"),
        Given(1, "/srv/app/bin/wso2update", &["wso2update"], "/"),
    ];
    let expected = [
        Some(Bystander),
        None,
        Some(Bystander),
        Some(Bystander),
        Some(Bystander),
        Some(Main),
        Some(Helper),
        Some(Bystander),
        Some(Helper),
    ];
    assert_eq!(roles_by(&carbon(), None, &given), expected);
}
