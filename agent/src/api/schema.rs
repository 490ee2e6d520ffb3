//! The JSON Schema of everything that is printed, made from the types.

use schemars::{Schema, json_schema, schema_for};

use super::bundle::{BUNDLE_SCHEMA, BUNDLES_SCHEMA, BundleReport, BundlesReport};
use super::fleet::{FLEET_SCHEMA, FleetReport};
use super::memory::{MEMORY_SCHEMA, MemoryReport};
use super::merge::{MERGE_SCHEMA, MergeReport};
use super::pack::{PACK_SCHEMA, PackReport};
use super::report::{LIST_SCHEMA, Report, ReportList, SCHEMA};
use super::trust::{KEY_SCHEMA, KeyReport, SIGNED_SCHEMA, SignedReport, TRUST_SCHEMA, TrustReport};

/// One schema for all documents; the field `schema` tells them apart.
pub fn schema() -> Schema {
    let mut report = schema_for!(Report);
    let mut list = schema_for!(ReportList);
    let mut merge = schema_for!(MergeReport);
    let mut memory = schema_for!(MemoryReport);
    let mut pack = schema_for!(PackReport);
    let mut bundle = schema_for!(BundleReport);
    let mut bundles = schema_for!(BundlesReport);
    let mut fleet = schema_for!(FleetReport);
    let mut key = schema_for!(KeyReport);
    let mut trust = schema_for!(TrustReport);
    let mut signed = schema_for!(SignedReport);
    // They carry the same definitions; they move to the document's root, where the references point.
    let mut definitions = serde_json::Map::new();
    for part in [
        &mut report,
        &mut list,
        &mut merge,
        &mut memory,
        &mut pack,
        &mut bundle,
        &mut bundles,
        &mut fleet,
        &mut key,
        &mut trust,
        &mut signed,
    ] {
        if let Some(serde_json::Value::Object(found)) = part.remove("$defs") {
            definitions.extend(found);
        }
        part.remove("$schema");
    }
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pitstop report",
        "description": format!(
            "A report ({SCHEMA}), with --all a list of reports ({LIST_SCHEMA}), what `merge` reports \
             ({MERGE_SCHEMA}), what `conflicts export`, `import` and `forget` report ({MEMORY_SCHEMA}), what \
             `pack build` reports ({PACK_SCHEMA}), what `bundle` reports ({BUNDLE_SCHEMA}, for `publish` {BUNDLES_SCHEMA}), what `report` does \
             ({FLEET_SCHEMA}), what `trust keygen` made ({KEY_SCHEMA}), whom a host believes ({TRUST_SCHEMA}), or what was \
             signed ({SIGNED_SCHEMA})."
        ),
        "anyOf": [report, list, merge, memory, pack, bundle, bundles, fleet, key, trust, signed],
        "$defs": definitions,
    })
}
