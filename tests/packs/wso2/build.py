#!/usr/bin/env python3
"""Puts stand-ins of the WSO2 packs together: the same bytes on every machine. See README.md.

build.py products                        what can be built
build.py tree PRODUCT-VERSION LEVEL DIR  a pack as a directory, which must not exist yet
build.py jdk DIR                         what stands for a JDK: it runs the stand-in server
"""

import argparse
import importlib.util
import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from products import PRODUCTS

spec = importlib.util.spec_from_file_location("demo_build", HERE.parent / "build.py")
demo = importlib.util.module_from_spec(spec)
spec.loader.exec_module(demo)

# As pristine as the product is released, a good update, and one whose server crashes once it is ready.
BASE, GOOD, BAD = 0, 7, 9
LEVELS = (BASE, GOOD, BAD)
PROFILES = ("control-plane", "gateway-worker", "traffic-manager")
BUNDLES = [f"org.wso2.carbon.{name}" for name in (
    "analytics", "application.deployer", "authenticator", "base", "caching", "claim.mgt", "context", "crypto", "datasource",
    "deployment", "event.core", "identity.mgt", "logging", "mediation", "ndatasource", "registry.core", "security.mgt",
    "server", "tomcat", "ui", "user.core", "utils")]


def bundle(name, version, classes=2):
    """An OSGi bundle as a real zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        manifest = ("Manifest-Version: 1.0\nBundle-ManifestVersion: 2\n"
                    f"Bundle-SymbolicName: {name};singleton:=true\nBundle-Version: {version}\n")
        out.writestr(demo.zip_entry("META-INF/MANIFEST.MF", 0o100644), manifest)
        for i in range(classes):
            out.writestr(demo.zip_entry(f"{name.replace('.', '/')}/C{i}.class", 0o100644), demo.noise(f"{name}{version}{i}", 400))
    return packed.getvalue()


def archive(entries):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, text in entries.items():
            out.writestr(demo.zip_entry(name, 0o100644), text)
    return packed.getvalue()


def script(product, up, runtime=""):
    text = (HERE / "scripts/start.sh").read_text(encoding="utf-8")
    properties = {
        "carbon": "", "ei": "-DavoidConfigUpdate=true",
        "mi": "-Dprofile=micro-integrator-default -DavoidConfigHashRead=true -DenableReadinessProbe=true -DenableLivenessProbe=true",
        "si": '-Dwso2.runtime=server -Dwso2.runtime.path="$runtime"',
    }[product.layout]
    for word, value in {
        "TITLE": product.title, "UP": up, "RUNTIME": runtime, "PID_FILE": product.pid_file, "MAIN": product.main,
        "JDK_REFUSED": product.jdk_refused, "DIAGNOSTICS": "yes" if product.diagnostics else "no", "PROPERTIES": properties,
    }.items():
        text = text.replace(f"@{word}@", value)
    return text.replace("  \\\n", " \\\n").encode()


def versions_of_bundles(level):
    """Bundle → version. The good update renames one, as the vendor's do, and removes none."""
    versions = {name: "4.9.0" for name in BUNDLES}
    if level >= GOOD:
        versions["org.wso2.carbon.user.core"] = "4.9.0.1"
    return versions


def bundles_info(product, level):
    lines = [f"{name},{version},../plugins/{name}_{version}.jar,4,true" for name, version in versions_of_bundles(level).items()]
    lines.append(f"org.wso2.vendor.dropin,{dropin_version(level)},../dropins/org.wso2.vendor.dropin_{dropin_version(level)}.jar,4,true")
    return "#encoding=UTF-8\n#version=1\n" + "\n".join(reversed(lines)) + "\n"


def dropin_version(level):
    return "1.2.3" if level < GOOD else "1.2.4"


def osgi(product, level):
    files = {f"{product.components}/plugins/{name}_{version}.jar": bundle(name, version)
             for name, version in versions_of_bundles(level).items()}
    files[f"{product.osgi}/bundles.info"] = bundles_info(product, level).encode()
    files[f"{product.components}/default/null.ini"] = b"-install\n"
    # Vendors ship jars among the customer's.
    files[f"{product.dropins}/org.wso2.vendor.dropin_{dropin_version(level)}.jar"] = bundle("org.wso2.vendor.dropin", dropin_version(level))
    return files


