"""What stands for the configuration mapper: the cases that are publicly known, with its files, logs and failures."""

import hashlib
import json
import os
import re
import shutil
import tomllib


class Refused(Exception):
    """The mapper gives up: the server exits with 1."""


def run(home, conf, log, force=False, settings_only=False):
    """Regenerates what it has to and returns the settings. `settings_only` is MI's avoidConfigHashRead."""
    resources = home / "repository/resources/conf"
    toml_file = home / conf / "deployment.toml"
    if not toml_file.exists():
        log("WARN", f"deployment.toml not found at {toml_file}")
        return {}
    try:
        settings = tomllib.loads(toml_file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"invalid deployment.toml: {error}") from error
    templates = sorted((resources / "templates").rglob("*.j2"))
    if not templates:
        raise Refused("no templates")
    outputs = {str(path.relative_to(resources / "templates"))[:-3]: path for path in templates}
    inputs = [*templates, *sorted(resources.glob("*.json"))]
    why = reason(home, conf, resources, inputs, toml_file, force, settings_only)
    if why:
        for level, text in why:
            log(level, text)
        generate(home, resources, settings, outputs)
    backup(home, outputs)
    record(home, conf, resources, inputs, outputs, toml_file)
    return settings


def reason(home, conf, resources, inputs, toml_file, force, settings_only):
    """Why everything is to be regenerated, as log lines; nothing if it is not."""
    if force:
        return [("INFO", "Applying configurations forcefully")]
    known = read_pairs(resources / ".metadata/metadata_config.properties")
    known_inputs = read_pairs(resources / ".metadata/metadata_template.properties")
    if known is None and known_inputs is None:
        return [("INFO", "Initializing configurations with deployment configurations")]
    if settings_only:
        changed = (known or {}).get(f"{conf}/deployment.toml") != digest(toml_file)
        return [("INFO", "Applying configurations with deployment configurations")] if changed else []
    for name in known or {}:
        if not (home / name).exists():
            raise Refused(f"cannot read {home / name}")
    for path in inputs:
        name = str(path.relative_to(home))
        if name not in (known_inputs or {}):
            return [("WARN", f"New Configurations found in :{path}"), ("INFO", "Applying Configurations upon new Templates")]
        if known_inputs[name] != digest(path):
            return [("WARN", f"Configurations templates Changed in :{path}"), ("INFO", "Applying Configurations upon new Templates")]
    for name, value in (known or {}).items():
        if digest(home / name) != value:
            return [("INFO", f"Configurations Changed in :{home / name}"), ("INFO", f"Overriding files in configuration directory {home}")]
    references = read_pairs(resources / ".metadata/references.properties") or {}
    if any(os.environ.get(name[4:], "") != value for name, value in references.items()):
        return [("WARN", f"Configuration value changed in references, Overriding files in the configuration directory{home}")]
    return []


def generate(home, resources, settings, outputs):
    default = json.loads((resources / "default.json").read_text(encoding="utf-8"))
    server, admin = settings.get("server", {}), settings.get("super_admin", {})
    values = {
        "hostname": server.get("hostname", default["server.hostname"]), "offset": server.get("offset", default["server.offset"]),
        "heap": default["heap"], "password": admin.get("password", ""),
    }
    for name, template in outputs.items():
        text = re.sub(r"\{\{(\w+)\}\}", lambda found: str(values[found[1]]), template.read_text(encoding="utf-8"))
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(resolved(text), encoding="utf-8")


def resolved(text):
    return re.sub(r"\$env\{(\w+)\}", lambda found: os.environ.get(found[1], ""), text)


def backup(home, outputs):
    """One generation, deleted and made anew at each start."""
    try:
        shutil.rmtree(home / "backup", ignore_errors=False) if (home / "backup").exists() else None
        for name in outputs:
            (home / "backup" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(home / name, home / "backup" / name)
    except OSError as error:
        raise Refused(f"cannot write the backup: {error}") from error


def record(home, conf, resources, inputs, outputs, toml_file):
    generated = {name: digest(home / name) for name in [*outputs, f"{conf}/deployment.toml"]}
    write_pairs(resources / ".metadata/metadata_config.properties", generated)
    write_pairs(resources / ".metadata/metadata_template.properties", {str(path.relative_to(home)): digest(path) for path in inputs})
    used = re.findall(r"\$env\{(\w+)\}", toml_file.read_text(encoding="utf-8"))
    write_pairs(resources / ".metadata/references.properties", {f"env:{name}": os.environ.get(name, "") for name in used})


def digest(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def read_pairs(path):
    if not path.exists():
        return None
    lines = (line.rsplit("=", 1) for line in path.read_text(encoding="utf-8").splitlines() if line)
    return {name.replace("\\:", ":").replace("\\ ", " "): value for name, value in lines}


def write_pairs(path, pairs):
    path.parent.mkdir(parents=True, exist_ok=True)
    escaped = (f"{name.replace(':', chr(92) + ':').replace(' ', chr(92) + ' ')}={value}" for name, value in pairs.items())
    path.write_text("\n".join(escaped) + "\n", encoding="utf-8")
