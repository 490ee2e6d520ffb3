//! What a test arranges on its host: mounts that nobody else sees, disks that lose their power, other users, runs that are
//! held in the middle.

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, geteuid};
use serde_json::Value;

use super::{Answer, Lab};

/// Says that a test proves nothing on this host. Past the capture of the test's output, so that everybody sees it.
#[allow(clippy::explicit_write, reason = "the test harness captures what is printed")]
pub fn skipped(why: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test").to_owned();
    writeln!(std::io::stderr(), "\nskipped: {name}: {why}").unwrap();
}

/// Gives this thread, and the programs that it starts, a mount table of their own. Whatever they mount vanishes with them.
/// Without the right to do so, the reason.
pub fn own_mounts() -> Result<(), String> {
    if !geteuid().is_root() {
        return Err("only root can mount".to_owned());
    }
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| {
            mount(
                nothing,
                "/",
                nothing,
                MsFlags::MS_REC | MsFlags::MS_PRIVATE,
                nothing,
            )
        })
        .map_err(|error| format!("this host gives no mount table of one's own: {error}"))
}

/// Something mounted, until this is dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    pub fn tmpfs(at: &Path, options: &str) -> Self {
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(options)).unwrap();
        Self(at.to_owned())
    }

    /// Another name for a file or a directory.
    pub fn bind(from: &Path, at: &Path) -> Self {
        let nothing = None::<&str>;
        mount(Some(from), at, nothing, MsFlags::MS_BIND, nothing).unwrap();
        Self(at.to_owned())
    }

    /// A directory where it is, but read-only.
    pub fn read_only(at: &Path) -> Self {
        let mounted = Self::bind(at, at);
        let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        let nothing = None::<&str>;
        mount(nothing, at, nothing, flags, nothing).unwrap();
        mounted
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// A file system in a file. What nobody synced is not in the file yet: a copy of it, made while it is mounted, is what
/// a power cut would leave.
pub struct Disk {
    at: PathBuf,
    image: PathBuf,
}

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing reaches the disk by the mere passing of time, and no rename is synced out of courtesy.
const HARSH: &str = "loop,noauto_da_alloc,commit=600";

impl Disk {
    /// Makes an ext4 file system and mounts it; the reason where the host does not let one.
    pub fn make(image: &Path, at: &Path) -> Result<Self, String> {
        File::create(image)
            .and_then(|file| file.set_len(24 << 20))
            .unwrap();
        tool(Command::new("mkfs.ext4").args(["-q", "-m", "0"]).arg(image))?;
        let disk = Self {
            at: at.to_owned(),
            image: image.to_owned(),
        };
        disk.mount(image)?;
        Ok(disk)
    }

    /// Makes all that was written durable, on this disk alone: others may count on what theirs has not.
    pub fn sync(&self) {
        nix::unistd::syncfs(File::open(&self.at).unwrap()).unwrap();
    }

    /// What a power cut would leave now.
    pub fn cut(&self, image: &Path) {
        let copied = tool(
            Command::new("cp")
                .arg("--sparse=always")
                .args([&self.image, &image.to_owned()]),
        );
        copied.unwrap();
    }

    /// Mounts a copy of an image in the place of this file system, as after the boot.
    pub fn boot(&mut self, image: &Path) {
        self.unmount();
        self.image = self.image.with_extension("booted");
        let copied = tool(
            Command::new("cp")
                .arg("--sparse=always")
                .arg(image)
                .arg(&self.image),
        );
        copied.and_then(|()| self.mount(&self.image)).unwrap();
    }

    /// Makes the file system write its journal, as it does from time to time: names become durable, contents do not.
    pub fn write_journal(&self) {
        let file = File::create(self.at.join("unrelated")).unwrap();
        file.sync_all().unwrap();
    }

    fn mount(&self, image: &Path) -> Result<(), String> {
        tool(Command::new("mount").args(["-o", HARSH]).arg(image).arg(&self.at))
    }

    /// A program that another test is just starting holds this one's open files until it runs: it is busy for so long.
    fn unmount(&self) {
        let began = Instant::now();
        while let Err(error) = umount2(&self.at, MntFlags::empty()) {
            assert!(
                error == Errno::EBUSY && began.elapsed() < PATIENCE,
                "cannot unmount {}: {error}",
                self.at.display()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

fn tool(command: &mut Command) -> Result<(), String> {
    let output = command
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!(
            "{command:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        ))
    }
}

/// Runs the program as another user, wherever it lies.
pub fn run_as(lab: &Lab, uid: u32, args: &[&str]) -> Answer {
    let program = File::open(env!("CARGO_BIN_EXE_pitstop")).unwrap();
    let mut command = Command::new(format!("/proc/self/fd/{}", program.as_raw_fd()));
    let like = lab.command(args);
    command
        .env_clear()
        .envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .args(args)
        .stdin(Stdio::null())
        .uid(uid)
        .gid(uid);
    let output = command.output().unwrap();
    Answer {
        code: output.status.code(),
        report: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A run that faults hold in the middle.
pub struct Held {
    pid: Pid,
    stdout: File,
}

impl Held {
    /// Starts it.
    pub fn start(lab: &Lab, args: &[&str], fault: &str) -> Self {
        Self::start_with(lab, args, fault, &[])
    }

    /// The same with more variables.
    #[allow(clippy::zombie_processes, reason = "`wait` waits, also for a stop")]
    pub fn start_with(lab: &Lab, args: &[&str], fault: &str, env: &[(&str, &str)]) -> Self {
        let stdout = tempfile::tempfile().unwrap();
        let child = lab
            .command(args)
            .env("PITSTOP_FAULT", fault)
            .envs(env.iter().copied())
            .stdout(stdout.try_clone().unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        Self { pid, stdout }
    }

    /// Waits until it is held, or else has ended with this answer.
    pub fn wait(&mut self) -> Option<Answer> {
        let began = Instant::now();
        let flags = WaitPidFlag::WUNTRACED | WaitPidFlag::WNOHANG;
        let code = loop {
            match waitpid(self.pid, Some(flags)).unwrap() {
                WaitStatus::StillAlive if began.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                WaitStatus::StillAlive => {
                    kill(self.pid, Signal::SIGKILL).unwrap();
                    panic!("it is neither held nor does it end");
                }
                WaitStatus::Stopped(..) => return None,
                WaitStatus::Exited(_, code) => break Some(code),
                _ => break None,
            }
        };
        let mut text = String::new();
        self.stdout.rewind().unwrap();
        self.stdout.read_to_string(&mut text).unwrap();
        Some(Answer {
            code,
            report: serde_json::from_str(&text).unwrap_or(Value::Null),
            stderr: String::new(),
        })
    }

    /// Lets it go on until it is held again or has ended.
    pub fn go_on(&mut self) -> Option<Answer> {
        kill(self.pid, Signal::SIGCONT).unwrap();
        self.wait()
    }

    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }
}

/// Waits until it is so.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Lets other users into a laboratory.
pub fn open_to_all(lab: &Lab) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(lab.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
}
