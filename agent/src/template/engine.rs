//! Renders templates, and says what is wrong with one: file, line, variable and what it is likely to mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tera::{Context, ErrorKind as TeraErrorKind, ReportError, Tera};

use super::filters;
use super::mentions::{Mention, Mentions, mentions};
use super::values::Values;
use crate::api::{ErrorKind, Failure, Result};
use crate::config::nearest::{did_you_mean, quoted};
use crate::product::config::Named;

/// All templates of an instance, by name.
#[derive(Debug)]
pub struct Engine {
    tera: Tera,
    known: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    path: PathBuf,
    text: String,
    mentions: Mentions,
}

impl From<&Named> for Known {
    fn from(template: &Named) -> Self {
        Self {
            path: template.path.clone(),
            text: template.text.clone(),
            mentions: mentions(&template.text),
        }
    }
}

impl Engine {
    /// Reads templates; of two with one name the first counts.
    ///
    /// # Errors
    /// `settings`: the first text that is no template, with its file and line.
    pub fn new(templates: &[Named]) -> Result<Self> {
        let mut tera = Tera::default();
        filters::register(&mut tera);
        let mut known = BTreeMap::new();
        for template in templates {
            known
                .entry(template.name.clone())
                .or_insert_with(|| Known::from(template));
        }
        let mut engine = Self { tera, known };
        let texts = engine
            .known
            .iter()
            .map(|(name, known)| (name.as_str(), known.text.as_str()));
        // All at once, because one may extend another.
        let added = engine.tera.add_raw_templates(texts);
        added.map_err(|error| engine.broken(&error))?;
        Ok(engine)
    }

    /// Adds a template that stands in the settings.
    ///
    /// # Errors
    /// As [`Engine::new`].
    pub fn add(&mut self, template: &Named) -> Result<()> {
        self.known.insert(template.name.clone(), Known::from(template));
        let added = self.tera.add_raw_template(&template.name, &template.text);
        added.map_err(|error| self.broken(&error))
    }

    /// Whether there is a template of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name)
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// The text of a template with those that it includes or extends: what changes when somebody works on it.
    pub fn source(&self, name: &str) -> String {
        self.with_all_below(name)
            .into_iter()
            .map(|known| known.text.as_str())
            .collect()
    }

    /// The place of the value that a template consists of, if it is `{{ a.b }}` and nothing else.
    pub fn only_mention(&self, name: &str) -> Option<Vec<String>> {
        let known = self.known.get(name)?;
        let inside = known.text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        match &known.mentions.needed[..] {
            [one] if one.path.join(".") == inside => Some(one.path.clone()),
            _ => None,
        }
    }

    /// What a template gives with some values.
    ///
    /// # Errors
    /// `settings`: the template uses a name that is not there, or cannot be filled in. The message names file, line and
    /// variable and holds no secret.
    pub fn render(&self, name: &str, values: &Values) -> Result<String> {
        self.check_names(name, values)?;
        self.render_with(name, &values.tree)
            .map_err(|error| self.explain(name, &error, values))
    }

    /// What a template gives with every secret replaced by something else; `None` if it fails then.
    pub fn render_decoys(&self, name: &str, values: &Values) -> Option<String> {
        self.render_with(name, &values.decoys).ok()
    }

    pub(super) fn render_with(&self, name: &str, tree: &Map<String, Value>) -> tera::TeraResult<String> {
        let mut context = Context::new();
        for (name, value) in tree {
            context.insert(name.clone(), value);
        }
        self.tera.render(name, &context)
    }

    /// What a template and all that it includes or extends refers to.
    pub(super) fn mentions_of(&self, name: &str) -> impl Iterator<Item = &Mentions> {
        self.with_all_below(name).into_iter().map(|known| &known.mentions)
    }

    fn with_all_below(&self, name: &str) -> Vec<&Known> {
        let (mut found, mut names, mut seen) = (Vec::new(), vec![name.to_owned()], Vec::new());
        while let Some(name) = names.pop() {
            let Some(known) = self.known.get(&name).filter(|_| !seen.contains(&name)) else {
                continue;
            };
            // A name in quotes is what `include` and `extends` take; any other text is no template's name.
            names.extend(
                known
                    .mentions
                    .literals
                    .iter()
                    .filter(|text| self.knows(text))
                    .cloned(),
            );
            found.push(known);
            seen.push(name);
        }
        found
    }

