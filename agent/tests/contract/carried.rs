//! A bundle that is made, looked into, and proven.

use pitstop::api::bundle::BundleReport;
use pitstop::api::report::ReportList;

use crate::common::trusted::believe;
use crate::studio::{Studio, Takes};

const TRUST: &str = "version: 1\nroles: {release: {keys: [r.pem]}}\n";

/// A host that a bundle is for, and somebody who signs it.
pub fn bundles() -> Takes {
    let studio = Studio::adopted();
    believe(&studio.lab, &["r"], TRUST);
    let path = |name: &str| studio.lab.path(name).to_str().unwrap().to_owned();
    let (from, to, bundle) = (path("packs/1.0.0"), path("packs/1.1.0"), path("to-1.1.0.pitstop"));
    let release = path("r.key");
    let create = |out| ["bundle", "create", "--from", &from, "--to", &to, "--out", out];
    let sign = ["--sign", &release];

    // Keys differ in each run, and with them the digest of what they sign.
    let unsigned = path("unsigned.pitstop");
    studio.lab.run(&create(&unsigned));
    let rehearsed = path("rehearsed.pitstop");
    let rehearsed = studio.lab.run(&[&create(&rehearsed)[..], &sign].concat()).report;
    studio.name(rehearsed["sha256"].as_str().unwrap(), &"a".repeat(64));
    let key = rehearsed["signed_by"][0].as_str().unwrap();
    studio.name(key, &"c".repeat(64));
    studio.name(&key[..12], &"c".repeat(12));

    let made = [&create(&bundle)[..], &sign].concat();
    studio.take_typed::<BundleReport>("bundle-create", &made, 0);
    studio.take_typed::<BundleReport>("bundle-inspect", &["bundle", "inspect", &bundle], 0);
    studio.take_typed::<BundleReport>("bundle-verify", &["bundle", "verify", &bundle], 0);
    studio.take_typed::<ReportList>("bundle-verify-unsigned", &["bundle", "verify", &unsigned], 6);
    let receipt = path("receipt.json");
    let nobody = ["receipt", "nobody", "-o", &receipt, "--sign", &release];
    studio.take_typed::<ReportList>("receipt-unknown-instance", &nobody, 2);
    studio.takes()
}
