//! A product's part of `config apply`: which files, templates for them, and default values. Built in as the profiles
//! are; a folder may replace a product's part as a whole.

use std::path::{Path, PathBuf};

use crate::api::{Failure, Result};
use crate::config::fragment::ProductConfigFragment;
use crate::config::yaml;
use crate::sys;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProductConfig {
    /// Which files are configured, and how.
    pub fragment: ProductConfigFragment,
    /// Every value that the templates know, with its default.
    pub values: Option<Named>,
    /// The templates.
    pub templates: Vec<Named>,
}

/// A text and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The file's name.
    pub name: String,
    /// Where it stands, for messages.
    pub path: PathBuf,
    /// The text.
    pub text: String,
}

/// The ending of a template's name.
pub const TEMPLATE: &str = ".tera";
const FILES: &str = "config.yaml";
const VALUES: &str = "values.yaml";

macro_rules! built_in {
    ($($product:literal: $($file:literal),+;)*) => {
        &[$($(($product, $file, include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"), "/../templates/products/", $product, "/config/", $file
        ))),)+)*]
    };
}

/// Product, file and text; one line per product. A test holds it against the folders.
const BUILT_IN: &[(&str, &str, &str)] = built_in! {
    "demo": "config.yaml", "values.yaml", "app.yaml.tera", "credentials.properties.tera";
    "wso2am": "config.yaml", "values.yaml", "deployment.toml.tera";
    "wso2is": "config.yaml", "values.yaml", "deployment.toml.tera";
    "wso2mi": "config.yaml", "values.yaml", "deployment.toml.tera";
    "wso2si": "config.yaml", "values.yaml", "deployment.yaml.tera";
};

/// The part of a product; empty if there is none. `<override_dir>/<product>/config` takes the place of the built-in one.
///
/// # Errors
/// `settings` if the folder's one is not valid; reading failed.
pub fn find(product: &str, override_dir: Option<&Path>) -> Result<ProductConfig> {
    let own = override_dir.map(|dir| dir.join(product).join("config"));
    match own.filter(|dir| dir.is_dir()) {
        Some(dir) => from_files(read_folder(&dir)?),
        None => from_files(built_in(product)),
    }
}

fn built_in(product: &str) -> Vec<Named> {
    let of_product = BUILT_IN.iter().filter(|(name, ..)| *name == product);
    of_product
        .map(|(_, file, text)| Named {
            name: (*file).to_owned(),
            path: Path::new("built-in").join(product).join("config").join(file),
            text: (*text).to_owned(),
        })
        .collect()
}

/// The text files directly in a folder, in the order of their names.
///
/// # Errors
/// Reading failed, or a file is not UTF-8.
pub fn read_folder(dir: &Path) -> Result<Vec<Named>> {
    let entries = sys::fs::list_dir(dir).map_err(|error| Failure::io("list the templates in", dir, error))?;
    let mut files = Vec::new();
    for entry in entries {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let path = entry.path();
        let is_known = name.ends_with(TEMPLATE) || [FILES, VALUES].contains(&name.as_str());
        if !is_known || !path.is_file() {
            continue;
        }
        let text = sys::fs::read_text_if_exists(&path)
            .map_err(|error| Failure::io("read", &path, error))?
            .unwrap_or_default();
        files.push(Named { name, path, text });
    }
    Ok(files)
}

fn from_files(files: Vec<Named>) -> Result<ProductConfig> {
    let mut config = ProductConfig::default();
    for file in files {
        match file.name.as_str() {
            FILES => config.fragment = yaml::parse(&file.text, &file.path)?,
            VALUES => config.values = Some(file),
            _ => config.templates.push(file),
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_every_products_folder_is_built_in() {
        let products = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates/products");
        let mut found = BTreeSet::new();
        for product in sys::fs::list_dir(&products).unwrap() {
            let dir = product.path().join("config");
            if !dir.is_dir() {
                continue;
            }
            let product = product.file_name().into_string().unwrap();
            for file in sys::fs::list_dir(&dir).unwrap() {
                found.insert((product.clone(), file.file_name().into_string().unwrap()));
            }
        }
        let known: BTreeSet<(String, String)> = BUILT_IN
            .iter()
            .map(|(product, file, _)| ((*product).to_owned(), (*file).to_owned()))
            .collect();
        assert_eq!(found, known);
    }

    #[test]
    fn a_folder_replaces_the_products_part_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!find("demo", Some(dir.path())).unwrap().templates.is_empty());
        let own = dir.path().join("demo/config");
        sys::fs::make_private_dirs(&own).unwrap();
        sys::fs::write_atomic(
            &own.join("config.yaml"),
            b"files: [{path: conf/x, restart: false}]\n",
        )
        .unwrap();
        sys::fs::write_atomic(&own.join("x.tera"), b"hello").unwrap();
        sys::fs::write_atomic(&own.join("notes.txt"), b"left out").unwrap();
        let config = find("demo", Some(dir.path())).unwrap();
        assert_eq!(config.fragment.files.len(), 1);
        assert_eq!(
            config
                .templates
                .iter()
                .map(|file| file.name.as_str())
                .collect::<Vec<_>>(),
            ["x.tera"]
        );
        assert_eq!(config.values, None);
        assert_eq!(find("nothing", None).unwrap(), ProductConfig::default());
        sys::fs::write_atomic(&own.join("config.yaml"), b"files: [{pth: conf/x}]\n").unwrap();
        let refused = find("demo", Some(dir.path())).unwrap_err();
        assert!(refused.message.contains("did you mean `path`?"), "{refused}");
    }
}
