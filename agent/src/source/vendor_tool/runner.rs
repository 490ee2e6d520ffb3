//! Starts the tool: as whom, where, with which environment, for how long.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use super::Order;
use super::candidate::Candidate;
use super::credentials::Login;
use super::transcript::Transcript;
use crate::api::{ErrorKind, Failure, Result};
use crate::model::{Digest, RelPath};
use crate::sys::clock::{Deadline, pause};
use crate::sys::lock::{Lock, try_lock_dir};
use crate::sys::process::{End, Environment, Spec, run_watched};
use crate::sys::root::Kind;
use crate::sys::{fs, host, interrupt};

/// By this variable a tool is found that a killed run has left at work in the home.
pub const TRANSACTION: &str = "PITSTOP_TRANSACTION";
/// An executable is not larger.
const LIMIT: u64 = 1 << 30;
/// How often a `HOME` is looked at that another run's tool works with.
const BEAT: Duration = Duration::from_millis(100);
/// Proxy variables: what the setting is, and the names under which programs look for it.
const PROXIES: [[&str; 2]; 3] = [
    ["http_proxy", "HTTP_PROXY"],
    ["https_proxy", "HTTPS_PROXY"],
    ["no_proxy", "NO_PROXY"],
];

/// Checks what an update needs and can be told before the tool runs.
///
/// # Errors
/// `settings`: there are no credentials, or the tool does not exist for this machine. `vendor-tool`: the pack has none. `locked`:
/// another run's tool works with the shared `HOME`.
pub fn check(order: &Order<'_>) -> Result<()> {
    order.login()?;
    lock_shared(order, Duration::ZERO)?;
    let program = order.program()?;
    for path in [Some(program), order.rules.setup.as_ref()].into_iter().flatten() {
        let found = order.root.stat(path);
        let found = found.map_err(|error| Failure::io("look at", path.under(order.root.path()), error))?;
        if found.is_some_and(|stat| stat.kind == Kind::File) {
            return Ok(());
        }
    }
    match kept_for(order, &Digest::of(&[]))? {
        Some(_) => Ok(()),
        None => Err(no_tool(order, program)),
    }
}

/// See the module.
pub(super) struct Runner<'a> {
    order: &'a Order<'a>,
    candidate: &'a Candidate,
    program: RelPath,
    /// The digest of the home's own executable; that of nothing if there is none.
    origin: Digest,
    environment: BTreeMap<String, String>,
    deadline: Deadline,
    transcript: RefCell<Transcript>,
    _shared: Option<Lock>,
}

impl<'a> Runner<'a> {
    /// Makes everything ready, and gets the tool where the pack came without it.
    ///
    /// # Errors
    /// `settings`: there are no credentials, or the tool does not exist for this machine. `vendor-tool`: it could not be
    /// fetched. `locked`: another run's tool works with the shared `HOME` and does not end.
    pub(super) fn new(order: &'a Order<'a>, candidate: &'a Candidate) -> Result<Self> {
        let login = order.login()?;
        let secrets = login.as_ref().map_or_else(Vec::new, Login::secrets);
        let program = order.program()?.clone();
        if let (Some(home), None) = (order.shared_home(), &order.user) {
            fs::make_dirs(home).map_err(|error| Failure::io("make the tool's HOME", home, error))?;
        }
        // What works in the home itself lets nobody wait while the server is down.
        let patience = match order.in_place {
            Some(_) => Duration::ZERO,
            None => Duration::from_secs(order.settings.timeout_s),
        };
        let runner = Self {
            _shared: lock_shared(order, patience)?,
            order,
            candidate,
            origin: Digest::of(&order.home_file(&program)?.unwrap_or_default()),
            program,
            environment: environment(order, candidate, login.as_ref()),
            deadline: Deadline::after(Duration::from_secs(order.settings.timeout_s)),
            transcript: RefCell::new(Transcript::begin(order.state_dir, order.alone, secrets)?),
        };
        runner.provide()?;
        Ok(runner)
    }

    /// The digest of the tool's executable; `None` if it is not there.
    pub(super) fn digest(&self) -> Result<Option<Digest>> {
        let bytes = self.candidate.read(&self.program, LIMIT)?;
        Ok(bytes.map(|bytes| Digest::of(&bytes)))
    }

    /// Runs the tool to its end.
    pub(super) fn run(&self, arguments: &[String]) -> Result<End> {
        // The right to run gets lost in archives, and in self-updates.
        self.candidate.make_executable(&self.program)?;
        self.start(&self.program, arguments)
    }

    /// Keeps the executable that the tool got for itself, so that the next run need not fetch it again. Not to be able to
    /// costs time only.
    pub(super) fn keep_newer(&self) {
        if let Err(failure) = self.try_to_keep_newer() {
            tracing::warn!("{failure}");
        }
    }

    fn try_to_keep_newer(&self) -> Result<()> {
        let (origin, kept) = (self.origin, kept_file(self.order));
        let Some(bytes) = self.candidate.read(&self.program, LIMIT)? else {
            return Ok(());
        };
        if Digest::of(&bytes) == origin {
            return Ok(());
        }
        let kept_bytes = [origin.to_string().as_bytes(), b"\n", &bytes].concat();
        let write = || {
            fs::make_private_dirs(self.order.cache_dir)?;
            fs::write_whole(&kept, &kept_bytes)
        };
        write().map_err(|error| Failure::io("keep the update tool in", &kept, error))
    }

