use std::collections::BTreeSet;

use super::*;
use crate::config::probe::PortText;
use crate::model::{Class, RelPath};
use crate::product::ownership::for_tree;
use crate::product::{Ownership, render};

/// The corpus of a profile and of those that it extends.
fn corpus(name: &str) -> Vec<(Class, RelPath)> {
    let mut paths = own_corpus(name);
    let said = Source::find(name, None).unwrap().unwrap().parse().unwrap();
    if let Some(base) = said.extends {
        paths.extend(corpus(&base));
    }
    paths
}

/// `<class> <path>` per line; `#` begins a comment line.
fn own_corpus(name: &str) -> Vec<(Class, RelPath)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../templates/products")
        .join(name)
        .join("paths.txt");
    let text = sys::fs::read_text_if_exists(&file).unwrap();
    let text = text.unwrap_or_else(|| panic!("{} is missing", file.display()));
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (class, path) = line.split_once(' ').unwrap_or_else(|| panic!("{name}: {line}"));
            let class = serde_json::from_value(class.into()).unwrap_or_else(|_| panic!("{name}: {line}"));
            (
                class,
                RelPath::new(path).unwrap_or_else(|why| panic!("{name}: {line}: {why}")),
            )
        })
        .collect()
}

#[test]
fn every_built_in_profile_is_valid_and_named_as_its_folder() {
    for (name, _) in BUILT_IN {
        let profile = find(name, None).unwrap();
        assert_eq!(profile.name, *name);
        check::check(&profile).unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn every_path_of_the_corpus_is_covered_once_and_every_glob_is_used() {
    for (name, _) in BUILT_IN {
        let profile = render::render(&find(name, None).unwrap(), &render::Vars::default()).unwrap();
        let below = |dir: &RelPath| {
            let paths = corpus(name).into_iter().map(|(_, path)| path);
            Ok(paths.filter(|path| path.is_at_or_below(dir)).collect())
        };
        let rules = for_tree(&profile.ownership, below).unwrap();
        let ownership = Ownership::new(&rules).unwrap();
        let globs: Vec<&str> = rules
            .iter()
            .flat_map(|rule| rule.paths.iter().map(String::as_str))
            .collect();
        let (mut used, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for (class, path) in corpus(name) {
            let deciding = ownership.glob_of(&path);
            let glob = deciding.map_or("no rule", |at| globs[at]);
            assert!(deciding.is_some(), "{name}: no rule covers {path}");
            assert_eq!(ownership.class_of(&path), class, "{name}: {path} by `{glob}`");
            used.extend(deciding);
            assert!(
                seen.insert(path.clone()),
                "{name}: {path} stands twice in the corpus"
            );
        }
        let unused: Vec<_> = (0..globs.len())
            .filter(|at| !used.contains(at))
            .map(|at| globs[at])
            .collect();
        assert!(
            unused.is_empty(),
            "{name}: no path of the corpus needs {unused:?}"
        );
    }
}

/// Whichever script of the product's it is started with.
#[test]
fn every_pid_file_of_a_wso2_product_is_removed_before_a_start() {
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| name.starts_with("wso2")) {
        let removed = find(name, None).unwrap().service.pid_files;
        let mut files = corpus(name).into_iter().map(|(_, path)| path);
        let left = files.find(|path| path.file_name().ends_with(".pid") && !removed.contains(path));
        assert_eq!(left, None, "{name}");
    }
}

#[test]
fn an_unknown_product_lists_the_known_ones_and_the_nearest() {
    let failure = find("flnk", None).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::Settings);
    assert_eq!(failure.message, "unknown product `flnk`; did you mean `flink`?");
    let hint = failure.hint.unwrap();
    for (name, _) in BUILT_IN {
        assert!(hint.contains(&format!("`{name}`")), "{hint}");
    }
    assert_eq!(find("../flink", None).unwrap_err().kind, ErrorKind::Settings);
}

const MINIMAL: &str =
    "title: Own\ndetect: [{file: V}]\nlevel: {parts: [{file: V, regex: '(.+)'}]}\nownership: []\n";

fn folder_with(name: &str, text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    sys::fs::make_private_dirs(&dir.path().join(name)).unwrap();
    sys::fs::write_atomic(&dir.path().join(name).join("product.yaml"), text.as_bytes()).unwrap();
    dir
}

#[test]
fn a_folder_replaces_and_extends_the_built_in_profiles() {
    let dir = folder_with("flink", &format!("name: flink\n{MINIMAL}"));
    assert_eq!(find("flink", Some(dir.path())).unwrap().title, "Own");
    assert_eq!(find("generic", Some(dir.path())).unwrap().name, "generic");
    let dir = folder_with("acme", &format!("name: acme\n{MINIMAL}"));
    assert_eq!(find("acme", Some(dir.path())).unwrap().title, "Own");
    let names = names(Some(dir.path())).unwrap();
    assert!(
        names.contains(&"acme".to_owned()) && names.contains(&"flink".to_owned()),
        "{names:?}"
    );
    assert!(names.is_sorted());
}

/// A folder with these profiles: name, and what it says beside `name` and `title`.
fn folder_of(profiles: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, rest) in profiles {
        sys::fs::make_private_dirs(&dir.path().join(name)).unwrap();
        let text = format!("name: {name}\ntitle: {name}\n{rest}");
        sys::fs::write_atomic(&dir.path().join(name).join("product.yaml"), text.as_bytes()).unwrap();
    }
    dir
}

