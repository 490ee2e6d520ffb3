//! Deciding conflicts one by one at a real terminal.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::common::{Lab, Pack, file, pack};
use nix::pty::{Winsize, openpty};

fn level(version: &str, value: &str) -> Pack {
    let text = format!("a: {value}\nb: {value}\nc: {value}\nadmin:\n  password: {value}\n");
    pack(&[
        ("VERSION", file(format!("{version}\n"))),
        ("conf/app.yaml", file(text)),
        ("bin/run.sh", file(format!("#!/bin/sh\nexec run {version}\n"))),
        ("lib/core.jar", file(format!("\0core {version}"))),
    ])
}

/// An update that waits for a person.
fn lab() -> Lab {
    let lab = Lab::new(&level("1.0.0", "old"));
    lab.offer("1.0.0", &level("1.0.0", "old"));
    lab.offer("1.1.0", &level("1.1.0", "new"));
    let packs = lab.path("packs");
    lab.instance(&format!("source: {}\n", packs.display()));
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    let mine = lab.read("conf/app.yaml").replace("old", "mine");
    lab.write(
        "conf/app.yaml",
        &mine.replace("password: mine", "password: hunter2"),
    );
    lab.write("bin/run.sh", "#!/bin/sh\nexec nice run 1.0.0\n");
    lab.write("lib/core.jar", "\0patched");
    lab.run(&["update", "lab"]).refused(3, "conflicts");
    lab
}

/// A person at a terminal of 70 columns.
struct Person {
    child: Child,
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

/// Far more than any step takes.
const PATIENCE: Duration = Duration::from_secs(60);

impl Person {
    fn sits_down(lab: &Lab, editor: &str) -> Self {
        let size = Winsize {
            ws_row: 40,
            ws_col: 70,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = lab
            .command(&["conflicts", "resolve", "lab"])
            .env("EDITOR", editor)
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let keyboard = File::from(pty.master);
        let mut reader = keyboard.try_clone().unwrap();
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading fails once nobody has the other end.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard,
            screen,
            seen: String::new(),
        }
    }

    /// Waits for a text, and returns everything up to it.
    #[track_caller]
    fn sees(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(why) => panic!("`{text}` is not shown ({why}), but:\n{}", self.seen),
            }
        }
    }

    fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    #[track_caller]
    fn leaves(mut self) -> i32 {
        let code = self.child.wait().unwrap().code().unwrap();
        drop(self.keyboard);
        code
    }
}

const ASKED: &str = "[q]uit? ";

#[test]
fn a_person_decides_one_by_one() {
    let lab = lab();
    // What a run left that was killed meanwhile: no process has this number.
    let killed = lab.path("state/instances/lab/edit-4194305");
    fs::create_dir(&killed).unwrap();
    fs::write(killed.join("app.yaml"), "password: hunter2\n").unwrap();
    // The file of the editor, as it was seen, and what becomes of it. Ctrl-C and a hang-up reach more than the editor.
    let editor = lab.path("editor");
    fs::write(
        &editor,
        format!(
            "#!/bin/sh\nrun=${{1%/*}}\nkill -INT \"${{run##*/edit-}}\" && kill -HUP \"${{run##*/edit-}}\" || exit\n\
             cp \"$1\" {0}/edited\nprintf '#!/bin/sh\\nexec edited\\n' > \"$1\"\n",
            lab.dir.path().display()
        ),
    )
    .unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let mut person = Person::sits_down(&lab, editor.to_str().unwrap());
    let shown = person.sees(ASKED);
    assert!(
        shown.contains("bin/run.sh") && shown.contains("exec nice run"),
        "{shown}"
    );
    assert!(
        shown.lines().all(|line| line.trim_end().chars().count() <= 70),
        "{shown}"
    );
    person.types("e");
    let shown = person.sees(ASKED);
    assert!(
        shown.contains("conf/app.yaml") && shown.contains("| mine"),
        "{shown}"
    );
    person.types("nonsense");
    person.sees(ASKED);
    person.types("o");
    person.sees(ASKED);
    person.types("t");
    person.sees(ASKED);
    person.types("v");
    person.sees("value: ");
    person.types("42");
    let shown = person.sees(ASKED);
    assert!(
        shown.contains("admin.password") && shown.contains("<secret>"),
        "{shown}"
    );
    person.types("v");
    person.sees("value: ");
    person.types("hunter3");
    let shown = person.sees(ASKED);
    assert!(!shown.contains("hunter"), "a secret is shown:\n{shown}");
    assert!(
        shown.contains("lib/core.jar") && !shown.contains("[v]alue"),
        "{shown}"
    );
    person.types("t");
    let shown = person.sees("--continue");
    assert!(shown.contains("all 6 conflicts"), "{shown}");
    assert_eq!(person.leaves(), 0);
    let edited = fs::read_to_string(lab.path("edited")).unwrap();
    assert!(
        edited.contains("<<<<<<< current") && edited.contains(">>>>>>> new"),
        "{edited}"
    );
    let left: Vec<_> = fs::read_dir(lab.path("state/instances/lab"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("edit-"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    lab.run(&["update", "lab", "--continue"]).expect(0, "updated");
    assert_eq!(
        lab.read("conf/app.yaml"),
        "a: mine\nb: new\nc: 42\nadmin:\n  password: hunter3\n"
    );
    assert_eq!(lab.read("bin/run.sh"), "#!/bin/sh\nexec edited\n");
    assert_eq!(lab.read("lib/core.jar"), "\0core 1.1.0");
}

#[test]
fn who_leaves_early_loses_nothing() {
    let lab = lab();
    let mut person = Person::sits_down(&lab, "true");
    // An editor that changes nothing decides nothing.
    person.sees(ASKED);
    person.types("e");
    person.sees("not changed");
    person.sees(ASKED);
    person.types("s");
    person.sees("conf/app.yaml");
    person.sees(ASKED);
    person.types("o");
    person.sees(ASKED);
    person.types("q");
    person.sees("5 of 6 conflicts");
    assert_eq!(person.leaves(), 0);
    let list = lab.run(&["conflicts", "list", "lab"]).expect(0, "conflicts");
    assert!(list.message().starts_with("5 of 6"), "{}", list.message());
}