    fn check_names(&self, name: &str, values: &Values) -> Result<()> {
        for known in self.with_all_below(name) {
            let missing = known
                .mentions
                .needed
                .iter()
                .find_map(|mention| Some((mention, unknown(mention, &values.tree)?)));
            if let Some((mention, unknown)) = missing {
                let message = at_line(&known.path, mention.line, &unknown.message(mention));
                let failure = Failure::new(ErrorKind::Settings, message).at(&known.path);
                return Err(failure.hint(unknown.hint()));
            }
        }
        Ok(())
    }

    /// A text that is no template, or one that refers to another that is not there.
    fn broken(&self, error: &tera::Error) -> Failure {
        match error.kind() {
            TeraErrorKind::SyntaxError(report) | TeraErrorKind::RenderingError(report) => {
                let path = self.path_of(report.filename());
                let message = at_line(&path, report.span().start_line, &lower_first(report.message()));
                Failure::new(ErrorKind::Settings, message).at(path)
            }
            other => {
                // Several lines with arrows where a reference is wrong.
                let text = other.to_string();
                let text = text.lines().map(str::trim).collect::<Vec<_>>().join(" ");
                Failure::new(
                    ErrorKind::Settings,
                    format!("the templates do not fit together: {text}"),
                )
            }
        }
    }

    fn explain(&self, name: &str, error: &tera::Error, values: &Values) -> Failure {
        let (path, line, what) = match error.kind() {
            TeraErrorKind::SyntaxError(report) | TeraErrorKind::RenderingError(report) => (
                self.path_of(report.filename()),
                report.span().start_line,
                self.reason(report),
            ),
            other => (self.path_of(name), 1, lower_first(&other.to_string())),
        };
        let message = values.scrub(&at_line(&path, line, &what));
        Failure::new(ErrorKind::Settings, message).at(path)
    }

    /// The engine's own words, with the variable and the nearest known field.
    fn reason(&self, report: &ReportError) -> String {
        let text = self.known.get(report.filename()).map(|known| known.text.as_str());
        let expression = text
            .and_then(|text| text.get(report.span().range.clone()))
            .unwrap_or_default();
        let message = report.message();
        if message.contains(filters::NOT_GIVEN) {
            // The engine points to the filter.
            let before = text
                .and_then(|text| text.get(..report.span().range.start))
                .unwrap_or_default();
            let value = before.rsplit(['{', '%', '(']).next().unwrap_or_default();
            return format!(
                "`{}`: {}",
                value.trim().trim_end_matches('|').trim_end(),
                filters::NOT_GIVEN
            );
        }
        match message.split_once(" is not defined. Available fields: ") {
            Some((field, fields)) => {
                let field = field.trim_start_matches("Field ").trim_matches('`');
                let suggestion = did_you_mean(field, fields.split(", "));
                format!("unknown field `{field}` in `{expression}`{suggestion}")
            }
            None => format!("`{expression}`: {}", lower_first(message)),
        }
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.known
            .get(name)
            .map_or_else(|| PathBuf::from(name), |known| known.path.clone())
    }
}

/// The first part of a path that is not there, and what stands beside it.
struct Unknown {
    at: usize,
    known: Vec<String>,
}

fn unknown(mention: &Mention, tree: &Map<String, Value>) -> Option<Unknown> {
    let mut map = tree;
    for (at, part) in mention.path.iter().enumerate() {
        match map.get(part) {
            None => {
                return Some(Unknown {
                    at,
                    known: map.keys().cloned().collect(),
                });
            }
            Some(Value::Object(below)) => map = below,
            Some(_) if at + 1 == mention.path.len() => return None,
            Some(_) => {
                return Some(Unknown {
                    at: at + 1,
                    known: Vec::new(),
                });
            }
        }
    }
    None
}

impl Unknown {
    fn message(&self, mention: &Mention) -> String {
        let path = mention.path.join(".");
        let wrong = &mention.path[self.at];
        let suggestion = did_you_mean(wrong, self.known.iter().map(String::as_str));
        let above = mention.path[..self.at].join(".");
        match above.is_empty() {
            true => format!("unknown variable `{path}`{suggestion}"),
            false => format!("unknown variable `{path}`: `{above}` has no `{wrong}`{suggestion}"),
        }
    }