def templates(product, level):
    """The configuration mapper's input, and what it makes of it."""
    home = "repository/resources/conf"
    texts = {
        f"{product.conf}/carbon.xml": "<Server><Level>@LEVEL@</Level><Hostname>{{hostname}}</Hostname><Offset>{{offset}}</Offset></Server>\n",
        f"{product.conf}/axis2/axis2.xml": "<axisconfig><Heap>{{heap}}</Heap></axisconfig>\n",
        f"{product.conf}/user-mgt.xml": "<UserManager><Password>{{password}}</Password></UserManager>\n",
    }
    if level < GOOD:
        texts[f"{product.conf}/datasources/master-datasources.xml"] = "<datasources/>\n"  # gone with the update
    else:
        texts[f"{product.conf}/etc/jmx.xml"] = "<JMX/>\n"
    for profile in PROFILES if product.profiles else ():
        texts[f"{product.conf}/axis2/axis2_{profile}.xml"] = f"<axisconfig><Profile>{profile}</Profile><Level>{level}</Level></axisconfig>\n"
    files = {}
    for path, text in texts.items():
        files[f"{home}/templates/{path}.j2"] = text.replace("@LEVEL@", str(level)).encode()
        files[path] = b"<!-- as released -->\n"
    default = {"server.hostname": "localhost", "server.offset": 10 if product.layout == "mi" else 0, "heap": 256 + level}
    files[f"{home}/default.json"] = json.dumps(default, indent=2).encode()
    for name in ("infer", "key-mappings", "validator", "unit-resolve"):
        files[f"{home}/{name}.json"] = b"{}\n"
    return files


def settings(product, level):
    added = level >= GOOD
    if product.layout == "si":
        logger = '  <Logger name="org.new"/>\n' if added else ""
        return {
            "conf/server/deployment.yaml": "wso2.carbon:\n  id: wso2-si\n  name: WSO2 Streaming Integrator\n  ports:\n    offset: 0\n"
            f"state.persistence:\n  enabled: false\n  intervalInMin: {2 if added else 1}\n",
            "conf/server/log4j2.xml": f'<Configuration>\n  <Root level="INFO"/>\n{logger}</Configuration>\n',
        }
    log4j = "rootLogger.level = INFO\nlogger.axis2.level = WARN\nlogger.synapse.level = INFO\n" + ("logger.new.level = ERROR\n" if added else "")
    if product.layout == "ei":
        return {
            "conf/carbon.xml": "<Server>\n  <Name>EI</Name>\n  <Ports>\n    <Offset>0</Offset>\n  </Ports>\n"
            f"  <Cache>{300 if added else 900}</Cache>\n</Server>\n",
            "conf/log4j2.properties": log4j, "conf/axis2/axis2.xml": f"<axisconfig level=\"{level}\"/>\n",
        }
    toml = ('[server]\nhostname = "localhost"\n' + ("" if product.layout == "mi" else "offset = 0\n")
            + '\n[super_admin]\nusername = "admin"\npassword = "admin"\n\n[keystore.primary]\nfile_name = "wso2carbon.jks"\n')
    files = {f"{product.conf}/deployment.toml": toml, f"{product.conf}/log4j2.properties": log4j}
    if product.layout == "carbon":
        # No template gives it: it is edited in place.
        files["repository/conf/sec.policy"] = f"grant one;\n\ngrant two;\n\ngrant {'four' if added else 'three'};\n"
    if product.layout == "mi":
        # An update that changes templates, but not deployment.toml, is the one that MI does not notice.
        files["conf/file.properties"] = "greeting = hello\n" + ("farewell = bye\n" if added else "")
    elif added:
        files[f"{product.conf}/deployment.toml"] += "\n[throttling]\nenabled = true\n"
    return files


def applications(product, level):
    """What is deployed: the vendor's web applications, and seeds among the customer's artefacts."""
    if product.layout == "si":
        return {"wso2/server/deployment/siddhi-files/TestSiddhiApp.siddhi": b"@App:name('Test')\n"}
    server = "repository/deployment/server"
    files = {f"{server}/synapse-configs/default/sequences/main.xml": b"<sequence name=\"main\"/>\n"}
    if product.layout != "mi":
        web = f"{server}/webapps"
        page = "<html>\n<h1>Sign in</h1>\n<p>one</p>\n<p>two</p>\n" + (f"<footer>{level}</footer>\n" if level else "") + "</html>\n"
        files[f"{web}/authenticationendpoint/login.jsp"] = page.encode()
        files[f"{web}/authenticationendpoint/WEB-INF/web.xml"] = b"<web-app/>\n"
        files[f"{web}/publisher/site/conf/site.jag"] = f"var level = {level};\nvar theme = 'light';\n".encode()
        files[f"{web}/publisher/über uns.html"] = f"<p>Größe {level}</p>\n".encode()
        files[f"{web}/api#am#gateway#v2.war"] = archive({"WEB-INF/web.xml": "<web-app/>", "level.txt": str(level)})
        files[f"{web}/api#am#gateway#v2/level.txt"] = str(level).encode()
        if product.profiles and level >= GOOD:
            files[f"{web}/api#am#added#v1.war"] = archive({"WEB-INF/web.xml": "<web-app/>"})
    return files


