//! Bundles on a web server: a list of them, and each fetched once, in pieces if need be. Nothing that comes from there is
//! believed: who signed a bundle counts, and not who served it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::HEAD_BYTES;
use crate::bundle::shelf::{LIST_BYTES, LIST_NAME, Listed, parse};
use crate::config::Web;
use crate::config::vendor_tool::Proxy;
use crate::model::{Progress, Work};
use crate::sys::clock::Deadline;
use crate::sys::http::{Answer, Piece};
use crate::sys::lock::{Attempt, Lock, lock_within};
use crate::sys::root::Root;
use crate::sys::{fs, hashing, host, http, interrupt};

use super::cache::name_for;
use super::secret;

/// For the list, and for the beginning of a bundle; for so long a server may be silent, too.
const PATIENCE: Duration = Duration::from_secs(60);
/// For all of one bundle, at most; also for another run to fetch it.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);
/// How often whoever waits for another run looks whether somebody asks for a stop.
const BEAT: Duration = Duration::from_millis(100);
/// What a fetched bundle leaves free: the server's logs may lie on the same file system.
const SPARE_BYTES: u64 = 64 << 20;
/// Where the environment names a proxy that other programs would use.
const ENVIRONMENT: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// What a server says of how a bundle begins.
pub enum Head {
    /// The first bytes of it.
    Bytes(Vec<u8>),
    /// It does not serve this one, and why.
    Withheld(Failure),
}

/// A server, and the folder in which what was fetched from it is kept.
pub struct Shelf<'a> {
    web: &'a Web,
    dir: PathBuf,
    silence: Duration,
}

impl<'a> Shelf<'a> {
    /// Nothing is asked yet.
    pub fn new(web: &'a Web, cache_dir: &Path) -> Self {
        let dir = cache_dir.join("web").join(name_for(Path::new(&web.url)));
        Self {
            web,
            dir,
            silence: PATIENCE,
        }
    }

    /// Where a bundle lies once it was fetched.
    pub fn place(&self, listed: &Listed) -> PathBuf {
        self.dir.join(format!("{}.pitstop", listed.sha256))
    }

