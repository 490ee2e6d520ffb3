//! What `config apply` is to do with an instance: the product's list and the instance's, merged and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::fragment::{ConfigFragment, FileFragment, Mode};
use super::validate;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Class, RelPath};
use crate::product::config::ProductConfig;
use crate::product::glob::is_glob;
use crate::product::profile::OwnershipRule;
use crate::product::{Ownership, Profile};

/// The validated configuration section of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// Files with values, absolute; what a later one says wins.
    pub values: Vec<PathBuf>,
    /// The operator's own templates, absolute.
    pub templates: Option<PathBuf>,
    /// What is configured, each path once.
    pub files: Vec<FileRule>,
    /// The product's templates and default values.
    pub product: ProductConfig,
    /// The profile's variables with the instance's values, which templates may use as `vars`.
    pub vars: BTreeMap<String, serde_json::Value>,
}

/// One configured file.
#[derive(Debug, Clone, PartialEq)]
pub struct FileRule {
    /// The path in the pack.
    pub path: RelPath,
    /// What is written, and how it meets what is there.
    pub way: Way,
    /// Whether only owner and group may read it, also if no value in it is a secret.
    pub secret: bool,
    /// Program and arguments that judge it before anything is changed.
    pub validate: Vec<String>,
    /// Whether a running server must be restarted when it changes.
    pub restart: bool,
    /// JSON files of the pack with the vendor's defaults of keys that the file itself does not name.
    pub defaults: Vec<RelPath>,
}

/// What is written to a file, and how it meets what is there.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    /// The file becomes what the template gives.
    Replace(Text),
    /// What changed since the template's last result is merged into the file.
    Merge(Text),
    /// These keys are set, or removed where the value is null.
    EnsureKeys(BTreeMap<String, serde_json::Value>),
}

/// A template by name, or itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Looked up in the operator's folder, then among the product's.
    Template(String),
    /// As the settings say it.
    Inline(String),
}

impl Way {
    /// How the settings call it.
    pub fn mode(&self) -> Mode {
        match self {
            Self::Replace(_) => Mode::Replace,
            Self::Merge(_) => Mode::Merge,
            Self::EnsureKeys(_) => Mode::EnsureKeys,
        }
    }
}

impl Configuration {
    /// Merges and checks. `folder` is the one that the instance's file lies in.
    ///
    /// # Errors
    /// `settings`: the first rule that the section breaks, with the field's name.
    pub fn new(
        own: &ConfigFragment,
        product: ProductConfig,
        profile: &Profile,
        vars: BTreeMap<String, serde_json::Value>,
        folder: &Path,
    ) -> Result<Self> {
        let of_product = &product.fragment.files;
        let fragments: Vec<FileFragment> = match &own.files {
            None => of_product.clone(),
            Some(files) => files.iter().map(|file| completed(file, of_product)).collect(),
        };
        let ownership = Ownership::new(&profile.ownership)?;
        let mut files: Vec<FileRule> = Vec::with_capacity(fragments.len());
        for fragment in fragments {
            let field = format!("config.files.{}", fragment.path);
            if files.iter().any(|earlier| earlier.path == fragment.path) {
                return Err(bad(format!("{field}: two entries have this path")));
            }
            check_path(&field, &fragment.path, &ownership)?;
            files.push(rule(&field, fragment)?);
        }
        Ok(Self {
            values: own.values.iter().map(|path| folder.join(path)).collect(),
            templates: own.templates.as_ref().map(|path| folder.join(path)),
            files,
            product,
            vars,
        })
    }

    /// Checks that each file may be configured in a tree with these rules.
    ///
    /// # Errors
    /// `settings`: the first one that may not.
    pub fn check_paths(&self, rules: &[OwnershipRule]) -> Result<()> {
        let own = self.ownership();
        let of_profile: Vec<_> = rules.iter().filter(|rule| **rule != own).cloned().collect();
        let ownership = Ownership::new(&of_profile)?;
        self.files
            .iter()
            .try_for_each(|file| check_path(&format!("config.files.{}", file.path), &file.path, &ownership))
    }

