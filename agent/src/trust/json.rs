//! JSON that can be read in one way only.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads JSON in which no object has one name twice: two readers could take another of the two values each.
///
/// # Errors
/// What is wrong with it, and where.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Once.deserialize(&mut reader)?;
    reader.end()?;
    serde_json::from_slice(bytes)
}

/// Walks over any value and refuses names that come twice.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Once)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value_seed(Once)?;
            if let Some(twice) = names.replace(name) {
                return Err(A::Error::custom(format!("the name `{twice}` comes twice")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::Value;

    #[test]
    fn a_name_that_comes_twice_is_refused_wherever_it_stands() {
        let refused = [
            r#"{"a":1,"a":1}"#,
            r#"[{"x":{"b":1,"c":2,"b":3}}]"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":1} x"#,
            "",
        ];
        for text in refused {
            assert!(parse::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        assert!(parse::<Value>(deep.as_bytes()).is_err());
        let fine = r#"{"a":{"a":[1,-1,0.5,true,null,"x"]},"b":{"a":1}}"#;
        assert_eq!(parse::<Value>(fine.as_bytes()).unwrap()["b"]["a"], 1);
    }
}
