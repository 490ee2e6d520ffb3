use super::*;
use crate::config::{OnBoth, ServiceControl, Stop, UpdateSource};

/// A config folder and a state folder, and a home that exists.
struct Site {
    dir: tempfile::TempDir,
}

impl Site {
    fn new(files: &[(&str, &str)]) -> Self {
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        for (path, text) in files {
            site.write(path, text);
        }
        site
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path("config").join(path);
        sys::fs::make_private_dirs(path.parent().unwrap()).unwrap();
        sys::fs::write_atomic(&path, text.as_bytes()).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        sys::fs::canonicalize(self.dir.path()).unwrap().join(name)
    }

    fn dirs(&self) -> ConfigDirs {
        ConfigDirs {
            config: self.path("config"),
            state: self.path("state"),
        }
    }

    /// The settings of an instance `a` of flink with more lines in its file.
    fn settings(&self, lines: &str) -> Result<Settings> {
        let file = format!("name: a\nproduct: flink\nhome: /opt/flink\n{lines}\n");
        self.write("instances.d/a.yaml", &file);
        load(&self.dirs(), "a")
    }
}

const A: (&str, &str) = (
    "instances.d/a.yaml",
    "name: a\nproduct: flink\nhome: /opt/flink-a\n",
);

#[test]
fn a_small_instance_gets_everything_from_its_profile() {
    let site = Site::new(&[A]);
    let settings = load(&site.dirs(), "a").unwrap();
    assert_eq!(settings.home, Path::new("/opt/flink-a"));
    assert_eq!(
        (settings.stop_timeout_s, settings.start_timeout_s),
        (60, 120),
        "the profile's"
    );
    assert_eq!(settings.ports, [8081]);
    assert_eq!(settings.probes, settings.profile.probes);
    assert_eq!(
        settings.probes[0].http.as_ref().unwrap().url,
        "http://127.0.0.1:8081/overview"
    );
    assert_eq!(settings.state_dir, site.path("state/instances/a"));
    assert_eq!(settings.cache_dir, site.path("state/cache"));
    assert_eq!(settings.policy.keep_snapshots, 2);
    let ServiceControl::Commands { start, stop, env } = settings.service else {
        panic!("{:?}", settings.service)
    };
    assert_eq!(start, ["/opt/flink-a/bin/jobmanager.sh", "start"]);
    assert_eq!(
        stop,
        Stop::Command(vec!["/opt/flink-a/bin/jobmanager.sh".into(), "stop".into()])
    );
    assert_eq!(env["FLINK_PID_DIR"], "/opt/flink-a/log");
    assert!(!env.contains_key("JAVA_HOME"), "no value, no variable");
}

#[test]
fn an_instance_overrides_its_profile() {
    let site = Site::new(&[(
        "pitstop.yaml",
        "policy: {binary: keep, rollback: false}\nlimits: {entries: 9}\n",
    )]);
    let settings = site
        .settings(
            "
user: flink
source: packs
vars: {rest_port: 9091, java_home: /usr/lib/jvm/17}
service: {env: {FLINK_PID_DIR: '/run/{{ name }}'}, stop_timeout_s: 7}
policy: {binary: take-new, keep_snapshots: 5}
probes:
  - {name: overview, http: {url: 'https://h:{{ rest_port }}/', ca: ca.pem}}
  - {name: port, required: false, tcp: {port: '{{ rest_port }}'}}
",
        )
        .unwrap();
    assert_eq!((settings.stop_timeout_s, settings.start_timeout_s), (7, 120));
    assert_eq!(
        settings.source,
        Some(UpdateSource::Path(site.path("config/instances.d/packs"))),
        "beside the file"
    );
    assert_eq!(settings.ports, [9091]);
    let names: Vec<_> = settings.probes.iter().map(|probe| probe.name.as_str()).collect();
    assert_eq!(
        names,
        ["overview", "port"],
        "one of the same name is replaced in its place"
    );
    let http = settings.probes[0].http.as_ref().unwrap();
    assert_eq!(http.url, "https://h:9091/");
    assert_eq!(http.ca, Some(site.path("config/instances.d/ca.pem")));
    let ServiceControl::Commands { env, .. } = settings.service else {
        panic!()
    };
    assert_eq!(
        (&*env["FLINK_PID_DIR"], &*env["JAVA_HOME"]),
        ("/run/a", "/usr/lib/jvm/17")
    );
    assert_eq!(
        settings.policy.binary,
        OnBoth::TakeNew,
        "the instance before the agent"
    );
    assert!(!settings.policy.rollback, "the agent before the default");
    assert_eq!((settings.policy.keep_snapshots, settings.limits.entries), (5, 9));
}

