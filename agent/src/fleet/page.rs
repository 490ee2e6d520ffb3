//! One self-contained page. Its counts are in the markup; its rows are data in the page that a script of the page's own
//! shows, a hundred at a time. Nothing is loaded from anywhere: the policy in the page names the digests of its own
//! style and script and forbids all else.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tera::{Context, Kwargs, State, Tera};

use super::problem::{Kind, Weight};
use super::{Fleet, Row};
use crate::api::{ErrorKind, Failure, Result};

macro_rules! part {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../templates/report/",
            $name
        ))
    };
}
pub(super) use part;

const STYLE: &str = part!("page.css");
const SCRIPT: &str = part!("page.js");
const PAGE: &str = "page.html";
/// How many instances a browser without scripts is shown.
const PLAIN_ROWS: usize = 300;

/// The page as HTML.
///
/// # Errors
/// `internal`: the built-in template is wrong.
pub fn html(fleet: &Fleet) -> Result<String> {
    let mut tera = Tera::default();
    // Everything is escaped but what is marked as safe here: our own style and script, and data that cannot end its element.
    tera.autoescape_on(vec![".html"]);
    let mut context = context(fleet)?;
    context.insert("style", STYLE);
    context.insert("script", SCRIPT);
    context.insert("style_digest", &digest(STYLE));
    context.insert("script_digest", &digest(SCRIPT));
    context.insert("data", &data(fleet).to_string().as_str());
    render(tera, PAGE, part!("page.html.tera"), &context)
}

/// What both pages say of a fleet.
pub(super) fn context(fleet: &Fleet) -> Result<Context> {
    let mut context = Context::from_serialize(fleet).map_err(|error| broken(PAGE, error))?;
    let notable: Vec<_> = fleet
        .rows
        .iter()
        .filter(|row| row.weight() > Some(Weight::Note))
        .collect();
    let plain: Vec<_> = notable.iter().take(PLAIN_ROWS).map(|row| plain(row)).collect();
    context.insert("plain_rows", &plain);
    context.insert("more_plain_rows", &(notable.len() - plain.len()));
    Ok(context)
}

pub(super) fn render(mut tera: Tera, name: &str, text: &str, context: &Context) -> Result<String> {
    tera.register_filter("count", |number: u64, _: Kwargs, _: &State| grouped(number));
    tera.add_raw_template(name, text)
        .and_then(|()| tera.render(name, context))
        .map_err(|error| broken(name, error))
}

fn broken(name: &str, error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(ErrorKind::Internal, format!("cannot make {name}")).because(error)
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a policy calls a text.
fn digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

/// An instance with problems, for where no script shows it.
fn plain(row: &Row) -> Value {
    let problems = row.problems.iter();
    json!({
        "host": row.host, "instance": row.instance, "environment": row.environment, "product": row.product,
        "level": row.level, "weight": row.weight().map(Weight::name),
        "problems": problems
            .filter(|problem| problem.kind.weight() > Weight::Note)
            .map(|problem| json!({"label": problem.kind.label(), "text": problem.text}))
            .collect::<Vec<_>>(),
    })
}

/// The rows for the script. Each text is there once, and rows refer to it by its number: a fleet says the same things of
/// many hosts.
fn data(fleet: &Fleet) -> Island {
    let mut texts = Texts::default();
    let rows: Vec<Value> = fleet
        .rows
        .iter()
        .map(|row| packed(row, fleet, &mut texts))
        .collect();
    let kinds = Kind::ALL
        .iter()
        .map(|kind| json!([kind.code(), kind.label(), kind.weight().name()]));
    Island(json!({
        "every": fleet.every,
        "kinds": kinds.collect::<Vec<_>>(),
        "rows": rows,
        "texts": texts.all,
    }))
}

fn packed(row: &Row, fleet: &Fleet, texts: &mut Texts) -> Value {
    let mut number = |text: &str| texts.number(text);
    let problems = row.problems.iter().map(|one| {
        let hint = one.hint.as_deref().map(&mut number);
        json!([one.kind as usize, number(&one.text), hint])
    });
    let problems: Vec<_> = problems.collect();
    let transactions = row.transactions.iter().map(|one| {
        let reason = one.reason.as_deref().map(&mut number);
        json!([
            number(&one.action),
            number(&one.outcome),
            number(&one.from),
            number(&one.to),
            one.ended,
            one.stopped_ms,
            reason
        ])
    });
    let transactions: Vec<_> = transactions.collect();
    json!([
        number(&row.host),
        number(&row.instance),
        number(&row.environment),
        number(&row.product),
        number(&row.level),
        row.age(fleet.rule),
        row.running,
        row.drift,
        problems,
        transactions,
        row.offered.as_deref().map(&mut number),
        row.at,
        number(&row.home),
        number(&row.agent),
        row.paths.iter().map(|path| number(path)).collect::<Vec<_>>(),
        row.installed_at,
    ])
}

/// Texts by number.
#[derive(Default)]
struct Texts {
    all: Vec<String>,
    known: HashMap<String, usize>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        let number = self.all.len();
        self.all.push(text.to_owned());
        self.known.insert(text.to_owned(), number);
        number
    }
}

/// JSON that can stand in a page: nothing in it ends its element or begins another.
struct Island(Value);

impl std::fmt::Display for Island {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        for c in text.chars() {
            // Outside of strings JSON has none of these.
            match c {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => std::fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
