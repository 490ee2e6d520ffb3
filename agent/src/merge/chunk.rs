//! What a merge writes: plain text and conflicts, and how conflicts look in the file.

/// A piece of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Both sides' text, together.
    Plain(String),
    /// A person must choose.
    Conflict(Conflict),
}

/// What both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The key, as a person calls it: `server.port`; empty where there is none.
    pub path: String,
    /// The line of the operator's file where it begins, for conflicts of lines.
    pub line: Option<usize>,
    /// What each side has there: base, current, new. `None` where it is missing.
    pub values: [Option<String>; 3],
    /// The text of each side: base, current, new.
    pub texts: [String; 3],
}

/// The result, piece by piece.
#[derive(Debug, Default)]
pub struct Chunks(Vec<Chunk>);

impl Chunks {
    /// Adds plain text.
    pub fn plain(&mut self, text: &str) {
        match self.0.last_mut() {
            Some(Chunk::Plain(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.push(Chunk::Plain(text.to_owned())),
        }
    }

    /// Adds a conflict.
    pub fn conflict(&mut self, conflict: Conflict) {
        self.0.push(Chunk::Conflict(conflict));
    }

    /// Changes how it begins, on every side.
    pub fn edit_start(&mut self, edit: impl Fn(&mut String)) {
        match self.0.first_mut() {
            Some(Chunk::Plain(text)) => edit(text),
            Some(Chunk::Conflict(conflict)) => conflict.texts.iter_mut().for_each(edit),
            None => {}
        }
    }

    /// Adds other chunks.
    pub fn append(&mut self, other: Self) {
        for chunk in other.0 {
            match chunk {
                Chunk::Plain(text) => self.plain(&text),
                Chunk::Conflict(conflict) => self.conflict(conflict),
            }
        }
    }

    /// The pieces.
    pub fn iter(&self) -> impl Iterator<Item = &Chunk> {
        self.0.iter()
    }

    /// The whole text, if there is no conflict.
    pub fn clean(&self) -> Option<String> {
        let text = |chunk: &Chunk| match chunk {
            Chunk::Plain(text) => Some(text.clone()),
            Chunk::Conflict(_) => None,
        };
        self.0.iter().map(text).collect()
    }

    /// The text of one side's choice in every conflict: 0 base, 1 current, 2 new.
    pub fn side(&self, side: usize) -> String {
        let text = |chunk: &Chunk| match chunk {
            Chunk::Plain(text) => text.clone(),
            Chunk::Conflict(conflict) => conflict.texts.get(side).cloned().unwrap_or_default(),
        };
        self.0.iter().map(text).collect()
    }

    /// The whole text, each conflict's chosen by its number.
    pub fn chosen<'c>(&'c self, choose: impl Fn(usize, &'c Conflict) -> &'c str) -> String {
        let mut number = 0;
        let mut text = String::new();
        for chunk in &self.0 {
            match chunk {
                Chunk::Plain(plain) => text.push_str(plain),
                Chunk::Conflict(conflict) => {
                    text.push_str(choose(number, conflict));
                    number += 1;
                }
            }
        }
        text
    }

    /// The same pieces with some conflicts decided: text for those that have one, by number.
    #[must_use]
    pub fn decided(&self, decide: impl Fn(usize, &Conflict) -> Option<String>) -> Self {
        let mut number = 0;
        let mut out = Self::default();
        for chunk in &self.0 {
            match chunk {
                Chunk::Plain(plain) => out.plain(plain),
                Chunk::Conflict(conflict) => {
                    match decide(number, conflict) {
                        Some(text) => out.plain(&text),
                        None => out.conflict(conflict.clone()),
                    }
                    number += 1;
                }
            }
        }
        out
    }

    /// Widens every conflict to whole lines; conflicts that share a line become one.
    pub fn whole_lines(self) -> Self {
        let mut out: Vec<Chunk> = Vec::new();
        // The conflict that still lacks the end of its line.
        let mut open: Option<Conflict> = None;
        for chunk in self.0 {
            match (chunk, open.take()) {
                (Chunk::Plain(text), None) => out.push(Chunk::Plain(text)),
                (Chunk::Plain(text), Some(mut conflict)) => {
                    let end = text.find('\n').map_or(text.len(), |at| at + 1);
                    let (line, rest) = text.split_at(end);
                    conflict.texts.iter_mut().for_each(|side| side.push_str(line));
                    if !line.ends_with('\n') {
                        open = Some(conflict);
                        continue;
                    }
                    out.push(Chunk::Conflict(conflict));
                    out.push(Chunk::Plain(rest.to_owned()));
                }
                (Chunk::Conflict(conflict), Some(before)) => open = Some(before.joined(conflict)),
                (Chunk::Conflict(mut conflict), None) => {
                    let begun = begun_line(&mut out);
                    conflict
                        .texts
                        .iter_mut()
                        .for_each(|side| side.insert_str(0, &begun));
                    open = Some(conflict);
                }
            }
            if open.as_ref().is_some_and(Conflict::is_whole_lines) {
                out.extend(open.take().map(Chunk::Conflict));
            }
        }
        out.extend(open.map(Chunk::Conflict));
        Self(out)
    }

    /// The text with conflict markers of that many characters, as git writes them.
    pub fn marked(&self, size: usize, newline: &str) -> String {
        let mut text = String::new();
        for chunk in &self.0 {
            match chunk {
                Chunk::Plain(plain) => text.push_str(plain),
                Chunk::Conflict(conflict) => conflict.mark(size, newline, &mut text),
            }
        }
        text
    }

    /// How many conflicts there are.
    pub fn conflicts(&self) -> impl Iterator<Item = &Conflict> {
        self.0.iter().filter_map(|chunk| match chunk {
            Chunk::Conflict(conflict) => Some(conflict),
            Chunk::Plain(_) => None,
        })
    }
}

/// Takes the line that is begun but not ended off the end of what is written.
fn begun_line(out: &mut [Chunk]) -> String {
    match out.last_mut() {
        Some(Chunk::Plain(text)) => {
            let start = text.rfind('\n').map_or(0, |at| at + 1);
            text.split_off(start)
        }
        _ => String::new(),
    }
}

impl Conflict {
    fn is_whole_lines(&self) -> bool {
        self.texts
            .iter()
            .all(|text| text.is_empty() || text.ends_with('\n'))
    }

    fn joined(mut self, other: Self) -> Self {
        if !other.path.is_empty() {
            self.path = [self.path, other.path].join(", ");
        }
        for (mine, its) in self.texts.iter_mut().zip(other.texts) {
            mine.push_str(&its);
        }
        for (mine, its) in self.values.iter_mut().zip(other.values) {
            *mine = match (mine.take(), its) {
                (Some(a), Some(b)) => Some([a, b].join(", ")),
                (a, b) => a.or(b),
            };
        }
        self
    }

    fn mark(&self, size: usize, newline: &str, out: &mut String) {
        let [_, current, new] = &self.texts;
        let marker = |out: &mut String, marker: char, label: &str| {
            out.extend(std::iter::repeat_n(marker, size));
            out.push_str(label);
            out.push_str(newline);
        };
        marker(out, '<', " current");
        push_lines(out, current, newline);
        marker(out, '=', "");
        push_lines(out, new, newline);
        marker(out, '>', " new");
    }
}

fn push_lines(out: &mut String, text: &str, newline: &str) {
    out.push_str(text);
    if !text.is_empty() && !text.ends_with('\n') {
        out.push_str(newline);
    }
}
