#!/usr/bin/env python3
"""Puts the demo product together: the same bytes, modes and times on every machine.

build.py levels                      the levels that can be built
build.py tree LEVEL DIR              a pack as a directory, which must not exist yet
build.py archive LEVEL FILE          a pack as FILE: .zip, .tar.gz or .tar.zst (needs the program zstd)
build.py customise HOME --port N     an operator's changes to an unpacked pack
"""

import argparse
import gzip
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "demo"
GROWS_FROM = {"1.0.0": None, "1.1.0": "1.0.0", "1.1.1": "1.1.0", "1.2.0": "1.1.0"}
REMOVED = {"1.1.0": ["webapps/console/legacy.js"]}
EXECUTABLE = {"bin/server.py", "bin/start.sh", "bin/stop.sh"}
BUILT_AT = 1767225600  # 2026-01-01; each level is a day younger than the one before


def ancestry(level):
    """The level and those that it grows from, the oldest first."""
    chain = []
    while level is not None:
        chain.insert(0, level)
        level = GROWS_FROM[level]
    return chain


def noise(seed, size):
    """Bytes that look random and are the same everywhere."""
    blocks = (hashlib.sha256(f"{seed}:{i}".encode()).digest() for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def zip_entry(name, mode, date=(2026, 1, 1, 0, 0, 0)):
    info = zipfile.ZipInfo(name, date)
    info.create_system = 3  # Unix, so that the mode counts
    info.external_attr = mode << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def jar(name, version, classes):
    """A library as products ship them: a real zip with a manifest and something that stands for classes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        manifest = f"Manifest-Version: 1.0\nImplementation-Title: {name}\nImplementation-Version: {version}\n"
        out.writestr(zip_entry("META-INF/MANIFEST.MF", 0o100644), manifest)
        for i in range(classes):
            body = b"\xca\xfe\xba\xbe" + noise(f"{name}-{version}-{i}", 700) + b"\0" * 900
            out.writestr(zip_entry(f"demo/{name.capitalize()}{i}.class", 0o100644), body)
    return packed.getvalue()


def made_files(level):
    """What is better made than stored."""
    return {
        "VERSION": f"demo-server {level}\n".encode(),
        f"lib/core-{level}.jar": jar("core", level, 120),
        "lib/codec-2.3.1.jar": jar("codec", "2.3.1", 40),
        f"lib/http-{'4.0' if level == '1.0.0' else '4.1'}.jar": jar("http", "4.0" if level == "1.0.0" else "4.1", 60),
        "conf/keystore.p12": noise(f"vendor-keystore-{level}", 2048),
    }


def mode_of(path, level):
    if path == "conf/credentials.properties":
        return 0o600
    if path in EXECUTABLE or (path == "bin/report.sh" and level != "1.0.0"):
        return 0o755
    return 0o644


def pack_files(level):
    """Path → (bytes, mode) of every file of a level."""
    files = {}
    for step in ancestry(level):
        folder = SOURCES / step
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                files[file.relative_to(folder).as_posix()] = file.read_bytes()
        for path in REMOVED.get(step, []):
            del files[path]
    files.update(made_files(level))
    return {path: (content, mode_of(path, level)) for path, content in sorted(files.items())}


def write_tree(level, target):
    target.mkdir(parents=True)
    for path, (content, mode) in pack_files(level).items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
    (target / "plugins").mkdir()
    (target / "lib/core.jar").symlink_to(f"core-{level}.jar")
    when = BUILT_AT + 86400 * sorted(GROWS_FROM).index(level)
    for folder, names, file_names in os.walk(target, topdown=False):
        os.chmod(folder, 0o755)
        for name in names + file_names:
            os.utime(os.path.join(folder, name), (when, when), follow_symlinks=False)
    os.utime(target, (when, when))


def write_zip(tree, top, file):
    with zipfile.ZipFile(file, "w") as out:
        for path in sorted(tree.rglob("*")):
            name = f"{top}/{path.relative_to(tree).as_posix()}"
            mode = path.lstat().st_mode
            if path.is_symlink():
                out.writestr(zip_entry(name, mode), os.readlink(path))
            elif path.is_dir():
                out.writestr(zip_entry(name + "/", mode), b"")
            else:
                out.writestr(zip_entry(name, mode), path.read_bytes())


def tar_bytes(tree, top):
    def plain(info):
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        return info

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as out:
        out.add(tree, top, recursive=False, filter=plain)
        for path in sorted(tree.rglob("*")):
            out.add(path, f"{top}/{path.relative_to(tree).as_posix()}", recursive=False, filter=plain)
    return packed.getvalue()


def write_archive(level, file):
    top = f"demo-server-{level}"
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        tree = Path(scratch) / top
        write_tree(level, tree)
        if file.name.endswith(".zip"):
            write_zip(tree, top, file)
        elif file.name.endswith(".tar.gz"):
            file.write_bytes(gzip.compress(tar_bytes(tree, top), mtime=0))
        elif file.name.endswith(".tar.zst"):
            zstd = subprocess.run(["zstd", "-q", "-c"], input=tar_bytes(tree, top), stdout=subprocess.PIPE, check=True)
            file.write_bytes(zstd.stdout)
        else:
            sys.exit(f"{file}: not .zip, .tar.gz or .tar.zst")


def replace(file, old, new):
    text = file.read_text(encoding="utf-8")
    if text.count(old) != 1:
        sys.exit(f"{file}: expected `{old}` exactly once")
    file.write_text(text.replace(old, new), encoding="utf-8")


def customise(home, port):
    """What operators do to a pack: settings, a secret, a page, a keystore, a driver, an extension."""
    replace(home / "conf/server.properties", "server.port=8098", f"server.port={port}")
    replace(home / "conf/app.yaml", 'greeting: "Welcome"', 'greeting: "Good morning from operations"')
    replace(home / "conf/app.yaml", "theme: light", "theme: dark")
    replace(home / "conf/credentials.properties", "change-me", "0perator-s3cret")
    replace(home / "conf/logging.properties", "pattern=%d %p %m", "pattern=%d{ISO8601} %p [%t] %m")
    replace(home / "webapps/console/index.html", "<h1>Demo console</h1>", "<h1>Demo console of the Acme shop</h1>")
    (home / "conf/keystore.p12").write_bytes(noise("customer-keystore", 3072))
    (home / "lib/ext").mkdir()
    (home / "lib/ext/jdbc-driver-42.7.jar").write_bytes(jar("driver", "42.7", 10))
    (home / "plugins/audit.json").write_text('{"sink": "syslog"}\n', encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("levels")
    for verb, target in (("tree", "dir"), ("archive", "file")):
        one = verbs.add_parser(verb)
        one.add_argument("level", choices=sorted(GROWS_FROM))
        one.add_argument(target, type=Path)
    one = verbs.add_parser("customise")
    one.add_argument("home", type=Path)
    one.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    if asked.verb == "levels":
        print("\n".join(sorted(GROWS_FROM)))
    elif asked.verb == "tree":
        if asked.dir.exists():
            sys.exit(f"{asked.dir} exists already")
        write_tree(asked.level, asked.dir)
    elif asked.verb == "archive":
        asked.file.parent.mkdir(parents=True, exist_ok=True)
        write_archive(asked.level, asked.file)
    else:
        customise(asked.home, asked.port)


if __name__ == "__main__":
    main()
