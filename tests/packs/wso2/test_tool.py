#!/usr/bin/env python3
"""The same lives of the products, where a stand-in of the vendor's update tool is the source. See README.md."""

import json
import sys
import unittest

import build
import test_products
from support import HERE

sys.path.insert(0, str(HERE.parents[1] / "vendor-tool"))

import bundle
import catalogue

USER, PASSWORD = next(iter(catalogue.USERS.items()))


def difference(product, before, level):
    """What leads from one level to another, for the catalogue."""
    old, new = (build.pack_files(product, number) for number in (before, level))
    own = ("updates/",)  # the tool's own
    return {"level": level,
            "write": {path: content for path, (content, _) in new.items() if not path.startswith(own) and old.get(path) != new[path]},
            "removes_file": [path for path in old if path not in new and not path.startswith(own)]}


class ByTheVendorsTool(test_products.Lifecycle):
    def adopt(self, one):
        service = one.place / "service"
        catalogue.build(one.packs[build.BASE], service, [difference(one.product, build.BASE, build.GOOD),
                                                         difference(one.product, build.GOOD, build.BAD)])
        bundle.install(one.home, service=service)
        if one.product.base_level == "no-key":
            (one.home / "updates/config.json").unlink()  # "Invalid update level", says the tool
        login = one.place / "login.yaml"
        login.touch(mode=0o600)
        login.write_text(json.dumps({"username": USER, "password": PASSWORD}), encoding="utf-8")
        file = one.place / "etc/instances.d/a.yaml"
        settings = json.loads(file.read_text(encoding="utf-8"))
        settings["source"] = {"vendor-tool": {"credentials": {"file": str(login)}, "timeout_s": 300}}
        file.write_text(json.dumps(settings), encoding="utf-8")
        one.update = lambda level, code=0: one.pitstop("update", "a", "--level", level, code=code)
        super().adopt(one)

    def update(self, one):
        offered = one.pitstop("check", "a", "--online")["offers"]
        self.assertEqual([offer["level"] for offer in offered], [f"{one.product.version}.{level}" for level in (build.BAD, build.GOOD)])
        serving = one.servers()
        planned = one.pitstop("update", "a", "--level", build.GOOD, "--dry-run")
        self.assertEqual((planned["status"], one.servers()), ("planned", serving), one.product.key)
        super().update(one)
        self.assertFalse([path for path in one.home.rglob(".pitstop/candidates") if path.exists()], one.product.key)


if __name__ == "__main__":
    unittest.main()
