//! An instance with two higher levels on offer.

use serde_json::Value;

use super::{Lab, Pack, file, pack, script};

pub const CONF: &str = "port = 1\n\n# memory\nmemory = 2\n\n# threads\nthreads = 4\n";

pub fn level(version: &str, threads: &str) -> Pack {
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        ("bin/run.sh", script(format!("#!/bin/sh\n# {version}\n"))),
        (
            "conf/server.conf",
            file(CONF.replace("threads = 4", &format!("threads = {threads}"))),
        ),
        ("lib/core.jar", file(format!("\0core {version}"))),
        ("lib/same.jar", file(b"\0same".to_vec())),
        ("web/index.html", file("<h1>welcome</h1>\n\n<p>text</p>\n")),
    ])
}

/// Levels 1.0.0, 1.1.0 and 1.2.0 on offer, 1.0.0 installed and adopted with its pristine pack.
pub fn lab() -> Lab {
    let lab = unadopted();
    let packs = lab.path("packs");
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    lab
}

pub fn unadopted() -> Lab {
    let lab = Lab::new(&level("1.0.0", "4"));
    for (version, threads) in [("1.0.0", "4"), ("1.1.0", "8"), ("1.2.0", "16")] {
        lab.offer(version, &level(version, threads));
    }
    lab.instance(&format!("source: {}\n", lab.path("packs").display()));
    lab
}

pub fn installed(report: &Value) -> &str {
    report["after"]["release"]["level"].as_str().unwrap()
}
