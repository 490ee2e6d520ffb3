use super::*;

fn listed(names: &[&str]) -> Listing {
    let limits = Limits::default();
    let mut collector = Collector::new(Path::new("/p.zip"), &limits);
    for (at, name) in names.iter().enumerate() {
        let kind = match name.ends_with('/') {
            true => Kind::Dir,
            false => Kind::File { size: 1, at },
        };
        let item = Item {
            kind,
            mode: Some(0o750),
        };
        collector.add(name.as_bytes(), item, Some(1)).unwrap();
    }
    collector.finish().unwrap()
}

fn shown(listing: &Listing) -> Vec<String> {
    let mark = |item: &Item| match (&item.kind, item.mode) {
        (Kind::Dir, None) => "/ implied",
        (Kind::Dir, _) => "/",
        _ => "",
    };
    listing
        .items
        .iter()
        .map(|(path, item)| format!("{path}{}", mark(item)))
        .collect()
}

#[test]
fn a_single_top_folder_is_taken_off_and_missing_folders_are_implied() {
    let table: [(&[&str], Option<&str>, &[&str]); 6] = [
        (&["p/a", "p/b/c"], Some("p"), &["a", "b/ implied", "b/c"]),
        (&["p/", "p/b/", "p/b/c"], Some("p"), &["b/", "b/c"]),
        (&["./", "./p/a"], Some("p"), &["a"]),
        (&["p/a", "q"], None, &["p/ implied", "p/a", "q"]),
        (
            &["p/a", "pq/a"],
            None,
            &["p/ implied", "p/a", "pq/ implied", "pq/a"],
        ),
        (&["a"], None, &["a"]),
    ];
    for (names, top, expected) in table {
        let listing = listed(names);
        assert_eq!(listing.top.as_deref(), top, "{names:?}");
        assert_eq!(shown(&listing), expected, "{names:?}");
    }
}

#[test]
fn the_names_in_a_folder_are_its_own_only() {
    let listing = listed(&["lib/a", "lib/b/c", "lib-x/d", "lib.jar", "z"]);
    let table: [(&str, &[&str]); 5] = [
        ("", &["lib", "lib-x", "lib.jar", "z"]),
        ("lib", &["a", "b"]),
        ("lib/b", &["c"]),
        ("li", &[]),
        ("z", &[]),
    ];
    for (dir, expected) in table {
        assert_eq!(names_in(&listing.items, dir), expected, "{dir}");
    }
}

#[test]
fn links_within_the_pack_are_fine() {
    for (link, target) in [
        ("l", "a"),
        ("l", "./a/b"),
        ("a/l", "../b"),
        ("a/l", ".."),
        ("a/b/l", "../../c/d"),
        ("l", "."),
        ("a/l", "b//c/"),
    ] {
        let link = RelPath::new(link).unwrap();
        assert_eq!(check_target(&link, target), Ok(()), "{link} -> {target}");
    }
}