    fn hint(&self) -> String {
        match self.known.is_empty() {
            true => "give it a value, or ask `is defined` in the template".to_owned(),
            false => format!("known here: {}", quoted(self.known.iter().map(String::as_str))),
        }
    }
}

fn at_line(path: &Path, line: usize, what: &str) -> String {
    format!("{}, line {line}: {what}", path.display())
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::super::values::{Layer, merge};
    use super::*;

    fn values(text: &str, secrets: &[&str]) -> Values {
        let layer = Layer::parse(Path::new("/v.yaml"), text).unwrap();
        merge(vec![layer], Map::new()).with_secrets(secrets.iter().map(|text| (*text).to_owned()).collect())
    }

    fn named(name: &str, text: &str) -> Named {
        Named {
            name: name.to_owned(),
            path: Path::new("/t").join(name),
            text: text.to_owned(),
        }
    }

    fn render(text: &str, given: &str) -> Result<String> {
        Engine::new(&[named("a.tera", text)])?.render("a.tera", &values(given, &[]))
    }

    #[test]
    fn templates_are_filled_in_and_may_build_on_each_other() {
        let engine = Engine::new(&[
            named(
                "own.tera",
                "{% extends \"base.tera\" %}{% block body %}{{ a.b }}{% endblock %}",
            ),
            named(
                "base.tera",
                "<{% block body %}{% endblock %}{% include \"end.tera\" %}>",
            ),
            named("end.tera", " {% for k, v in m %}{{ k }}={{ v }} {% endfor %}"),
            named("own.tera", "the product's, which does not count"),
        ])
        .unwrap();
        let values = values("a: {b: 'x & y'}\nm: {z: 1, a: 2, m: 3}\n", &[]);
        assert_eq!(
            engine.render("own.tera", &values).unwrap(),
            "<x & y a=2 m=3 z=1 >"
        );
        assert_eq!(engine.source("own.tera").matches("block body").count(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_and_variable() {
        let given = "server: {hostname: h, port: 1}\nlist: [{name: a}]\nnothing: null\n";
        let table = [
            (
                "\n{{ sever.hostname }}",
                "/t/a.tera, line 2: unknown variable `sever.hostname`; did you mean `server`?",
            ),
            (
                "{% if server.hostnam %}{% endif %}",
                "line 1: unknown variable `server.hostnam`: `server` has no `hostnam`; did you mean `hostname`?",
            ),
            ("{{ server.port.x }}", "`server.port` has no `x`"),
            (
                "{% for i in list %}\n{{ i.nam }}{% endfor %}",
                "line 2: unknown field `nam` in",
            ),
            ("\n\n{{ nothing | toml }}", "line 3: `nothing`: no value is given"),
            ("{{ server.hostname | int }}", "line 1: `"),
            ("a\n{% if %}", "/t/a.tera, line 2: "),
            ("{{ server", "/t/a.tera, line 1: "),
            ("{{ server.port | tomml }}", "tomml"),
            ("{% include \"other.tera\" %}", "other.tera"),
        ];
        for (text, expected) in table {
            let failure = render(text, given).unwrap_err();
            assert_eq!(failure.kind, ErrorKind::Settings);
            assert!(failure.message.contains(expected), "{text}: {failure}");
            assert!(!failure.message.contains('\n'), "{failure}");
        }
        let failure = render("{{ server.nam }}", given).unwrap_err();
        assert_eq!(failure.hint.as_deref(), Some("known here: `hostname`, `port`"));
    }

    #[test]
    fn an_error_shows_no_secret_and_decoys_take_its_place() {
        let engine = Engine::new(&[named("a", "{{ p | int }}"), named("b", "{{ p }}")]).unwrap();
        let values = values("p: {secret: {env: P}}\n", &["hunter2"]);
        let failure = engine.render("a", &values).unwrap_err();
        assert!(!failure.full_message().contains("hunter2"), "{failure}");
        assert_eq!(engine.render("b", &values).unwrap(), "hunter2");
        assert_ne!(engine.render_decoys("b", &values).unwrap(), "hunter2");
        assert_eq!(engine.render_decoys("a", &values), None);
    }
}
