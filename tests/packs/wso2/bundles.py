"""What stands for the launcher's extensions: each start writes bundles into the pack and rewrites bundles.info."""

import time
import zipfile


def prepare(home, product):
    """Makes bundles of plain jars, rewrites bundles.info; returns the symbolic names that two bundles have."""
    dropins = home / product.dropins
    dropins.mkdir(parents=True, exist_ok=True)
    for jar in sorted((home / product.lib).glob("*.jar")):
        made = dropins / f"{jar.stem.replace('-', '_')}_1.0.0.jar"
        with zipfile.ZipFile(made, "w") as out:
            when = time.localtime()[:6]  # other bytes at each start
            out.writestr(zipfile.ZipInfo("META-INF/MANIFEST.MF", when), f"Manifest-Version: 1.0\nBundle-SymbolicName: {jar.stem}\nBundle-Version: 1.0.0\n")
    write_ini(home, product)
    return rewrite(home, product, dropins)


def rewrite(home, product, dropins):
    info = home / product.osgi / "bundles.info"
    lines = [line for line in info.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    entries = {line.split(",")[2]: line for line in lines if "/dropins/" not in line}
    known = {tuple(line.split(",")[:2]) for line in entries.values()}
    for jar in sorted(dropins.glob("*.jar")):
        name, version = identity(jar)
        if (name, version) not in known:
            entries[f"../dropins/{jar.name}"] = f"{name},{version},../dropins/{jar.name},4,true"
    missing = [place for place in entries if not (home / product.components / place[3:]).exists() and not (dropins / place.rsplit("/", 1)[1]).exists()]
    info.write_text("\n".join(sorted(entries.values())) + "\n", encoding="utf-8")
    names = [identity(jar)[0] for folder in (home / product.components / "plugins", dropins) for jar in sorted(folder.glob("*.jar"))]
    return sorted({name for name in names if names.count(name) > 1}) + missing


def list_lib(home, product):
    """The launcher of the Streaming Integrator: its list is what is in `lib`, if it is not that already."""
    names = [(*identity(jar), jar.name) for jar in sorted((home / product.lib).glob("*.jar"))]
    text = "".join(f"{name},{version},../../lib/{file},4,true\n" for name, version, file in names)
    info = home / product.osgi / "bundles.info"
    if info.read_text(encoding="utf-8") != text:
        info.write_text(text, encoding="utf-8")


def write_ini(home, product):
    """The absolute path of the pack, as the launcher writes it."""
    (home / product.components / "default").mkdir(parents=True, exist_ok=True)
    (home / product.components / "default/null.ini").write_text(f"-install\n{home / product.components}\n", encoding="utf-8")


def identity(jar):
    with zipfile.ZipFile(jar) as archive:
        lines = archive.read("META-INF/MANIFEST.MF").decode().splitlines()
    fields = dict(line.split(": ", 1) for line in lines if ": " in line)
    return fields["Bundle-SymbolicName"].split(";")[0], fields["Bundle-Version"]
