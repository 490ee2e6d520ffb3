//! Who may work on an instance: lock → load state → sweep. The [`Session`] that comes of it is the token that
//! everything in `apply` and every mutating verb demands.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;

use crate::api::report::Action;
use crate::api::{ErrorKind, Failure, Result};
use crate::apply::journal::{self, Open};
use crate::apply::{owner, sweep};
use crate::config::Settings;
use crate::observe::home::HomeView;
use crate::product::Ownership;
use crate::product::ownership::for_tree;
use crate::product::profile::OwnershipRule;
use crate::store::told::RunId;
use crate::store::{State, Store};
use crate::sys::lock::{self, Attempt, Lock};
use crate::sys::process::User;
use crate::sys::root::Root;
use crate::sys::{clock, fs};

/// An instance, opened for reading.
#[derive(Debug)]
pub struct Instance {
    /// Its settings.
    pub settings: Settings,
    /// Its home.
    pub root: Root,
    /// What is remembered of it.
    pub store: Store,
    /// The settled state.
    pub state: State,
    /// The profile's ownership rules, as they are for the home.
    pub rules: Vec<OwnershipRule>,
    /// The same, compiled.
    pub ownership: Ownership,
}

impl Instance {
    /// Opens the home and loads the state.
    ///
    /// # Errors
    /// The home is missing, or the state cannot be read.
    pub fn open(settings: Settings) -> Result<Self> {
        let root = open_home(&settings)?;
        let store = Store::new(&settings.state_dir);
        let state = store.load()?;
        let rules = rules_of(&settings, &root)?;
        Ok(Self {
            ownership: Ownership::new(&rules)?,
            settings,
            root,
            store,
            state,
            rules,
        })
    }

    /// Asks the home again what its rules are, after a change of it.
    ///
    /// # Errors
    /// Its templates cannot be listed.
    pub fn renew_rules(&mut self) -> Result<()> {
        self.rules = rules_of(&self.settings, &self.root)?;
        self.ownership = Ownership::new(&self.rules)?;
        Ok(())
    }

    /// The cache of the home's digests. Losing it costs only time.
    pub fn digest_cache(&self) -> PathBuf {
        self.settings
            .cache_dir
            .join(format!("home-{}.digests", self.settings.name))
    }

    /// The last scan of the home from which its drift was told. Losing it costs only time.
    pub fn last_scan(&self) -> PathBuf {
        self.settings
            .cache_dir
            .join(format!("home-{}.scan", self.settings.name))
    }

    /// The transaction whose journal is open, if there is one.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn open_journal(&self) -> Result<Option<Open>> {
        journal::read(&self.store.journal_file())
    }

    /// The run that works on the instance just now, unless it is this one. Nobody is kept from working by the question.
    ///
    /// # Errors
    /// Of the system.
    pub fn other_run(&self) -> Result<Option<RunId>> {
        let run = self.store.run_under_way()?;
        Ok(run.filter(|run| run.pid != std::process::id()))
    }

    /// What is said where another run works on the instance.
    pub fn in_use(&self, by: &RunId) -> Failure {
        let by = format!(
            "`pitstop {}`, pid {}, since {}",
            by.action.name(),
            by.pid,
            by.began
        );
        in_use(&self.settings, &self.store, &by)
    }
}

fn rules_of(settings: &Settings, root: &Root) -> Result<Vec<OwnershipRule>> {
    for_tree(&settings.profile.ownership, |dir| HomeView(root).files_below(dir))
}

fn open_home(settings: &Settings) -> Result<Root> {
    let home = &settings.home;
    let missing = |why: &str| {
        let message = format!("the home {} of instance {} {why}", home.display(), settings.name);
        Failure::new(ErrorKind::HomeMissing, message)
            .at(home)
            .hint("unpack the product there, or correct `home` in the instance's file")
    };
    match fs::metadata(home) {
        Ok(found) if found.is_dir() => {
            Root::open(home).map_err(|error| Failure::io("open the home", home, error))
        }
        Ok(_) => Err(missing("is not a directory")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(missing("does not exist")),
        Err(error) => Err(Failure::io("look at the home", home, error)),
    }
}

/// An instance that nobody else works on.
#[derive(Debug)]
pub struct Session {
    instance: Instance,
    locks: Locks,
}

/// What keeps others from working on an instance, for as long as a copy of it lives.
pub type Locks = Arc<(Lock, Lock)>;

impl Session {
    /// Locks an instance, loads its state, and removes what earlier runs left behind without need. A transaction
    /// that was interrupted is not touched: see [`crate::verb::recover`].
    ///
    /// # Errors
    /// `locked` if another run holds it, `wrong-user` if this user may not manage it, `interrupted` if another state folder
    /// left something unfinished in it, or as [`Instance::open`].
    pub fn begin(settings: Settings, action: Action) -> Result<Self> {
        let store = Store::new(&settings.state_dir);
        let root = open_home(&settings)?;
        refuse_wrong_user(&settings, &root)?;
        store.prepare()?;
        let locks = lock_instance(&settings, &store, &root, action)?;
        let mut instance = Instance::open(settings)?;
        // The lock lives on the descriptor that took it.
        instance.root = root;
        let session = Self {
            instance,
            locks: Arc::new(locks),
        };
        owner::refuse_unfinished(&session)?;
        sweep::sweep(&session)?;
        Ok(session)
    }

    /// What keeps others away, for whoever has something to finish after the session.
    pub fn locks(&self) -> Locks {
        Arc::clone(&self.locks)
    }
}

fn refuse_wrong_user(settings: &Settings, root: &Root) -> Result<()> {
    let home = root.path();
    let owner = root
        .stat_self()
        .map_err(|error| Failure::io("look at the home", home, error))?
        .uid;
    let me = nix::unistd::geteuid();
    if me.is_root() || me.as_raw() == owner {
        return Ok(());
    }
    let message = format!(
        "user {} may not manage instance {}: its home {} belongs to {}",
        User::name_of(me.as_raw()),
        settings.name,
        home.display(),
        User::name_of(owner)
    );
    Err(Failure::new(ErrorKind::WrongUser, message)
        .at(home)
        .hint("run as root or as the owner of the home"))
}

fn in_use(settings: &Settings, store: &Store, by: &str) -> Failure {
    let message = format!("instance {} is in use by {by}", settings.name);
    Failure::new(ErrorKind::Locked, message)
        .at(store.lock_file())
        .hint(format!(
            "`pitstop attach {}` shows that run; run again once it has ended",
            settings.name
        ))
}

fn lock_instance(settings: &Settings, store: &Store, root: &Root, action: Action) -> Result<(Lock, Lock)> {
    let path = store.lock_file();
    let who = format!(
        "`pitstop {}`, pid {}, since {}, by {}",
        action.name(),
        std::process::id(),
        clock::now_rfc3339(),
        User::name_of(nix::unistd::geteuid().as_raw())
    );
    let busy = |by: &str| {
        // It may hold the lock already and not have said yet who it is.
        in_use(settings, store, if by.is_empty() { "another run" } else { by })
    };
    match lock::try_lock(&path, &who).map_err(|error| Failure::io("lock", &path, error))? {
        Attempt::Busy(by) => Err(busy(&by)),
        Attempt::Held(own) => match lock::try_lock_dir(root.fd()) {
            Ok(Some(home)) => Ok((own, home)),
            Ok(None) => Err(busy("a run with another state folder")),
            Err(error) => Err(Failure::io("lock the home", root.path(), error)),
        },
    }
}

impl Deref for Session {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.instance
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Instance {
        &mut self.instance
    }
}
