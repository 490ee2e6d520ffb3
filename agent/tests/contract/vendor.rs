//! What the vendor's update tool is needed for; the stand-in is it here.

use std::fs;
use std::path::Path;

use pitstop::api::pack::PackReport;

use crate::common::hotfixes::REVERT;
use crate::common::tooled::{CORE, LOGIN};
use crate::studio::{Studio, Takes};

/// Two hotfixes, on and off again, and an update that ends one.
pub fn hotfixes() -> Takes {
    let studio = Studio::tooled();
    let [first, second] = studio.lab.two_hotfixes();
    let apply = |file: &Path| ["hotfix", "apply", "lab", file.to_str().unwrap()].map(str::to_owned);
    let (first, second) = (apply(&first), apply(&second));
    let (first, second) = (
        first.each_ref().map(String::as_str),
        second.each_ref().map(String::as_str),
    );
    let list = ["hotfix", "list", "lab"];
    studio.take("hotfix-list-none", &list, (0, "current"));
    studio.take("hotfix-apply-out-of-order", &second, (6, "hotfix"));
    studio.take(
        "hotfix-apply-dry-run",
        &[&first[..], &["--dry-run"]].concat(),
        (0, "planned"),
    );
    studio.take("hotfix-apply", &first, (0, "hotfix-applied"));
    studio.take("hotfix-apply-again", &first, (0, "current"));
    studio.lab.run(&second).expect(0, "hotfix-applied");
    studio.take("hotfix-list", &list, (0, "current"));
    studio.take(
        "hotfix-revert-dry-run",
        &[REVERT, &["--dry-run"]].concat(),
        (0, "planned"),
    );
    studio.take("hotfix-revert", REVERT, (0, "hotfix-reverted"));
    studio.takes()
}

/// An update for which the tool works in the home itself.
pub fn in_place() -> Takes {
    let studio = Studio::tooled();
    let update = ["update", "lab", "--level", "4", "--in-place"];
    let dry = [&update[..], &["--dry-run"]].concat();
    studio.take("update-in-place-dry-run", &dry, (0, "planned"));
    studio.take("update-in-place", &update, (0, "updated"));
    studio.takes()
}

/// A pack that is built, and homes that are compared with it.
pub fn built() -> Takes {
    let studio = Studio::tooled();
    let (base, out) = (studio.lab.home(), studio.lab.path("packs"));
    let build = |out: &Path| {
        let (base, out) = (base.to_str().unwrap(), out.to_str().unwrap());
        ["pack", "build", "--level", "4", "--base", base, "--out", out].map(str::to_owned)
    };
    // The stand-in, a part of the pack, names its laboratory.
    let rehearsed = build(&studio.lab.path("rehearsal"));
    let rehearsed = studio
        .lab
        .run_with(&rehearsed.each_ref().map(String::as_str), &LOGIN)
        .report;
    for (field, name) in [("sha256", "a"), ("tree", "e")] {
        studio.name(rehearsed[field].as_str().unwrap(), &name.repeat(64));
    }
    let build = build(&out);
    let build = build.each_ref().map(String::as_str);
    studio.take_typed::<PackReport>("pack-build", &build, 0);
    studio.take_typed::<PackReport>("pack-build-again", &build, 0);
    studio
        .lab
        .run(&["update", "lab", "--level", "4"])
        .expect(0, "updated");
    let manifest = out.join("wso2am-4.2.0.4.manifest");
    let against = ["check", "lab", "--against", manifest.to_str().unwrap()];
    studio.take("check-against", &against, (0, "current"));
    let jar = studio.lab.home().join(CORE.replace("1.0.0", "1.0.0.1"));
    assert!(jar.exists());
    fs::write(jar, "something else").unwrap();
    studio.take("check-against-differing", &against, (0, "current"));
    studio.takes()
}
