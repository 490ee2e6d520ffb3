use proptest::prelude::*;
use regex::Regex;

use super::*;

const CLASSES: [Class; 5] = [
    Class::Vendor,
    Class::Config,
    Class::Generated,
    Class::Customer,
    Class::State,
];

fn rules(table: &[(Class, &[&str])]) -> Vec<OwnershipRule> {
    let rule = |(class, paths): &(Class, &[&str])| {
        OwnershipRule::new(*class, paths.iter().map(|path| (*path).to_owned()).collect())
    };
    table.iter().map(rule).collect()
}

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// The meaning of a glob, written down a second time: a regular expression over the whole path.
fn as_regex(glob: &str) -> Regex {
    let mut text = "^".to_owned();
    let components: Vec<_> = glob.split('/').collect();
    for (at, component) in components.iter().enumerate() {
        let last = at + 1 == components.len();
        match (*component, at, last) {
            ("**", 0, true) => text.push_str(".*"),
            ("**", 0, false) => text.push_str("(.*/)?"),
            ("**", _, true) => text.push_str("(/.*)?"),
            ("**", _, false) => text.push_str("(/.*)?"),
            (component, _, _) => {
                if at > 0 && !(at == 1 && components[0] == "**") {
                    text.push('/');
                }
                let escaped = regex::escape(component);
                text.push_str(&escaped.replace(r"\*", "[^/]*").replace(r"\?", "[^/]"));
            }
        }
    }
    text.push('$');
    Regex::new(&text).unwrap()
}

fn naive_class(rules: &[OwnershipRule], path: &str) -> Class {
    let matches = |rule: &&OwnershipRule| rule.paths.iter().any(|glob| as_regex(glob).is_match(path));
    rules
        .iter()
        .find(matches)
        .map_or(Class::Customer, |rule| rule.class)
}

fn any_glob() -> impl Strategy<Value = String> {
    let component =
        prop_oneof![3 => "[ab]{1,2}", 1 => "[ab]?\\*[ab]?", 1 => "[ab]?\\?", 2 => Just("**".to_owned())];
    proptest::collection::vec(component, 1..4).prop_map(|mut components| {
        components.dedup_by(|a, b| a == "**" && b == "**");
        components.join("/")
    })
}

fn any_rules() -> impl Strategy<Value = Vec<OwnershipRule>> {
    let class = proptest::sample::select(&CLASSES[..]);
    let rule = (class, proptest::collection::vec(any_glob(), 1..3));
    proptest::collection::vec(
        rule.prop_map(|(class, paths)| OwnershipRule::new(class, paths)),
        0..6,
    )
}

fn any_path() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab]{1,2}", 1..5).prop_map(|components| components.join("/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_walk_agrees_with_the_first_regular_expression_that_matches(rules in any_rules(), text in any_path()) {
        let ownership = Ownership::new(&rules).unwrap();
        prop_assert_eq!(ownership.class_of(&path(&text)), naive_class(&rules, &text));
    }

    #[test]
    fn a_uniform_directory_holds_no_other_class(rules in any_rules(), dir in any_path(), below in any_path()) {
        let ownership = Ownership::new(&rules).unwrap();
        let cursor = dir.split('/').fold(ownership.root(), |at, name| ownership.enter(&at, name));
        if let Some(class) = ownership.uniform(&cursor) {
            prop_assert_eq!(naive_class(&rules, &format!("{dir}/{below}")), class);
        }
    }
}

#[test]
fn the_first_rule_that_matches_wins() {
    let ownership = Ownership::new(&rules(&[
        (Class::Vendor, &["lib/flink-*.jar", "bin/**"]),
        (Class::Customer, &["lib/**"]),
        (Class::State, &["log/**", "**/*.pid"]),
        (Class::Vendor, &["docs/**/*.html", "LICENSE"]),
    ]))
    .unwrap();
    let table = [
        ("lib/flink-dist-1.20.0.jar", Class::Vendor),
        ("lib/driver.jar", Class::Customer),
        ("lib/flink-x/a.jar", Class::Customer),
        ("lib", Class::Customer),
        ("bin", Class::Vendor),
        ("bin/a/b/c", Class::Vendor),
        ("bin/x.pid", Class::Vendor),
        ("log/a/b.log", Class::State),
        ("deep/down/x.pid", Class::State),
        ("x.pid", Class::State),
        ("docs/a.html", Class::Vendor),
        ("docs/a/b/c.html", Class::Vendor),
        ("docs/a.txt", Class::Customer),
        ("LICENSE", Class::Vendor),
        ("LICENSE/x", Class::Customer),
        ("binary", Class::Customer),
    ];
    for (text, class) in table {
        assert_eq!(ownership.class_of(&path(text)), class, "{text}");
    }
}

