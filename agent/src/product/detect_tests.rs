use std::collections::BTreeMap;

use super::*;

/// Path and content.
type File = (&'static str, &'static str);

/// A tree in memory: path → content.
struct Tree(BTreeMap<&'static str, &'static str>);

impl TreeView for Tree {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        let below = |path: &&str| match dir {
            "" => Some((*path).to_owned()),
            _ => path.strip_prefix(dir)?.strip_prefix('/').map(str::to_owned),
        };
        let first = |rest: String| rest.split('/').next().map(str::to_owned);
        let mut names: Vec<_> = self.0.keys().filter_map(below).filter_map(first).collect();
        names.dedup();
        Ok(names)
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        Ok(self.0.get(path.as_str()).map(|text| text.as_bytes().to_vec()))
    }
}

fn tree(files: &[File]) -> Tree {
    Tree(files.iter().copied().collect())
}

fn profile(rules: &str) -> Profile {
    let head = "name: acme\ntitle: Acme\nownership: []\n";
    serde_yaml::from_str(&format!("{head}{rules}")).unwrap()
}

const JARS: &str = "
detect: [{file: lib/acme-*.jar}, {file: bin/start.sh, regex: '(?m)^exec java'}]
level: {parts: [{file: lib/acme-*.jar, name: '^acme-(\\d[0-9.]*)\\.jar$'}]}
";

const CARBON: &str = "
detect: [{file: updates/product.txt, regex: '^acme-'}]
level:
  parts:
    - {file: updates/product.txt, regex: '^acme-([0-9.]+)\\s*$'}
    - {file: updates/config.json, json: /update-level, unset: ['-1'], default: '0'}
";

fn level(profile: &Profile, files: &[File]) -> Option<String> {
    let detected = detect(profile, &tree(files))
        .unwrap()
        .expect("it is this product");
    assert_eq!(detected.product, "acme");
    detected.level.map(|level| level.to_string())
}

#[test]
fn a_level_from_a_file_name() {
    let profile = profile(JARS);
    let start = ("bin/start.sh", "#!/bin/sh\nexec java -jar x\n");
    assert_eq!(
        level(&profile, &[start, ("lib/acme-1.20.5.jar", "")]).as_deref(),
        Some("1.20.5")
    );
    assert_eq!(
        level(
            &profile,
            &[start, ("lib/acme-1.2.jar", ""), ("lib/acme-tools.jar", "")]
        )
        .as_deref(),
        Some("1.2"),
        "a file whose name holds no level says nothing"
    );
    assert_eq!(level(&profile, &[start, ("lib/acme-tools.jar", "")]), None);
    for other in [
        &[start][..],
        &[("lib/acme-1.jar", "")],
        &[("lib/acme-1.jar", ""), ("bin/start.sh", "exec perl")],
        &[],
    ] {
        assert_eq!(detect(&profile, &tree(other)).unwrap(), None, "{other:?}");
    }
}

#[test]
fn two_levels_at_once_name_both_files() {
    let files = [
        ("bin/start.sh", "exec java"),
        ("lib/acme-1.jar", ""),
        ("lib/acme-2.jar", ""),
    ];
    let failure = detect(&profile(JARS), &tree(&files)).unwrap_err();
    assert_eq!(failure.kind, ErrorKind::NotAPack);
    for part in ["two levels at once", "lib/acme-1.jar", "lib/acme-2.jar"] {
        assert!(failure.message.contains(part), "{failure}");
    }
}

