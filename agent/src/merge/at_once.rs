//! The same work on several texts, at once where that is worth a thread.

use std::array;
use std::panic;
use std::thread;

/// The least number of bytes in a text for which starting a thread takes less time than it saves.
const WORTH_A_THREAD: usize = 16 << 10;

/// What the work makes of each text, by its number. Where no thread can be had it is done all the same.
pub(super) fn each<R: Send, const N: usize>(texts: [&str; N], work: impl Fn(usize) -> R + Sync) -> [R; N] {
    let work = &work;
    thread::scope(|scope| {
        // The last one is for this thread, which therefore begins with it.
        let is_worth = |number: usize| number + 1 < N && texts[number].len() >= WORTH_A_THREAD;
        let start = |number: usize| thread::Builder::new().spawn_scoped(scope, move || work(number));
        let mut started: [Option<_>; N] =
            array::from_fn(|number| is_worth(number).then(|| start(number).ok()).flatten());
        let mut made: [R; N] = array::from_fn(|done| {
            let number = N - 1 - done;
            match started[number].take() {
                Some(thread) => thread
                    .join()
                    .unwrap_or_else(|payload| panic::resume_unwind(payload)),
                None => work(number),
            }
        });
        made.reverse();
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_each_comes_in_order() {
        let long = "a".repeat(WORTH_A_THREAD);
        for texts in [["a", "bb", "ccc"], [&long, "b", &long], [&long, &long, "c"]] {
            let made = each(texts, |number| (number, texts[number].len()));
            assert_eq!(made, [0, 1, 2].map(|number| (number, texts[number].len())));
        }
    }
}
