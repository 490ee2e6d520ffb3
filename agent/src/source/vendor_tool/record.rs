//! The file that the tool keeps the level in, made fit to be put into a home: without account data, and without the paths
//! of a candidate that is no more or of the tool's own `HOME`.

use serde_json::{Map, Value};

/// The record that a home gets. `before` is the home's own, `after` the tool's; `account` are JSON pointers to what must
/// not stay; what names a path below one of `places` becomes what it was. `None` if the tool's is no JSON object.
pub(super) fn settle(before: &[u8], after: &[u8], account: &[String], places: &[&str]) -> Option<Vec<u8>> {
    let before: Map<String, Value> = serde_json::from_slice(before).unwrap_or_default();
    let mut after: Map<String, Value> = serde_json::from_slice(after).ok()?;
    for (key, value) in std::mem::take(&mut after) {
        let names_one = places.iter().any(|place| mentions(&value, place));
        match (names_one, before.get(&key)) {
            (false, _) => after.insert(key, value),
            (true, Some(was)) => after.insert(key, was.clone()),
            (true, None) => None,
        };
    }
    let mut settled = Value::Object(after);
    account.iter().for_each(|pointer| remove(&mut settled, pointer));
    let mut text = serde_json::to_vec_pretty(&settled).ok()?;
    text.push(b'\n');
    Some(text)
}

fn mentions(value: &Value, text: &str) -> bool {
    match value {
        Value::String(found) => found.contains(text),
        Value::Array(list) => list.iter().any(|value| mentions(value, text)),
        Value::Object(map) => map.values().any(|value| mentions(value, text)),
        _ => false,
    }
}

/// Removes a value, and the objects above it that hold nothing else.
fn remove(value: &mut Value, pointer: &str) {
    let Some((above, key)) = pointer.rsplit_once('/') else {
        return;
    };
    let Some(Value::Object(map)) = value.pointer_mut(above) else {
        return;
    };
    if map.remove(key).is_some() && map.is_empty() {
        remove(value, above);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_level_comes_home_and_nothing_else_that_is_nobodys_business() {
        let account = ["/username", "/service/access-token", "/service/refresh-token"].map(str::to_owned);
        let table = [
            (
                json!({"update-level": "1", "backup-dir": "/b"}),
                json!({"update-level": "3", "backup-dir": "/h/.pitstop/candidates/1/home", "username": "u",
                    "service": {"access-token": "t", "refresh-token": "r"}, "channel": "full"}),
                json!({"update-level": "3", "backup-dir": "/b", "channel": "full"}),
            ),
            (
                json!({}),
                json!({"update-level": 3, "product": {"backup": "/h/.pitstop/candidates/1/x"}, "backup-dir": "/srv/tool/backup",
                    "service": {"access-token": "t", "url": "https://x"}}),
                json!({"update-level": 3, "service": {"url": "https://x"}}),
            ),
            (
                json!({"username": "older", "update-level": "-1"}),
                json!({"username": "older", "update-level": "3", "unknown": [1]}),
                json!({"update-level": "3", "unknown": [1]}),
            ),
        ];
        for (before, after, expected) in table {
            let [before, after] = [before, after].map(|value| value.to_string().into_bytes());
            let settled = settle(
                &before,
                &after,
                &account,
                &["/h/.pitstop/candidates/1", "/srv/tool"],
            )
            .unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&settled).unwrap(), expected);
        }
        assert_eq!(settle(b"", b"", &account, &["/x"]), None);
        assert!(settle(b"\xff", b"{\"update-level\": \"3\"}", &account, &["/x"]).is_some());
    }
}