    /// What a file that is named here is to updates, whatever the profile says of it.
    pub fn ownership(&self) -> OwnershipRule {
        let paths = self.files.iter().map(|file| file.path.to_string());
        OwnershipRule::new(Class::Config, paths.collect())
    }
}

/// An entry of the instance, completed by what the product says of the same path. What the file holds is one matter: an
/// own template, content or keys take the place of the product's.
fn completed(own: &FileFragment, product: &[FileFragment]) -> FileFragment {
    let Some(known) = product.iter().find(|known| known.path == own.path) else {
        return own.clone();
    };
    let own = own.clone();
    let says_content = own.template.is_some() || own.content.is_some() || own.keys.is_some();
    let (content, mode) = if says_content || own.mode == Some(Mode::EnsureKeys) {
        ((own.template, own.content, own.keys), own.mode)
    } else {
        let known = known.clone();
        (
            (known.template, known.content, known.keys),
            own.mode.or(known.mode),
        )
    };
    FileFragment {
        path: own.path,
        template: content.0,
        content: content.1,
        keys: content.2,
        mode,
        secret: own.secret.or(known.secret),
        validate: own.validate.or_else(|| known.validate.clone()),
        restart: own.restart.or(known.restart),
        defaults: own.defaults.or_else(|| known.defaults.clone()),
    }
}

fn check_path(field: &str, path: &RelPath, ownership: &Ownership) -> Result<()> {
    if is_glob(path.as_str()) {
        return Err(bad(format!(
            "{field}: a path with `*`, `?` or `[` cannot be configured"
        )));
    }
    match ownership.class_of(path) {
        Class::State => Err(bad(format!(
            "{field}: the profile calls this state, which is never touched"
        ))),
        Class::Generated => Err(bad(format!(
            "{field}: the server writes this file by itself, so what is written there would not last"
        ))
        .hint("configure what the server makes it from")),
        Class::Vendor | Class::Config | Class::Customer => Ok(()),
    }
}

fn rule(field: &str, fragment: FileFragment) -> Result<FileRule> {
    let way = way(field, &fragment)?;
    let validate = fragment.validate.unwrap_or_default();
    if !validate.is_empty() {
        validate::program(&format!("{field}.validate"), &validate)?;
    }
    Ok(FileRule {
        way,
        secret: fragment.secret.unwrap_or(false),
        validate,
        restart: fragment.restart.unwrap_or(true),
        defaults: fragment.defaults.unwrap_or_default(),
        path: fragment.path,
    })
}

