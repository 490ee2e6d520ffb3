"""Servers that somebody installed by hand on the hosts, no two alike, before anybody thought of pitstop."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

from hosts import GIVEN, ROOT, until
from products import Flink, load_builder  # the demo's

UNIT = """[Unit]
Description={title}
After=network.target

[Service]
Type=exec
User={user}
{lines}

[Install]
WantedBy=multi-user.target
"""


class Installed:
    """What is the same for each product. `home` and `user` differ from host to host."""

    name = "shop"
    homes = {"h2": "/srv/apps/{name}", "h4": "/home/acme/{name}-server"}
    users = {"h4": "acme"}

    def home(self, host):
        return self.homes.get(host.name, "/opt/{name}").format(name=self.name)

    def user(self, host):
        return self.users.get(host.name, self.name)

    @property
    def packs(self):
        return GIVEN / "packs" / self.name

    def url(self, host):
        return f"http://{host.address}:{self.port}{self.health}"

    def answers(self, host):
        """The level that the server itself says it has; None while it does not serve."""
        try:
            with urllib.request.urlopen(self.url(host), timeout=2) as answer:
                return self.level_in(answer.read())
        except (OSError, ValueError, KeyError):
            return None

    def settings(self, host):
        """What a person tells pitstop of it."""
        return {"product": self.profile, "home": self.home(host), "user": self.user(host), "source": str(self.packs),
                "service": {"unit": f"{self.name}.service", **self.patience}, "vars": self.vars}

    patience = {}

    def install(self, host):
        """Unpacks it, changes what people change, and starts it as a unit."""
        home, user = self.home(host), self.user(host)
        host.sh(f"id -u {user} >/dev/null 2>&1 || useradd --system {user}; mkdir -p {home}")
        self.unpack(host, home)
        self.customise(host, home)
        host.sh(f"chown -R {user}: {home}")
        lines = "\n".join(self.unit).format(home=home, given=GIVEN)
        host.write(f"/etc/systemd/system/{self.name}.service", UNIT.format(title=self.title, user=user, lines=lines))
        host.sh(f"systemctl daemon-reload; systemctl enable --quiet --now {self.name}")

    def wait_until_serving(self, *hosts, level=None):
        for host in hosts:
            until(lambda host=host: self.answers(host) == (level or self.first), f"{self.name} on {host.name} serves")

    def is_kept(self, host):
        """Whether everything that people made of it is still there."""
        missing = [f"{path}: {text}" for path, text in self.marks[host.name] if text not in host.read(f"{self.home(host)}/{path}")]
        assert not missing, f"{host.name} has lost {missing}"


class Demo(Installed):
    """The demo server."""

    title, profile = "The shop", "demo"
    first, second, third, broken = "1.0.0", "1.1.0", "1.1.1", "1.2.0"
    port, health, vars = 8098, "/health", {"port": 8098}
    unit = ["ExecStart=/usr/bin/python3 {home}/bin/server.py --home {home}", "Restart=on-failure"]
    marks = {
        "h1": [("conf/app.yaml", "Good morning"), ("conf/server.properties", "bind=0.0.0.0")],
        "h2": [("conf/credentials.properties", "0perator-s3cret"), ("webapps/console/index.html", "Acme")],
        "h3": [("conf/logging.properties", "ISO8601"), ("lib/ext/driver.jar", "driver")],
        "h4": [("conf/server.properties", "warm-up-ms=4000"), ("plugins/audit.json", "syslog")],
    }
    # The vendor's next level changes it, too.
    conflict = ("conf/server.properties", "server.max-connections")
    _line = "server.max-connections=200\n"
    edits = {"h3": (_line, "server.max-connections=300\n"), "h4": (_line, "# for the sale\nserver.max-connections = 300\n")}

    def provide(self):
        self.packs.mkdir(parents=True)
        for level in (self.first, self.second, self.third, self.broken):
            load_builder().write_archive(level, self.packs / f"demo-server-{level}.tar.gz")

    def pristine(self, level):
        return self.packs / f"demo-server-{level}.tar.gz"

    def level_in(self, body):
        answer = json.loads(body)
        return answer["level"] if answer["status"] == "ready" else None

    def unpack(self, host, home):
        host.sh(f"tar -xzf {self.pristine(self.first)} -C {home} --strip-components=1")

    def customise(self, host, home):
        def edit(path, old, new):
            host.edit(f"{home}/{path}", old, new)

        edit("conf/server.properties", "bind=127.0.0.1", "bind=0.0.0.0")
        if host.name == "h1":
            edit("conf/app.yaml", '"Welcome"', '"Good morning"')
        elif host.name == "h2":
            edit("conf/credentials.properties", "change-me", "0perator-s3cret")
            edit("webapps/console/index.html", "Demo console</h1>", "Demo console of the Acme shop</h1>")
        elif host.name == "h3":
            edit("conf/logging.properties", "pattern=%d %p", "pattern=%d{ISO8601} %p")
            host.write(f"{home}/lib/ext/README", "a driver will be put here\n")
            host.sh(f"cd {home}/lib/ext; cp ../codec-2.3.1.jar driver.jar; printf driver >>driver.jar")
        else:
            # It stops and starts slowly: long enough to be interrupted.
            edit("conf/server.properties", "warm-up-ms=300", "warm-up-ms=4000")
            edit("conf/server.properties", "drain-ms=200", "drain-ms=2000")
            host.write(f"{home}/plugins/audit.json", '{"sink": "syslog"}\n')


class RealFlink(Installed):
    """Apache Flink's JobManager."""

    title, profile = "Apache Flink", "flink"
    first, second, third, broken = "1.20.0", "1.20.1", "1.20.5", "1.20.6"
    port, health, vars = 8081, "/overview", {"rest_port": 8081}
    unit = ["Environment=FLINK_CONF_DIR={home}/conf", "ExecStart={home}/bin/jobmanager.sh start-foreground", "SuccessExitStatus=143",
            "Restart=on-failure"]
    patience = {"start_timeout_s": 180}
    _bound, _unbound = "\n  bind-address: localhost\n  # # The port", "\n  # bind-address: localhost\n  # # The port"
    conflict = ("conf/config.yaml", "rest.bind-address")
    marks = {
        "h1": [("conf/config.yaml", "size: 1100m")],
        "h2": [("conf/log4j.properties", "[acme] %d")],
        "h3": [("conf/config.yaml", "size: 1200m"), ("lib/acme-reporter-1.4.jar", "acme")],
        "h4": [("conf/config.yaml", "numberOfTaskSlots: 4")],
    }
    edits = {"h3": (_unbound, _bound.replace("localhost", "0.0.0.0")),
             "h4": (_unbound, _bound.replace(": localhost", ":   0.0.0.0  # all of them"))}

    def provide(self):
        self.packs.mkdir(parents=True)
        for level in (self.first, self.second, self.third):
            # Hard links: the packs are large, and the hosts see them read-only.
            shutil.copytree(ROOT / f".cache/packs/flink-{level}", self.packs / f"flink-{level}", copy_function=os.link)
        bad = type("Bad", (Flink,), {"new": self.third, "broken": self.broken})((0, 0))
        bad.offer(self.broken, self.packs)

    def pristine(self, level):
        return self.packs / f"flink-{level}"

    def level_in(self, body):
        return json.loads(body)["flink-version"]

    def unpack(self, host, home):
        host.sh(f"cp -a {self.pristine(self.first)}/. {home}")

    def customise(self, host, home):
        def edit(path, old, new):
            host.edit(f"{home}/{path}", old, new)

        config = "conf/config.yaml"
        # What the vendor will do, too: from then on it listens on every address.
        edit(config, self._bound, self._unbound)
        if host.name == "h1":
            edit(config, "size: 1600m", "size: 1100m")
        elif host.name == "h2":
            edit("conf/log4j.properties", "appender.main.layout.pattern = %d", "appender.main.layout.pattern = [acme] %d")
        elif host.name == "h3":
            edit(config, "size: 1600m", "size: 1200m")
            host.sh(f"cd {home}/lib; cp flink-cep-*.jar acme-reporter-1.4.jar; printf acme >>acme-reporter-1.4.jar")
        else:
            edit(config, "numberOfTaskSlots: 1", "numberOfTaskSlots: 4")


