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
