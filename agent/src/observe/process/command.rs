//! What a command line says of the code that a process runs. Pure.

use std::path::Path;

/// Programs that only look at files, carry them away, or hand over to another program. They are never a server,
/// whatever stands in their command lines.
pub(super) const TOOLS: &[&str] = &[
    "awk",
    "borg",
    "cat",
    "chmod",
    "chown",
    "cp",
    "curl",
    "cut",
    "dd",
    "diff",
    "du",
    "emacs",
    "entr",
    "find",
    "fuser",
    "gdb",
    "git",
    "grep",
    "gzip",
    "head",
    "inotifywait",
    "jar",
    "jcmd",
    "jmap",
    "joe",
    "jq",
    "jstack",
    "less",
    "ln",
    "ls",
    "lsof",
    "mc",
    "md5sum",
    "more",
    "mv",
    "nano",
    "ncdu",
    "nvim",
    "pgrep",
    "pitstop",
    "pkill",
    "ps",
    "puppet",
    "rclone",
    "restic",
    "rg",
    "rm",
    "rsync",
    "runuser",
    "scp",
    "screen",
    "sed",
    "sftp-server",
    "sha256sum",
    "sort",
    "ssh",
    "sshd",
    "stat",
    "strace",
    "su",
    "sudo",
    "tail",
    "tar",
    "tee",
    "tmux",
    "top",
    "tree",
    "unzip",
    "vi",
    "view",
    "vim",
    "vim.basic",
    "vim.tiny",
    "watch",
    "wc",
    "wget",
    "xargs",
    "xxd",
    "xz",
    "zcat",
    "zip",
    "zstd",
];
pub(super) const SHELLS: &[&str] = &["ash", "bash", "busybox", "dash", "ksh", "mksh", "sh", "zsh"];

/// Programs that run the file that they are given, with the letters of the options that bring the code along or name a
/// module, and the options whose value stands apart.
const INTERPRETERS: &[(&str, &str, &[&str])] = &[
    ("deno", "", &["-c", "--config"]),
    ("dotnet", "", &["--depsfile", "--runtimeconfig"]),
    ("lua", "e", &["-l"]),
    ("mono", "", &[]),
    ("node", "ep", &["-r", "--require", "--import", "--loader"]),
    ("nodejs", "ep", &["-r", "--require", "--import", "--loader"]),
    ("perl", "eE", &["-I"]),
    ("php", "r", &["-c", "-d"]),
    ("pypy", "cm", &["-W", "-X"]),
    ("python", "cm", &["-W", "-X"]),
    ("ruby", "e", &["-I", "-r"]),
];
const JVMS: &[&str] = &["java", "jsvc"];
const CLASS_PATHS: &[&str] = &["-cp", "-classpath", "--class-path", "-p", "--module-path"];

/// The script that a shell was told to run; `None` for a command text or an interactive shell.
pub(super) fn script_of(args: &[String]) -> Option<&str> {
    let mut rest = args.iter().skip(1).map(String::as_str);
    while let Some(arg) = rest.next() {
        match arg {
            "--" => return rest.next(),
            "-o" | "+o" | "-O" | "--rcfile" | "--init-file" => drop(rest.next()),
            _ if arg.starts_with("--") || arg.starts_with('+') => {}
            _ if arg.starts_with('-') && arg.contains('c') => return None,
            _ if arg.starts_with('-') => {}
            // What `busybox` was asked to be.
            _ if SHELLS.contains(&arg) => {}
            _ => return Some(arg),
        }
    }
    None
}

/// Where the code of a process may be: of an interpreter's arguments only the first that is a file counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Code<'a> {
    /// This file or folder.
    At(&'a str),
    /// The first of these that is there.
    AnyOf(Vec<&'a str>),
}

/// What a process runs besides its program, as far as its command line says so. Its other arguments can be anything: a log
/// to watch, a folder to back up, another server's configuration.
pub(super) fn code<'a>(exe: Option<&Path>, args: &'a [String]) -> Option<Code<'a>> {
    let called = args.first().map(Path::new);
    let programs: Vec<&str> = [called, exe]
        .into_iter()
        .flatten()
        .filter_map(plain_name)
        .collect();
    if programs.iter().any(|program| JVMS.contains(program)) {
        return code_of_jvm(args).map(Code::At);
    }
    let (_, letters, apart) = INTERPRETERS.iter().find(|(name, ..)| programs.contains(name))?;
    Some(Code::AnyOf(files_given(args, letters, apart)))
}