    /// What the server lists. What was fetched before and is listed no more is removed.
    ///
    /// # Errors
    /// `source`: it does not answer, or not with a list.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let asked = self.ask(LIST_NAME, None, PATIENCE)?;
        let bytes = self.body(LIST_NAME, asked, None)?;
        let listed = parse(&bytes).map_err(|why| self.failed(LIST_NAME, &why))?;
        fs::make_private_dirs(&self.dir).map_err(|error| Failure::io("make the folder", &self.dir, error))?;
        for entry in fs::list_dir(&self.dir).unwrap_or_default() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_listed = |listed: &Listed| name.starts_with(&listed.sha256.to_string());
            if !listed.iter().any(is_listed) {
                // It is only kept to save time.
                let _ = fs::remove_if_exists(&entry.path());
            }
        }
        Ok(listed)
    }

    /// How a bundle begins: enough to know what it leads to.
    ///
    /// # Errors
    /// `source`: the server does not answer, or cannot serve anything.
    pub fn head(&self, listed: &Listed) -> Result<Head> {
        // What was fetched is what is listed; how it began when it was asked for may have been something else.
        if let Ok(bytes) = fs::read_head(&self.place(listed), HEAD_BYTES) {
            return Ok(Head::Bytes(bytes));
        }
        if let Ok(bytes) = fs::read(&self.head_file(listed), HEAD_BYTES) {
            return Ok(Head::Bytes(bytes));
        }
        let range = (0, HEAD_BYTES.min(listed.size));
        match self.ask(&listed.name, Some(range), PATIENCE)? {
            (status @ (403 | 404 | 410), _) => Ok(Head::Withheld(self.unserved(&listed.name, status))),
            asked => self.body(&listed.name, asked, Some(HEAD_BYTES)).map(Head::Bytes),
        }
    }

    /// Keeps how a bundle begins, so that it is not asked for again. Only for what was found to be in order: an answer that was wrong
    /// once would be remembered as long as the bundle is listed.
    pub fn keep_head(&self, listed: &Listed, bytes: &[u8]) {
        let kept = self.head_file(listed);
        if fs::metadata(&kept).is_ok() {
            return;
        }
        if let Err(error) = fs::write_atomic(&kept, bytes) {
            tracing::debug!(path = %kept.display(), %error, "cannot keep how a bundle begins");
        }
    }

    /// The bundles that were fetched and are still kept.
    pub fn kept(&self) -> Vec<PathBuf> {
        let entries = fs::list_dir(&self.dir).unwrap_or_default();
        let paths = entries.iter().map(std::fs::DirEntry::path);
        paths
            .filter(|path| path.extension().is_some_and(|end| end == "pitstop"))
            .collect()
    }

    fn head_file(&self, listed: &Listed) -> PathBuf {
        self.dir.join(format!("{}.head", listed.sha256))
    }

    /// Fetches a bundle, unless it is here already. What was fetched before the connection broke is not fetched again.
    ///
    /// # Errors
    /// `source`: the server does not answer, or falls silent. `digest`: it serves something else than it lists. `limits`: it is too
    /// large. `space`: there is no room for it. `locked`: another run fetches it and does not end. `cancelled`: somebody asks for a
    /// stop.
    pub fn fetch(&self, listed: &Listed, limit: u64, progress: &dyn Progress) -> Result<PathBuf> {
        let place = self.place(listed);
        let is_here = || fs::metadata(&place).is_ok_and(|found| found.len() == listed.size);
        if is_here() {
            return Ok(place);
        }
        if listed.size > limit {
            let message = format!(
                "{} has {} bytes, more than {limit}",
                self.url(&listed.name),
                listed.size
            );
            return Err(Failure::new(ErrorKind::Limits, message)
                .hint("raise `limits` in the settings if it is genuine"));
        }
        let _alone = self.lock(listed)?;
        // Another run may have fetched it meanwhile.
        if is_here() {
            return Ok(place);
        }
        let part = self.dir.join(format!("{}.part", listed.sha256));
        let failed = |error| Failure::io("write", &part, error);
        self.complete(&part, listed, progress)?;
        let read = || {
            hashing::hash(
                &mut fs::open(&part)?,
                &mut vec![0; 256 << 10],
                &crate::model::NoProgress,
            )
        };
        if read().map_err(failed)? != listed.sha256 {
            fs::remove_if_exists(&part).map_err(failed)?;
            let message = format!("{} is not what the server lists", self.url(&listed.name));
            return Err(Failure::new(ErrorKind::Digest, message)
                .hint("run `pitstop bundle publish` where the bundles are put, and run again"));
        }
        // Or a power cut could leave a file of the right length with nothing in it, which passes for the bundle.
        fs::sync_file(&part).map_err(failed)?;
        fs::rotate(&part, &place).map_err(failed)?;
        Ok(place)
    }

    /// Gets what a part lacks of its bundle.
    fn complete(&self, part: &Path, listed: &Listed, progress: &dyn Progress) -> Result<()> {
        let failed = |error| Failure::io("write", part, error);
        let _work = Work::begin(progress, "fetching the bundle", listed.size);
        let mut have = fs::metadata(part).map_or(0, |found| found.len());
        if have > listed.size {
            fs::remove_if_exists(part).map_err(failed)?;
            have = 0;
        }
        progress.advance(have);
        if have == listed.size {
            return Ok(());
        }
        self.refuse_full(part, listed, have)?;
        let asked = self.ask(&listed.name, Some((have, listed.size)), LONG)?;
        let (status, answer) = self.served(&listed.name, asked)?;
        if status != 206 {
            fs::remove_if_exists(part).map_err(failed)?;
            have = 0;
        }
        let mut file = fs::open_append(part).map_err(failed)?;
        while have < listed.size {
            let why = match answer.piece()? {
                Some(Piece::Bytes(mut bytes)) => {
                    bytes.truncate(usize::try_from(listed.size - have).unwrap_or(usize::MAX));
                    file.write_all(&bytes).map_err(|error| unwritten(part, error))?;
                    have += bytes.len() as u64;
                    progress.advance(bytes.len() as u64);
                    continue;
                }
                Some(Piece::Broke(why)) => why,
                _ => "the connection ended in the middle".to_owned(),
            };
            let size = listed.size;
            let so_far =
                format!("{why}; {have} of {size} bytes are here, and the next run goes on from there");
            return Err(self.failed(&listed.name, &so_far));
        }
        Ok(())
    }

    /// Refuses a bundle that there is no room for, before a byte of it comes.
    fn refuse_full(&self, part: &Path, listed: &Listed, have: u64) -> Result<()> {
        let look = || Root::open(&self.dir)?.space(None);
        let space = look().map_err(|error| Failure::io("look at the space of", &self.dir, error))?;
        let missing = listed.size - have;
        if missing.saturating_add(SPARE_BYTES) <= space.free_bytes {
            return Ok(());
        }
        discard(part);
        let message = format!(
            "not enough space in {} for {}: {} MiB needed and {} MiB to spare, {} MiB free",
            self.dir.display(),
            self.url(&listed.name),
            missing.div_ceil(1 << 20),
            SPARE_BYTES >> 20,
            space.free_bytes >> 20
        );
        Err(Failure::new(ErrorKind::Space, message)
            .at(&self.dir)
            .hint("free space there, or name another folder with --state-dir"))
    }

    /// Two runs that append to one file would make neither's bundle of it.
    fn lock(&self, listed: &Listed) -> Result<Lock> {
        let path = self.dir.join(format!("{}.lock", listed.sha256));
        let deadline = Deadline::after(LONG);
        loop {
            match lock_within(&path, BEAT).map_err(|error| Failure::io("lock", &path, error))? {
                Attempt::Busy(_) if !deadline.passed() => interrupt::go_on()?,
                done => {
                    return done.held(&path, |by| {
                        format!("{} is being fetched by {by}", self.url(&listed.name))
                    });
                }
            }
        }
    }

    /// What is served: the whole list, or of a bundle no more than it was asked for.
    fn body(&self, name: &str, asked: (u16, Answer), beginning: Option<u64>) -> Result<Vec<u8>> {
        let answer = self.served(name, asked)?.1;
        let limit = beginning.unwrap_or(LIST_BYTES);
        let mut bytes = Vec::new();
        while bytes.len() as u64 <= limit {
            match answer.piece()? {
                Some(Piece::Bytes(more)) => bytes.extend(more),
                Some(Piece::Broke(why)) => return Err(self.failed(name, &why)),
                _ => return Ok(bytes),
            }
        }
        // What a server that knows no ranges sends beyond is not read.
        if beginning.is_none() {
            return Err(self.failed(name, "it is larger than it may be"));
        }
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn served(&self, name: &str, asked: (u16, Answer)) -> Result<(u16, Answer)> {
        match asked.0 {
            200 | 206 => Ok(asked),
            // Also of what leads elsewhere: that could be to where nothing is encrypted.
            status => Err(self.unserved(name, status)),
        }
    }

    fn unserved(&self, name: &str, status: u16) -> Failure {
        self.failed(name, &format!("status {status}"))
    }

    /// Asks, and waits for the status.
    fn ask(&self, name: &str, range: Option<(u64, u64)>, timeout: Duration) -> Result<(u16, Answer)> {
        let proxy = self.proxy().map(http::proxy).transpose();
        let agent = proxy
            .map_err(str::to_owned)
            .and_then(|proxy| http::agent(self.web.ca.as_deref(), timeout, proxy))
            .map_err(|why| self.failed(name, &why))?;
        let mut request = agent.get(self.url(name));
        if let Some((from, to)) = range {
            request = request.header("range", format!("bytes={from}-{}", to.saturating_sub(1)));
        }
        if let Some(path) = &self.web.token {
            request = request.header("authorization", format!("Bearer {}", secret::token(path)?));
        }
        let answer = Answer::to(request, self.silence);
        match answer.piece()? {
            Some(Piece::Status(status)) => Ok((status, answer)),
            Some(Piece::Broke(why)) => {
                let remedy = http::remedy(&why);
                Err(self.failed(name, &format!("no answer: {why}{remedy}")))
            }
            _ => Err(self.failed(name, "no answer")),
        }
    }

    /// The proxy that the server is asked over.
    fn proxy(&self) -> Option<&str> {
        let said = &self.web.proxy;
        said.https.as_deref().filter(|_| !said.spares(&self.host()))
    }

    fn host(&self) -> String {
        let uri = self.web.url.parse::<ureq::http::Uri>().unwrap_or_default();
        uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned()
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.web.url)
    }

    fn failed(&self, name: &str, why: &str) -> Failure {
        let mut hint =
            "check the address and the server; `pitstop bundle publish` writes the list that it has to serve"
                .to_owned();
        if let Some(Ok(proxy)) = self.proxy().map(http::proxy) {
            hint = format!(
                "{hint}; it was asked over the proxy {}:{}",
                proxy.host(),
                proxy.port()
            );
        } else if let Some(variable) = self.unused_proxy() {
            hint = format!(
                "{hint}; the environment's {variable} is not used: if the server is only reached over a proxy, give it with `source: \
                 {{web: {{url: …, proxy: {{https: …}}}}}}`"
            );
        }
        Failure::new(ErrorKind::Source, format!("cannot get {}: {why}", self.url(name))).hint(hint)
    }

    /// The variable by which other programs would ask over a proxy, where the settings say nothing of one.
    fn unused_proxy(&self) -> Option<&'static str> {
        if self.web.proxy != Proxy::default() {
            return None;
        }
        let environment = Proxy {
            no_proxy: host::variable("no_proxy").or_else(|| host::variable("NO_PROXY")),
            ..Proxy::default()
        };
        let is_set = |name: &&str| host::variable(name).is_some_and(|value| !value.is_empty());
        ENVIRONMENT
            .into_iter()
            .find(is_set)
            .filter(|_| !environment.spares(&self.host()))
    }
}

/// What cannot be finished for lack of space would only keep the space from others.
fn unwritten(part: &Path, error: io::Error) -> Failure {
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    ) {
        discard(part);
    }
    Failure::io("write", part, error)
}

fn discard(part: &Path) {
    if let Err(error) = fs::remove_if_exists(part) {
        tracing::warn!("cannot remove {}: {error}", part.display());
    }
}

#[cfg(test)]
#[path = "web_tests.rs"]
mod tests;
