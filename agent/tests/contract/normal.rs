//! Takes out of a recorded call what differs between hosts and runs, so that the committed file is stable.

use std::path::Path;

use pitstop::sys::host;
use regex::{Captures, Regex};
use serde_json::{Map, Value, json};

/// What one laboratory calls differently in each run, and what the recordings call it.
pub struct Normal {
    names: Vec<(Regex, String)>,
    plans: Vec<String>,
    pids: Vec<u64>,
    moments: Regex,
    random: Regex,
    durations: Regex,
    fractions: Regex,
    processes: Regex,
    /// How often a server that does not start was asked before it ended is a matter of luck.
    refused: Regex,
    /// Where the host's name puts it among others.
    place: Regex,
}

/// Finds a word where it stands alone.
fn whole(word: &str) -> Regex {
    Regex::new(&format!(r"\b{}\b", regex::escape(word))).unwrap()
}

impl Normal {
    pub fn new(dir: &Path) -> Self {
        // The program resolves symlinks on the way to the home, but not on the way to the packs.
        let real = dir.canonicalize().unwrap();
        let folders = [dir, &real].map(|dir| Regex::new(&regex::escape(dir.to_str().unwrap())).unwrap());
        let mut names = folders.map(|folder| (folder, "/srv/lab".to_owned())).to_vec();
        names.push((whole(&host::name()), "host-1".to_owned()));
        Self {
            names,
            plans: Vec::new(),
            pids: Vec::new(),
            moments: Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").unwrap(),
            random: Regex::new(r"\b(\d{6})-[0-9a-f]{8}\b").unwrap(),
            durations: Regex::new(r"\b\d+ ms\b").unwrap(),
            fractions: Regex::new(r"\b\d+\.\d s\b").unwrap(),
            processes: Regex::new(r"\b(pid|process) (\d+)\b").unwrap(),
            place: Regex::new(r"\bplace \d+\.\d\d %").unwrap(),
            refused: Regex::new(r"^(not asked|.*: Connection refused.*)$").unwrap(),
        }
    }

    /// Calls a word by another one from now on.
    pub fn name(&mut self, word: &str, name: &str) {
        self.names.push((whole(word), name.to_owned()));
    }

    /// The file's content.
    pub fn recording(&mut self, args: &[&str], exit: i32, mut report: Value) -> Value {
        self.learn(&report);
        self.value(&mut report);
        let argv: Vec<String> = args.iter().map(|word| self.text(word)).collect();
        json!({"argv": argv, "exit": exit, "report": report})
    }

    /// Plans and processes are numbered in the order in which they are first seen.
    fn learn(&mut self, value: &Value) {
        match value {
            Value::Object(fields) => {
                if let (Some(Value::String(id)), true) =
                    (fields.get("id"), fields.contains_key("base_revision"))
                    && !self.plans.contains(id)
                {
                    self.plans.push(id.clone());
                }
                if let Some(pid) = fields.get("pid").and_then(Value::as_u64)
                    && !self.pids.contains(&pid)
                {
                    self.pids.push(pid);
                }
                fields.values().for_each(|value| self.learn(value));
            }
            Value::Array(items) => items.iter().for_each(|value| self.learn(value)),
            _ => {}
        }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => self.fields(fields),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn fields(&self, fields: &mut Map<String, Value>) {
        for (key, value) in fields.iter_mut() {
            match (key.as_str(), &value) {
                ("host", _) => *value = "host-1".into(),
                ("percent", Value::Number(_)) => *value = 12.34.into(),
                ("pid", Value::Number(pid)) => *value = self.pid(pid.as_u64().unwrap()).into(),
                ("started_ticks" | "attempts", _) => *value = 1.into(),
                ("free_bytes", _) => *value = (10_u64 << 30).into(),
                ("uid" | "gid", _) => *value = 1000.into(),
                ("by", Value::String(_)) => *value = "alice".into(),
                // It covers the owners of the files.
                ("base_revision", _) => *value = "b".repeat(64).into(),
                ("program", Value::String(program)) if program.starts_with("python") => {
                    *value = "python3".into()
                }
                (_, Value::Number(_)) if key == "ms" || key.ends_with("_ms") => *value = 0.into(),
                _ => self.value(value),
            }
        }
    }

    fn pid(&self, pid: u64) -> u64 {
        let place = self.pids.iter().position(|known| *known == pid);
        place.map_or(pid, |place| 4711 + place as u64)
    }

    fn numbered(&self, pid: &str) -> String {
        pid.parse()
            .map_or_else(|_| pid.to_owned(), |pid| self.pid(pid).to_string())
    }

    fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (found, name) in &self.names {
            text = found.replace_all(&text, name.as_str()).into_owned();
        }
        for (place, id) in self.plans.iter().enumerate() {
            text = text.replace(id, &format!("{:016x}", 0xa0 + place));
        }
        text = self
            .moments
            .replace_all(&text, "2026-01-01T00:00:00Z")
            .into_owned();
        text = self
            .random
            .replace_all(&text, |found: &Captures<'_>| format!("{}-5eed5eed", &found[1]))
            .into_owned();
        text = self.durations.replace_all(&text, "1 ms").into_owned();
        text = self.fractions.replace_all(&text, "1.0 s").into_owned();
        text = self.place.replace_all(&text, "place 12.34 %").into_owned();
        text = self.refused.replace(&text, "no answer").into_owned();
        self.processes
            .replace_all(&text, |found: &Captures<'_>| {
                format!("{} {}", &found[1], self.numbered(&found[2]))
            })
            .into_owned()
    }
}
