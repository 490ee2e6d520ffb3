//! `/proc`, and other files that change by themselves, such as logs. How often these are read differs from run to
//! run, so these reads stay outside the numbering of [`super::fault`].
#![expect(
    clippy::disallowed_methods,
    reason = "the owner of reads that are not numbered"
)]

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Set in [`Stat::flags`] for a thread of the kernel (`PF_KTHREAD`).
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Opens a file for reading.
///
/// # Errors
/// Of the system.
pub fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// The content of a file, cut at `limit` bytes.
///
/// # Errors
/// Of the system.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // The kernel writes the text anew for every read of a part: one read takes all of nearly every file.
    let mut bytes = Vec::with_capacity(4 << 10);
    open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a file holds before a place in it, at most the last `limit` bytes of that.
///
/// # Errors
/// Of the system.
pub fn read_before(path: &Path, end: u64, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path)?;
    let begin = end.saturating_sub(limit);
    file.seek(SeekFrom::Start(begin))?;
    let mut bytes = Vec::new();
    file.take(end - begin).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// One file of a process's directory, cut at 1 MiB: command lines with a long class path fit in.
///
/// # Errors
/// Of the system; `NotFound` or `ESRCH` once the process is gone.
pub fn of_process(pid: u32, file: &str) -> io::Result<Vec<u8>> {
    read(&directory(pid).join(file), 1 << 20)
}

