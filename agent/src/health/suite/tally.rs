//! How many tests went how. Pure.

/// Names are kept for people; more than these are only counted.
const MOST_NAMES: usize = 1000;
/// A name that is longer is cut.
const LONGEST_NAME: usize = 200;

/// What a suite of tests told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Tests that passed.
    pub passed: Names,
    /// Tests that failed.
    pub failed: Names,
    /// Tests that were skipped, or whose failure is expected.
    pub skipped: Names,
}

/// Names and how many there are in all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The first of them.
    pub listed: Vec<String>,
    /// How many there are.
    pub count: u64,
}

impl Names {
    /// Adds a name.
    pub fn add(&mut self, name: &str) {
        self.count += 1;
        if self.listed.len() < MOST_NAMES {
            let plain = name.chars().filter(|c| !c.is_control());
            self.listed.push(plain.take(LONGEST_NAME).collect());
        }
    }

    fn append(&mut self, other: Self) {
        self.count += other.count;
        let room = MOST_NAMES.saturating_sub(self.listed.len());
        self.listed.extend(other.listed.into_iter().take(room));
    }
}

impl Tally {
    /// Adds what another file of the same suite told.
    pub fn append(&mut self, other: Self) {
        self.passed.append(other.passed);
        self.failed.append(other.failed);
        self.skipped.append(other.skipped);
    }

    /// In words.
    pub fn in_words(&self) -> String {
        let mut text = format!("{} passed, {} failed", self.passed.count, self.failed.count);
        if self.skipped.count > 0 {
            text += &format!(", {} skipped", self.skipped.count);
        }
        if !self.failed.listed.is_empty() {
            let shown: Vec<&str> = self.failed.listed.iter().take(3).map(String::as_str).collect();
            text += &format!(": {}", shown.join(", "));
        }
        text
    }
}
