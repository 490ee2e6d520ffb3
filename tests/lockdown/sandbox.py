"""Hosts of the story: folders of their own, and for some a network namespace without any interface but `lo`."""

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/demo"), str(ROOT / "tests/packs")]

from ports import free_ports
from products import DemoServer, Flink  # the demo's
from story import expect

AGENT = os.environ["PITSTOP_BIN"]
PLACE = ROOT / ".cache/lockdown"
SIOCSIFFLAGS, UP = 0x8914, 0x1

ASK = "import sys, urllib.request; sys.stdout.buffer.write(urllib.request.urlopen(sys.argv[1], timeout=5).read())"
# Says who came to the other end, and prints that it did.
REACH = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).sendall(sys.argv[3].encode()); print('reached')"


class Demo(DemoServer):
    """Its levels are archives."""

    levels = ["1.0.0", "1.1.0", "1.1.1"]


class RealFlink(Flink):
    """Its levels are the real distributions, as folders."""

    levels = ["1.20.0", "1.20.1", "1.20.5"]

    def offer(self, level, packs):
        pack = packs / f"flink-{level}"
        shutil.copytree(ROOT / f".cache/packs/flink-{level}", pack, copy_function=os.link)
        return pack


PRODUCTS = {"demo": (Demo, 1), "flink": (RealFlink, 2)}


def new_product():
    product, ports = PRODUCTS[os.environ["PRODUCT"]]
    return product(free_ports(ports))


class Lockdown:
    """A network namespace that a sleeping process holds. Its only interface is `lo`."""

    def __init__(self):
        # `cat` ends with its standard input: nothing outlives this process.
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        expect(self.holder.stdout.readline() == "ready\n", "no network namespace")
        self.enter = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "--"]
        subprocess.run([*self.enter, sys.executable, __file__, "lo"], check=True)

    def interfaces(self):
        listed = subprocess.run([*self.enter, "cat", "/proc/self/net/dev"], stdout=subprocess.PIPE, text=True, check=True)
        return [line.partition(":")[0].strip() for line in listed.stdout.splitlines()[2:]]

    def close(self):
        self.holder.stdin.close()
        self.holder.wait()


class Host:
    """One host: a home, settings, state, and whoever is trusted there."""

    def __init__(self, name, environment, network=None):
        self.name, self.place, self.network = name, PLACE / name, network
        self.environment, self.product = environment, new_product()
        self.home, self.config_dir, self.state_dir = self.place / "home", self.place / "etc", self.place / "var"
        for folder in (self.config_dir / "instances.d", self.config_dir / "trust", self.place / "tmp"):
            folder.mkdir(parents=True)
        settings = {"name": name, "product": self.product.name, "home": str(self.home), "vars": self.product.vars}
        settings["service"] = {"env": {"JVM_ARGS": f"-Djava.io.tmpdir={self.place}/tmp"}} if self.product.name == "flink" else {}
        self.write(f"instances.d/{name}.yaml", settings)
        self.write("pitstop.yaml", {"environment": environment})

    def write(self, path, document):
        # JSON is YAML.
        (self.config_dir / path).write_text(json.dumps(document), encoding="utf-8")

    def trust(self, roles, keys):
        for key in keys:
            shutil.copy(key.with_name(key.name + ".pub"), self.config_dir / f"trust/{key.name}.pem")
        self.write("trust/trust.yaml", {"version": 1, "roles": roles})

    def run(self, command):
        """Runs a command in the host's network."""
        inside = self.network.enter if self.network else []
        return subprocess.run(
            [*inside, *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def pitstop(self, *arguments, code=0):
        """Runs the agent and returns its report."""
        ran = self.run([AGENT, "--config-dir", self.config_dir, "--state-dir", self.state_dir, *arguments])
        said = f"{self.name}: pitstop {' '.join(map(str, arguments))} ended with {ran.returncode}, not {code}:\n{ran.stdout}{ran.stderr}"
        expect(ran.returncode == code, said)
        return json.loads(ran.stdout)

    def install(self, pack):
        """What is there before pitstop: a customised home whose server runs, and which is taken over then."""
        self.product.install(pack, self.home)
        self.pitstop("adopt", self.name, "--pristine", pack)
        self.pitstop("start", self.name)

    def level(self):
        """The level that the server itself answers with; none if it does not answer."""
        ran = self.run([sys.executable, "-c", ASK, self.product.url])
        return self.product.level_in(ran.stdout) if ran.returncode == 0 else None

    def server(self):
        """The processes of the server: others are a restart."""
        view = self.pitstop("check", self.name)["before"]
        return [(one["pid"], one["started_ticks"]) for one in view["processes"]]

    def reaches(self, address, port):
        return self.run([sys.executable, "-c", REACH, address, port, self.name])

    def stop(self):
        self.run([AGENT, "--config-dir", self.config_dir, "--state-dir", self.state_dir, "stop", self.name])


def lo_up():
    """Has `lo` of this process's network namespace up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", UP))


if __name__ == "__main__" and sys.argv[1:] == ["lo"]:
    lo_up()
