//! Values that no template needs: most often a misspelt name.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::engine::Engine;
use super::values::{Place, Values};

/// What is put in a value's place to see whether anything depends on it.
const ODD: &str = "pitstop-odd-value";

/// Which of some values no result depends on. A value counts as needed if a template names it, or if any of the
/// `templates` gives something else once the value is another.
pub fn unused(engine: &Engine, templates: &[String], values: &Values, places: Vec<Place>) -> Vec<Place> {
    let (mut named, mut literals) = (BTreeSet::new(), BTreeSet::new());
    for mentions in templates.iter().flat_map(|name| engine.mentions_of(name)) {
        named.extend(
            mentions
                .needed
                .iter()
                .chain(&mentions.optional)
                .map(|mention| mention.path.clone()),
        );
        literals.extend(mentions.literals.iter().cloned());
    }
    literals.insert(ODD.to_owned());
    let results: Vec<String> = templates
        .iter()
        .filter_map(|name| engine.render_with(name, &values.tree).ok())
        .collect();
    let matters = |place: &Place| {
        let root_is_named = named.iter().any(|path| path.first() == place.first());
        root_is_named
            && others(values.at(place), &literals).any(|other| {
                let mut tree = values.tree.clone();
                replace(&mut tree, place, other);
                let changed: Vec<String> = templates
                    .iter()
                    .filter_map(|name| engine.render_with(name, &tree).ok())
                    .collect();
                // One that fails is missing: that depends on the value too.
                changed != results
            })
    };
    places
        .into_iter()
        .filter(|place| !named.contains(place) && !matters(place))
        .collect()
}

/// Values that a value is not. A text may only count when it is one that a template compares it with.
fn others<'a>(value: Option<&Value>, literals: &'a BTreeSet<String>) -> Box<dyn Iterator<Item = Value> + 'a> {
    let is_text = matches!(value, Some(Value::String(_)));
    let first = match value {
        Some(Value::Bool(truth)) => Value::Bool(!truth),
        Some(Value::Number(number)) => Value::from(number.as_f64().unwrap_or_default() + 1.0),
        Some(Value::Array(_)) => Value::from(vec![ODD]),
        _ => Value::from(ODD),
    };
    let texts = literals
        .iter()
        .filter(move |_| is_text)
        .map(|text| Value::from(text.as_str()));
    Box::new(std::iter::once(first).chain(texts))
}

fn replace(tree: &mut Map<String, Value>, place: &[String], other: Value) {
    let Some((first, rest)) = place.split_first() else {
        return;
    };
    let found = rest
        .iter()
        .try_fold(tree.get_mut(first), |value, key| match value? {
            Value::Object(map) => Some(map.get_mut(key)),
            Value::Array(list) => Some(list.get_mut(key.parse::<usize>().ok()?)),
            _ => None,
        });
    if let Some(Some(value)) = found {
        *value = other;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::values::{Layer, merge};
    use super::*;
    use crate::product::config::Named;

    #[test]
    fn what_nothing_depends_on_is_found() {
        let template = "{{ server.host }}{% if db.type == \"mysql\" %}{{ db.url }}{% endif %}\
                        {% for x in list %}{% if x.kind == \"big\" %}{{ x.size }}{% endif %}{{ x.name }}{% endfor %}\
                        {% for k, v in free %}{{ k }}{{ v }}{% endfor %}{% if maybe is defined %}{% endif %}";
        let text = "
server: {host: h, hots: typo}
db: {type: h2, url: not needed now but named}
list: [{kind: small, name: a, size: 1, nmae: typo}, {kind: big, name: b, size: 2}]
free: {any: 1, thing: x}
maybe: 1
other: {x: 1}
empty: []
";
        let layer = Layer::parse(Path::new("/v.yaml"), text).unwrap();
        let values = merge(vec![layer], Map::new()).with_secrets(Vec::new());
        let engine = Engine::new(&[Named {
            name: "t".into(),
            path: "/t".into(),
            text: template.into(),
        }])
        .unwrap();
        let found = unused(&engine, &["t".to_owned()], &values, values.leaves_from(0));
        let found: Vec<String> = found.iter().map(|place| place.join(".")).collect();
        assert_eq!(
            found,
            ["empty", "list.0.nmae", "list.0.size", "other.x", "server.hots"]
        );
    }
}
