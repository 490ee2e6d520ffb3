//! Whether a file that is about to be put in place can be read, and what an operator's own command says of it.

use std::time::Duration;

use crate::api::{ErrorKind, Failure, Result};
use crate::config::configuration::{FileRule, Way};
use crate::health::{excerpt, parse};
use crate::product::config::Named;
use crate::sys::process::{Spec, run};
use crate::sys::unlinked::Unlinked;
use crate::template::{Engine, Values};

/// A command that takes longer has failed.
const LIMIT: Duration = Duration::from_secs(60);

/// Judges a content: by what the file's name says of its format, then by the rule's command, which finds the content
/// in `{{ file }}` and on its standard input.
///
/// # Errors
/// `settings` if either refuses it. No message holds a secret.
pub(super) fn validate(
    rule: &FileRule,
    content: &[u8],
    current: Option<&[u8]>,
    values: &Values,
) -> Result<()> {
    let name = rule.path.file_name();
    // What its owner wrote, such as comments in JSON, is for its owner to judge.
    let was_odd = !matches!(rule.way, Way::Replace(_))
        && current.is_some_and(|current| parse::parse_error(name, current).is_some());
    if let Some(why) = parse::parse_error(name, content).filter(|_| !was_odd) {
        let message = format!("what would be put in {} cannot be read: {why}", rule.path);
        return Err(Failure::new(ErrorKind::Settings, message)
            .hint("correct the template or its values; `pitstop config diff` shows the text"));
    }
    if rule.validate.is_empty() {
        return Ok(());
    }
    let failed = |error| Failure::io("hand over the content of", rule.path.as_str(), error);
    let file = Unlinked::new(rule.path.file_name(), content).map_err(failed)?;
    let spec = Spec {
        stdin: Some(content.to_vec()),
        ..Spec::new(command(rule, &file.path().to_string_lossy(), values)?)
    };
    let output = run(&spec, LIMIT).map_err(|error| {
        let message = format!("cannot run `{}`, which is to judge {}", spec.program(), rule.path);
        Failure::new(ErrorKind::Settings, message).because(error)
    })?;
    if output.success() {
        return Ok(());
    }
    let said = format!("{}{}", output.stderr_tail, output.stdout_tail);
    // In this order: an excerpt may begin in the middle of a secret.
    let said = excerpt(&values.scrub(&said));
    let message = format!(
        "`{}` refuses what would be put in {}: {}: {said}",
        spec.program(),
        rule.path,
        output.ending()
    );
    Err(Failure::new(ErrorKind::Settings, message).hint("correct the template or its values"))
}

/// The command's arguments are templates over the values, and over `file`. Everybody on the host can read them while the
/// command runs, so that none may depend on a secret.
fn command(rule: &FileRule, file: &str, values: &Values) -> Result<Vec<String>> {
    let mut values = values.clone();
    for tree in [&mut values.tree, &mut values.decoys] {
        tree.insert("file".to_owned(), file.into());
    }
    let field = format!("config.files.{}.validate", rule.path);
    let arguments = rule.validate.iter().enumerate();
    arguments
        .map(|(at, text)| argument(format!("{field}[{at}]"), text, &values))
        .collect()
}

fn argument(name: String, text: &str, values: &Values) -> Result<String> {
    let template = Named {
        path: name.clone().into(),
        name: name.clone(),
        text: text.to_owned(),
    };
    let engine = Engine::new(&[template])?;
    let rendered = engine.render(&name, values)?;
    if engine.render_decoys(&name, values).as_ref() == Some(&rendered) {
        return Ok(rendered);
    }
    let message = format!("{name} depends on a secret, and a command line is no place for one");
    Err(Failure::new(ErrorKind::Settings, message)
        .hint("let the command read the file: it is given as `{{ file }}` and on standard input"))
}
