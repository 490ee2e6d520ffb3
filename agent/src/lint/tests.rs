use super::*;
use crate::model::{Digest, Entry};

const LIST: &str = "c/default/configuration/x/bundles.info";
const OLD: &str = "c/plugins/a.b_1.0.0.jar";
const NEW: &str = "c/plugins/a.b_1.0.0.1.jar";
const OTHER: &str = "c/plugins/a.c_1.0.0.v2013_1529.jar";
const PLUGINS: [&str; 2] = [OLD, OTHER];
const LINES: &str = "#version=1\na.b,1.0.0,../plugins/a.b_1.0.0.jar,4,true\n\
                     a.c,1.0.0,file:../plugins/a.c_1.0.0.v2013_1529.jar,4,true\n\
                     own,1.0,../dropins/own_1.0.jar,4,true\n";
const NEW_LINE: &str = "a.b,1.0.0.1,../plugins/a.b_1.0.0.1.jar,4,true\n";

fn rules() -> LintRules {
    serde_yaml::from_str(
        "bundles: {plugins: ../../../plugins, dropins: d/dropins}\nstrays: [.original, .new]",
    )
    .unwrap()
}

fn manifest(paths: &[&str]) -> TreeManifest {
    let entry = Entry::File {
        size: 1,
        sha256: Digest::of(b"x"),
        mode: None,
    };
    let entries = paths
        .iter()
        .map(|path| (RelPath::new(path).unwrap(), entry.clone()));
    TreeManifest {
        entries: entries.collect(),
    }
}

/// What is found in a tree with these paths besides the lists, each with its text, and two drop-ins: kind, weight, paths.
fn judge(paths: &[&str], lists: &[(&str, &str)], pristine: Option<&[&str]>) -> Vec<String> {
    let all: Vec<&str> = paths
        .iter()
        .chain(lists.iter().map(|(path, _)| path))
        .copied()
        .collect();
    let home = manifest(&all);
    let mut tree = Tree::of_pack(&home);
    let text = |path: &RelPath| {
        let found = lists.iter().find(|(list, _)| *list == path.as_str());
        found.unwrap().1.as_bytes().to_vec()
    };
    tree.read_lists(|path, _| Ok::<_, std::convert::Infallible>(text(path)))
        .unwrap();
    tree.dropins = ["own_1.0.jar", "patched.jar"].map(str::to_owned).into();
    let pristine = pristine.map(manifest);
    let told = |one: Finding| {
        let paths: Vec<&str> = one.paths.iter().map(RelPath::as_str).collect();
        format!("{:?} {:?} {}", one.kind, one.severity, paths.join(" "))
    };
    lint(&rules(), &tree, pristine.as_ref())
        .into_iter()
        .map(told)
        .collect()
}