#[test]
fn a_profile_of_the_folder_extends_a_built_in_one_and_a_base_can_be_replaced() {
    let detect = "detect: [{file: V}]\n";
    let dir = folder_of(&[(
        "acme",
        &format!("extends: wso2carbon\n{detect}vars: {{script: acme.sh}}\n"),
    )]);
    let acme = find("acme", Some(dir.path())).unwrap();
    assert_eq!(acme.vars["script"], "acme.sh");
    assert_eq!(acme.process.main, ["org.wso2.carbon.bootstrap.Bootstrap"]);
    let own_base = "level: {parts: [{file: V, regex: '(.+)'}]}\nownership: [{class: state, paths: [x]}]\n\
                    vars: {offset: 0, ca: '', java_home: ''}\nprobes: [{name: own, tcp: {port: 1}}]\n";
    let dir = folder_of(&[("wso2carbon", own_base)]);
    let is = find("wso2is", Some(dir.path())).unwrap();
    let names: Vec<_> = is.probes.iter().map(|probe| probe.name.as_str()).collect();
    assert_eq!(
        names,
        ["own", "https", "openid", "health"],
        "all of the base is the folder's"
    );
    assert!(is.process.main.is_empty());
}

#[test]
fn what_cannot_be_extended_and_what_only_others_extend_is_refused() {
    let whole = "level: {parts: [{file: V, regex: '(.+)'}]}\nownership: []\n";
    let table: &[(&[(&str, &str)], &str)] = &[
        (
            &[("acme", "extends: acme\n")],
            "extends: `acme` leads back to where it began",
        ),
        (
            &[("acme", "extends: other\n"), ("other", "extends: acme\n")],
            "extends: `acme` leads back to where it began",
        ),
        (
            &[("acme", "extends: nothing\n")],
            "extends: `nothing` is no profile",
        ),
        (&[("acme", "extends: ../acme\n")], "extends: `../acme`"),
        (
            &[("acme", "extends: other\n"), ("other", "titel: x\n")],
            "other/product.yaml, line 3",
        ),
        (&[("acme", "level: {parts: []}\n")], "`ownership` is missing"),
        (&[("acme", whole)], "detect: a profile without a rule"),
    ];
    for (profiles, expected) in table {
        let dir = folder_of(profiles);
        let failure = find("acme", Some(dir.path())).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert!(
            failure.message.contains("acme/product.yaml") || failure.message.contains("other/product.yaml")
        );
        assert!(failure.message.contains(expected), "{expected} in {failure}");
    }
    let base = find("wso2carbon", None).unwrap_err();
    assert!(base.message.contains("detect: "), "{base}");
    assert!(!names(None).unwrap().contains(&"wso2carbon".to_owned()));
}