/// The name of a program without its version: `python` for `python3.11`.
fn plain_name(program: &Path) -> Option<&str> {
    let name = program.file_name()?.to_str()?;
    Some(name.trim_end_matches(|c: char| c.is_ascii_digit() || ".-".contains(c)))
}

/// The jar, or the first entry of the class path that holds code. Entries of folders come first where a server's
/// configuration lies elsewhere, and `tools.jar` where it needs a compiler.
fn code_of_jvm(args: &[String]) -> Option<&str> {
    let mut rest = args.iter().skip(1).map(String::as_str);
    while let Some(arg) = rest.next() {
        match (arg, arg.split_once('=')) {
            ("-jar", _) => return rest.next(),
            (name, _) if CLASS_PATHS.contains(&name) => return rest.next().and_then(first_with_code),
            (_, Some((name, path))) if CLASS_PATHS.contains(&name) => return first_with_code(path),
            (file, _) if file.starts_with('@') => return Some(&file[1..]),
            _ => {}
        }
    }
    None
}

fn first_with_code(path: &str) -> Option<&str> {
    let entries = || path.split(':').filter(|entry| !entry.is_empty());
    let is_code = |entry: &&str| {
        (entry.ends_with(".jar") || entry.ends_with('*'))
            && Path::new(entry).file_name() != Some("tools.jar".as_ref())
    };
    let first = entries().find(is_code).or_else(|| entries().next())?;
    Some(first.trim_end_matches('*'))
}

fn files_given<'a>(args: &'a [String], letters: &str, apart: &[&str]) -> Vec<&'a str> {
    let mut files = Vec::new();
    let mut rest = args.iter().skip(1).map(String::as_str);
    while let Some(arg) = rest.next() {
        if files.is_empty() && brings_code(arg, letters) {
            break;
        } else if apart.contains(&arg) {
            rest.next();
        } else if !arg.is_empty() && !arg.starts_with('-') {
            files.push(arg);
        }
    }
    files
}

/// Options of one letter may stand together: `-ne`.
fn brings_code(arg: &str, letters: &str) -> bool {
    let cluster = arg.strip_prefix('-').filter(|rest| rest.len() < 4);
    let is_short =
        |rest: &str| rest.chars().all(char::is_alphabetic) && rest.ends_with(|c| letters.contains(c));
    cluster.is_some_and(is_short) || ["--eval", "--print"].contains(&arg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_its_code_from_what_it_only_mentions() {
        let at = |path| Some(Code::At(path));
        let any = |paths: &[&'static str]| Some(Code::AnyOf(paths.to_vec()));
        let table: &[(&str, Option<Code<'_>>)] = &[
            ("java -Dx=/a -jar /b/x.jar /c", at("/b/x.jar")),
            ("java -cp /b/x.jar:/c/y.jar Main -p 8080", at("/b/x.jar")),
            ("java -classpath /etc/x:/b/lib/*:/c/y.jar Main", at("/b/lib/")),
            (
                "/jdk/bin/java -cp /jdk/lib/tools.jar:/b/x.jar Main",
                at("/b/x.jar"),
            ),
            ("java -cp ::classes Main", at("classes")),
            (
                "java --add-opens a/b=ALL --module-path=/b/mods -m x/Main",
                at("/b/mods"),
            ),
            ("java @/b/args Main", at("/b/args")),
            ("java -javaagent:/m/agent.jar Main /a", None),
            ("python3 -u /b/x.py /a", any(&["/b/x.py", "/a"])),
            ("python3.11 -W ignore /b/x.py", any(&["/b/x.py"])),
            ("/usr/bin/python3 -m http.server --directory /a", any(&[])),
            ("python3 /b/x.py -c /a", any(&["/b/x.py", "/a"])),
            ("node -r /m/agent.js /b/x.js", any(&["/b/x.js"])),
            ("perl -ne print /a", any(&[])),
            ("perl -I /m /b/core.pl", any(&["/b/core.pl"])),
            ("/usr/sbin/agent --path=/a /b", None),
            ("", None),
        ];
        for (line, expected) in table {
            let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
            assert_eq!(code(None, &args), *expected, "{line}");
        }
        let renamed = ["master".to_owned(), "/b/x.py".to_owned()];
        let exe = Path::new("/usr/bin/python3.11");
        assert_eq!(
            code(Some(exe), &renamed),
            any(&["/b/x.py"]),
            "told by its program"
        );
    }
}
