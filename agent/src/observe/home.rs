//! A home as detection sees it.

use crate::api::{Failure, Result};
use crate::model::RelPath;
use crate::product::TreeView;
use crate::sys::root::{Kind, Root};

/// See the module.
pub struct HomeView<'a>(pub &'a Root);

/// How much of a file detection may see.
const HEAD: u64 = 1 << 20;

impl HomeView<'_> {
    /// The files below a directory; none if it does not exist.
    ///
    /// # Errors
    /// A directory cannot be listed.
    pub fn files_below(&self, dir: &RelPath) -> Result<Vec<RelPath>> {
        let (mut files, mut dirs) = (Vec::new(), vec![dir.clone()]);
        while let Some(dir) = dirs.pop() {
            for name in self.names_in(dir.as_str())? {
                let Ok(path) = dir.join(&name) else { continue };
                let stat = self.0.stat(&path);
                let stat = stat.map_err(|error| Failure::io("look at", path.under(self.0.path()), error))?;
                match stat.map(|stat| stat.kind) {
                    Some(Kind::Dir) => dirs.push(path),
                    Some(Kind::File) => files.push(path),
                    _ => {}
                }
            }
        }
        Ok(files)
    }
}

impl TreeView for HomeView<'_> {
    fn names_in(&self, dir: &str) -> Result<Vec<String>> {
        let dir = RelPath::new(dir).ok();
        let shown = dir
            .as_ref()
            .map_or_else(|| self.0.path().to_owned(), |dir| dir.under(self.0.path()));
        let names = || match &dir {
            Some(dir) if self.0.stat(dir)?.is_none_or(|stat| stat.kind != Kind::Dir) => Ok(Vec::new()),
            dir => self.0.names_in(dir.as_ref()),
        };
        names().map_err(|error| Failure::io("list", shown, error))
    }

    fn head_of(&self, path: &RelPath) -> Result<Option<Vec<u8>>> {
        let head = || match self.0.stat(path)? {
            Some(stat) if stat.kind == Kind::File => self.0.read_head(path, HEAD).map(Some),
            _ => Ok(None),
        };
        head().map_err(|error| Failure::io("read", path.under(self.0.path()), error))
    }
}
