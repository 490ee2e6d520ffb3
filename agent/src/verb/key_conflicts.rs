//! The conflicts of a merge in words that a person can act on. Secrets never get into them.

use crate::api::plan::KeyConflict;
use crate::memory::Decision;
use crate::merge::chunk::Conflict;
use crate::template::Mask;
use crate::template::mask::SHOWN as SHOWN_SECRET;
use crate::template::telling::looks_secret;

/// How many characters of a value are shown.
const SHOWN: usize = 200;
/// How many where the whole value is asked for.
const SHOWN_WHOLE: usize = 16 << 10;
/// How many conflicts of a file are told.
pub(super) const MOST: usize = 100;

/// What of the texts that are merged is secret.
pub(super) struct Secrets<'w> {
    words: &'w [String],
    lines: Mask,
}

impl<'w> Secrets<'w> {
    /// `words` are more words in keys whose values are secrets. Lines in conflict may be a part of a secret that begins
    /// before them, so that it takes the whole texts to know them.
    pub fn new(sides: [&str; 3], words: &'w [String]) -> Self {
        Self {
            words,
            lines: Mask::of_others(sides, words),
        }
    }

    /// Whether a conflict is about what looks secret.
    pub fn has(&self, conflict: &Conflict) -> bool {
        let mut texts = conflict.values.iter().flatten().map(String::as_str);
        looks_secret(&conflict.path, self.words)
            || texts
                .any(|text| looks_secret(text, self.words) || text.lines().any(|line| self.lines.hides(line)))
    }
}

/// Tells conflicts.
pub(super) fn tell<'c>(
    conflicts: impl IntoIterator<Item = &'c Conflict>,
    secrets: &Secrets<'_>,
) -> Vec<KeyConflict> {
    let conflicts = conflicts.into_iter().take(MOST);
    conflicts.map(|one| tell_one(one, secrets, SHOWN)).collect()
}

/// Tells all conflicts with their whole values, as far as these can be shown at all.
pub(super) fn tell_all<'c>(
    conflicts: impl IntoIterator<Item = &'c Conflict>,
    secrets: &Secrets<'_>,
) -> Vec<KeyConflict> {
    let conflicts = conflicts.into_iter();
    conflicts.map(|one| tell_one(one, secrets, SHOWN_WHOLE)).collect()
}

/// Shortens the values of a conflict to what a list shows.
pub(super) fn shorten(told: &mut KeyConflict) {
    let values = [&mut told.base, &mut told.current, &mut told.new];
    for value in values.into_iter().flatten() {
        *value = shortened(value, SHOWN);
    }
}

/// Takes every value out of conflicts of a file that is known to hold secrets, under whatever key.
pub(super) fn conceal(conflicts: &mut [KeyConflict]) {
    for one in conflicts {
        let values = [&mut one.base, &mut one.current, &mut one.new];
        values
            .into_iter()
            .flatten()
            .for_each(|value| SHOWN_SECRET.clone_into(value));
    }
}

fn tell_one(conflict: &Conflict, secrets: &Secrets<'_>, most: usize) -> KeyConflict {
    let is_key = !conflict.path.is_empty();
    let hidden = secrets.has(conflict);
    let value = |text: &String| {
        match hidden {
            // No digest of it either: what is guessable is found by trying.
            true => SHOWN_SECRET.to_owned(),
            false => shortened(text, most),
        }
    };
    let [base, current, new] = conflict.values.each_ref().map(|text| text.as_ref().map(value));
    KeyConflict {
        key: is_key.then(|| conflict.path.clone()),
        line: conflict.line.and_then(|line| u64::try_from(line).ok()),
        message: message(conflict).to_owned(),
        base,
        current,
        new,
        answer: None,
    }
}

/// Whether what was decided looks secret, whatever it was decided about.
pub(super) fn is_secret_decision(decision: &Decision, more: &[String]) -> bool {
    match decision {
        Decision::Value { value: text } | Decision::Final { content: text } => looks_secret(text, more),
        Decision::Ours | Decision::Theirs | Decision::Deleted => false,
    }
}

fn message(conflict: &Conflict) -> &'static str {
    match &conflict.values {
        [None, Some(_), None] => "your file holds the marker of an earlier conflict",
        [None, Some(_), Some(_)] => "you and the vendor both added it, differently",
        [Some(_), None, Some(_)] => "you removed it and the vendor changed it",
        [Some(_), Some(_), None] => "you changed it and the vendor removed it",
        _ => "you and the vendor both changed it, differently",
    }
}

fn shortened(text: &str, most: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(path: &str, values: [Option<&str>; 3]) -> Conflict {
        Conflict {
            path: path.to_owned(),
            line: path.is_empty().then_some(7),
            values: values.map(|value| value.map(str::to_owned)),
            texts: Default::default(),
        }
    }

    fn none() -> Secrets<'static> {
        Secrets::new([""; 3], &[])
    }

    #[test]
    fn what_happened_is_said_in_words() {
        let table = [
            ([Some("1"), Some("2"), Some("3")], "both changed"),
            ([None, Some("2"), Some("3")], "both added"),
            ([Some("1"), None, Some("3")], "you removed it"),
            ([Some("1"), Some("2"), None], "the vendor removed it"),
            ([None, Some("<<<<<<< mine"), None], "an earlier conflict"),
        ];
        for (values, words) in table {
            let told = tell(&[conflict("server.port", values)], &none());
            assert!(told[0].message.contains(words), "{:?}", told[0]);
            assert_eq!(told[0].key.as_deref(), Some("server.port"));
            assert_eq!(told[0].current.as_deref(), values[1]);
        }
        let lines = tell(&[conflict("", [Some("a\n"), Some("b\n"), Some("c\n")])], &none());
        assert_eq!((lines[0].key.as_deref(), lines[0].line), (None, Some(7)));
    }

    #[test]
    fn secrets_are_not_shown_and_nothing_that_they_could_be_guessed_from() {
        let table = [
            ("database.password", "hunter2"),
            ("keystore.PASSWD", "hunter2"),
            ("oauth.client_secret", "hunter2"),
            ("url", "jdbc://admin:hunter2@db"),
            ("", "a = 1\npassword = hunter2\n"),
            ("node.pin", "hunter2"),
            ("", "hunter2\n"),
        ];
        let text = "a = 1\n-----BEGIN PRIVATE KEY-----\nMII\nhunter2\nMII\n-----END PRIVATE KEY-----\n";
        let words = ["PIN".to_owned()];
        let secrets = Secrets::new(["", text, ""], &words);
        for (path, value) in table {
            let one = conflict(path, [Some("old"), Some(value), None]);
            let told = tell(&[one], &secrets);
            let shown = [&told[0].base, &told[0].current, &told[0].new].map(Option::as_deref);
            assert_eq!(shown, [Some(SHOWN_SECRET), Some(SHOWN_SECRET), None], "{path}");
        }
    }

    #[test]
    fn long_values_are_shortened() {
        let long = "ä".repeat(SHOWN + 1);
        let told = tell(&[conflict("a", [None, Some(&long), Some("b")])], &none());
        assert_eq!(told[0].current.as_ref().unwrap().chars().count(), SHOWN + 1);
    }
}
