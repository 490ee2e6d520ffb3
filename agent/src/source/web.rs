//! Bundles on a web server: a list of them, and each fetched once, in pieces if need be. Nothing that comes from there is
//! believed: who signed a bundle counts, and not who served it.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::api::{ErrorKind, Failure, Result};
use crate::bundle::archive::HEAD_BYTES;
use crate::bundle::shelf::{LIST_BYTES, LIST_NAME, Listed, parse};
use crate::config::Web;
use crate::model::{Progress, Work};
use crate::sys::lock::{Lock, lock_within};
use crate::sys::{fs, hashing, http};

use super::cache::name_for;
use super::secret;

/// For the list, and to begin with a bundle.
const PATIENCE: Duration = Duration::from_secs(60);
/// For all of one bundle, at most; also for another run to fetch it.
const LONG: Duration = Duration::from_secs(6 * 60 * 60);

/// A server, and the folder in which what was fetched from it is kept.
pub struct Shelf<'a> {
    web: &'a Web,
    dir: PathBuf,
}

impl<'a> Shelf<'a> {
    /// Nothing is asked yet.
    pub fn new(web: &'a Web, cache_dir: &Path) -> Self {
        let dir = cache_dir.join("web").join(name_for(Path::new(&web.url)));
        Self { web, dir }
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
        let bytes = self.get(LIST_NAME, None, LIST_BYTES)?;
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
    /// `source`: the server does not answer.
    pub fn head(&self, listed: &Listed) -> Result<Vec<u8>> {
        // What was fetched is what is listed; how it began when it was asked for may have been something else.
        if let Ok(bytes) = fs::read_head(&self.place(listed), HEAD_BYTES) {
            return Ok(bytes);
        }
        if let Ok(bytes) = fs::read(&self.head_file(listed), HEAD_BYTES) {
            return Ok(bytes);
        }
        let range = (0, HEAD_BYTES.min(listed.size));
        self.get(&listed.name, Some(range), HEAD_BYTES)
    }

    /// Keeps how a bundle begins, so that it is not asked for again. Only for what was found to be in order: an answer that was wrong
    /// once would be remembered as long as the bundle is listed.
    ///
    /// # Errors
    /// Of the system.
    pub fn keep_head(&self, listed: &Listed, bytes: &[u8]) -> Result<()> {
        let kept = self.head_file(listed);
        if fs::metadata(&kept).is_ok() {
            return Ok(());
        }
        let written = fs::write_atomic(&kept, bytes);
        written.map_err(|error| Failure::io("write", &kept, error))
    }

    fn head_file(&self, listed: &Listed) -> PathBuf {
        self.dir.join(format!("{}.head", listed.sha256))
    }

    /// Fetches a bundle, unless it is here already. What was fetched before the connection broke is not fetched again.
    ///
    /// # Errors
    /// `source`: the server does not answer. `digest`: it serves something else than it lists. `limits`: it is too large.
    /// `locked`: another run fetches it and does not end.
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
        let _work = Work::begin(progress, "fetching the bundle", listed.size);
        let mut have = fs::metadata(&part).map_or(0, |found| found.len());
        if have > listed.size {
            fs::remove_if_exists(&part).map_err(failed)?;
            have = 0;
        }
        progress.advance(have);
        if have < listed.size {
            let mut response = self.ask(&listed.name, Some((have, listed.size)), LONG)?;
            if response.status().as_u16() != 206 {
                fs::remove_if_exists(&part).map_err(failed)?;
                have = 0;
            }
            let mut file = fs::open_append(&part).map_err(failed)?;
            let mut body = response.body_mut().as_reader().take(listed.size - have);
            let mut buffer = vec![0; 256 << 10];
            loop {
                let n = match body.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(self.failed(&listed.name, &error.to_string())),
                };
                file.write_all(&buffer[..n]).map_err(failed)?;
                progress.advance(n as u64);
            }
        }
        let read = || {
            hashing::hash(
                &mut fs::open(&part)?,
                &mut vec![0; 256 << 10],
                &crate::model::NoProgress,
            )
        };
        if read().map_err(failed)? != listed.sha256 {
            let size = fs::metadata(&part).map_or(0, |found| found.len());
            if size < listed.size {
                return Err(self.failed(&listed.name, "the connection ended in the middle"));
            }
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

    /// Two runs that append to one file would make neither's bundle of it.
    fn lock(&self, listed: &Listed) -> Result<Lock> {
        let path = self.dir.join(format!("{}.lock", listed.sha256));
        lock_within(&path, LONG)
            .map_err(|error| Failure::io("lock", &path, error))?
            .held(&path, |by| {
                format!("{} is being fetched by {by}", self.url(&listed.name))
            })
    }

    fn get(&self, name: &str, range: Option<(u64, u64)>, limit: u64) -> Result<Vec<u8>> {
        let mut response = self.ask(name, range, PATIENCE)?;
        let mut bytes = Vec::new();
        // What a server that knows no ranges sends beyond is not read.
        let take = if range.is_some() { limit } else { limit + 1 };
        let read = response.body_mut().as_reader().take(take).read_to_end(&mut bytes);
        read.map_err(|error| self.failed(name, &error.to_string()))?;
        match bytes.len() as u64 > limit {
            true => Err(self.failed(name, "it is larger than it may be")),
            false => Ok(bytes),
        }
    }

    fn ask(
        &self,
        name: &str,
        range: Option<(u64, u64)>,
        timeout: Duration,
    ) -> Result<ureq::http::Response<ureq::Body>> {
        let agent = http::agent(self.web.ca.as_deref(), timeout).map_err(|why| self.failed(name, &why))?;
        let mut request = agent.get(self.url(name));
        if let Some((from, to)) = range {
            request = request.header("range", format!("bytes={from}-{}", to.saturating_sub(1)));
        }
        if let Some(path) = &self.web.token {
            request = request.header("authorization", format!("Bearer {}", secret::token(path)?));
        }
        let response = request.call().map_err(|error| {
            let why = error.to_string();
            self.failed(name, &format!("no answer: {why}{}", http::remedy(&why)))
        })?;
        match response.status().as_u16() {
            200 | 206 => Ok(response),
            // Also of what leads elsewhere: that could be to where nothing is encrypted.
            status => Err(self.failed(name, &format!("status {status}"))),
        }
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.web.url)
    }

    fn failed(&self, name: &str, why: &str) -> Failure {
        Failure::new(ErrorKind::Source, format!("cannot get {}: {why}", self.url(name))).hint(
            "check the address and the server; `pitstop bundle publish` writes the list that it has to serve",
        )
    }
}
