"""A load balancer before a group of hosts, and clients who use the group all the time."""

from client import Client  # the demo's
from hosts import ROOT, boot

CONFIG = """global
  user haproxy
  group haproxy
  stats socket /run/haproxy/admin.sock mode 600 level admin

defaults
  mode http
  # A request that a server does not answer is lost, so that the clients see it.
  retries 0
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  # Without it, an answer that takes longer than the pause between two checks counts as none.
  timeout check 10s

frontend clients
  bind :80
  default_backend {group}

backend {group}
  balance roundrobin
  option httpchk GET {health}
  default-server check inter 200ms fall 3 rise 2
{servers}
"""


class Balancer:
    """haproxy on a host of its own."""

    def __init__(self, host, product, members):
        self.host, self.product = boot(host, "balancer"), product
        servers = "\n".join(f"  server {one.name} {one.address}:{product.port}" for one in members)
        self.host.write("/etc/haproxy/haproxy.cfg", CONFIG.format(group=product.name, health=product.health, servers=servers))
        self.host.write("/usr/local/bin/balancer.sh", (ROOT / "tests/fleet/balancer.sh").read_text(encoding="utf-8"), mode="755")
        self.host.sh("systemctl start haproxy")
        for one in members:
            self.host.sh(f"balancer.sh ready {product.name} {one.name}")

    def said(self):
        """What haproxy noticed of its servers."""
        return self.host.sh("journalctl -u haproxy -n 40 -o short-precise --no-pager")

    def clients(self, count=4):
        return Clients(f"http://{self.host.address}{self.product.health}", self.product.level_in, count)


class Clients:
    """Several at once; each asks again as soon as it has had its answer and a short rest."""

    def __init__(self, url, level_in, count):
        self.all = [Client(url, level_in) for _ in range(count)]

    def __enter__(self):
        for one in self.all:
            one.__enter__()
        return self

    def __exit__(self, *_):
        for one in self.all:
            one.__exit__()

    @property
    def total(self):
        return sum(len(one.answers) for one in self.all)

    @property
    def lost(self):
        """When each request that was not answered ended, in seconds since the first request."""
        began = min(at for one in self.all for at, _ in one.answers)
        return sorted(round(at - began, 2) for one in self.all for at, level in one.answers if level is None)

    @property
    def levels(self):
        return {level for one in self.all for _, level in one.answers if level is not None}