#[test]
fn a_directory_is_uniform_only_when_nothing_below_can_differ() {
    let ownership = Ownership::new(&rules(&[
        (Class::Config, &["data/keep.yaml"]),
        (Class::State, &["data/**", "log/**"]),
        (Class::Vendor, &["**/*.jar"]),
    ]))
    .unwrap();
    let at = |dirs: &str| {
        dirs.split('/')
            .fold(ownership.root(), |at, name| ownership.enter(&at, name))
    };
    assert_eq!(ownership.uniform(&at("log")), Some(Class::State));
    assert_eq!(ownership.uniform(&at("log/old")), Some(Class::State));
    assert_eq!(ownership.uniform(&at("data")), None, "data/keep.yaml is config");
    assert_eq!(ownership.uniform(&at("data/sub")), Some(Class::State));
    assert_eq!(ownership.uniform(&at("mine")), None, "a jar may lie below");
    let none = Ownership::new(&[]).unwrap();
    assert_eq!(none.uniform(&none.root()), Some(Class::Customer));
}

#[test]
fn globs_that_are_none_are_refused_with_rule_and_glob() {
    for (glob, why) in [
        ("", "empty"),
        ("/etc/**", "absolute"),
        ("a/../b", "climbs"),
        ("logs/", "whole directory is `dir/**`"),
        ("a**", "stand alone"),
        ("a[", "not closed"),
    ] {
        let failure =
            Ownership::new(&rules(&[(Class::State, &["tmp/**"]), (Class::Vendor, &[glob])])).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert!(failure.message.contains("rule 2"), "{failure}");
        assert!(
            failure.message.contains(why) && failure.message.contains(glob),
            "{failure}"
        );
    }
}

#[test]
fn ten_thousand_paths_are_no_work() {
    let many: Vec<String> = (0..60).map(|n| format!("dir{n}/**/x-*.jar")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let ownership = Ownership::new(&rules(&[(Class::Vendor, &many), (Class::State, &["log/**"])])).unwrap();
    let plugins = ownership.enter(&ownership.root(), "dir7");
    assert!(
        plugins.states.len() <= 2,
        "a directory keeps only its own rules: {plugins:?}"
    );
    let mut jars = 0;
    for n in 0..10_000 {
        jars += usize::from(ownership.class_in(&plugins, &format!("x-{n}.jar")) == Class::Vendor);
    }
    assert_eq!(jars, 10_000);
}

#[test]
fn a_rule_that_asks_the_tree_holds_for_what_has_a_template_there() {
    let mut made = OwnershipRule::new(Class::Generated, vec!["conf/**".into(), "a.xml".into()]);
    made.made_from = Some("t/{path}.j2".into());
    let rest = OwnershipRule::new(Class::Config, vec!["conf/**".into()]);
    let templates = [
        "t/conf/x.xml.j2",
        "t/conf/deep/[a]*.xml.j2",
        "t/a.xml.j2",
        "t/b.xml.j2",
        "t/conf/y.xml",
        "t/.j2",
    ];
    let below = |dir: &RelPath| {
        assert_eq!(dir.as_str(), "t");
        Ok(templates.map(path).to_vec())
    };
    let rules = [made, rest];
    let of_tree = Ownership::new(&for_tree(&rules, below).unwrap()).unwrap();
    let table = [
        ("conf/x.xml", Class::Generated),
        ("conf/deep/[a]*.xml", Class::Generated),
        ("conf/deep/ab.xml", Class::Config),
        ("conf/deep", Class::Config),
        ("conf/y.xml", Class::Config),
        ("a.xml", Class::Generated),
        ("b.xml", Class::Customer),
    ];
    for (text, class) in table {
        assert_eq!(of_tree.class_of(&path(text)), class, "{text}");
    }
    let of_none = Ownership::new(&rules).unwrap();
    assert_eq!(of_none.class_of(&path("conf/x.xml")), Class::Config);
}
