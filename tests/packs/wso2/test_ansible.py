#!/usr/bin/env python3
"""Every product's stand-in goes from adoption to rollback by Ansible over SSH, all of them at once. The playbook and what
this test needs around it are in tests/ansible; wso2.sh there runs it."""

import contextlib
import getpass
import json
import os
import subprocess
import unittest
from pathlib import Path

import build
from expect import Expectations, variables_of
from products import PRODUCTS
from support import AGENT, ROOT, SECRET, WORKERS, installation

PLAYBOOK = ROOT / "tests/ansible/wso2.yml"


class Lifecycle(Expectations):
    def test_ansible_takes_every_product_from_adoption_to_rollback(self):
        self.controller = Path(os.environ["PITSTOP_CONTROLLER"])
        with contextlib.ExitStack() as open_ones:
            self.all = [open_ones.enter_context(installation(key, self.jdk, **variables_of(key, self.jdk))) for key in PRODUCTS]
            self.write_inventory()
            self.play("adopt")
            self.expect(build.BASE)
            self.play("update")
            self.expect(build.GOOD)
            before = [one.servers() for one in self.all]
            self.play("again")
            self.assertEqual([one.servers() for one in self.all], before, "the second run restarted a server")
            self.play("bad")
            self.expect(build.GOOD)
            self.play("rollback")
            self.expect(build.BASE)
            self.play("stop")
            self.assertEqual([one.everything() for one in self.all], [set() for _ in self.all], "something is left running")

    def expect(self, level):
        for one in self.all:
            with self.subTest(product=one.product.key):
                self.expect_level(one, level)

    def write_inventory(self):
        hosts = {one.product.key: self.host(one) for one in self.all}
        common = {
            "ansible_host": "127.0.0.1",
            "ansible_port": int(os.environ["PITSTOP_SSH_PORT"]),
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.controller / "ssh/user_key"),
            "pitstop_agent": AGENT,
        }
        inventory = {"all": {"hosts": hosts, "vars": common}}
        (self.controller / "inventory.yml").write_text(json.dumps(inventory), encoding="utf-8")  # JSON is YAML

    def host(self, one):
        packs = {name: str(one.packs[level]) for name, level in (("base", build.BASE), ("good", build.GOOD), ("bad", build.BAD))}
        return {
            "pitstop_config_dir": str(one.place / "etc"),
            "pitstop_state_dir": str(one.place / "var"),
            "packs": packs,
            "levels": {"base": self.level_of(one, build.BASE), "good": self.level_of(one, build.GOOD)},
        }

    def play(self, phase):
        command = [os.environ["ANSIBLE_PLAYBOOK"], PLAYBOOK, "--diff", "--forks", str(WORKERS), "--tags", phase]
        ran = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        said = ran.stdout + ran.stderr
        self.assertEqual(ran.returncode, 0, f"{phase} failed:\n{said[-8000:]}")
        self.assertNotIn(SECRET, said, "a secret in what Ansible says")


if __name__ == "__main__":
    unittest.main()