#[test]
fn who_controls_the_server() {
    let site = Site::new(&[]);
    let service = |lines: &str| site.settings(lines).unwrap().service;
    assert_eq!(
        service("service: {unit: flink@a.service}"),
        ServiceControl::Unit("flink@a.service".into())
    );
    let ServiceControl::Commands { start, stop, .. } = service("service: {start: ['{{ home }}/run']}") else {
        panic!()
    };
    assert_eq!(
        (start, stop),
        (vec!["/opt/flink/run".to_owned()], Stop::Signal),
        "an own start, no foreign stop"
    );
    let none = "name: g\nproduct: generic\nhome: /opt/g\n";
    site.write("instances.d/g.yaml", none);
    let settings = load(&site.dirs(), "g").unwrap();
    assert_eq!(settings.service, ServiceControl::None);
    assert_eq!((settings.stop_timeout_s, settings.start_timeout_s), (120, 180));
}

#[test]
fn settings_that_make_no_sense_are_refused_with_file_and_field() {
    let site = Site::new(&[]);
    let table = [
        ("user: 'a b'", "user: `a b`"),
        (
            "service: {unit: a.service, start: [/x]}",
            "`unit` excludes `start`",
        ),
        ("service: {unit: 'a b'}", "service.unit: `a b`"),
        (
            "service: {start: [bin/x]}",
            "service.start: `bin/x` is a relative path",
        ),
        ("service: {start: []}", "service.start: no program"),
        (
            "service: {stop_timeout_s: 0}",
            "service.stop_timeout_s must be at least 1",
        ),
        ("service: {env: {A=B: x}}", "service.env: `A=B`"),
        ("service: {ports: ['x']}", "service.ports[0]: `x` is not a port"),
        ("vars: {rest_port: 70000}", "`70000` is not a port"),
        (
            "vars: {rest_prot: 1}",
            "no variable `rest_prot`; did you mean `rest_port`?",
        ),
        (
            "policy: {keep_snapshots: 0}",
            "policy.keep_snapshots must be at least 1",
        ),
        (
            "probes: [{name: x, command: [a]}, {name: x, command: [b]}]",
            "two are named `x`",
        ),
        ("probes: [{name: x}]", "probes.x: exactly one of"),
        (
            "probes: [{name: x, log: {file: l, pattern: '('}}]",
            "not a regular expression",
        ),
        (
            "probes: [{name: x, http: {url: 'http://{{ hots }}/'}}]",
            "unknown variable `hots`",
        ),
        (
            "probs: []",
            "line 4, column 1: unknown key `probs`; did you mean `probes`?",
        ),
    ];
    for (lines, expected) in table {
        let failure = site.settings(lines).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings, "{lines}");
        assert!(failure.message.contains("instances.d/a.yaml"), "{failure}");
        assert!(failure.message.contains(expected), "{expected} in {failure}");
        assert!(failure.path.is_some(), "{lines}");
    }
}

#[test]
fn a_home_is_absolute_real_and_not_ours() {
    let site = Site::new(&[]);
    sys::fs::make_private_dirs(&site.path("real")).unwrap();
    std::os::unix::fs::symlink(site.path("real"), site.path("link")).unwrap();
    let load_at = |home: &str| {
        site.write(
            "instances.d/h.yaml",
            &format!("name: h\nproduct: flink\nhome: '{home}'\n"),
        );
        load(&site.dirs(), "h").map(|settings| settings.home)
    };
    let link = site.path("link").display().to_string();
    assert_eq!(load_at(&link).unwrap(), site.path("real"));
    assert_eq!(load_at("/no/such/home").unwrap(), Path::new("/no/such/home"));
    let here = site.path("").display().to_string();
    for (home, expected) in [
        ("opt/x", "not an absolute path"),
        ("/", "whole file system"),
        ("/no/such/../home", "climbs"),
        ("//", "whole file system"),
        (&*here, "own settings or state"),
    ] {
        let failure = load_at(home).unwrap_err();
        assert!(failure.message.contains(expected), "{expected} in {failure}");
    }
}

#[test]
fn a_broken_file_hides_no_other() {
    let site = Site::new(&[
        A,
        ("instances.d/b.yaml", "name: b\nproduct: flnk\nhome: /opt/b\n"),
        ("instances.d/c.yaml", "name: cc\nproduct: [\n"),
        ("instances.d/d.yaml", "- not\n- a mapping\n"),
        ("instances.d/.e.yaml", "hidden"),
        ("instances.d/README", "not one"),
    ]);
    let dirs = site.dirs();
    assert_eq!(names(&dirs).unwrap(), ["a", "b", "cc", "d"]);
    assert!(load(&dirs, "a").is_ok());
    let all = load_all(&dirs).unwrap();
    let good: Vec<_> = all
        .iter()
        .map(|loaded| (loaded.name.as_str(), loaded.settings.is_ok()))
        .collect();
    assert_eq!(good, [("a", true), ("b", false), ("cc", false), ("d", false)]);
    assert!(
        load(&dirs, "b")
            .unwrap_err()
            .message
            .contains("unknown product `flnk`; did you mean `flink`?")
    );
    assert!(load(&dirs, "cc").unwrap_err().message.contains("c.yaml, line 2"));
}