fn way(field: &str, fragment: &FileFragment) -> Result<Way> {
    let text = match (&fragment.template, &fragment.content, &fragment.keys) {
        (None, None, Some(keys)) => {
            return match fragment.mode {
                None | Some(Mode::EnsureKeys) if !keys.is_empty() => Ok(Way::EnsureKeys(keys.clone())),
                None | Some(Mode::EnsureKeys) => Err(bad(format!("{field}.keys: no key is named"))),
                Some(_) => Err(bad(format!("{field}: `keys` are for the mode `ensure-keys`"))),
            };
        }
        (Some(name), None, None) => Text::Template(name.clone()),
        (None, Some(text), None) => Text::Inline(text.clone()),
        (None, None, None) => Text::Template(format!("{}.tera", fragment.path.file_name())),
        _ => {
            return Err(bad(format!(
                "{field}: only one of `template`, `content` and `keys` can be given"
            )));
        }
    };
    match fragment.mode {
        None | Some(Mode::Replace) => Ok(Way::Replace(text)),
        Some(Mode::Merge) => Ok(Way::Merge(text)),
        Some(Mode::EnsureKeys) => Err(bad(format!("{field}: the mode `ensure-keys` needs `keys`"))),
    }
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(ErrorKind::Settings, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCT: &str = "
files:
  - {path: conf/server.toml, template: server.tera, restart: false, validate: [check, '{{ file }}'], secret: true}
  - {path: conf/log.properties, mode: merge}
";

    fn profile() -> Profile {
        serde_yaml::from_str(
            "name: acme\ntitle: A\ndetect: []\nlevel: {parts: []}\n\
             ownership: [{class: state, paths: ['data/**']}, {class: generated, paths: [conf/gen.xml]}]\n",
        )
        .unwrap()
    }

    fn merged(own: &str) -> Result<Configuration> {
        let own: ConfigFragment = serde_yaml::from_str(own).unwrap();
        let product = ProductConfig {
            fragment: serde_yaml::from_str(PRODUCT).unwrap(),
            ..ProductConfig::default()
        };
        Configuration::new(
            &own,
            product,
            &profile(),
            BTreeMap::new(),
            Path::new("/etc/pitstop/instances.d"),
        )
    }

    #[test]
    fn without_an_own_list_the_products_files_are_configured() {
        let made = merged("values: [values.yaml, /srv/common.yaml]\ntemplates: ../templates\n").unwrap();
        let paths: Vec<&str> = made.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["conf/server.toml", "conf/log.properties"]);
        assert_eq!(
            made.files[0].way,
            Way::Replace(Text::Template("server.tera".into()))
        );
        assert_eq!(
            made.files[1].way,
            Way::Merge(Text::Template("log.properties.tera".into()))
        );
        assert_eq!(
            made.values,
            [
                Path::new("/etc/pitstop/instances.d/values.yaml"),
                Path::new("/srv/common.yaml")
            ]
        );
        assert_eq!(
            made.templates.as_deref(),
            Some(Path::new("/etc/pitstop/instances.d/../templates"))
        );
    }

    #[test]
    fn an_own_list_excludes_and_takes_over_what_it_does_not_say() {
        let made =
            merged("files: [{path: conf/server.toml, restart: true}, {path: bin/x.sh, content: hello}]")
                .unwrap();
        let [server, script] = &made.files[..] else {
            panic!("{:?}", made.files)
        };
        assert_eq!(server.way, Way::Replace(Text::Template("server.tera".into())));
        assert!(server.restart && server.secret && !server.validate.is_empty());
        assert_eq!(script.way, Way::Replace(Text::Inline("hello".into())));
        assert!(script.restart && !script.secret && script.validate.is_empty());
        let made = merged("files: [{path: conf/server.toml, keys: {a.b: 1, c: null}}]").unwrap();
        assert!(matches!(&made.files[0].way, Way::EnsureKeys(keys) if keys.len() == 2));
        assert!(!made.files[0].restart, "the product's");
    }

    #[test]
    fn entries_that_make_no_sense_are_named_with_their_path() {
        let table = [
            (
                "{path: data/db, content: x}",
                "config.files.data/db: the profile calls this state",
            ),
            (
                "{path: conf/gen.xml, content: x}",
                "the server writes this file by itself",
            ),
            ("{path: 'conf/*.toml', content: x}", "cannot be configured"),
            ("{path: a, content: x}, {path: a, content: y}", "two entries"),
            ("{path: a, content: x, template: y}", "only one of"),
            ("{path: a, mode: ensure-keys}", "needs `keys`"),
            ("{path: a, keys: {}}", "no key is named"),
            ("{path: a, keys: {x: 1}, mode: merge}", "`keys` are for"),
            ("{path: a, content: x, validate: []}", ""),
            (
                "{path: a, content: x, validate: [bin/check]}",
                "config.files.a.validate: `bin/check` is a relative",
            ),
        ];
        for (entries, expected) in table {
            match merged(&format!("files: [{entries}]")) {
                Ok(_) => assert_eq!(expected, "", "{entries}"),
                Err(failure) => assert!(
                    !expected.is_empty() && failure.message.contains(expected),
                    "{entries}: {failure}"
                ),
            }
        }
    }
}
