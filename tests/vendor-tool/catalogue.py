#!/usr/bin/env python3
"""Makes a service directory for the stand-in from any product tree.

catalogue.py SERVICE TREE LEVELS.json [--product NAME-VERSION] [--tool V…]

LEVELS.json is a list of levels, each an object with `level` and any of these (paths are relative to the product):
  write {path: text}, edit {path: [[old, new], …]}, removes_file [path, …]      what the level changes, exactly
                         (called from Python, a text to write may be bytes)
  rename_jar path        the jar gets a fourth version digit, or one more; bundles.info follows if it names the jar
  leave_old_jar          … and the old jar is forgotten in the list of removals
  touches_bundles_info, touches_template, touches_generated_conf, touches_start_script, touches_deployment_toml
                         true: the first such file of the tree; a path: this one
  readds_profile_removed_file path     changes a file that a profile optimisation may have removed
  new_dbscripts          adds dbscripts/standin-LEVEL.sql
  changes_mode {path: "0755"}, changes_owner {path: [uid, gid]}, symlink_target {path: target}
  broken_unless_via N    a jump over level N leaves the jars of this level as they were
  big BYTES              the size that the level claims, for the disk rule
  summary, instructions  texts
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Any, Callable, Optional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import bundle  # noqa: E402
from standin.catalogue import File, md5, read_file  # noqa: E402

USERS = {"user@example.com": "pw$1"}
JAR = re.compile(r"(?P<name>.+)_(?P<base>\d+\.\d+\.\d+)(?:\.(?P<fix>\d+))?\.jar")


def next_jar(path: str) -> str:
    """`a.b_1.2.3.jar` → `a.b_1.2.3.1.jar` → `a.b_1.2.3.2.jar`."""
    found = JAR.fullmatch(path)
    if not found:
        raise ValueError(f"{path}: not named like a bundle")
    return f"{found['name']}_{found['base']}.{int(found['fix'] or 0) + 1}.jar"


def touched(path: str, data: bytes, level: int) -> bytes:
    """The text with one more thing in it that belongs to the level, in the language of the file."""
    text, mark = data.decode(), f"standin level {level}"
    if path.endswith(".json"):
        return (json.dumps({**json.loads(text), f"standin_{level}": level}, indent=2) + "\n").encode()
    if path.endswith((".xml", ".xml.j2", ".html", ".jag")):
        head, close, tail = text.rpartition("</")
        return f"{head}<!-- {mark} -->\n{close}{tail}".encode()
    if path.endswith((".sql", ".js")):
        return f"{text}{'--' if path.endswith('.sql') else '//'} {mark}\n".encode()
    return f"{text}# {mark}\n".encode()


class Level:
    """The files of a level while it is put together."""

    def __init__(self, tree: dict[str, File], spec: dict[str, Any]):
        self.tree, self.spec, self.number = tree, spec, spec["level"]
        self.before = dict(tree)
        self.owners: dict[str, Any] = {}
        self.jars: list[str] = []
        self.kept: set[str] = set()

    def put(self, path: str, data: bytes, mode: Optional[int] = None) -> None:
        there = self.tree.get(path)
        self.tree[path] = File(data, mode if mode is not None else there.mode if there else 0o644)

    def pick(self, wanted: Any, fits: Callable[[str], bool]) -> str:
        if isinstance(wanted, str):
            return wanted
        found = next((path for path in sorted(self.tree) if fits(path)), None)
        if found is None:
            raise ValueError(f"level {self.number}: the tree has no such file")
        return found

    def touch(self, wanted: Any, fits: Callable[[str], bool]) -> None:
        path = self.pick(wanted, fits)
        self.put(path, touched(path, self.tree[path].data, self.number))

    def edit(self, path: str, pairs: list[list[str]]) -> None:
        text = self.tree[path].data.decode()
        for old, new in pairs:
            if text.count(old) != 1:
                raise ValueError(f"level {self.number}: {path} has `{old}` {text.count(old)} times")
            text = text.replace(old, new)
        self.put(path, text.encode())

    def rename_jar(self, old: str) -> None:
        new = next_jar(old)
        self.put(new, rebuilt_jar(self.tree[old].data, self.number))
        self.jars += [old, new]
        del self.tree[old]
        if self.spec.get("leave_old_jar"):
            self.kept.add(old)
        self._list_bundle(old.rpartition("/")[2], new.rpartition("/")[2])

    def _list_bundle(self, old: str, new: str) -> None:
        for path in [path for path in self.tree if path.endswith("bundles.info")]:
            text = self.tree[path].data.decode()
            versions = [name[: -len(".jar")].rpartition("_")[2] for name in (old, new)]
            lines = [line.replace(old, new).replace(f",{versions[0]},", f",{versions[1]},") if old in line else line
                     for line in text.splitlines()]
            self.put(path, ("\n".join(lines) + "\n").encode())

    def build(self) -> dict[str, File]:
        spec, has_template = self.spec, self._templates()
        for path, text in spec.get("write", {}).items():
            self.put(path, text if isinstance(text, bytes) else text.encode())
        for path, pairs in spec.get("edit", {}).items():
            self.edit(path, pairs)
        if "rename_jar" in spec:
            self.rename_jar(spec["rename_jar"])
        fits: dict[str, Callable[[str], bool]] = {
            "touches_bundles_info": lambda path: path.endswith("bundles.info"),
            "touches_template": lambda path: path.endswith(".j2"),
            "touches_generated_conf": lambda path: path in has_template,
            "touches_start_script": lambda path: path.startswith("bin/") and path.endswith(".sh"),
            "touches_deployment_toml": lambda path: path.endswith("conf/deployment.toml"),
            "readds_profile_removed_file": lambda path: False,
        }
        for name, rule in fits.items():
            if spec.get(name):
                self.touch(spec[name], rule)
        if spec.get("new_dbscripts"):
            self.put(f"dbscripts/standin-{self.number}.sql", b"CREATE TABLE standin (id INT);\n")
        self._attributes()
        return self.tree

    def _templates(self) -> set[str]:
        lead = "repository/resources/conf/templates/"
        return {path[len(lead):-len(".j2")] for path in self.tree if path.startswith(lead) and path.endswith(".j2")}

    def _attributes(self) -> None:
        for path in self.spec.get("removes_file", []):
            del self.tree[path]
        for path, mode in self.spec.get("changes_mode", {}).items():
            self.put(path, self.tree[path].data, int(mode, 8))
        for path, target in self.spec.get("symlink_target", {}).items():
            self.tree[path] = File(link=target)
        self.owners = self.spec.get("changes_owner", {})

    def write(self, folder: Path) -> None:
        """update.json and the new files."""
        changed = [path for path in sorted(self.tree) if self.tree[path] != self.before.get(path) or path in self.owners]
        files = {path: self.tree[path] for path in changed if self.tree[path].link is None}
        for path, file in files.items():
            place = folder / "files" / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.data)
        described = {
            "level": self.number,
            "added": [path for path in changed if path not in self.before],
            "modified": [path for path in changed if path in self.before],
            "removed": sorted(set(self.before) - set(self.tree) - self.kept),
            "links": {path: self.tree[path].link for path in changed if self.tree[path].link is not None},
            "modes": {path: f"{file.mode:04o}" for path, file in files.items()},
            "owners": self.owners,
            "md5": {path: md5(file.data) for path, file in files.items()},
            "size": self.spec.get("big"),
            "broken_unless_via": self.spec.get("broken_unless_via"),
            "broken_paths": self.jars,
            "instructions": self.spec.get("instructions", ""),
            "summary": self.spec.get("summary", ""),
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "update.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")


def rebuilt_jar(data: bytes, level: int) -> bytes:
    """A jar with one member more, or other bytes if it is none."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data + f"level {level}".encode()
    packed = io.BytesIO(data)
    with zipfile.ZipFile(packed, "a") as out:
        out.writestr(zipfile.ZipInfo(f"standin/Level{level}.class", (2026, 1, 1, 0, 0, 0)), f"level {level}")
    return packed.getvalue()


