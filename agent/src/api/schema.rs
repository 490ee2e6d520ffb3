//! The JSON Schema of everything that is printed, made from the types.

use schemars::{Schema, json_schema, schema_for};

use super::report::{LIST_SCHEMA, Report, ReportList, SCHEMA};

/// One schema for both documents; the field `schema` tells them apart.
pub fn schema() -> Schema {
    let mut report = schema_for!(Report);
    let mut list = schema_for!(ReportList);
    // Both carry the same definitions; they move to the document's root, where the references point.
    let mut definitions = serde_json::Map::new();
    for part in [&mut report, &mut list] {
        if let Some(serde_json::Value::Object(found)) = part.remove("$defs") {
            definitions.extend(found);
        }
        part.remove("$schema");
    }
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pitstop report",
        "description": format!("A report ({SCHEMA}) or, with --all, a list of reports ({LIST_SCHEMA})."),
        "anyOf": [report, list],
        "$defs": definitions,
    })
}