const NOTHING: [&str; 0] = [];
type Paths<'a> = &'a [&'a str];

#[test]
fn a_healthy_pack_has_no_findings_before_and_after_its_first_start() {
    let before = LINES.replace("own,1.0,../dropins/own_1.0.jar,4,true\n", "");
    let stale_dropin = format!("{LINES}gone,1.0,../dropins/gone_1.0.jar,4,true\n");
    // An empty list leaves bundles of the vendor's unlisted: why, nobody knows.
    for text in [LINES, &before, &stale_dropin, "", "#\n\nno bundle\n"] {
        assert_eq!(
            judge(&PLUGINS, &[(LIST, text)], Some(&PLUGINS)),
            NOTHING,
            "{text}"
        );
    }
    assert_eq!(judge(&PLUGINS, &[(LIST, LINES)], None), NOTHING);
    assert_eq!(
        judge(&PLUGINS, &[], None),
        NOTHING,
        "a pack without a list has nothing to compare"
    );
}

#[test]
fn what_the_vendor_ships_so_is_no_finding() {
    let twice = [OLD, NEW, "c/plugins/unlisted_1.jar"];
    let text = format!("a.b,1.0.0,../plugins/a.b_1.0.0.jar,4,true\n{NEW_LINE}");
    assert_eq!(judge(&twice, &[(LIST, &text)], Some(&twice)), NOTHING);
    let dangling = format!("{LINES}nowhere,1,../plugins/nowhere_1.jar,4,true\n");
    let found = judge(&PLUGINS, &[(LIST, &dangling)], Some(&PLUGINS));
    assert_eq!(found, ["MissingBundle Wanted c/plugins/nowhere_1.jar"]);
}

#[test]
fn two_bundles_of_a_name_are_severe_where_both_are_listed_and_none_is_a_drop_in() {
    let (new, leftover) = ([NEW, OTHER], [OLD, NEW, OTHER]);
    let both = format!("{LINES}{NEW_LINE}");
    let only_new = LINES.replace("a.b,1.0.0,../plugins/a.b_1.0.0.jar,4,true\n", NEW_LINE);
    let dropin = format!("{LINES}a.b,7,../dropins/patched.jar,4,true\n");
    for pristine in [Some(&new[..]), None] {
        let found = judge(&leftover, &[(LIST, &both)], pristine);
        assert_eq!(
            found,
            [format!("DuplicateBundle Required {NEW} {OLD}")],
            "{pristine:?}"
        );
        let found = judge(&leftover, &[(LIST, &only_new)], pristine);
        assert_eq!(found, [format!("DuplicateBundle Wanted {OLD}")], "{pristine:?}");
    }
    let found = judge(&PLUGINS, &[(LIST, &dropin)], Some(&PLUGINS));
    assert_eq!(
        found,
        [format!("DuplicateBundle Wanted {OLD} d/dropins/patched.jar")]
    );
}

#[test]
fn a_listed_bundle_that_is_missing_is_severe() {
    let new = [NEW, OTHER];
    // What is there, the vendor's, what is missing.
    let table: [(Paths<'_>, Option<Paths<'_>>, &str); 3] = [
        (&new, Some(&new), OLD),
        (&PLUGINS[..1], Some(&PLUGINS), OTHER),
        (&PLUGINS[..1], None, OTHER),
    ];
    for (paths, pristine, missing) in table {
        let found = judge(paths, &[(LIST, LINES)], pristine);
        assert_eq!(
            found,
            [format!("MissingBundle Required {missing}")],
            "{paths:?} {pristine:?}"
        );
    }
}

#[test]
fn what_nothing_lists_and_what_merges_leave_is_told_if_it_is_not_the_vendors() {
    let alone = ["c/plugins/mine.jar", OLD, OTHER];
    let stray = ["c/conf/a.xml", "c/conf/a.xml.new", OLD, OTHER];
    // What is there, the vendor's, what is found.
    let table: [(Paths<'_>, Option<Paths<'_>>, Paths<'_>); 5] = [
        (
            &alone,
            Some(&PLUGINS),
            &["OrphanBundle Wanted c/plugins/mine.jar"],
        ),
        (&alone, None, &[]),
        (&stray, Some(&PLUGINS), &["StrayFile Wanted c/conf/a.xml.new"]),
        (&stray, Some(&stray), &[]),
        (&stray[1..], Some(&PLUGINS), &[]),
    ];
    for (paths, pristine, expected) in table {
        assert_eq!(
            judge(paths, &[(LIST, LINES)], pristine),
            expected,
            "{paths:?} {pristine:?}"
        );
    }
}

#[test]
fn several_runtimes_share_a_folder_of_bundles() {
    let second = "c/broker/configuration/x/bundles.info";
    let (one, other) = LINES.split_once("a.c,").unwrap();
    let other = format!("a.c,{other}");
    let lists = [(LIST, one), (second, other.as_str())];
    let extra = [
        "c/plugins-old/a.b_0.9.jar",
        "c/plugins/nested/a.b_0.9.jar",
        OLD,
        OTHER,
    ];
    assert_eq!(
        judge(&extra, &lists, Some(&PLUGINS)),
        NOTHING,
        "what one does not list the other may"
    );
}

#[test]
fn a_hostile_list_leads_nowhere() {
    let text = "a.b,1,../../../../../etc/plugins/../passwd,4,true\nx,1,../plugins/..,4,true\n\
                y,1,plugins/\0.jar,4,true\n,,,\n";
    let lists = [(LIST, text), ("bundles.info", text)];
    assert_eq!(judge(&PLUGINS, &lists, Some(&PLUGINS)), NOTHING);
}
