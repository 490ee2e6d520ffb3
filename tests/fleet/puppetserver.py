"""A Puppet server on a host of its own, and agents that get their catalogs from it."""

import os
from pathlib import Path

import yaml
from hosts import ROOT, boot, until

# A module elsewhere, while it is being worked on.
MODULE = Path(os.environ.get("PITSTOP_PUPPET_MODULE", ROOT / "puppet"))
ENVIRONMENT = "/etc/puppet/code/environments/production"
HIERA = {
    "version": 5,
    "defaults": {"datadir": "data", "data_hash": "yaml_data"},
    "hierarchy": [{"name": "host", "path": "nodes/%{trusted.certname}.yaml"}, {"name": "all", "path": "common.yaml"}],
}


class Ran:
    """What came of an agent's run, by its own report."""

    def __init__(self, code, output, report):
        self.code, self.output = code, output
        self.resources = {name: one for name, one in report["resource_statuses"].items() if "itstop" in one["resource_type"]}

    def of(self, what):
        return sorted(name for name, one in self.resources.items() if one[what])

    @property
    def changed(self):
        return self.of("changed")

    @property
    def failed(self):
        return self.of("failed")

    @property
    def events(self):
        """(resource, property, what it was, what it shall be) of whatever changed or, with noop, would."""
        return sorted((name, event["property"], str(event["previous_value"]), str(event["desired_value"]))
                      for name, one in self.resources.items() for event in one["events"] if event["status"] in ("success", "noop"))


class Server:
    """puppetserver with the module, its own CA and a site's data."""

    def __init__(self, name):
        self.host = boot(name, "puppetserver")
        self.host.write("/etc/puppet/autosign.conf", "*\n")
        self.host.sh("sed -i 's/^JAVA_ARGS=.*/JAVA_ARGS=\"-Xms512m -Xmx512m -XX:TieredStopAtLevel=1\"/' /etc/default/puppetserver")
        self.host.sh(f"mkdir -p {ENVIRONMENT}/manifests {ENVIRONMENT}/data/nodes")
        self.host.copy(MODULE, f"{ENVIRONMENT}/modules/pitstop", "--exclude=./spec")
        self.host.write(f"{ENVIRONMENT}/hiera.yaml", yaml.safe_dump(HIERA))
        self.host.write(f"{ENVIRONMENT}/environment.conf", "environment_timeout = 0\n")
        self.host.write(f"{ENVIRONMENT}/manifests/site.pp", "node default { include pitstop }\n")

    def start(self):
        """In the background: it takes a minute."""
        self.host.sh("systemctl start --no-block puppetserver")

    def wait(self):
        def answers():
            assert self.host.sh("systemctl is-failed puppetserver || true") != "failed", self.host.sh("journalctl -u puppetserver -n 40")
            return "running" in self.host.sh("python3 -c \"import ssl, urllib.request as r; print(r.urlopen('https://localhost:8140/status/v1/simple',"
                                             " context=ssl._create_unverified_context(), timeout=5).read().decode())\" 2>/dev/null || true")
        until(answers, "puppetserver runs")

    def tell(self, data, node=None):
        """What Hiera says of all hosts, or of one."""
        path = f"nodes/{node}" if node else "common"
        self.host.write(f"{ENVIRONMENT}/data/{path}.yaml", yaml.safe_dump(data))

    def agent(self, host, *options, code=None):
        """One run of a host's agent."""
        command = f"puppet agent --test --server {self.host.name} --certname {host.name} --color false --show_diff {' '.join(options)}"
        ran = host.run(f"rm -f /var/cache/puppet/state/last_run_report.yaml; {command}")
        text = host.sh("cat /var/cache/puppet/state/last_run_report.yaml || true")
        if not text or (code is not None and ran.returncode != code):
            raise AssertionError(f"{host.name}: {command} ended with {ran.returncode}, not {code}:\n{ran.stdout}{ran.stderr}")
        return Ran(ran.returncode, ran.stdout + ran.stderr, yaml.load(text, Loader=Loader))


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads Ruby's objects as the maps that they are."""


Loader.add_multi_constructor("!ruby/", lambda loader, _, node: loader.construct_mapping(node, deep=True)
                             if isinstance(node, yaml.MappingNode) else loader.construct_scalar(node))
