use super::*;
use crate::api::finding::{FindingKind, Severity};
use crate::model::{Digest, Entry};

const LIST: &str = "c/default/configuration/x/bundles.info";
const PLUGINS: [&str; 2] = ["c/plugins/a.b_1.0.0.jar", "c/plugins/a.c_1.0.0.v2013_1529.jar"];
const LINES: &str = "#version=1\na.b,1.0.0,../plugins/a.b_1.0.0.jar,4,true\n\
                     a.c,1.0.0,file:../plugins/a.c_1.0.0.v2013_1529.jar,4,true\n\
                     own,1.0,../dropins/own_1.0.jar,4,true\n";

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

/// A tree with these paths besides the lists, each with its text, and these drop-ins.
fn judge(
    paths: &[&str],
    lists: &[(&str, &str)],
    dropins: &[&str],
    pristine: Option<&[&str]>,
) -> Vec<(FindingKind, Severity, String)> {
    let all: Vec<&str> = paths
        .iter()
        .chain(lists.iter().map(|(path, _)| path))
        .copied()
        .collect();
    let home = manifest(&all);
    let mut tree = Tree::of_pack(&home);
    let text = |path: &RelPath| {
        lists
            .iter()
            .find(|(list, _)| *list == path.as_str())
            .unwrap()
            .1
            .to_owned()
    };
    tree.listings = tree
        .lists()
        .into_iter()
        .map(|path| Listing {
            path,
            text: text(path),
        })
        .collect();
    tree.dropins = dropins.iter().map(|name| (*name).to_owned()).collect();
    let pristine = pristine.map(manifest);
    lint(&rules(), &tree, pristine.as_ref())
        .into_iter()
        .map(|one| {
            let paths: Vec<&str> = one.paths.iter().map(RelPath::as_str).collect();
            (one.kind, one.severity, paths.join(" "))
        })
        .collect()
}

#[test]
fn a_healthy_pack_has_no_findings_before_and_after_its_first_start() {
    let before = LINES.replace("own,1.0,../dropins/own_1.0.jar,4,true\n", "");
    let stale_dropin = format!("{LINES}gone,1.0,../dropins/gone_1.0.jar,4,true\n");
    for text in [LINES, &before, &stale_dropin, "", "#\n\nno bundle\n"] {
        // An empty list leaves orphans: of the vendor's own nobody knows why.
        assert_eq!(
            judge(&PLUGINS, &[(LIST, text)], &["own_1.0.jar"], Some(&PLUGINS)),
            [],
            "{text}"
        );
    }
    assert_eq!(judge(&PLUGINS, &[(LIST, LINES)], &["own_1.0.jar"], None), []);
    assert_eq!(
        judge(&PLUGINS, &[], &[], None),
        [],
        "a pack without a list has nothing to compare"
    );
}

#[test]
fn what_the_vendor_ships_so_is_no_finding() {
    let twice = [
        "c/plugins/a.b_1.0.0.jar",
        "c/plugins/a.b_2.0.0.jar",
        "c/plugins/unlisted_1.jar",
    ];
    let text = "a.b,1.0.0,../plugins/a.b_1.0.0.jar,4,true\na.b,2.0.0,../plugins/a.b_2.0.0.jar,4,true\n";
    assert_eq!(judge(&twice, &[(LIST, text)], &[], Some(&twice)), []);
    let dangling = format!("{LINES}nowhere,1,../plugins/nowhere_1.jar,4,true\n");
    let found = judge(&PLUGINS, &[(LIST, &dangling)], &[], Some(&PLUGINS));
    assert_eq!(
        found,
        [(
            FindingKind::MissingBundle,
            Severity::Wanted,
            "c/plugins/nowhere_1.jar".to_owned()
        )]
    );
}