#[test]
fn names_and_homes_are_used_once_and_both_files_are_named() {
    let site = Site::new(&[
        A,
        (
            "instances.d/twin.yaml",
            "name: a\nproduct: flink\nhome: /opt/twin\n",
        ),
        ("instances.d/x.yaml", "name: x\nproduct: flink\nhome: /opt/same\n"),
        (
            "instances.d/y.yaml",
            "name: y\nproduct: flink\nhome: /opt/./same/\n",
        ),
        ("instances.d/z.yaml", "name: z\nproduct: flink\nhome: /opt/z\n"),
    ]);
    for (name, what, files) in [
        ("a", "the instance name `a`", ["a.yaml", "twin.yaml"]),
        ("x", "the home `/opt/same`", ["x.yaml", "y.yaml"]),
    ] {
        let failure = load(&site.dirs(), name).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert!(failure.message.contains(what), "{failure}");
        assert!(
            files.iter().all(|file| failure.message.contains(file)),
            "{failure}"
        );
    }
    assert!(load(&site.dirs(), "z").is_ok(), "the others are not concerned");
    let all = load_all(&site.dirs()).unwrap();
    assert_eq!(all.iter().filter(|loaded| loaded.settings.is_ok()).count(), 1);
}

#[test]
fn a_policy_that_others_may_write_is_refused_also_when_it_says_nothing() {
    let site = Site::new(&[A]);
    for text in ["default: {unsigned: refuse}\n", "# nothing\n"] {
        site.write("policy.yaml", text);
        assert!(load(&site.dirs(), "a").is_ok());
        for (path, good) in [("config/policy.yaml", 0o600), ("config", 0o700)] {
            let path = site.path(path);
            let set = |mode: u32| {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
                sys::fs::open(&path).unwrap().set_permissions(mode).unwrap();
            };
            set(good | 0o002);
            let failure = load(&site.dirs(), "a").unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Settings);
            assert!(failure.message.contains("can be written by others"), "{failure}");
            set(good);
        }
    }
}

#[test]
fn an_unknown_instance_lists_the_known_ones_and_the_nearest() {
    let site = Site::new(&[("instances.d/a.yaml", "name: am-1\nproduct: flink\nhome: /opt/a\n")]);
    let failure = load(&site.dirs(), "am1").unwrap_err();
    assert_eq!(failure.kind, ErrorKind::UnknownInstance);
    assert_eq!(
        failure.message,
        "no instance is named `am1`; did you mean `am-1`?"
    );
    assert_eq!(failure.hint.as_deref(), Some("known instances: `am-1`"));
    let empty = Site::new(&[]);
    let failure = load(&empty.dirs(), "a").unwrap_err();
    assert_eq!(failure.kind, ErrorKind::UnknownInstance);
    assert!(failure.hint.unwrap().contains("instances.d"));
    assert!(load_all(&empty.dirs()).unwrap().is_empty());
}

#[test]
fn the_agents_own_settings_are_checked_and_name_the_folder_of_profiles() {
    let site = Site::new(&[("pitstop.yaml", "products: own\n")]);
    let own = "name: own\ntitle: Own\ndetect: [{file: V}]\nlevel: {parts: [{file: V, regex: '(.+)'}]}\nownership: []\n";
    site.write("own/own/product.yaml", own);
    site.write("instances.d/o.yaml", "name: o\nproduct: own\nhome: /opt/o\n");
    assert_eq!(load(&site.dirs(), "o").unwrap().profile.title, "Own");
    site.write("own/own/product.yaml", "name: own\n");
    let failure = load(&site.dirs(), "o").unwrap_err();
    assert!(
        failure
            .message
            .starts_with(&*site.path("config/own/own/product.yaml").to_string_lossy()),
        "{failure}"
    );
    site.write("pitstop.yaml", "# nothing set\n");
    assert!(
        load(&site.dirs(), "o")
            .unwrap_err()
            .message
            .contains("unknown product `own`")
    );
    site.write("instances.d/o.yaml", "name: o\nproduct: flink\nhome: /opt/o\n");
    assert_eq!(load(&site.dirs(), "o").unwrap().environment, None);
    site.write("pitstop.yaml", "environment: staging\n");
    let environment = load(&site.dirs(), "o").unwrap().environment;
    assert_eq!(environment.as_deref(), Some("staging"));
    site.write("pitstop.yaml", "environment: a b\n");
    let failure = load(&site.dirs(), "o").unwrap_err();
    assert!(
        failure
            .message
            .contains("pitstop.yaml: environment: `a b` is not a name"),
        "{failure}"
    );
    site.write("pitstop.yaml", "polcy: {}\n");
    let failure = load(&site.dirs(), "o").unwrap_err();
    assert!(
        failure
            .message
            .contains("pitstop.yaml, line 1, column 1: unknown key `polcy`"),
        "{failure}"
    );
}