    /// A failure of the tool, with its last words.
    pub(super) fn failure(&self, why: &str, hint: &str) -> Failure {
        let mut transcript = self.transcript.borrow_mut();
        let last = match transcript.last_lines() {
            last if last.is_empty() => "it said nothing".to_owned(),
            last => format!("its last words: {last}"),
        };
        let message = format!("the vendor's update tool {why}; {last}");
        let pack = match self.order.in_place {
            Some(_) => "the pack is put back as it was",
            None => "nothing of the pack was changed",
        };
        let hint = format!(
            "{pack}; {hint}; all that it said is in {}",
            transcript.path().display()
        );
        Failure::new(ErrorKind::VendorTool, message).hint(hint)
    }

    /// What the tool said in its last run.
    pub(super) fn last_run(&self) -> String {
        self.transcript.borrow_mut().said()
    }

    /// A newer executable from an earlier run takes the place of the home's; where there is none, it is fetched.
    fn provide(&self) -> Result<()> {
        if let Some(newer) = kept_for(self.order, &self.origin)? {
            return self.candidate.write(&self.program, &newer, 0o755);
        }
        if self.digest()?.is_some() {
            return Ok(());
        }
        let Some(setup) = &self.order.rules.setup else {
            return Err(no_tool(self.order, &self.program));
        };
        if self.candidate.mode(setup)?.is_none() {
            return Err(no_tool(self.order, &self.program));
        }
        self.candidate.make_executable(setup)?;
        let end = self.start(setup, &[])?;
        // For a machine that the vendor does not support it ends with 0 and brings nothing.
        match (end, self.digest()?) {
            (End::Code(0), Some(_)) => Ok(()),
            (End::Code(0), None) => Err(self.failure(
                &format!("was not fetched by {setup} (exit code 0)"),
                "the vendor may have none for this machine",
            )),
            (end, _) => Err(self.failure(
                &format!("could not be fetched by {setup} ({end:?})"),
                "it needs bash, curl, unzip and the vendor's hosts",
            )),
        }
    }

    fn start(&self, program: &RelPath, arguments: &[String]) -> Result<End> {
        let path = program.under(&self.candidate.path());
        let mut argv = vec![path.to_string_lossy().into_owned()];
        argv.extend_from_slice(arguments);
        let spec = Spec {
            argv,
            env: Environment::Clean(self.environment.clone()),
            user: self.order.user.clone(),
            cwd: path.parent().map(Into::into),
            stdin: None,
        };
        let mut transcript = self.transcript.borrow_mut();
        transcript.note(&format!("{program} {}", arguments.join(" ")));
        let end = run_watched(&spec, &self.deadline, &mut |chunk| {
            self.order.progress.advance(chunk.len() as u64);
            transcript.hear(chunk);
        });
        interrupt::go_on()?;
        end.map_err(|error| {
            Failure::io(
                "start the vendor's update tool",
                program.under(self.order.root.path()),
                error,
            )
        })
    }
}

/// Two tools at once may spoil for each other what they keep in a `HOME`. One that is not there yet nobody works with.
fn lock_shared(order: &Order<'_>, patience: Duration) -> Result<Option<Lock>> {
    let Some(home) = order.shared_home() else {
        return Ok(None);
    };
    let failed = |error| Failure::io("lock", home, error);
    let dir = match fs::open(home) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let deadline = Deadline::after(patience);
    loop {
        if let Some(lock) = try_lock_dir(&dir).map_err(failed)? {
            return Ok(Some(lock));
        }
        if deadline.passed() {
            let message = format!(
                "another run's update tool works with the shared HOME {}",
                home.display()
            );
            return Err(Failure::new(ErrorKind::Locked, message)
                .at(home)
                .hint("wait until that run has ended and run again"));
        }
        interrupt::go_on()?;
        pause(BEAT, &deadline);
    }
}

fn kept_file(order: &Order<'_>) -> std::path::PathBuf {
    order.cache_dir.join(format!("update-tool-{}", order.instance))
}

/// A newer executable from an earlier run, in place of the home's own with this digest.
fn kept_for(order: &Order<'_>, origin: &Digest) -> Result<Option<Vec<u8>>> {
    let path = kept_file(order);
    match fs::read(&path, LIMIT) {
        Ok(bytes) => {
            let head = format!("{origin}\n");
            Ok(bytes.strip_prefix(head.as_bytes()).map(<[u8]>::to_vec))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("read the kept update tool in", &path, error)),
    }
}

fn no_tool(order: &Order<'_>, program: &RelPath) -> Failure {
    let home = order.root.path();
    let message = format!("{} has no update tool: there is no {program}", home.display());
    Failure::new(ErrorKind::VendorTool, message)
        .at(program.under(home))
        .hint("put the vendor's tool there, or use a pack that comes with it")
}

fn environment(order: &Order<'_>, candidate: &Candidate, login: Option<&Login>) -> BTreeMap<String, String> {
    let home = order.shared_home().cloned().unwrap_or_else(|| candidate.home());
    let mut variables = login.map_or_else(BTreeMap::new, |login| login.variables(&order.rules.credentials));
    variables.insert("HOME".to_owned(), home.to_string_lossy().into_owned());
    variables.insert(
        "TMPDIR".to_owned(),
        candidate.tmp().to_string_lossy().into_owned(),
    );
    variables.insert("TERM".to_owned(), "dumb".to_owned());
    if let Some(transaction) = order.in_place {
        variables.insert(TRANSACTION.to_owned(), transaction.to_owned());
    }
    let proxy = &order.settings.proxy;
    for (names, said) in PROXIES.iter().zip([&proxy.http, &proxy.https, &proxy.no_proxy]) {
        for name in names {
            if let Some(value) = said.clone().or_else(|| host::variable(name)) {
                variables.insert((*name).to_owned(), value);
            }
        }
    }
    variables
}
