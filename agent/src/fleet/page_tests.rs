use serde_json::json;

use super::super::{Collection, Rule, markdown::markdown, read};
use super::*;

const EVIL: &[&str] = &[
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\"'><img src=x onerror=alert(1)>",
    "a|b\n# c",
    "{{ title }}{% raw %}",
    "\u{2028}&amp;",
];

/// A fleet in which every text that a report may hold is hostile.
fn hostile() -> Fleet {
    let mut collection = Collection::default();
    for (place, evil) in EVIL.iter().enumerate() {
        let release = json!({"product": evil, "level": evil});
        let failed = json!({"kind": evil, "message": evil, "hint": evil, "exit": 6});
        let report = json!({
            "schema": "pitstop/report/v1", "action": evil, "host": format!("{evil}{place}"), "instance": evil, "status": evil,
            "environment": evil, "message": evil, "ok": false, "agent": evil, "error": failed, "blockers": [failed],
            "findings": [{"severity": "required", "message": evil, "hint": evil}], "offers": [{"level": evil, "newer": true}],
            "waiting": {"level": evil, "open": 1, "command": evil}, "stale": [{"path": evil}],
            "transactions": [{"transaction": evil, "action": evil, "outcome": evil, "from": release, "to": release,
                "ended": "2026-11-20T00:00:00Z", "reason": evil}],
            "after": {"home": evil, "release": release, "adopted": false, "state": evil, "config": {"held": evil},
                "holds": [{"release": release, "since": evil, "reason": evil}],
                "drift": {"count": 1, "paths": [{"path": evil, "class": "vendor", "change": evil}]}},
        });
        collection.add(evil, read::read(report.to_string().as_bytes()).unwrap());
        collection.miss(evil, evil);
    }
    let rule = Rule {
        now: 1_795_000_000,
        every: 14,
        silent: 2,
    };
    Fleet::new(collection, EVIL[0], rule)
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap().1;
    rest.split_once(to).unwrap().0
}

#[test]
fn nothing_that_a_host_says_is_markup() {
    let page = html(&hostile()).unwrap();
    // Only what is ours: two scripts, of which one is data, one style, no attribute that runs something.
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("</script").count(), 2);
    assert_eq!(page.matches("<style").count(), 1);
    for forbidden in ["<img", "<!--", "alert(1)</", "onerror=alert(1)>"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    // And what it says is all there.
    let data: Value = serde_json::from_str(between(&page, "id=\"data\">", "</script>")).unwrap();
    let texts: Vec<_> = data["texts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    for evil in EVIL {
        assert!(texts.contains(&evil.replace('\n', " ").as_str()), "{evil}");
    }
}

#[test]
fn the_policy_names_the_style_and_the_script_that_are_there() {
    let page = html(&hostile()).unwrap();
    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for text in [
        between(&page, "<style>", "</style>"),
        page.rsplit_once("<script>").unwrap().1,
    ] {
        let text = text.split("</script>").next().unwrap();
        assert!(policy.contains(&digest(text)), "{policy}");
    }
    // Whatever is loaded from elsewhere is loaded by one of these.
    let rule = Rule {
        now: 0,
        every: 14,
        silent: 2,
    };
    let ours = html(&Fleet::new(Collection::default(), "t", rule)).unwrap();
    for reference in [
        "http:",
        "https:",
        "src=",
        "url(",
        "@import",
        "style=",
        "onclick",
        "innerHTML",
    ] {
        assert!(!ours.contains(reference), "{reference}");
    }
}

#[test]
fn markdown_has_the_lines_that_we_wrote() {
    let text = markdown(&hostile()).unwrap();
    let headings: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(headings[1..].len(), 5, "{headings:?}");
    for forbidden in ["<script", "<img", "<!--"] {
        assert!(!text.contains(forbidden), "{forbidden}");
    }
    // Every row of a table has the cells of its head.
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut head = 0;
    for line in text.lines() {
        match line.starts_with('|') {
            false => head = 0,
            true if head == 0 => head = cells(line),
            true => assert_eq!(cells(line), head, "{line}"),
        }
    }
}

#[test]
fn a_text_is_there_once_however_many_hosts_say_it() {
    let mut collection = Collection::default();
    let message = "the very same words";
    for host in 0..1000 {
        let report = json!({
            "schema": "pitstop/report/v1", "host": format!("h{host}"), "instance": "i", "ok": false,
            "error": {"kind": "io", "message": message, "exit": 1},
        });
        collection.add("f", read::read(report.to_string().as_bytes()).unwrap());
    }
    let fleet = Fleet::new(
        collection,
        "t",
        Rule {
            now: 0,
            every: 14,
            silent: 2,
        },
    );
    let page = data(&fleet).to_string();
    assert_eq!(page.matches(message).count(), 1);
    assert!(page.len() < 80_000, "{}", page.len());
}

#[test]
fn numbers_are_grouped() {
    let table = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
    for (number, text) in table {
        assert_eq!(grouped(number), text);
    }
}
