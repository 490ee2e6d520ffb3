//! Reads what a configuration is made from: values, secrets, templates.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::api::{ErrorKind, Failure, Result};
use crate::config::Configuration;
use crate::model::Release;
use crate::product::config::{self as product_config, Named};
use crate::session::Instance;
use crate::sys::process::User;
use crate::sys::{fs, host};
use crate::template::values::{Place, merge};
use crate::template::{Engine, Layer, Merged, Reference, Values};
use crate::verb::Run;

use super::Options;

/// Larger files of values or secrets are a mistake.
const LIMIT: u64 = 4 << 20;

/// The values, and how many layers of them are not the operator's.
pub(super) struct Given {
    pub values: Values,
    pub of_product: usize,
}

/// Reads and merges all values, then the secrets that they refer to.
pub(super) fn values(
    run: &mut Run<'_>,
    instance: &Instance,
    config: &Configuration,
    release: &Release,
    options: &Options,
) -> Result<Given> {
    let product = config.product.values.iter();
    let mut layers = product
        .map(|file| Layer::parse(&file.path, &file.text))
        .collect::<Result<Vec<_>>>()?;
    let of_product = layers.len();
    for path in config.values.iter().chain(&options.values) {
        layers.push(layer(path, &options.stdin)?);
    }
    let merged = merge(layers, known(instance, config, release));
    let references = merged.references();
    let mut secrets = Vec::with_capacity(references.len());
    for (place, reference) in references {
        secrets.push(secret(run, &merged, &place, reference)?);
    }
    Ok(Given {
        values: merged.with_secrets(secrets),
        of_product,
    })
}

fn layer(path: &Path, stdin: &str) -> Result<Layer> {
    if path == Path::new("-") {
        return Layer::parse(Path::new("standard input"), stdin);
    }
    let failed = |error| Failure::io("read the values in", path, error);
    let bytes = fs::read(path, LIMIT).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| failed(std::io::ErrorKind::InvalidData.into()))?;
    let layer = Layer::parse(path, &text)?;
    if layer.holds_secrets() && others_may_read(path)? {
        let message = format!("{} holds a secret and may be read by everyone", path.display());
        return Err(Failure::new(ErrorKind::Settings, message).at(path).hint(format!(
            "run `chmod o-r {}`, or give the secret by a file of its own",
            path.display()
        )));
    }
    Ok(layer)
}

/// What pitstop itself knows.
fn known(instance: &Instance, config: &Configuration, release: &Release) -> Map<String, Value> {
    let settings = &instance.settings;
    let owner = instance
        .root
        .stat_self()
        .ok()
        .and_then(|stat| User::by_uid(stat.uid).ok());
    let user = settings
        .user
        .clone()
        .or_else(|| owner.map(|user| user.name))
        .unwrap_or_default();
    let about = json!({
        "name": settings.name,
        "home": settings.home,
        "user": user,
        "product": release.product,
        "level": release.level,
        "host": host::name(),
    });
    [
        ("instance".to_owned(), about),
        ("vars".to_owned(), json!(config.vars)),
    ]
    .into_iter()
    .collect()
}

fn secret(run: &mut Run<'_>, merged: &Merged, place: &Place, reference: Reference) -> Result<String> {
    let what = || format!("the secret `{}` of {}", place.join("."), merged.origin(place));
    let text = match reference {
        Reference::Value(text) => text,
        Reference::Env(name) => host::variable(&name).ok_or_else(|| {
            let message = format!("{}: there is no environment variable `{name}`", what());
            Failure::new(ErrorKind::Settings, message)
        })?,
        Reference::File(path) => {
            let failed = |error| Failure::io(&format!("read {} in", what()), &path, error);
            let bytes = fs::read(&path, LIMIT).map_err(failed)?;
            if others_may_read(&path)? {
                let path = path.display();
                run.warn(format!(
                    "{path} holds a secret and may be read by everyone; run `chmod o-r {path}`"
                ));
            }
            String::from_utf8(bytes).map_err(|_| failed(std::io::ErrorKind::InvalidData.into()))?
        }
    };
    // Editors and `echo` end a file with a line end that is not meant.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() {
        true => Err(Failure::new(ErrorKind::Settings, format!("{} is empty", what()))),
        false => Ok(text.to_owned()),
    }
}

fn others_may_read(path: &Path) -> Result<bool> {
    let metadata = fs::metadata(path).map_err(|error| Failure::io("look at", path, error))?;
    Ok(metadata.mode() & 0o004 != 0)
}

/// The templates: the operator's, which come first, and the product's.
pub(super) fn engine(config: &Configuration) -> Result<Engine> {
    let own: Vec<Named> = match &config.templates {
        Some(folder) => product_config::read_folder(folder)?,
        None => Vec::new(),
    };
    let is_template = |file: &Named| file.name.ends_with(product_config::TEMPLATE);
    let templates: Vec<Named> = own
        .into_iter()
        .filter(is_template)
        .chain(config.product.templates.iter().cloned())
        .collect();
    Engine::new(&templates)
}