class Integrator(Installed):
    """A stand-in of WSO2's Micro Integrator, started by its script."""

    name, title, profile = "mi", "The integrator", "wso2mi"
    key = "wso2mi-4.3.0"
    first, second, third, broken = "4.3.0.0", "4.3.0.7", None, "4.3.0.9"
    port, health = 9201, "/healthz"
    patience = {"start_timeout_s": 60, "stop_timeout_s": 60}
    unit = ["Environment=JAVA_HOME={given}/jdk", "ExecStart={home}/bin/micro-integrator.sh", "SuccessExitStatus=143"]
    marks = dict.fromkeys(("h1", "h2", "h3", "h4"), [
        ("conf/deployment.toml", "acme.example"), ("conf/log4j2.properties", "DEBUG"), ("lib/mysql-connector-8.0.28.jar", "theirs"),
        ("repository/resources/security/wso2carbon.jks", "the customer's")])

    @property
    def jdk(self):
        return GIVEN / "jdk"

    @property
    def vars(self):
        return {"java_home": str(self.jdk)}

    def provide(self):
        code = GIVEN / "stand-ins"
        shutil.copytree(ROOT / "tests/packs", code, ignore=shutil.ignore_patterns("__pycache__"))
        self.packs.mkdir(parents=True)

        def build(*arguments):
            # The hosts' python3, not one of an environment that they lack.
            subprocess.run(["/usr/bin/python3", "-B", code / "wso2/build.py", *map(str, arguments)], check=True)

        build("jdk", self.jdk)
        (self.jdk / "key.pem").chmod(0o644)  # read by whoever runs the stand-in; it is worth nothing
        for level in (self.first, self.second, self.broken):
            build("tree", self.key, level.rsplit(".", 1)[1], self.pristine(level))

    def pristine(self, level):
        return self.packs / f"wso2mi-{level}"

    def level_in(self, body):
        answer = json.loads(body)
        update = answer["update_level"]
        return f"{answer['version']}.{update if update.isdigit() else 0}"

    def answers(self, host):
        """It listens inside only."""
        ask = f"import urllib.request as r; print(r.urlopen('http://localhost:{self.port}{self.health}', timeout=2).read().decode())"
        said = host.sh(f'python3 -c "{ask}" 2>/dev/null || true')
        return self.level_in(said) if said else None

    def unpack(self, host, home):
        host.sh(f"cp -a {self.pristine(self.first)}/. {home}")

    def customise(self, host, home):
        host.edit(f"{home}/conf/deployment.toml", 'hostname = "localhost"', 'hostname = "acme.example"')
        host.edit(f"{home}/conf/log4j2.properties", "rootLogger.level = INFO", "rootLogger.level = DEBUG")
        host.write(f"{home}/lib/mysql-connector-8.0.28.jar", "theirs")
        host.write(f"{home}/repository/resources/security/wso2carbon.jks", "the customer's keystore")


PRODUCTS = {"demo": Demo, "flink": RealFlink}

if __name__ == "__main__":
    for kind in [PRODUCTS[name] for name in sys.argv[1:]] + [Integrator]:
        kind().provide()