#[test]
fn a_broken_profile_of_the_folder_is_named_and_not_silently_replaced_by_the_built_in_one() {
    let table = [
        (format!("name: other\n{MINIMAL}"), "must be the folder's"),
        (
            format!("name: flink\ntitel: x\n{MINIMAL}"),
            "line 2, column 1: unknown key `titel`; did you mean `title`?",
        ),
        (
            format!("name: flink\n{}", MINIMAL.replace("(.+)", "(")),
            "not a regular expression",
        ),
    ];
    for (text, expected) in table {
        let dir = folder_with("flink", &text);
        let failure = find("flink", Some(dir.path())).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert!(failure.message.contains("flink/product.yaml"), "{failure}");
        assert!(failure.message.contains(expected), "{failure}");
    }
}

/// What an instance of a product comes to with some variables: its ports, and which probes it has.
fn rendered(name: &str, vars: &[(&str, serde_json::Value)]) -> (Vec<u16>, String) {
    let vars = render::Vars {
        home: "/opt/a".to_owned(),
        values: vars
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        ..render::Vars::default()
    };
    let done = render::render(&find(name, None).unwrap(), &vars).unwrap();
    let names: Vec<_> = done.probes.iter().map(|probe| probe.name.as_str()).collect();
    let ports = done.service.ports.iter().filter_map(PortText::number).collect();
    (ports, names.join(" "))
}

#[test]
fn ports_and_probes_follow_profile_offset_and_certificate() {
    type Row<'a> = (&'a str, &'a [(&'a str, serde_json::Value)], &'a [u16], &'a str);
    let (gateway, traffic) = (
        ("profile", "gateway-worker".into()),
        ("profile", "traffic-manager".into()),
    );
    let ca = || ("ca", "/etc/ca.pem".into());
    let table: &[Row<'_>] = &[
        (
            "wso2am",
            &[],
            &[9443, 9763, 8243, 8280, 9611, 5672],
            "started version",
        ),
        (
            "wso2am",
            &[ca()],
            &[9443, 9763, 8243, 8280, 9611, 5672],
            "version gateway",
        ),
        (
            "wso2am",
            &[gateway, ca()],
            &[9443, 9763, 8243, 8280],
            "version gateway",
        ),
        (
            "wso2am",
            &[traffic],
            &[9443, 9763, 9611, 5672],
            "started version receiver broker",
        ),
        (
            "wso2am-3",
            &[ca()],
            &[9443, 9763, 8243, 8280, 9611, 5672],
            "version",
        ),
        ("wso2am-acp", &[ca()], &[9443, 9763], "version"),
        (
            "wso2am-tm",
            &[ca()],
            &[9443, 9763, 9611, 5672],
            "version receiver broker",
        ),
        (
            "wso2am-universal-gw",
            &[ca()],
            &[9443, 9763, 8243, 8280],
            "version gateway",
        ),
        ("wso2is", &[("offset", 2.into())], &[9445, 9765], "started https"),
        (
            "wso2is",
            &[ca(), ("health_check", true.into())],
            &[9443, 9763],
            "https openid health",
        ),
        // A configured offset replaces the 10 that the documented ports contain.
        ("wso2mi", &[], &[8290, 8253, 9164, 9201], "ready started"),
        (
            "wso2mi",
            &[("offset", 13.into())],
            &[8293, 8256, 9167, 9204],
            "ready started",
        ),
        ("wso2ei", &[], &[9443, 8243, 8280], "https started"),
        ("wso2ei", &[("script", "broker.sh".into())], &[9443], "https"),
    ];
    for (name, vars, ports, probes) in table {
        assert_eq!(
            rendered(name, vars),
            (ports.to_vec(), (*probes).to_owned()),
            "{name} {vars:?}"
        );
    }
}
