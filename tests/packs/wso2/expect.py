"""What must be true of a stand-in at a level, whoever took it there."""

import build
from products import PRODUCTS
from support import LOGIN, POLICY, WithJdk, digest


def variables_of(key, jdk):
    """The settings' variables: most products are probed over HTTPS, some by what the profile has without a certificate."""
    without = PRODUCTS[key].layout == "si" or key == "wso2is-7.1.0"  # there, the log has to do
    return {} if without else {"ca": str(jdk / "ca.pem")}


class Expectations(WithJdk):
    """Looks at an installation without the agent, and at what the agent says of it."""

    def level_of(self, one, level):
        """How the agent says it."""
        known = {"missing": 0, "-1": 0, "no-key": 0}
        return f"{one.product.version}.{level or known.get(one.product.base_level, one.product.base_level)}"

    def expect_running(self, one, level):
        seen = one.pitstop("check", one.name)["before"]
        self.assertEqual(seen["state"], "running", one.product.key)
        self.assertEqual(seen["release"]["level"], self.level_of(one, level))
        mains = {found["pid"]: found["started_ticks"] for found in seen["processes"] if found["role"] == "main"}
        self.assertEqual(mains, one.servers(), f"{one.product.key}: check sees other servers than /proc")

    def expect_level(self, one, level):
        """The vendor's files are the level's, the customer's are what they were, and what is made is made anew."""
        product, home, pack = one.product, one.home, one.packs[level]
        self.expect_running(one, level)
        self.assertEqual({path: digest(home / path) for path in one.kept}, one.kept, f"{product.key}: something of the customer's changed")
        scripts = ["dbscripts/mysql.sql"] if product.layout != "si" else ["lib/siddhi-io-http-2.3.6.jar"]
        for path in ("bin/standin.json", "bin/version.txt", *scripts):
            self.assertEqual((home / path).read_bytes(), (pack / path).read_bytes(), f"{product.key}: {path}")
        settings = (home / product.settings).read_text(encoding="utf-8")
        self.assertIn(str(one.offset), settings, f"{product.key}: the customised offset is gone")
        self.assertEqual("DEBUG" in (home / product.logging).read_text(encoding="utf-8"), True, f"{product.key}: the customised log level is gone")
        added = {"si": "intervalInMin: 2", "ei": "<Cache>300", "mi": "farewell"}.get(product.layout, "[throttling]")
        merged = (home / "conf/file.properties").read_text(encoding="utf-8") if product.layout == "mi" else settings
        self.assertEqual(added in merged, level >= build.GOOD, f"{product.key}: the vendor's settings are not level {level}'s")
        if product.components:
            self.expect_bundles(one, level)
        if product.layout in ("carbon", "mi"):
            self.expect_generated(one, level)
        if (pack / POLICY).exists():
            policy = (home / POLICY).read_text(encoding="utf-8").split("\n\n")
            self.assertEqual(policy, ["grant ours;", "grant two;", f"grant {'four' if level >= build.GOOD else 'three'};\n"], product.key)
        if (pack / LOGIN).exists():
            page = (home / LOGIN).read_text(encoding="utf-8")
            self.assertIn("Welcome to Acme", page, product.key)
            self.assertEqual("<footer>" in page, level >= build.GOOD, product.key)
            web = "repository/deployment/server/webapps"
            for path in (f"{web}/api#am#gateway#v2.war", f"{web}/publisher/über uns.html", f"{web}/publisher/site/conf/site.jag"):
                self.assertEqual((home / path).read_bytes(), (pack / path).read_bytes(), f"{product.key}: {path}")

    def expect_bundles(self, one, level):
        """No bundle stays beside its successor, and the server's list has exactly what is there."""
        product, home = one.product, one.home
        there = {jar.name for jar in (home / product.components / "plugins").glob("*.jar")}
        self.assertEqual(there, {jar.name for jar in (one.packs[level] / product.components / "plugins").glob("*.jar")}, product.key)
        listed = [line.split(",") for line in (home / product.osgi / "bundles.info").read_text(encoding="utf-8").splitlines()]
        names = [name for name, *_ in listed]
        self.assertEqual(len(names), len(set(names)), f"{product.key}: a symbolic name is listed twice")
        dropins = {jar.name for jar in (home / product.dropins).glob("*.jar")}
        self.assertEqual({place.rsplit("/", 1)[1] for _, _, place, *_ in listed}, there | dropins, product.key)
        vendors = {name for name in dropins if name.startswith("org.wso2.vendor.dropin")}
        self.assertEqual(vendors, {f"org.wso2.vendor.dropin_{build.dropin_version(level)}.jar"}, product.key)

    def expect_generated(self, one, level):
        product, home = one.product, one.home
        carbon = (home / product.conf / "carbon.xml").read_text(encoding="utf-8")
        wanted = 0 if level < build.GOOD else level
        self.assertIn(f"<Level>{wanted}</Level><Hostname>acme.example</Hostname><Offset>{one.offset}</Offset>", carbon, product.key)
        there = (home / product.conf / "datasources/master-datasources.xml").exists()
        self.assertEqual(there, level < build.GOOD, f"{product.key}: what an update no longer has a template for")
        self.assertIn(f"<Heap>{256 + level}</Heap>", (home / product.conf / "axis2/axis2.xml").read_text(encoding="utf-8"), product.key)