#[test]
fn each_defect_is_told_by_its_kind_and_weight() {
    use FindingKind::{DuplicateBundle, MissingBundle, OrphanBundle, StrayFile};
    use Severity::{Required, Wanted};
    let new = ["c/plugins/a.b_1.0.0.1.jar", PLUGINS[1]];
    let both_lines = format!("{LINES}a.b,1.0.0.1,../plugins/a.b_1.0.0.1.jar,4,true\n");
    let new_lines = LINES.replace(
        "1.0.0,../plugins/a.b_1.0.0.jar",
        "1.0.0.1,../plugins/a.b_1.0.0.1.jar",
    );
    let dropin = format!("{LINES}a.b,7,../dropins/patched.jar,4,true\n");
    let leftover = [PLUGINS[0], new[0], PLUGINS[1]];
    let stray = ["c/conf/a.xml", "c/conf/a.xml.new", PLUGINS[0], PLUGINS[1]];
    let alone = ["c/plugins/mine.jar", PLUGINS[0], PLUGINS[1]];
    // What is there, the list, the vendor's, what is found.
    type Row<'a> = (
        &'a str,
        &'a [&'a str],
        &'a str,
        Option<&'a [&'a str]>,
        Vec<(FindingKind, Severity, &'a str)>,
    );
    let table: Vec<Row<'_>> = vec![
        (
            "old jar left and listed",
            &leftover,
            &both_lines,
            Some(&new),
            vec![(
                DuplicateBundle,
                Required,
                "c/plugins/a.b_1.0.0.1.jar c/plugins/a.b_1.0.0.jar",
            )],
        ),
        (
            "the same, originals unknown",
            &leftover,
            &both_lines,
            None,
            vec![(
                DuplicateBundle,
                Required,
                "c/plugins/a.b_1.0.0.1.jar c/plugins/a.b_1.0.0.jar",
            )],
        ),
        (
            "old jar left, not listed",
            &leftover,
            &new_lines,
            Some(&new),
            vec![(DuplicateBundle, Wanted, PLUGINS[0])],
        ),
        (
            "the same, originals unknown",
            &leftover,
            &new_lines,
            None,
            vec![(DuplicateBundle, Wanted, PLUGINS[0])],
        ),
        (
            "old list with new jars",
            &new,
            LINES,
            Some(&new),
            vec![(MissingBundle, Required, PLUGINS[0])],
        ),
        (
            "a vendor's jar is gone",
            &PLUGINS[..1],
            LINES,
            Some(&PLUGINS),
            vec![(MissingBundle, Required, PLUGINS[1])],
        ),
        (
            "the same, originals unknown",
            &PLUGINS[..1],
            LINES,
            None,
            vec![(MissingBundle, Required, PLUGINS[1])],
        ),
        (
            "a drop-in of a plugin's name",
            &PLUGINS,
            &dropin,
            Some(&PLUGINS),
            vec![(
                DuplicateBundle,
                Wanted,
                "c/plugins/a.b_1.0.0.jar d/dropins/patched.jar",
            )],
        ),
        (
            "a jar of one's own",
            &alone,
            LINES,
            Some(&PLUGINS),
            vec![(OrphanBundle, Wanted, "c/plugins/mine.jar")],
        ),
        ("the same, originals unknown", &alone, LINES, None, vec![]),
        (
            "a merge's file",
            &stray,
            LINES,
            Some(&PLUGINS),
            vec![(StrayFile, Wanted, "c/conf/a.xml.new")],
        ),
        (
            "the vendor's own of such a name",
            &stray,
            LINES,
            Some(&stray),
            vec![],
        ),
        ("nothing beside it", &stray[1..], LINES, Some(&PLUGINS), vec![]),
    ];
    for (what, paths, text, pristine, expected) in table {
        let found = judge(paths, &[(LIST, text)], &["own_1.0.jar", "patched.jar"], pristine);
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(kind, weight, paths)| (kind, weight, paths.to_owned()))
            .collect();
        assert_eq!(found, expected, "{what}");
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
        PLUGINS[0],
        PLUGINS[1],
    ];
    assert_eq!(
        judge(&extra, &lists, &["own_1.0.jar"], Some(&PLUGINS)),
        [],
        "what one does not list the other may"
    );
}

#[test]
fn a_hostile_list_leads_nowhere() {
    let text = "a.b,1,../../../../../etc/plugins/../passwd,4,true\nx,1,../plugins/..,4,true\ny,1,plugins/\0.jar,4,true\n,,,\n";
    assert_eq!(
        judge(
            &PLUGINS,
            &[(LIST, text), ("bundles.info", text)],
            &[],
            Some(&PLUGINS)
        ),
        []
    );
}
