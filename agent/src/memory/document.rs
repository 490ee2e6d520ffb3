//! Many decisions as one file, to be carried to other hosts. Read as if an enemy had written it: what it holds decides
//! what is put into configuration files.

use serde::{Deserialize, Serialize};

use super::{Decision, Remembered, SCHEMA, Scope};

/// The value of [`Document::schema`].
pub const DOCUMENT_SCHEMA: &str = "pitstop/resolutions/v1";
/// How large a document, or a file with one decision, may be, in bytes.
pub const LIMIT: u64 = 16 << 20;
/// How many decisions a document may hold.
pub const MOST: usize = 10_000;
/// How large a remembered file may be, in bytes.
pub const LARGEST_FINAL: usize = 1 << 20;
/// How large a remembered value may be, in bytes.
pub const LARGEST_VALUE: usize = 64 << 10;
const LONGEST_WORD: usize = 256;
const LONGEST_PATH: usize = 4096;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// `pitstop/resolutions/v1`.
    pub schema: String,
    /// The decisions.
    pub resolutions: Vec<Remembered>,
}

impl Document {
    /// A document of these decisions.
    pub fn new(resolutions: Vec<Remembered>) -> Self {
        Self {
            schema: DOCUMENT_SCHEMA.to_owned(),
            resolutions,
        }
    }
}

/// Reads a document, or a file with one decision.
///
/// # Errors
/// Why it is refused, and which decision it is about. Never holds a value.
pub fn parse(bytes: &[u8]) -> Result<Vec<Remembered>, String> {
    if bytes.len() as u64 > LIMIT {
        return Err(format!("it is larger than {} MiB", LIMIT >> 20));
    }
    let value: serde_json::Value =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: line {}", error.line()))?;
    let schema = value.get("schema").and_then(serde_json::Value::as_str);
    let found = match schema.map(str::to_owned).as_deref() {
        Some(DOCUMENT_SCHEMA) => serde_json::from_value(value).map(|document: Document| document.resolutions),
        Some(SCHEMA) => serde_json::from_value(value).map(|one| vec![one]),
        _ => {
            return Err(format!(
                "its `schema` is neither `{DOCUMENT_SCHEMA}` nor `{SCHEMA}`"
            ));
        }
    };
    // What serde would say repeats values.
    let found = found.map_err(|_| "a decision in it is incomplete, or not of a known kind".to_owned())?;
    if found.len() > MOST {
        return Err(format!("it holds more than {MOST} decisions"));
    }
    for (number, one) in found.iter().enumerate() {
        check(one).map_err(|why| format!("decision {} is refused: {why}", number + 1))?;
    }
    Ok(found)
}

/// Whether a decision is what this program could have written.
fn check(one: &Remembered) -> Result<(), String> {
    if one.schema != SCHEMA {
        return Err(format!("its `schema` is not `{SCHEMA}`"));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !one.product.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !one.product.chars().all(plain)
        || one.product.len() > 64
    {
        return Err("its product is no name".to_owned());
    }
    let words = [&one.decided, &one.by, &one.instance]
        .into_iter()
        .chain(&one.transaction)
        .map(|word| (word, LONGEST_WORD));
    let names = one.key.iter().map(|key| (key, LONGEST_PATH));
    for (text, most) in words.chain(names) {
        if text.len() > most || text.chars().any(char::is_control) {
            return Err("a text in it is too long or holds control characters".to_owned());
        }
    }
    let path = one.path.as_str();
    if path.len() > LONGEST_PATH || path.chars().any(char::is_control) {
        return Err("its path is too long or holds control characters".to_owned());
    }
    if one.key.is_some() != (one.scope == Scope::Key) {
        return Err("only decisions about a key have one, and they must".to_owned());
    }
    match (&one.decision, one.scope) {
        (Decision::Ours | Decision::Theirs, _) | (Decision::Deleted, Scope::File) => Ok(()),
        (Decision::Value { value }, Scope::Key | Scope::Lines) if value.len() <= LARGEST_VALUE => Ok(()),
        (Decision::Final { content }, Scope::File) if content.len() <= LARGEST_FINAL => Ok(()),
        (Decision::Value { .. }, Scope::Key | Scope::Lines) | (Decision::Final { .. }, Scope::File) => {
            Err("its content is too large".to_owned())
        }
        _ => Err("it decides something that it is not about".to_owned()),
    }
}
