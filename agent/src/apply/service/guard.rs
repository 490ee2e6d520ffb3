//! Keeps a unit down while its pack is being changed.

use std::path::{Path, PathBuf};

use crate::api::{ErrorKind, Failure, Result};
use crate::observe::unit::{Systemd, full_name};
use crate::sys::fs;

const DROP_IN: &str = "90-pitstop-transaction.conf";

/// A unit that cannot be started as long as a file exists: neither by `Restart=` nor by a reboot, a timer or a person.
/// Every method can be repeated after a crash at any point, and leads to the same end.
#[derive(Debug, Clone)]
pub struct Guard<'a> {
    systemd: &'a Systemd,
    unit: String,
    file: PathBuf,
}

impl<'a> Guard<'a> {
    /// The guard of a unit; `file` is the absolute path of the file that keeps it down. Changes nothing.
    ///
    /// # Errors
    /// `settings` if the unit's name or the path cannot be used.
    pub fn new(systemd: &'a Systemd, unit: &str, file: &Path) -> Result<Self> {
        let text = file.to_str().filter(|text| !text.contains(['\n', '\r']));
        if !file.is_absolute() || text.is_none_or(|text| text.trim() != text) {
            let text = "the state folder's path cannot stand in a systemd unit file";
            let failure = Failure::new(ErrorKind::Settings, text).at(file);
            return Err(failure.hint("give an absolute path of plain characters with --state-dir"));
        }
        Ok(Self {
            systemd,
            unit: full_name(unit)?,
            file: file.to_owned(),
        })
    }

    /// From now on the unit cannot be started. It goes on running if it runs.
    ///
    /// The file comes first: a condition on a file that is not there yet would hold off nothing.
    ///
    /// # Errors
    /// Of the file system; `stop-failed` if systemd does not take it over.
    pub fn raise(&self) -> Result<()> {
        self.write(&self.file, &format!("{}\n", self.unit))?;
        self.write(&self.directory().join(DROP_IN), &self.drop_in())?;
        self.reload(ErrorKind::StopFailed)
    }

    /// From now on the unit can be started. Does not speak to systemd, which looks for the file at each start.
    ///
    /// # Errors
    /// Of the file system.
    pub fn lift(&self) -> Result<()> {
        fs::remove_if_exists(&self.file).map_err(|error| Failure::io("remove", &self.file, error))?;
        let parent = self.file.parent().filter(|parent| parent.is_dir());
        parent.map_or(Ok(()), |parent| {
            fs::sync_dir(parent).map_err(|error| Failure::io("sync", parent, error))
        })
    }

    /// Takes the guard out of systemd's configuration and lifts it. Without a guard nothing is done and systemd is
    /// not asked. The file goes last: as long as it is there, a removal that was cut short is known to be owed.
    ///
    /// # Errors
    /// Of the file system; `io` if systemd does not take it over.
    pub fn remove(&self) -> Result<()> {
        let directory = self.directory();
        let drop_in = directory.join(DROP_IN);
        if [&self.file, &drop_in]
            .iter()
            .all(|path| fs::symlink_metadata(path).is_err())
        {
            return Ok(());
        }
        fs::remove_if_exists(&drop_in).map_err(|error| Failure::io("remove", &drop_in, error))?;
        fs::remove_dir_if_empty(&directory).map_err(|error| Failure::io("remove", &directory, error))?;
        self.reload(ErrorKind::Io)?;
        self.lift()
    }

    fn directory(&self) -> PathBuf {
        self.systemd.units.join(format!("{}.d", self.unit))
    }

    fn drop_in(&self) -> String {
        // A percent sign begins a specifier in unit files.
        let file = self.file.display().to_string().replace('%', "%%");
        format!(
            "# An update of this unit's pack is under way. pitstop removes this file at its end.\n\
             [Unit]\nConditionPathExists=!{file}\n"
        )
    }

    fn write(&self, path: &Path, text: &str) -> Result<()> {
        let directory = path.parent().unwrap_or(path);
        fs::make_private_dirs(directory)
            .and_then(|()| fs::write_atomic(path, text.as_bytes()))
            .map_err(|error| Failure::io("write", path, error))
    }

    fn reload(&self, kind: ErrorKind) -> Result<()> {
        self.systemd.call(kind, &["daemon-reload"]).map(drop)
    }
}