def tree_files(tree: Path) -> dict[str, File]:
    """The product's files without what is not the vendor's: the tool and its own directory but for product.txt."""
    found = {}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        file = read_file(path)
        if file and name.startswith(("updates/", "bin/wso2update_")) and name != "updates/product.txt":
            continue
        if file:
            found[name] = file
    return found


def build(tree: Path, service: Path, levels: list[dict[str, Any]], product: Optional[str] = None, tools: tuple = (bundle.VERSION,)) -> None:
    """Adds a product to a service directory; the parts of other products there stay."""
    product = product or (tree / "updates/product.txt").read_text(encoding="utf-8").strip()
    root = service / product
    shutil.rmtree(root, ignore_errors=True)
    files = tree_files(tree)
    for path, file in files.items():
        _write(root / "base" / path, file)
    for spec in sorted(levels, key=lambda one: one["level"]):
        level = Level(files, spec)
        files = level.build()
        level.write(root / f"levels/{level.number:04}")
        files.update({path: level.before[path] for path in level.kept})
    (service / "users.json").write_text(json.dumps(USERS) + "\n", encoding="utf-8")
    for version in tools:
        for name in bundle.NAMES.values():
            bundle.write(service / "tool" / version / name, version, service)


def _write(place: Path, file: File) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if file.link is not None:
        place.symlink_to(file.link)
    else:
        place.write_bytes(file.data)
        place.chmod(file.mode)


def hotfix(folder: Path, product: str, level: int, number: int, files: dict[str, bytes], name: str = "abc") -> Path:
    """A hotfix for one level, named as the vendor's script expects it."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{product}-{name}-hf-{number}.zip"
    with zipfile.ZipFile(target, "w") as out:
        described = {"product": product, "level": level, "md5": {path: md5(data) for path, data in files.items()}}
        out.writestr(zipfile.ZipInfo("hotfix.json", bundle.DATE), json.dumps(described))
        for path, data in sorted(files.items()):
            out.writestr(zipfile.ZipInfo(f"files/{path}", bundle.DATE), data)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("service", type=Path)
    parser.add_argument("tree", type=Path)
    parser.add_argument("levels", type=Path)
    parser.add_argument("--product", help="else what updates/product.txt says")
    parser.add_argument("--tool", nargs="+", default=[bundle.VERSION], help="versions of the client, the newest is offered")
    asked = parser.parse_args()
    levels = json.loads(asked.levels.read_text(encoding="utf-8"))
    build(asked.tree, asked.service, levels, asked.product, tuple(asked.tool))


if __name__ == "__main__":
    main()
