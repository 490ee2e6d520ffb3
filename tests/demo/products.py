"""The products that the demo can be told with."""

import importlib.util
import json
import os
import shutil
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_builder():
    spec = importlib.util.spec_from_file_location("build", ROOT / "tests/packs/build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class DemoServer:
    """Our own small server, as archives."""

    name, title = "demo", "the demo server"
    old, new, broken = "1.0.0", "1.1.0", "1.2.0"
    broken_because = "its server ends while it starts"
    changes = [
        ("conf/app.yaml", "Good morning from operations", "warm: true"),
        ("conf/credentials.properties", "0perator-s3cret", "SHA-512"),
        ("conf/logging.properties", "%d{ISO8601} %p [%t] %m", None),
        ("webapps/console/index.html", "Acme shop", "about.html"),
        ("plugins/audit.json", "syslog", None),
    ]

    def __init__(self, ports):
        self.port = ports[0]
        self.vars = {"port": self.port}
        self.url = f"http://127.0.0.1:{self.port}/health"
        self.builder = load_builder()

    def offer(self, level, packs):
        pack = packs / f"demo-server-{level}.tar.gz"
        self.builder.write_archive(level, pack)
        return pack

    def install(self, pack, home):
        with tarfile.open(pack) as archive:
            archive.extractall(home.parent / "unpacked")
        (home.parent / "unpacked" / f"demo-server-{self.old}").rename(home)
        (home.parent / "unpacked").rmdir()
        self.builder.customise(home, self.port)

    def level_in(self, body):
        answer = json.loads(body)
        return answer["level"] if answer["status"] == "ready" else None


class Flink:
    """The real Apache Flink, a JobManager on Java, as directories."""

    name, title = "flink", "Apache Flink's JobManager"
    old, new, broken = "1.20.0", "1.20.1", "1.20.2"
    broken_because = "it is 1.20.1 with its main jar cut short and called 1.20.2"
    changes = [
        ("conf/config.yaml", "size: 1200m", None),
        ("conf/log4j.properties", "[acme] ", None),
        ("lib/acme-reporter-1.4.jar", "acme", None),
        ("log/operators-notes.txt", "Call", None),
    ]

    def __init__(self, ports):
        self.port, self.rpc_port = ports
        self.vars = {"rest_port": self.port}
        self.url = f"http://127.0.0.1:{self.port}/overview"

    def offer(self, level, packs):
        pack = packs / f"flink-{level}"
        origin = ROOT / ".cache/packs" / f"flink-{min(level, self.new)}"
        shutil.copytree(origin, pack, copy_function=os.link)
        if level == self.broken:
            jar = pack / f"lib/flink-dist-{self.new}.jar"
            content = jar.read_bytes()
            jar.unlink()
            (pack / f"lib/flink-dist-{level}.jar").write_bytes(content[: len(content) // 2])
        return pack

    def install(self, pack, home):
        shutil.copytree(pack, home)
        edit = load_builder().replace
        edit(home / "conf/config.yaml", "  # port: 8081\n", f"  port: {self.port}\n")
        edit(home / "conf/config.yaml", "    port: 6123\n", f"    port: {self.rpc_port}\n")
        edit(home / "conf/config.yaml", "size: 1600m", "size: 1200m")
        edit(home / "conf/log4j.properties", "appender.main.layout.pattern = %d", "appender.main.layout.pattern = [acme] %d")
        (home / "lib/acme-reporter-1.4.jar").write_bytes(load_builder().jar("acme", "1.4", 3))
        (home / "log/operators-notes.txt").write_text("Call the platform team before a restart.\n", encoding="utf-8")

    def level_in(self, body):
        return json.loads(body)["flink-version"]


PRODUCTS = {product.name: product for product in (DemoServer, Flink)}
