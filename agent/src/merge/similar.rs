//! Whether two lines are versions of one line.

/// From which similarity on they are, 0 to 1.
const NEAR: f64 = 0.75;
/// Longer lines are not compared: their similarity would take too long to find, and says little.
const LONGEST: usize = 2000;

/// Whether two lines are nearly the same: in their pairs of letters, or but for one place.
pub fn is_near(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if a.len().max(b.len()) > LONGEST {
        return false;
    }
    strsim::sorensen_dice(a, b) >= NEAR || shared_ends(a, b) >= NEAR
}

/// Whether two comments are versions of one: nearly the same, and if they comment out a key, the same key.
pub fn is_version(a: &str, b: &str) -> bool {
    commented_key(a) == commented_key(b) && is_near(a, b)
}

/// The key of `# key = value`.
fn commented_key(comment: &str) -> Option<&str> {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '#' | ';' | '!' | '/');
    let (key, _) = comment.trim_start_matches(is_mark).split_once('=')?;
    Some(key.trim_end()).filter(|key| !key.contains(char::is_whitespace))
}

/// How much of both the common beginning and end are, 0 to 1.
fn shared_ends(a: &str, b: &str) -> f64 {
    let same = |(a, b): &(char, char)| a == b;
    let (long, short) = (
        a.chars().count().max(b.chars().count()),
        a.chars().count().min(b.chars().count()),
    );
    let begin = a.chars().zip(b.chars()).take_while(same).count();
    let end = a.chars().rev().zip(b.chars().rev()).take_while(same).count();
    let shared = 2 * (begin + end).min(short);
    let whole = u32::try_from(long + short).unwrap_or(u32::MAX);
    f64::from(u32::try_from(shared).unwrap_or(0)) / f64::from(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_that_name_different_keys_are_different() {
        let table = [
            ("#ask_pass = True", "# ask_pass = true", true),
            ("#ask_sudo_pass=True", "# ask_pass=True", false),
            ("# The number of threads", "# The numbers of threads.", true),
            ("# a = b is never read", "# a = b is not read", true),
        ];
        for (a, b, expected) in table {
            assert_eq!(is_version(a, b), expected, "{a:?} {b:?}");
        }
    }
}