def update_state(product, level):
    files = {"updates/product.txt": product.key.encode()}
    if level:
        # The tool keeps it as a text; older ones wrote a number.
        files["updates/config.json"] = json.dumps({"update-level": level if product.base_level == "3" else str(level)}).encode()
    elif product.base_level == "no-key":
        files["updates/config.json"] = b'{"channel": "full"}\n'
    elif product.base_level != "missing":
        files["updates/config.json"] = json.dumps({"update-level": product.base_level}).encode()
    return files


def pack_files(product, level):
    """Path → (bytes, mode) of every file of a level."""
    files = {
        "bin/version.txt": f"{product.title} v{product.version}".encode(),
        "bin/wso2carbon-version.txt": b"WSO2 Carbon Framework v4.9.0\n",
        "bin/update_tool_setup.sh": b"#!/bin/sh\nexit 0\n",
        "bin/standin.json": json.dumps({"product": product.key, **({"crash": "when-ready"} if level == BAD else {})}).encode(),
        "LICENSE.txt": b"A stand-in: nothing of the vendor's is in here.\n",
        f"{product.security}/wso2carbon.jks": b"\xfe\xed\xfe\xed" + demo.noise("vendor-keystore", 900),
        f"{product.security}/client-truststore.jks": b"\xfe\xed\xfe\xed" + demo.noise("vendor-truststore", 600),
        **update_state(product, level), **applications(product, level),
        **{path: text.encode() for path, text in settings(product, level).items()},
    }
    if product.layout == "si":
        files["bin/server.sh"] = (HERE / "scripts/si-server.sh").read_bytes()
        files["wso2/server/bin/carbon.sh"] = script(product, "../../..", "/wso2/server")
        files["wso2/lib/plugins/org.wso2.carbon.siddhi_4.0.0.jar"] = bundle("org.wso2.carbon.siddhi", f"4.0.{level}")
        files["lib/siddhi-io-http-2.3.6.jar"] = bundle("siddhi-io-http", f"2.3.{level}")
        # An update need not change the list that the launcher makes of `lib`.
        files[f"{product.osgi}/bundles.info"] = b"#version=1\nsiddhi-io-http,2.3.0,../../lib/siddhi-io-http-2.3.6.jar,4,true\n"
    else:
        files[f"bin/{product.script}"] = script(product, "..")
        files |= osgi(product, level)
        files["dbscripts/mysql.sql"] = b"CREATE TABLE t (i INT);\n" + (b"ALTER TABLE t ADD j INT;\n" if level else b"")
    if product.profiles:
        files["bin/profileSetup.sh"] = (HERE / "scripts/profile-setup.sh").read_bytes()
    if product.layout in ("carbon", "mi"):
        files |= templates(product, level)
    if product.layout != "mi":
        files[f"{product.database}/WSO2CARBON_DB.mv.db"] = b"H:2,block:1,chunk:1,format:1\n" + demo.noise("h2", 4000)
    if product.layout == "ei":
        files["wso2/analytics/wso2/worker/database/EI_ANALYTICS.mv.db"] = b"H:2,block:1\n" + demo.noise(f"analytics {level}", 2000)
    if product.diagnostics:
        files["diagnostics-tool/bin/diagnostics.sh"] = b"#!/bin/sh\nexit 0\n"
    return {path: (content, 0o755 if path.endswith(".sh") else 0o644) for path, content in sorted(files.items())}


def write_tree(product, level, target):
    target.mkdir(parents=True)
    for path, (content, mode) in pack_files(product, level).items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)


def write_jdk(target, version="17.0.9"):
    """A folder for JAVA_HOME whose `java` runs the stand-in server, with a certificate as self signed as the vendor's."""
    (target / "bin").mkdir(parents=True)
    java = target / "bin/java"
    java.write_text("#!/bin/sh\n"
                    f"[ \"$1\" != -version ] || {{ echo 'openjdk version \"{version}\"' >&2; exit 0; }}\n"
                    f"export STANDIN_JDK={shlex.quote(str(target))}\n"
                    f"exec {shlex.quote(sys.executable)} -S -B {shlex.quote(str(HERE / 'server.py'))} \"$@\"\n", encoding="utf-8")
    java.chmod(0o755)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
                    "-keyout", target / "key.pem", "-out", target / "ca.pem"], check=True, stderr=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("products")
    one = verbs.add_parser("tree")
    one.add_argument("product", choices=sorted(PRODUCTS))
    one.add_argument("level", type=int, choices=LEVELS)
    one.add_argument("dir", type=Path)
    verbs.add_parser("jdk").add_argument("dir", type=Path)
    asked = parser.parse_args()
    if asked.verb == "products":
        print("\n".join(sorted(PRODUCTS)))
        return
    if asked.dir.exists():
        sys.exit(f"{asked.dir} exists already")
    if asked.verb == "tree":
        write_tree(PRODUCTS[asked.product], asked.level, asked.dir)
    else:
        write_jdk(Path(os.path.abspath(asked.dir)))


if __name__ == "__main__":
    main()
