//! Suggests the known word that a mistyped one is nearest to.

/// The known word nearest to a wrong one, if it is near enough to be meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |word: &str| strsim::damerau_levenshtein(&wrong.to_lowercase(), &word.to_lowercase());
    let (distance, word) = known
        .into_iter()
        .map(|word| (distance(word), word))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the letters may be wrong, and one always.
    (distance <= (word.chars().count() / 3).max(1)).then_some(word)
}

/// The end of an error message: "; did you mean `x`?", or nothing.
pub fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// Words as a list in a message: `a`, `b`.
pub fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_suggested() {
        let known = ["product", "probes", "policy", "name", "user"];
        let table = [
            ("prodct", Some("product")),
            ("porbes", Some("probes")),
            ("Name", Some("name")),
            ("usr", Some("user")),
            ("schedule", None),
            ("", None),
        ];
        for (wrong, expected) in table {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }
}