#[test]
fn a_level_from_two_files() {
    let profile = profile(CARBON);
    let product = ("updates/product.txt", "acme-4.2.0");
    let table = [
        (r#"{"update-level":"135","username":"x"}"#, "4.2.0.135"),
        (r#"{"update-level":135}"#, "4.2.0.135"),
        (r#"{"update-level":"-1"}"#, "4.2.0.0"),
        (r#"{"update-level":null}"#, "4.2.0.0"),
        ("{}", "4.2.0.0"),
    ];
    for (config, expected) in table {
        let found = level(&profile, &[product, ("updates/config.json", config)]);
        assert_eq!(found.as_deref(), Some(expected), "{config}");
    }
    assert_eq!(
        level(&profile, &[product]).as_deref(),
        Some("4.2.0.0"),
        "no tool ran yet"
    );
    assert_eq!(level(&profile, &[("updates/product.txt", "acme-next")]), None);
}

#[test]
fn a_level_that_cannot_be_one_is_an_error_with_its_path() {
    let profile = profile(CARBON);
    let product = ("updates/product.txt", "acme-4.2.0");
    for config in [
        "",
        "{",
        r#"{"update-level":{}}"#,
        r#"{"update-level":"../../etc"}"#,
        r#"{"update-level":""}"#,
    ] {
        let failure = detect(&profile, &tree(&[product, ("updates/config.json", config)])).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::NotAPack, "{config}");
        assert!(
            failure.message.contains("updates/config.json") && failure.message.contains("acme"),
            "{failure}"
        );
    }
}

#[test]
fn a_broken_profile_is_named_with_its_rule() {
    let table = [
        (
            "detect: [{file: a, regex: '('}]\nlevel: {parts: []}",
            "`(` is not a regular expression",
        ),
        (
            "detect: [{file: '*/a'}]\nlevel: {parts: []}",
            "only the last component",
        ),
        (
            "detect: [{file: a}]\nlevel: {parts: [{file: a}]}",
            "exactly one of",
        ),
        (
            "detect: [{file: a}]\nlevel: {parts: [{file: a, name: x, json: /y}]}",
            "exactly one of",
        ),
    ];
    for (rules, why) in table {
        let failure = detect(&profile(rules), &tree(&[("a", "")])).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::Settings);
        assert!(
            failure.message.contains("profile acme") && failure.message.contains(why),
            "{failure}"
        );
        assert!(failure.message.contains("rule on"), "{failure}");
    }
}

#[test]
fn the_built_in_profiles_read_their_levels() {
    let am = ("bin/api-manager.sh", "");
    let is = ("bin/wso2server.sh", "");
    type Case<'a> = (&'a str, &'a [File], Option<&'a str>);
    let table: &[Case] = &[
        (
            "flink",
            &[("bin/jobmanager.sh", ""), ("lib/flink-dist-1.20.0.jar", "")],
            Some("1.20.0"),
        ),
        (
            "flink",
            &[("bin/jobmanager.sh", ""), ("lib/flink-dist_2.12-1.14.6.jar", "")],
            Some("1.14.6"),
        ),
        (
            "flink",
            &[("bin/jobmanager.sh", ""), ("lib/flink-dist-2.0-preview1.jar", "")],
            Some("2.0-preview1"),
        ),
        ("generic", &[("VERSION", "1.4.2\n")], Some("1.4.2")),
        (
            "generic",
            &[("version.txt", "Acme 2 Server v1.4.2-rc1\r\nbuilt by us\n")],
            Some("1.4.2-rc1"),
        ),
        ("generic", &[("VERSION", "7")], Some("7")),
        (
            "generic",
            &[("VERSION", "1.4.2"), ("version.txt", "Acme 1.4.2")],
            Some("1.4.2"),
        ),
        (
            "wso2am",
            &[am, ("updates/product.txt", "wso2am-4.2.0")],
            Some("4.2.0.0"),
        ),
        (
            "wso2am",
            &[
                am,
                ("updates/product.txt", "wso2am-4.2.0"),
                ("updates/config.json", r#"{"update-level":"135"}"#),
            ],
            Some("4.2.0.135"),
        ),
        (
            "wso2am-3",
            &[
                is,
                ("updates/product.txt", "wso2am-3.2.0"),
                ("updates/config.json", r#"{"update-level":41}"#),
            ],
            Some("3.2.0.41"),
        ),
        (
            "wso2am-acp",
            &[("bin/api-cp.sh", ""), ("updates/product.txt", "wso2am-acp-4.5.0")],
            Some("4.5.0.0"),
        ),
        (
            "wso2am-tm",
            &[
                ("bin/traffic-manager.sh", ""),
                ("updates/product.txt", "wso2am-tm-4.6.0"),
                ("updates/config.json", r#"{"update-level":"-1"}"#),
            ],
            Some("4.6.0.0"),
        ),
        (
            "wso2am-universal-gw",
            &[
                ("bin/gateway.sh", ""),
                ("updates/product.txt", "wso2am-universal-gw-4.5.0"),
                ("updates/config.json", "{}"),
            ],
            Some("4.5.0.0"),
        ),
        (
            "wso2ei",
            &[("bin/integrator.sh", ""), ("updates/product.txt", "wso2ei-6.6.0")],
            Some("6.6.0.0"),
        ),
        (
            "wso2is",
            &[is, ("updates/product.txt", "wso2is-7.1.0\n")],
            Some("7.1.0.0"),
        ),
        (
            "wso2is",
            &[is, ("updates/product.txt", "wso2is-5.11.0")],
            Some("5.11.0.0"),
        ),
        (
            "wso2mi",
            &[
                ("bin/micro-integrator.sh", ""),
                ("updates/product.txt", "wso2mi-1.2.0"),
            ],
            Some("1.2.0.0"),
        ),
        (
            "wso2mi",
            &[
                ("bin/micro-integrator.sh", ""),
                ("updates/product.txt", "wso2mi-4.3.0"),
            ],
            Some("4.3.0.0"),
        ),
        (
            "wso2si",
            &[
                ("bin/server.sh", ""),
                ("updates/product.txt", "wso2si-4.2.0"),
                ("updates/config.json", r#"{"update-level":"7"}"#),
            ],
            Some("4.2.0.7"),
        ),
    ];
    for (name, files, expected) in table {
        let profile = crate::product::builtin::find(name, None).unwrap();
        let detected = detect(&profile, &tree(files)).unwrap();
        let level = detected
            .and_then(|found| found.level)
            .map(|level| level.to_string());
        assert_eq!(level.as_deref(), *expected, "{name} {files:?}");
    }
    let others: &[(&str, &[File])] = &[
        ("wso2am", &[am, ("updates/product.txt", "wso2am-acp-4.5.0")]),
        ("wso2am", &[am, ("updates/product.txt", "wso2am-3.2.0")]),
        ("wso2am-3", &[is, ("updates/product.txt", "wso2is-5.11.0")]),
        ("wso2am-acp", &[am, ("updates/product.txt", "wso2am-4.5.0")]),
        ("wso2is", &[is, ("updates/product.txt", "wso2is-5.10.0")]),
        ("wso2is", &[is, ("updates/product.txt", "wso2am-3.2.0")]),
        (
            "wso2mi",
            &[
                ("bin/micro-integrator.sh", ""),
                ("updates/product.txt", "wso2mi-1.1.0"),
            ],
        ),
        ("generic", &[("VERSION", "none")]),
        ("flink", &[("lib/flink-dist-1.20.0.jar", "")]),
    ];
    for (name, files) in others {
        let profile = crate::product::builtin::find(name, None).unwrap();
        assert_eq!(detect(&profile, &tree(files)).unwrap(), None, "{name} {files:?}");
    }
}
