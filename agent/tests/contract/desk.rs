//! What a person decides, and what is remembered of it.

use pitstop::api::memory::MemoryReport;

use crate::studio::Studio;

/// A conflict of a key and one of a whole file, decided, and remembered where the same arises again.
pub fn decisions(studio: &Studio) {
    let resolve = ["conflicts", "resolve", "lab"];
    let key = ["conf/server.conf", "--key", "threads", "--value", "6"];
    studio.take("conflicts-list", &["conflicts", "list", "lab"], (0, "conflicts"));
    studio.take(
        "conflicts-resolve",
        &[&resolve[..], &key].concat(),
        (0, "conflicts"),
    );
    studio.take("check-waiting", &["check", "lab"], (0, "update-available"));
    studio.take(
        "conflicts-resolve-all",
        &[&resolve[..], &["--all", "--take", "theirs"]].concat(),
        (0, "resolved"),
    );
    studio.take("conflicts-show", &["conflicts", "show", "lab"], (0, "resolved"));
    studio.take(
        "update-continue",
        &["update", "lab", "--continue"],
        (0, "updated"),
    );
    let unknown = [&resolve[..], &["conf/server.conf", "--take", "ours"]].concat();
    studio.take("conflicts-nothing-waits", &unknown, (2, "usage"));
    studio.lab.run(&["rollback", "lab"]).expect(0, "rolled-back");
    studio.take(
        "update-remembered-dry-run",
        &["update", "lab", "--dry-run"],
        (0, "planned"),
    );
    studio.take("check-remembered", &["check", "lab"], (0, "update-available"));
    exchange(studio);
}

/// What is remembered, in a file for other hosts and back from it.
fn exchange(studio: &Studio) {
    let file = studio.lab.path("decided.json");
    let file = file.to_str().unwrap();
    let export = ["conflicts", "export", "-o", file];
    let import = ["conflicts", "import", file];
    let take = |name: &str, args: &[&str]| studio.take_typed::<MemoryReport>(name, args, 0);
    take("conflicts-export", &export);
    take("conflicts-export-again", &export);
    take("conflicts-import-known", &import);
    take("conflicts-forget", &["conflicts", "forget", "--all"]);
    take("conflicts-import", &import);
}
