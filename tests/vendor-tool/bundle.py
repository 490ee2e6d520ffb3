#!/usr/bin/env python3
"""Bundles the stand-in into one executable file, and installs it into a pack.

bundle.py file FILE [--version V] [--service DIR]      only the executable
bundle.py install HOME [--version V] [--service DIR] [--arch arm64] [--mode 0644] [--setup-script]

The version is the last bytes of the file, so two versions differ. With --service the executable knows its catalogue by
itself; else the variable STANDIN_SERVICE names it. With --setup-script only bin/update_tool_setup.sh is put there, which
fetches the executable as newer packs do.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path
from typing import Optional

HERE = Path(__file__).resolve().parent
VERSION = "1.5.0"
NAMES = {"amd64": "wso2update_linux", "arm64": "wso2update_linux_arm64"}
DATE = (2026, 1, 1, 0, 0, 0)


def bundle(version: str = VERSION, service: Optional[Path] = None) -> bytes:
    """A zip that Python runs, behind a line that names the interpreter. The same input gives the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for module in sorted((HERE / "standin").glob("*.py")):
            place = "__main__.py" if module.name == "__main__.py" else f"standin/{module.name}"
            out.writestr(zipfile.ZipInfo(place, DATE), module.read_bytes())
        if service is not None:
            out.writestr(zipfile.ZipInfo("service", DATE), str(service.resolve()))
        out.comment = version.encode()
    return b"#!/usr/bin/env python3\n" + packed.getvalue()


def write(file: Path, version: str = VERSION, service: Optional[Path] = None, mode: int = 0o755) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bundle(version, service))
    file.chmod(mode)


def install(home: Path, version: str = VERSION, service: Optional[Path] = None, arch: str = "amd64", mode: int = 0o755) -> Path:
    """Puts the executable where packs have it."""
    file = home / "bin" / NAMES[arch]
    write(file, version, service, mode)
    return file


def install_setup_script(home: Path, service: Optional[Path] = None) -> Path:
    text = (HERE / "update_tool_setup.sh").read_text(encoding="utf-8")
    if service is not None:
        text = text.replace("${STANDIN_SERVICE:-}", f"${{STANDIN_SERVICE:-{service.resolve()}}}")
    script = home / "bin/update_tool_setup.sh"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(text, encoding="utf-8")
    script.chmod(0o755)
    return script


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, target in (("file", "file"), ("install", "home")):
        one = verbs.add_parser(verb)
        one.add_argument(target, type=Path)
        one.add_argument("--version", default=VERSION)
        one.add_argument("--service", type=Path)
    one.add_argument("--arch", choices=sorted(NAMES), default="amd64")
    one.add_argument("--mode", type=lambda text: int(text, 8), default=0o755)
    one.add_argument("--setup-script", action="store_true")
    asked = parser.parse_args()
    if asked.verb == "file":
        write(asked.file, asked.version, asked.service)
    elif asked.setup_script:
        install_setup_script(asked.home, asked.service)
    else:
        install(asked.home, asked.version, asked.service, asked.arch, asked.mode)


if __name__ == "__main__":
    main()