/// The capabilities that a process may use now, as bits (`CapEff` of `/proc/PID/status`).
///
/// # Errors
/// Of the system; `InvalidData` where the kernel does not say.
pub fn capabilities(pid: u32) -> io::Result<u64> {
    let status = of_process(pid, "status")?;
    let text = String::from_utf8_lossy(&status);
    let hex = text.lines().find_map(|line| line.strip_prefix("CapEff:"));
    hex.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Where `exe` or `cwd` of a process points, without the mark of a file that was deleted since.
///
/// # Errors
/// Of the system; `PermissionDenied` for processes of other users.
pub fn link_of_process(pid: u32, link: &str) -> io::Result<PathBuf> {
    let target = fs::read_link(directory(pid).join(link))?;
    let plain = target.to_str().and_then(|text| text.strip_suffix(" (deleted)"));
    Ok(plain.map_or_else(|| target.clone(), PathBuf::from))
}

/// What the open file descriptors of a process refer to: paths, or texts such as `socket:[4711]`.
///
/// # Errors
/// Of the system; `PermissionDenied` for processes of other users.
pub fn open_files(pid: u32) -> io::Result<impl Iterator<Item = PathBuf>> {
    let entries = fs::read_dir(directory(pid).join("fd"))?;
    Ok(entries
        .filter_map(Result::ok)
        .filter_map(|entry| fs::read_link(entry.path()).ok()))
}

/// The ids of all processes that can be seen.
///
/// # Errors
/// Of the system.
pub fn pids() -> io::Result<Vec<u32>> {
    let names = fs::read_dir("/proc")?.filter_map(Result::ok);
    Ok(names
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect())
}

fn directory(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

/// What `/proc/PID/stat` says about a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The program's name, cut at 15 bytes by the kernel.
    pub program: String,
    /// One letter; `Z` and `X` are dead.
    pub state: char,
    /// The parent's process id.
    pub parent: u32,
    /// The session's id.
    pub session: u32,
    /// Whether a terminal controls it.
    pub has_terminal: bool,
    /// Kernel flags.
    pub flags: u64,
    /// Start time in clock ticks since boot.
    pub started_ticks: u64,
}

impl Stat {
    /// Reads it.
    ///
    /// # Errors
    /// Of the system; `InvalidData` if the text is not what the kernel writes.
    pub fn of(pid: u32) -> io::Result<Self> {
        Self::parse(&of_process(pid, "stat")?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// As [`Stat::of`], from a line of text.
    #[cfg(test)]
    pub fn of_text(line: &str) -> Option<Self> {
        Self::parse(line.as_bytes())
    }

    /// The name stands in parentheses and may itself hold spaces and parentheses: the last one closes it.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, tail) = text.rsplit_once(')')?;
        let program = head.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = tail.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let id = |at: usize| number(at).and_then(|number| u32::try_from(number).ok());
        Some(Self {
            program,
            state: fields.first()?.chars().next()?,
            parent: id(1)?,
            session: id(3)?,
            has_terminal: fields.get(4).is_some_and(|device| *device != "0"),
            flags: number(6)?,
            started_ticks: number(19)?,
        })
    }

    /// Whether it executes a program: not a thread of the kernel, not a zombie.
    pub fn lives(&self) -> bool {
        self.flags & KERNEL_THREAD == 0 && !matches!(self.state, 'Z' | 'X')
    }
}

/// When a process started, in seconds since the epoch, to compare it with the age of files.
///
/// # Errors
/// Of the system; `InvalidData` if `/proc/stat` has no boot time.
pub fn started_unix(started_ticks: u64) -> io::Result<u64> {
    let text = read(Path::new("/proc/stat"), 1 << 20)?;
    let boot = String::from_utf8_lossy(&text)
        .lines()
        .find_map(|line| line.strip_prefix("btime ")?.trim().parse::<u64>().ok())
        .ok_or(io::ErrorKind::InvalidData)?;
    Ok(boot + started_ticks / ticks_per_second()?)
}

/// For how long a process has lived. No setting of the clock changes it.
///
/// # Errors
/// Of the system; `InvalidData` if `/proc/uptime` is not what the kernel writes.
pub fn lives_for(started_ticks: u64) -> io::Result<Duration> {
    let text = read(Path::new("/proc/uptime"), 1 << 10)?;
    let text = String::from_utf8_lossy(&text);
    let up = text
        .split_ascii_whitespace()
        .next()
        .and_then(|up| up.parse().ok());
    let up = Duration::try_from_secs_f64(up.ok_or(io::ErrorKind::InvalidData)?);
    let up = up.map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(up.saturating_sub(Duration::from_secs(started_ticks / ticks_per_second()?)))
}

fn ticks_per_second() -> io::Result<u64> {
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK)?.unwrap_or(100);
    Ok(u64::try_from(per_second).unwrap_or(100).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_whatever_the_program_is_called() {
        let tail = "S 7 42 43 0 -1 4194560 1 0 0 0 1 2 3 4 20 0 1 0 8815 1000 10 18446744073709551615";
        for name in ["java", "a b", "evil) R 1 1", "((x))", ""] {
            let stat = Stat::parse(format!("42 ({name}) {tail}\n").as_bytes()).unwrap();
            assert_eq!(stat.program, name);
            assert_eq!((stat.state, stat.parent, stat.session), ('S', 7, 43), "{name}");
            assert_eq!((stat.started_ticks, stat.lives()), (8815, true), "{name}");
        }
        for broken in ["", "42", "42 (x", "42 (x) S 1"] {
            assert_eq!(Stat::parse(broken.as_bytes()), None, "{broken:?}");
        }
    }

    #[test]
    fn zombies_and_kernel_threads_do_not_live() {
        let line = |state: char, flags: u64| {
            let text = format!("2 (x) {state} 1 1 1 0 -1 {flags} 0 0 0 0 0 0 0 0 0 0 0 0 5 0");
            Stat::parse(text.as_bytes()).unwrap().lives()
        };
        assert!(line('D', 0) && line('R', 0x0040_0000));
        assert!(!line('Z', 0) && !line('X', 0) && !line('S', 0x0020_8040));
    }

    #[test]
    fn this_process_started_after_the_boot_and_not_in_the_future() {
        let stat = Stat::of(std::process::id()).unwrap();
        let now = jiff::Timestamp::now().as_second().unsigned_abs();
        let started = started_unix(stat.started_ticks).unwrap();
        assert!(started <= now + 2 && started + 3600 > now, "{started} {now}");
        let lives = lives_for(stat.started_ticks).unwrap();
        assert!(lives < Duration::from_secs(3600), "{lives:?}");
        assert!(lives_for(0).unwrap() > lives, "the first process is older");
    }
}
