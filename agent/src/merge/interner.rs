//! Numbers in place of things.

use std::collections::HashMap;
use std::hash::Hash;

use foldhash::fast::RandomState;

/// Numbers for things that are equal, from 1 on.
#[derive(Debug)]
pub struct Interner<T>(HashMap<T, u32, RandomState>);

impl<T> Default for Interner<T> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}

impl<T: Hash + Eq> Interner<T> {
    /// One more than the highest number.
    pub fn end(&self) -> u32 {
        u32::try_from(self.0.len() + 1).unwrap_or(u32::MAX)
    }

    /// The number of a thing; equal things have the same.
    pub fn id(&mut self, thing: T) -> u32 {
        let next = self.end();
        *self.0.entry(thing).or_insert(next)
    }
}
