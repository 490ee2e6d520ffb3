//! How far reading a source is.

use std::sync::Mutex;

use super::{every_kind, open};
use crate::config::Limits;
use crate::model::Progress;

#[derive(Default)]
struct Told(Mutex<Vec<(String, u64, u64)>>);

impl Progress for Told {
    fn begin(&self, label: &str, total: u64) {
        self.0.lock().unwrap().push((label.to_owned(), total, 0));
    }
    fn advance(&self, bytes: u64) {
        self.0.lock().unwrap().last_mut().unwrap().2 += bytes;
    }
    fn end(&self) {}
}

#[test]
fn reading_an_archive_is_told_from_its_first_byte_to_its_last() {
    let dir = tempfile::tempdir().unwrap();
    for file in every_kind(dir.path()) {
        let told = Told::default();
        let mut source = open(&file, &Limits::default(), &dir.path().join("cache"), &told).unwrap();
        source.manifest(&told).unwrap();
        let told = told.0.into_inner().unwrap();
        assert_eq!(told.len(), 1, "{}: {told:?}", file.display());
        let (_, total, done) = &told[0];
        assert!(*total > 0 && total == done, "{}: {told:?}", file.display());
    }
}
